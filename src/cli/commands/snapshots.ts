/** backup-tool snapshots */
import { type Command, Option } from "commander";
import type { Define } from "./command.ts";
import { collected, examples, parsePositive } from "../settings/options.ts";
import { parseMoment } from "../../operations/settings/parse_time.ts";
import { absolutePath } from "../settings/paths.ts";
import { BadUsage } from "../../core/fault.ts";
import { defined } from "../../core/defined.ts";
import { ambiguousNames, groupedBySeries, nameKey } from "../../core/series.ts";
import { shortId } from "../../core/short_id.ts";
import { countText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { SnapshotFilter } from "../../operations/browse/snapshot_filter.ts";
import type { Session } from "../session/session.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Column } from "../output/terminal/table.ts";
import { snapshotJson } from "../output/results/snapshot_text.ts";

interface SnapshotsOptions {
  readonly host?: string;
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly path?: string;
  readonly since?: string;
  readonly last?: number;
  readonly group?: boolean;
  readonly long?: boolean;
}

export const defineSnapshots: Define = (program, act) => {
  const command = withOptions(program.command("snapshots"));
  command.action((only: string | undefined) =>
    act(command, async (session) => {
      const options = optionsOf(only, command.opts<SnapshotsOptions>());
      const repository = await session.openRepository();
      const { chosenSnapshots } = await import("../../operations/browse/snapshot_filter.ts");
      const all = await repository.snapshots(), snapshots = chosenSnapshots(all, filterOf(options, session));
      if (session.options.json) return session.out.jsonArray(snapshots.map(snapshotJson));
      const columns = columnsFor(snapshots, session, options);
      const none = all.length === 0 ? "There are no snapshots yet" : "No snapshot matches";
      if (!options.group || snapshots.length === 0) return printTable(snapshots, columns, none, session);
      for (const [i, series] of groupedBySeries(snapshots).entries()) {
        if (i > 0) session.out.line("");
        session.out.line(titleOf(series));
        printTable(series, columns, none, session);
      }
    }, { output: true })
  );
};

function withOptions(command: Command): Command {
  return command
    .summary("list the snapshots, oldest first")
    .description("List the snapshots of a storage or vault, oldest first. Times are local.")
    .argument("[NAME]", "only snapshots with this name, as --name")
    .option("--name <NAME>", "only snapshots with this name")
    .option("--host <HOST>", "only snapshots of this host")
    .option("--tag <TAG>", "only the snapshots with this tag; `a,b` for both (repeatable)", collected)
    .option("--path <PATH>", "only the snapshots of that source, or of what is around it or in it")
    .option("--since <TIME>", "only those made since then: 2026-11-20, 2026-11-20 23:05, or 7d for a week ago")
    .addOption(new Option("--last <N>", "only the newest N of each series").argParser(parsePositive))
    .option("--group", "each series by itself")
    .option("-l, --long", "host, sources and tree of each")
    .addHelpText(
      "after",
      examples(
        "backup-tool snapshots -s /mnt/disk/storage",
        "backup-tool snapshots photos --last 3",
        "backup-tool snapshots --path ~/photos --since 30d --long",
        "backup-tool snapshots --json | jq -r '.[-1].id'",
      ),
    );
}

/** Options with the positional name. @throws BadUsage */
function optionsOf(only: string | undefined, options: SnapshotsOptions): SnapshotsOptions {
  if (only === undefined) return options;
  if (options.name !== undefined) throw new BadUsage("Two names were given", "Give one, with or without `--name`");
  return { ...options, name: only };
}

/** The filter that the options describe. @throws BadUsage */
function filterOf({ host, name, tag: tags, path, since, last }: SnapshotsOptions, { world }: Session): SnapshotFilter {
  return defined<SnapshotFilter>({
    host,
    name,
    tags,
    path: path === undefined ? undefined : absolutePath(world, path),
    sinceMs: since === undefined ? undefined : parseMoment(since, world.clock),
    last,
  });
}

interface SnapshotColumn extends Column {
  cell(snapshot: SnapshotInfo): string;
}

/** Columns in which snapshots differ; all others are omitted, because the table has to fit 80 columns. */
function columnsFor(snapshots: readonly SnapshotInfo[], session: Session, options: SnapshotsOptions): SnapshotColumn[] {
  const { world: { clock }, sizeText } = session, { long = false, group = false } = options;
  const meeting = ambiguousNames(snapshots), hosts = new Set(snapshots.map(({ host }) => host));
  const timeOf = ({ time }: SnapshotInfo) => localTimeText(Date.parse(time), clock.offsetMinutes(Date.parse(time)));
  const marks = ({ complete, tags }: SnapshotInfo) => [...complete ? [] : ["(incomplete)"], ...tags].join(",");
  const sourcesOf = (one: SnapshotInfo) => long || meeting.has(nameKey(one)) ? one.sources.join(", ") : "";
  const showsSources = long || !group && meeting.size > 0;
  const columns: readonly (SnapshotColumn | false)[] = [
    { title: "ID", cell: ({ id }) => shortId(id) },
    { title: "TIME", cell: timeOf },
    !group && (long || hosts.size > 1) && { title: "HOST", cell: ({ host }) => host },
    !group && { title: "NAME", cell: ({ name }) => name },
    { title: "FILES", right: true, cell: ({ files }) => countText(files) },
    { title: "SIZE", right: true, cell: ({ bytes }) => sizeText(bytes) },
    long && snapshots.some(({ tree }) => tree !== null) && { title: "TREE", cell: ({ tree }) => tree ?? "-" },
    snapshots.some((one) => marks(one) !== "") && { title: "TAGS", cell: marks },
    snapshots.some(({ description }) => description) &&
    { title: "DESCRIPTION", whole: !showsSources, cell: ({ description }) => description ?? "" },
    showsSources && { title: "SOURCES", whole: true, cell: sourcesOf },
  ];
  return columns.filter((column) => column !== false);
}

function printTable(
  snapshots: readonly SnapshotInfo[],
  columns: readonly SnapshotColumn[],
  none: string,
  session: Session,
): void {
  session.table(columns, snapshots.map((snapshot) => columns.map(({ cell }) => cell(snapshot))), none);
}

/** Title of a series, with the sources of its newest snapshot. */
function titleOf(series: readonly SnapshotInfo[]): string {
  const newest = series.at(-1);
  return newest === undefined ? "" : `${newest.host}:${newest.name}  ${newest.sources.join(", ")}`;
}
