/** backup-tool stats */
import { InvalidArgumentError, Option } from "commander";
import { countText, pluralText } from "../../core/size_text.ts";
import { textOf } from "../../core/raw.ts";
import type { SeriesProof } from "../../operations/drill/drill_status.ts";
import type { Stats } from "../../operations/browse/stats.ts";
import { timeText } from "../output/results/entry_text.ts";
import { examples } from "../settings/options.ts";
import type { Session } from "../session/session.ts";
import { proofSummary, readText } from "../output/results/verification_text.ts";
import { shortId } from "../../core/short_id.ts";
import { snapshotJson } from "../output/results/snapshot_text.ts";
import type { Define } from "./command.ts";

/** Statistics, and when each series was last proven restorable. */
type Told = Stats & { readonly drills: readonly SeriesProof[] };

const USUAL_LARGEST = 10, MOST_LARGEST = 1000;

interface StatsOptions {
  readonly largest: number;
}

export const defineStats: Define = (program, act) => {
  const command = program.command("stats")
    .summary("show storage size, savings and growth")
    .description(
      "Show how large the storage is, what sharing saves, what each snapshot added, what only it contains (UNIQUE: what " +
        "forgetting it alone would free), and the largest files. Each content is counted once; a " +
        "content shared by snapshots belongs to the first one that contains it.",
    )
    .addOption(
      new Option("--largest <N>", "number of largest files to list").default(USUAL_LARGEST).argParser(
        parseCount,
      ),
    )
    .addHelpText(
      "after",
      examples(
        "backup-tool stats",
        "backup-tool stats --largest 50",
        "backup-tool stats --json | jq '.snapshots[] | [.time, .newBytes]'",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const { largest } = command.opts<StatsOptions>();
      const repository = await session.openRepository();
      const [{ stats }, { drillStatus }] = await Promise.all([
        import("../../operations/browse/stats.ts"),
        import("../../operations/drill/drill_status.ts"),
      ]);
      const result = {
        ...await stats(repository, { largest, signal: session.signal }, session.monitor),
        drills: await drillStatus(repository),
      };
      session.monitor.finish();
      if (session.options.json) return session.out.json(statsJson(result));
      print(result, session);
    }, { output: true })
  );
};

function parseCount(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MOST_LARGEST) return Number(text);
  throw new InvalidArgumentError(`Give a whole number, 0 to ${MOST_LARGEST}.`);
}

function statsJson({ snapshots, largest, ...rest }: Told) {
  return {
    ...rest,
    savedBytes: savedBytes(rest),
    snapshots: snapshots.map((one) => {
      const { newContents, newBytes, uniqueContents, uniqueBytes } = one;
      return { ...snapshotJson(one), newContents, newBytes, uniqueContents, uniqueBytes };
    }),
    largest: largest.map(({ content, size, path }) => ({ content, size, path: textOf(path) })),
  };
}

function savedBytes({ logicalBytes, contentBytes }: Pick<Stats, "logicalBytes" | "contentBytes">): number {
  return logicalBytes - contentBytes;
}

function print(result: Told, session: Session): void {
  const { out } = session;
  for (const [name, text] of summary(result, session)) out.line(`${name.padEnd(NAME_CELLS)}${text}`);
  if (result.snapshots.length > 0) {
    out.line("");
    out.table(COLUMNS, rowsOf(result, session));
  }
  if (result.largest.length === 0) return;
  out.line("");
  out.line("Largest contents:", "heading");
  for (const { size, path } of result.largest) {
    out.line(`${session.sizeText(size).padStart(SIZE_CELLS)}  ${textOf(path)}`);
  }
}

const NAME_CELLS = 11, SIZE_CELLS = 9;

function summary(result: Told, { sizeText, world: { clock } }: Session): [name: string, text: string][] {
  const { snapshots, contents, contentBytes, logicalBytes, manifestItems, manifestBytes } = result;
  const { unneededContents, freeBytes } = result;
  const series = new Set(snapshots.map(({ host, name }) => `${host}\0${name}`)).size;
  const share = logicalBytes === 0 ? 0 : Math.floor(100 * savedBytes(result) / logicalBytes);
  const rows: [string, string][] = [
    ["snapshots", `${countText(snapshots.length)} of ${countText(series)} series`],
    ["contents", `${sizeText(contentBytes)} in ${pluralText(contents, "content")}`],
    ["manifests", `${sizeText(manifestBytes)} in ${pluralText(manifestItems, "item")}`],
    ["copies", `${sizeText(logicalBytes)} if every snapshot were a full copy`],
    ["saved", `${sizeText(savedBytes(result))} (${share} %) by keeping each content once`],
  ];
  if (unneededContents === undefined) {
    rows.push(["unneeded", "not counted, as large files are stored in parts: see `prune --dry-run`"]);
  } else if (unneededContents > 0) {
    rows.push(["unneeded", `${pluralText(unneededContents, "content")}, which \`prune\` would remove`]);
  }
  if (result.contents > 0) rows.push(["checked", readText(result.verification, clock)]);
  const proven = proofSummary(result.drills, clock);
  if (proven !== undefined) rows.push(["proven", proven]);
  if (freeBytes !== undefined) rows.push(["free", `${sizeText(freeBytes)} on this file system`]);
  return rows;
}

const COLUMNS = [
  { title: "ID" },
  { title: "TIME" },
  { title: "NAME" },
  { title: "SIZE", right: true },
  { title: "NEW", right: true },
  { title: "UNIQUE", right: true },
];

function rowsOf({ snapshots }: Stats, session: Session): string[][] {
  const { sizeText } = session;
  return snapshots.map((one) => [
    shortId(one.id),
    timeText(Date.parse(one.time), session),
    one.name,
    sizeText(one.bytes),
    sizeText(one.newBytes),
    sizeText(one.uniqueBytes),
  ]);
}
