/** The result of a backup, for people and for programs. */
import { shortId } from "../../../core/short_id.ts";
import { snapshotJson } from "./snapshot_text.ts";
import type { Counter } from "../../../core/monitor.ts";
import { countText, pluralText, type SizeText } from "../../../core/size_text.ts";
import { durationText } from "../../../core/time_text.ts";
import type { BackedUp } from "../../../operations/backup/unchanged.ts";

/** The part of a monitor that a summary needs. */
export interface Tally {
  of(counter: Counter): number;
  readonly problems: number;
  readonly elapsedMs: number;
}

/** Output of `backup --json`: the snapshot as in `snapshots --json`, and what was done. Part of the interface. */
export function backupJson(snapshot: BackedUp, tally: Tally) {
  const of = (counter: Counter) => tally.of(counter);
  return {
    snapshot: snapshotJson(snapshot),
    ...(snapshot.unchanged && { unchanged: true }),
    unchangedFiles: of("unchangedFiles"),
    newFiles: of("newFiles"),
    changedFiles: of("changedFiles"),
    readFiles: of("readFiles"),
    readBytes: of("readBytes"),
    storedItems: of("storedItems"),
    storedBytes: of("storedBytes"),
    reusedItems: of("reusedItems"),
    excludedEntries: of("excludedEntries"),
    linkedFiles: of("linkedFiles"),
    copiedFiles: of("copiedFiles"),
    problems: tally.problems,
    seconds: tally.elapsedMs / 1000,
  };
}

/** Lines for people. @param location of a storage; undefined if there are no trees */
export function backupLines(
  snapshot: BackedUp,
  location: string | undefined,
  tally: Tally,
  sizeText: SizeText,
): string[] {
  const of = (counter: Counter) => tally.of(counter);
  const { id, name, files, bytes, tree } = snapshot;
  const stored = `${pluralText(of("storedItems"), "new content")} (${sizeText(of("storedBytes"))})`;
  const excluded = of("excludedEntries"), copied = of("copiedFiles");
  return [
    snapshot.unchanged
      ? `Nothing has changed since snapshot ${shortId(id)} of ${name}: no new one was made`
      : `Snapshot ${shortId(id)} of ${name} made in ${durationText(tally.elapsedMs)}`,
    `  files     ${countText(files)} (${sizeText(bytes)}): ${changesText(tally)}`,
    `  read      ${pluralText(of("readFiles"), "file")} (${sizeText(of("readBytes"))})`,
    `  stored    ${stored}, ${countText(of("reusedItems"))} already present`,
    ...(excluded > 0 ? [`  excluded  ${countText(excluded)}`] : []),
    ...(copied > 0 ? [`  copied    ${pluralText(copied, "file")} that could not be linked into the tree`] : []),
    ...(tally.problems > 0 ? [`  problems  ${countText(tally.problems)} (see above)`] : []),
    ...(location === undefined ? [] : [`  tree      ${tree === null ? "none" : `${location}/${tree}`}`]),
  ];
}

/** Numbers of new, changed and unchanged files. Files that were read and found unchanged count as unchanged. */
function changesText(tally: Tally): string {
  const added = tally.of("newFiles"), changed = tally.of("changedFiles");
  const unchanged = tally.of("unchangedFiles") + tally.of("readFiles") - added - changed;
  return `${countText(added)} new, ${countText(changed)} changed, ${countText(unchanged)} unchanged`;
}
