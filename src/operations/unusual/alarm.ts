/** The alarm of a backup: its findings, reported as a problem, and recorded in the snapshot. */
import { Fault } from "../../core/fault.ts";
import { countText } from "../../core/size_text.ts";
import { type Alarm, type ChangeFigures, deservesSample, unusualChange } from "../../core/unusual_change.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { Root } from "../../snapshot/root.ts";
import type { RootFields } from "../../snapshot/root_fields.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { rootIfThere } from "../comparison/root_if_there.ts";
import type { OpenedRepository } from "../opened.ts";
import type { ChangeWatch } from "./change_watch.ts";
import { sampledFigures, type SampleSource } from "./scrambled.ts";

/** A backup found possible signs of ransomware, or of a mistake. */
export class UnusualChange extends Fault {
  readonly code = "unusual-change";
  readonly hint = "Look at it with `backup-tool diff`; if it is harmless, run `backup-tool alarm acknowledge`";
  constructor(what: string) {
    super(
      `This backup found an unusual change: ${what}. \`forget\` keeps the snapshot before it until you acknowledge it`,
    );
  }
}

export interface AlarmSetup {
  readonly repository: OpenedRepository;
  /** The snapshots that the new one builds on, newest first. */
  readonly previous: readonly SnapshotInfo[];
  readonly beginning: SampleSource["beginning"];
  readonly watch: ChangeWatch;
  /** Fields of the new snapshot. */
  readonly fields: RootFields;
  readonly work: WorkOptions;
}

/** Additional fields of the new snapshot. */
export type ChangeFields = Pick<Root, "change" | "alarm">;

/** Makes the fields; empty if there is no snapshot to compare with. */
export async function changeFields(setup: AlarmSetup): Promise<ChangeFields> {
  const { repository, previous, beginning, watch, fields, work } = setup;
  const last = previous.find(({ complete }) => complete);
  if (last === undefined) return {};
  const change = watch.figures(), root = await rootIfThere(repository, last.id);
  // What is not looked at any more is not gone.
  const judged = root !== undefined && takes(root) === takes(fields) && fields.leftOut?.unlisted !== true
    ? change
    : { ...change, gone: 0, renamed: 0 };
  const sample = { sampled: 0, scrambled: 0 };
  if (deservesSample(change)) {
    await using reader = repository.reader(work);
    Object.assign(sample, await sampledFigures(watch.samples, { reader, beginning }));
  }
  const alarm = unusualChange(judged, sample, historyOf(await repository.snapshots(), last));
  return { change: judged, ...(alarm && { alarm }) };
}

function takes({ sources, excludes, leftOut }: Pick<Root, "sources" | "excludes" | "leftOut">): string {
  return JSON.stringify([sources, excludes, leftOut]);
}

function historyOf(snapshots: readonly SnapshotInfo[], { host, name }: SnapshotInfo): ChangeFigures[] {
  return snapshots.filter((one) => one.host === host && one.name === name && one.alarm?.acknowledged !== false)
    .flatMap(({ change, complete }) => complete && change !== undefined ? change : []);
}

/** The message for people. */
export function alarmText({ files, changed, gone, renamed }: ChangeFigures, alarm: Alarm): string {
  const { reasons, scrambled, sampled, usualChanged, usualGone } = alarm;
  const usual = (reason: "changed" | "gone", percent: number) =>
    reasons.includes(reason) ? ` (at most ${percent} % before)` : "";
  const parts = [
    `of ${countText(files)} files, ${countText(changed)} changed${usual("changed", usualChanged)} and ` +
    `${countText(gone)} are gone${usual("gone", usualGone)}`,
  ];
  if (reasons.includes("renamed")) parts.push(`${countText(renamed)} files got a further suffix`);
  if (reasons.includes("scrambled")) {
    parts.push(`${scrambled} of ${sampled} examined files can't be compressed any more, as if they were encrypted`);
  }
  return parts.join("; ");
}
