/** What the policy of a repository makes of its snapshots, before anything is forgotten. */
import type { RootId } from "../../core/content_id.ts";
import { hasRule, type Policy } from "../../core/policy.ts";
import { decide, heldBack } from "../../core/retention.ts";
import type { OpenedRepository } from "../opened.ts";

export interface Retention {
  /** Undefined if none was set. */
  readonly policy: Policy | undefined;
  /** One for each snapshot; empty without a policy. The rule `free` is not considered: it looks at the disk. */
  readonly decisions: readonly RetentionDecision[];
}

export interface RetentionDecision {
  readonly id: RootId;
  readonly keep: boolean;
  /** The rules that keep it; if it isn't kept, why none applied: mostly empty. */
  readonly reasons: readonly string[];
}

/** Decides as `forget` would, from the list of snapshots at hand. @throws DamagedPolicy */
export async function retention(repository: OpenedRepository): Promise<Retention> {
  const policy = await repository.policy();
  if (policy === undefined || !hasRule(policy)) return { policy, decisions: [] };
  const all = await repository.snapshots(), nowMs = repository.machine.clock.nowMs();
  const series = heldBack(decide(all, policy, nowMs), all);
  const decisions = series.flatMap((one) =>
    one.decisions.map(({ snapshot: { id }, keep, reasons }) => ({ id, keep, reasons }))
  );
  return { policy, decisions };
}
