/** backup-tool snapshots */
import type { Define } from "./command.ts";
import { examples } from "../settings/options.ts";
import type { Clock } from "../../core/clock.ts";
import { ambiguousNames, nameKey } from "../../core/series.ts";
import { shortId } from "../../core/short_id.ts";
import { countText, type SizeText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { snapshotJson } from "../output/results/snapshot_text.ts";

export const defineSnapshots: Define = (program, act) => {
  const command = program.command("snapshots")
    .summary("list the snapshots, oldest first")
    .description("List the snapshots of a storage, oldest first. Times are local.")
    .addHelpText(
      "after",
      examples("backup-tool snapshots -s /mnt/disk/storage", "backup-tool snapshots --json | jq -r '.[-1].id'"),
    );
  command.action(() =>
    act(command, async (session) => {
      const repository = await session.openRepository();
      const snapshots = await repository.snapshots();
      if (session.options.json) return session.out.jsonArray(snapshots.map(snapshotJson));
      const meeting = ambiguousNames(snapshots);
      const columns = meeting.size === 0 ? COLUMNS : [...COLUMNS, SOURCES];
      const rows = snapshots.map((snapshot) => [
        ...rowOf(snapshot, session.world.clock, session.sizeText),
        ...(meeting.has(nameKey(snapshot)) ? [snapshot.sources.join(", ")] : []),
      ]);
      session.table(columns, rows, "There are no snapshots yet");
    }, { output: true })
  );
};

const COLUMNS = [
  { title: "ID" },
  { title: "TIME" },
  { title: "NAME" },
  { title: "FILES", right: true },
  { title: "SIZE", right: true },
  { title: "TREE" },
  { title: "TAGS" },
];

/** Where a name alone doesn't say what it stands for. */
const SOURCES = { title: "SOURCES", whole: true };

function rowOf(snapshot: SnapshotInfo, clock: Clock, sizeText: SizeText): string[] {
  const { time, name, files, bytes, tree, complete, tags } = snapshot;
  const atMs = Date.parse(time);
  return [
    shortId(snapshot.id),
    localTimeText(atMs, clock.offsetMinutes(atMs)),
    name,
    countText(files),
    sizeText(bytes),
    complete ? tree ?? "-" : "(incomplete)",
    tags.join(","),
  ];
}
