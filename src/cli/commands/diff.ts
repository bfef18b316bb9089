/** backup-tool diff */
import { Option } from "commander";
import type { Apath } from "../../core/apath.ts";
import { shortId } from "../../core/short_id.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { Define } from "./command.ts";
import type { Style } from "../output/terminal/colors.ts";
import { stateJson } from "../output/results/entry_text.ts";
import { jsonText } from "../output/terminal/escape_text.ts";
import type { Session } from "../session/session.ts";
import { examples } from "../settings/options.ts";
import { absolutePath, snapshotPath } from "../settings/paths.ts";
import { BadUsage, Fault } from "../../core/fault.ts";
import { type Raw, textOf } from "../../core/raw.ts";
import { groupedBySeries } from "../../core/series.ts";
import { countText } from "../../core/size_text.ts";
import type { Difference, Differences, DiffSummary } from "../../operations/browse/diff/diff.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

interface DiffOptions {
  readonly path: string;
  readonly readData?: boolean;
  readonly directoryTimes?: boolean;
  readonly nameOnly?: boolean;
  readonly stat?: boolean;
}

export const defineDiff: Define = (program, act) => {
  const command = program.command("diff")
    .summary("show changes between snapshots")
    .description(
      "Show changes between two snapshots or, with one, between it and the previous snapshot of its " +
        "series. A directory (a path that begins with `/`, `./` or `../`) is compared as it is now.\n\n" +
        "+ added, - removed, C content changed, M only metadata changed (and what), R moved: the same content disappeared at " +
        "one path and appeared at another.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[OTHER]", "the later snapshot, or a directory")
    .option("-p, --path <PATH>", "only this path; for a directory: the path to compare it with", "/")
    .option("--read-data", "read all files of a directory, not only those with another size or time")
    .option("--directory-times", "also show directories of which only the modification time differs")
    .option("--name-only", "only the paths that are different, where they are now")
    .addOption(
      new Option("--stat", "only how much is different, in each directory at the top").conflicts("nameOnly"),
    )
    .addHelpText(
      "after",
      examples(
        "backup-tool diff latest",
        "backup-tool diff latest~7 latest --path /photos",
        "backup-tool diff latest ~/photos --read-data",
        "backup-tool diff latest~30 latest --stat",
        "backup-tool diff 2026-11-01 latest --json | jq .summary",
      ),
    );
  command.action((first: string, second: string | undefined) =>
    act(command, async (session) => {
      const options = command.opts<DiffOptions>();
      const repository = await session.openRepository();
      const pair = pairOf(await repository.snapshots(), session, first, second);
      const { diff } = await import("../../operations/browse/diff/diff.ts");
      const { orLastSeen } = await import("../../operations/browse/last_seen.ts");
      const request = {
        ...pair,
        below: snapshotPath(options.path),
        readData: options.readData ?? false,
        directoryTimes: options.directoryTimes ?? false,
      };
      using differences = await orLastSeen(repository, () => diff(repository, request, session.monitor));
      if (options.nameOnly) printNames(differences, session);
      else if (options.stat) await printStat(pair, { differences, below: request.below }, session);
      else if (session.options.json) printJson(pair, differences, session);
      else printLines(differences, session);
    }, { output: true })
  );
};

interface Pair {
  readonly before: SnapshotInfo;
  readonly now: SnapshotInfo | Raw;
}

function pairOf(snapshots: readonly SnapshotInfo[], session: Session, first: string, second: string | undefined): Pair {
  const snapshot = resolveSnapshot(first, snapshots);
  if (second === undefined) return { before: previousOf(snapshots, snapshot), now: snapshot };
  const isDirectory = /^(?:\/|(?:\.\.?|~)(?:\/|$))/.test(second);
  return { before: snapshot, now: isDirectory ? absolutePath(session.world, second) : laterOf(snapshots, second) };
}

/** The later snapshot. If none matches, the fault says how to name the directory that was perhaps meant. */
function laterOf(snapshots: readonly SnapshotInfo[], name: string): SnapshotInfo {
  try {
    return resolveSnapshot(name, snapshots);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "no-snapshot" || error.hint.startsWith("Did you mean")) throw error;
    throw new BadUsage(error.message, `If you mean the directory, write \`./${name}\``);
  }
}

function previousOf(snapshots: readonly SnapshotInfo[], { id, sequence }: SnapshotInfo): SnapshotInfo {
  const series = groupedBySeries(snapshots).find((group) => group.some((other) => other.id === id)) ?? [];
  const before = series.findLast((other) => other.sequence < sequence && other.complete);
  if (before !== undefined) return before;
  throw new BadUsage(
    `The snapshot ${shortId(id)} is the first one of its series`,
    "Name another one to compare it with",
  );
}

