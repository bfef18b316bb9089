/** backup-tool alarm list, backup-tool alarm acknowledge */
import { BadUsage } from "../../core/fault.ts";
import { shortId } from "../../core/short_id.ts";
import { localTimeText } from "../../core/time_text.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const defineAlarm: Define = (program, act) => {
  const alarm = program.command("alarm")
    .helpCommand(false)
    .summary("show or acknowledge alarms about unusual changes")
    .description(
      "Show or acknowledge alarms. A backup raises one if it finds far more files changed or gone than the series ever " +
        "had, or files that can't be compressed any more, as ransomware or a mistake leaves them. Until it is " +
        "acknowledged, `forget` keeps the snapshot with the alarm and the one before it.",
    );
  defineList(alarm, act);
  defineAcknowledge(alarm, act);
};

const defineList: Define = (alarm, act) => {
  const command = alarm.command("list")
    .summary("list alarms that nobody has acknowledged")
    .description("List the snapshots with an alarm that nobody has acknowledged, oldest first.")
    .option("--all", "list acknowledged alarms too")
    .addHelpText("after", examples("backup-tool alarm list", "backup-tool alarm list --all --json"));
  command.action(() =>
    act(command, async (session) => {
      const { all = false } = command.opts<{ readonly all?: boolean }>();
      const snapshots = await (await session.openRepository()).snapshots();
      const shown = snapshots.filter(({ alarm }) => alarm !== undefined && (all || !alarm.acknowledged));
      const { alarmText } = await import("../../operations/unusual/alarm.ts");
      if (shown.length === 0) session.monitor.notice("There is no alarm");
      session.result(
        shown.map(({ id, time, host, name, change, alarm }) => ({ id, time, host, name, change, alarm })),
        shown.flatMap((one) => [titleOf(one), `  ${one.change && one.alarm ? alarmText(one.change, one.alarm) : ""}`]),
      );
    })
  );
};

function titleOf({ id, time, offsetMinutes, host, name, alarm }: SnapshotInfo): string {
  const state = alarm?.acknowledged ? "  (acknowledged)" : "";
  return `${shortId(id)}  ${localTimeText(Date.parse(time), offsetMinutes)}  ${host}:${name}${state}`;
}

const defineAcknowledge: Define = (alarm, act) => {
  const command = alarm.command("acknowledge")
    .summary("acknowledge alarms, so that `forget` treats their snapshots normally again")
    .description(
      "Acknowledge alarms after you have looked at them. A snapshot with an acknowledged alarm has a new id.",
    )
    .argument("[SNAPSHOT...]", "snapshots whose alarm to acknowledge")
    .option("--all", "acknowledge all alarms")
    .addHelpText("after", examples("backup-tool alarm acknowledge 3f2a91b0", "backup-tool alarm acknowledge --all"));
  command.action((names: readonly string[]) =>
    act(command, async (session) => {
      const { all = false } = command.opts<{ readonly all?: boolean }>();
      if (all === names.length > 0) {
        throw new BadUsage("Name snapshots, or use `--all`", "See `backup-tool alarm list`");
      }
      const repository = await session.openRepository();
      const { acknowledge } = await import("../../operations/unusual/acknowledge.ts");
      const done = await acknowledge(repository, all ? undefined : names);
      if (done.length === 0) session.monitor.notice("There was nothing to acknowledge");
      session.result(done, done.map(({ former, id }) => `Acknowledged ${shortId(former)}: it is now ${shortId(id)}`));
    }, { hooks: true })
  );
};
