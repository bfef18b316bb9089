/** backup-tool snapshots */
import type { Define } from "./command.ts";
import { examples } from "../settings/options.ts";
import { ambiguousNames, nameKey } from "../../core/series.ts";
import { shortId } from "../../core/short_id.ts";
import { countText } from "../../core/size_text.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { Session } from "../session/session.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { snapshotJson } from "../output/results/snapshot_text.ts";

export const defineSnapshots: Define = (program, act) => {
  const command = program.command("snapshots")
    .summary("list the snapshots, oldest first")
    .description("List the snapshots of a storage or vault, oldest first. Times are local.")
    .addHelpText(
      "after",
      examples("backup-tool snapshots -s /mnt/disk/storage", "backup-tool snapshots --json | jq -r '.[-1].id'"),
    );
  command.action(() =>
    act(command, async (session) => {
      const repository = await session.openRepository();
      const snapshots = await repository.snapshots();
      if (session.options.json) return session.out.jsonArray(snapshots.map(snapshotJson));
      const isVault = await session.engine() === "vault", shown = isVault ? OF_VAULTS : OF_STORAGES;
      const meeting = ambiguousNames(snapshots);
      const columns = meeting.size === 0 ? shown : [...shown, SOURCES];
      const rows = snapshots.map((snapshot) => [
        ...rowOf(snapshot, isVault, session),
        ...(meeting.has(nameKey(snapshot)) ? [snapshot.sources.join(", ")] : []),
      ]);
      session.table(columns, rows, "There are no snapshots yet");
    }, { output: true })
  );
};

const ID_AND_TIME = [{ title: "ID" }, { title: "TIME" }];
const AMOUNTS = [{ title: "FILES", right: true }, { title: "SIZE", right: true }];
const OF_STORAGES = [...ID_AND_TIME, { title: "NAME" }, ...AMOUNTS, { title: "TREE" }, { title: "TAGS" }];
/** Many hosts may have one, and none has trees. */
const OF_VAULTS = [...ID_AND_TIME, { title: "HOST" }, { title: "NAME" }, ...AMOUNTS, { title: "TAGS" }];

/** Where a name alone doesn't say what it stands for. */
const SOURCES = { title: "SOURCES", whole: true };

function rowOf(snapshot: SnapshotInfo, isVault: boolean, { world: { clock }, sizeText }: Session): string[] {
  const { time, host, name, files, bytes, tree, complete } = snapshot;
  const atMs = Date.parse(time), amounts = [countText(files), sizeText(bytes)], tags = snapshot.tags.join(",");
  const head = [shortId(snapshot.id), localTimeText(atMs, clock.offsetMinutes(atMs))];
  if (isVault) return [...head, host, name, ...amounts, complete ? tags : "(incomplete)"];
  return [...head, name, ...amounts, complete ? tree ?? "-" : "(incomplete)", tags];
}
