/** Describes what a prune is going to do, for people. */
import type { RemovalSteps, RemovalSummary } from "../../snapshot/repository.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import type { Decision } from "./decision.ts";
import type { PrunePace } from "./rules.ts";
import type { Survey } from "./survey.ts";

interface Planned {
  readonly seen: Survey;
  readonly decision: Decision;
}

export function summaryOf(index: Pick<UnitIndex, "unit">, planned: Planned, pace: PrunePace): RemovalSummary {
  const { seen, decision } = planned, { unneeded, neededItems, orphans, orphanBytes } = decision;
  return {
    ...unneeded,
    linkedContents: 0,
    leftovers: orphans,
    leftoverBytes: orphanBytes,
    neededItems,
    snapshots: seen.roots.size,
    steps: stepsOf(index, planned, pace),
  };
}

function stepsOf(index: Pick<UnitIndex, "unit">, { seen, decision }: Planned, pace: PrunePace): RemovalSteps {
  const { graceMs, keepUnusedMs } = pace, sizeOf = (unit: string) => seen.stored.get(unit) ?? 0;
  const repackedBytes = decision.repack.reduce((sum, unit) => sum + (index.unit(unit)?.size ?? 0), 0);
  let waitingBytes = repackedBytes, nextMs = decision.repack.length > 0 ? seen.nowMs + graceMs : Infinity;
  for (const { unit, mark, since } of decision.marks.values()) {
    if (mark === "gone") continue;
    waitingBytes += sizeOf(unit);
    nextMs = Math.min(nextMs, Date.parse(since) + (mark === "doomed" ? graceMs : keepUnusedMs));
  }
  return {
    deletedBytes: decision.deletedBytes,
    repackedBytes,
    waitingBytes,
    nextMs: nextMs === Infinity ? undefined : nextMs,
  };
}
