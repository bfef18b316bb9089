/** What a prune says to people. */
import { pluralText } from "../../../core/size_text.ts";
import type { PruneResult } from "../../../operations/forget/prune.ts";
import type { RemovalSummary } from "../../../snapshot/repository.ts";

/** Sizes as the person wants them. */
type SizeText = (bytes: number) => string;

/** What stays, and what is going to be removed. */
export function planLines(plan: RemovalSummary, sizeText: SizeText): string[] {
  const { contents, hunks, bytes, linkedContents, leftovers, leftoverBytes, neededItems, snapshots } = plan;
  return [
    `Needed by ${pluralText(snapshots, "snapshot")}: ${pluralText(neededItems, "item")}`,
    `Not needed: ${pluralText(contents, "content")} and ${pluralText(hunks, "hunk")}, ${sizeText(bytes)}`,
    ...(linkedContents > 0 ? [`  ${pluralText(linkedContents, "content")} of them other trees still have`] : []),
    ...(leftovers > 0
      ? [`Left over from runs that crashed: ${pluralText(leftovers, "file")}, ${sizeText(leftoverBytes)}`]
      : []),
  ];
}

export function doneLine(result: PruneResult, dryRun: boolean, sizeText: SizeText): string {
  const { removedItems, bytes, leftoverBytes } = result;
  const freed = sizeText(bytes + leftoverBytes);
  return dryRun ? `Would free ${freed}` : `Removed ${pluralText(removedItems, "item")}, which frees ${freed}`;
}