/** Prints the names; as JSON, an array. */
function printNames(differences: Differences, { out, options }: Session): void {
  const names = function* () {
    for (const { path } of differences.list("depth-first")) yield textOf(path);
  };
  if (options.json) return out.jsonArray(names());
  for (const name of names()) out.line(name);
}

async function printStat(
  { before, now }: Pair,
  { differences, below }: { readonly differences: Differences; readonly below: Apath },
  session: Session,
): Promise<void> {
  const { diffStat } = await import("../../operations/browse/diff/diff_stat.ts");
  const { directories, summary } = diffStat(differences, below), { out, options, sizeText } = session;
  if (options.json) {
    const shown = directories.map(({ path, ...figures }) => ({ path: textOf(path), ...figures }));
    return out.json({ before: briefJson(before), now: placeJson(now), directories: shown, summary });
  }
  const rows = directories.map(({ path, added, removed, content, metadata, moved, addedBytes, removedBytes }) => [
    ...[added, removed, content, metadata, moved].map(countText),
    `+${sizeText(addedBytes)}`,
    `-${sizeText(removedBytes)}`,
    textOf(path),
  ]);
  if (rows.length > 0) out.table(STAT_COLUMNS, rows);
  if (!options.quiet) out.line(summaryText(summary, session));
}

const STAT_COLUMNS = [
  ...["ADDED", "REMOVED", "CONTENT", "METADATA", "MOVED", "NEW", "GONE"].map((title) => ({ title, right: true })),
  { title: "PATH", whole: true },
];

const MARKS = { added: "+", removed: "-", content: "C", metadata: "M", moved: "R" } as const;
const STYLES: Readonly<Partial<Record<Difference["change"], Style>>> = {
  added: "added",
  removed: "removed",
  content: "changed",
};

function printLines(differences: Differences, session: Session): void {
  const list = differences.list("depth-first");
  let next = list.next();
  for (; !next.done; next = list.next()) session.out.line(lineOf(next.value), STYLES[next.value.change]);
  if (!session.options.quiet) session.out.line(summaryText(next.value, session));
}

function lineOf({ change, path, from, before, now, aspects }: Difference): string {
  const isDirectory = (now ?? before)?.kind === "dir" && path !== "/";
  const place = from === undefined ? textOf(path) : `${textOf(from)} -> ${textOf(path)}`;
  // That its time changed too goes without saying if the content did.
  const told = change === "content" ? aspects.filter((aspect) => aspect !== "content" && aspect !== "mtime") : aspects;
  return `${MARKS[change]} ${place}${isDirectory ? "/" : ""}${told.length === 0 ? "" : `  (${told.join(", ")})`}`;
}

function summaryText(summary: DiffSummary, { sizeText }: Session): string {
  const { added, removed, content, metadata, moved, addedBytes, removedBytes } = summary;
  const parts = [
    [added, "added"],
    [removed, "removed"],
    [content, "changed"],
    [metadata, "changed in metadata"],
    [moved, "moved"],
  ] as const;
  const counts = parts.filter(([count]) => count > 0).map(([count, what]) => `${countText(count)} ${what}`);
  if (counts.length === 0) return "No differences";
  return `${counts.join(", ")}; +${sizeText(addedBytes)}, -${sizeText(removedBytes)}`;
}

/** Prints one object with a list that may be long. Part of the interface. */
function printJson({ before, now }: Pair, differences: Differences, { out }: Session): void {
  out.exact(`{"before":${jsonText(briefJson(before))},"now":${jsonText(placeJson(now))},"changes":`);
  let summary: DiffSummary | undefined;
  out.jsonArray((function* () {
    const list = differences.list("added");
    let next = list.next();
    for (; !next.done; next = list.next()) yield changeJson(next.value);
    summary = next.value;
  })());
  out.exact(`,"summary":${jsonText(summary)}}\n`);
}

function briefJson({ id, time }: SnapshotInfo) {
  return { id, time };
}

function placeJson(now: Pair["now"]) {
  return typeof now === "string" ? { directory: textOf(now) } : briefJson(now);
}

function changeJson({ change, path, from, aspects, before, now }: Difference) {
  return {
    change,
    path: textOf(path),
    from: from === undefined ? undefined : textOf(from),
    aspects: before === undefined || now === undefined ? undefined : aspects,
    before: before && stateJson(before),
    now: now && stateJson(now),
  };
}
