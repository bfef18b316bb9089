/** backup-tool history */
import type { Define } from "./command.ts";
import { spanJson } from "./find.ts";
import { type Look, timeText, versionJson } from "../output/results/entry_text.ts";
import { examples } from "../settings/options.ts";
import { snapshotPath } from "../settings/paths.ts";
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

export const defineHistory: Define = (program, act) => {
  const command = program.command("history")
    .summary("show the history of a path")
    .description(
      "List every version of a path in all snapshots: when it appeared, when its content or only its metadata changed " +
        "(and what of it), when it disappeared, and which content it had. Each line names the first snapshot with that version.",
    )
    .argument("<PATH>", "file or directory, as `ls` shows it or as it was in the source")
    .addHelpText(
      "after",
      examples(
        "backup-tool history /letters/mum.odt",
        "backup-tool history /letters/mum.odt --json | jq -r '.[].content'",
        "backup-tool cat 3f2a91bc0d12 /letters/mum.odt > mum-before.odt",
      ),
    );
  command.action((pathText: string) =>
    act(command, async (session) => {
      const repository = await session.openRepository();
      const { history } = await import("../../operations/browse/history.ts");
      const versions = await history(repository, snapshotPath(pathText));
      if (session.options.json) return session.out.jsonArray(versions.map(jsonOf));
      const series = Map.groupBy(versions, ({ version }) => `${version.name} on ${version.host}`);
      for (const [name, own] of series) {
        if (series.size > 1) session.out.line(`${name}:`);
        session.out.table(COLUMNS, rowsOf(own, session));
      }
    }, { output: true })
  );
};

function jsonOf({ version, span, change, aspects, goneIn }: HistoryVersion) {
  return {
    ...versionJson(version),
    change,
    aspects,
    ...spanJson(span),
    goneIn: goneIn === undefined ? undefined : { id: goneIn.id, time: goneIn.time },
  };
}

const COLUMNS = [
  { title: "SNAPSHOT" },
  { title: "TIME" },
  { title: "IN", right: true },
  { title: "CHANGE" },
  { title: "SIZE", right: true },
  { title: "CONTENT" },
];

function rowsOf(versions: readonly HistoryVersion[], session: Look): string[][] {
  return versions.flatMap((one) => {
    const { version: { kind, size, content, target }, span } = one;
    const what = target === undefined ? content?.slice(0, 12) ?? "-" : `-> ${textOf(target)}`;
    const row = [...placeOf(span.first, session), String(span.count), changeText(one)];
    const rows = [[...row, kind === "file" ? session.sizeText(size) : "-", what]];
    if (one.goneIn !== undefined) rows.push([...placeOf(one.goneIn, session), "-", "removed"]);
    return rows;
  });
}

function placeOf(snapshot: SnapshotInfo, session: Look): string[] {
  return [shortId(snapshot.id), timeText(Date.parse(snapshot.time), session)];
}

/** "added", "content, mode", "mode", "removed". The time of modification is omitted if the content has changed. */
function changeText({ change, aspects, version }: HistoryVersion): string {
  if (change === "added") return version.kind === "file" ? "added" : `added (${version.kind})`;
  if (change === "incomplete") return "seen (incomplete)";
  const told = change === "content" ? aspects.filter((aspect) => aspect !== "mtime") : aspects;
  return told.length === 0 ? "changed" : told.join(", ");
}
