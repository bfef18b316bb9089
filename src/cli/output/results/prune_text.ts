/** Describes a prune for people. */
import { pluralText } from "../../../core/size_text.ts";
import type { PruneResult } from "../../../operations/forget/prune.ts";
import type { Clock } from "../../../core/clock.ts";
import { localTimeText } from "../../../core/time_text.ts";
import type { RemovalSteps, RemovalSummary } from "../../../snapshot/repository.ts";

/** Formats a size as requested. */
type SizeText = (bytes: number) => string;

/** Describes what will be removed. */
export function planLines(plan: RemovalSummary, sizeText: SizeText): string[] {
  const { contents, hunks, bytes, linkedContents, leftovers, leftoverBytes, neededItems } = plan;
  const unreferenced = `${pluralText(contents, "content")} and ${pluralText(hunks, "hunk")}, ${sizeText(bytes)}`;
  return [
    `Unreferenced: ${unreferenced} (${pluralText(neededItems, "item")} still in use)`,
    ...(linkedContents > 0 ? [`  ${pluralText(linkedContents, "content")} of them still linked by other trees`] : []),
    ...(leftovers > 0
      ? [`Left by interrupted runs: ${pluralText(leftovers, "file")}, ${sizeText(leftoverBytes)}`]
      : []),
  ];
}

interface Look {
  readonly sizeText: SizeText;
  readonly clock: Clock;
}

/** Describes what was removed, and what is left for later. */
export function doneLines(result: PruneResult, dryRun: boolean, look: Look): string[] {
  const { removedItems, bytes, leftoverBytes, steps } = result, { sizeText } = look;
  if (steps !== undefined) return stepLines(steps, dryRun, look);
  const freed = sizeText(bytes + leftoverBytes);
  return [dryRun ? `Would free ${freed}` : `Removed ${pluralText(removedItems, "item")}, freed ${freed}`];
}

/** Describes the steps of a vault's prune. */
function stepLines(steps: RemovalSteps, dryRun: boolean, { sizeText, clock }: Look): string[] {
  const { deletedBytes, repackedBytes, waitingBytes, nextMs } = steps;
  const anew = repackedBytes > 0 ? `, ${dryRun ? "and pack" : "packed"} ${sizeText(repackedBytes)} anew` : "";
  const next = nextMs === undefined ? "" : `; prune again after ${localTimeText(nextMs, clock.offsetMinutes(nextMs))}`;
  return [
    `${dryRun ? "Would delete" : "Deleted"} ${sizeText(deletedBytes)}${anew}`,
    ...(waitingBytes > 0 ? [`${sizeText(waitingBytes)} wait to be deleted${next}`] : []),
  ];
}
