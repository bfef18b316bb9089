/** The policy that a storage contains, so that `forget` and jobs need no rules of their own. */
import { BadUsage } from "../../core/fault.ts";
import { hasRule, type Policy } from "../../core/policy.ts";
import { becomeWriter } from "../become_writer.ts";
import type { OpenedRepository } from "../opened.ts";

/** Stores a policy. @param policy undefined removes it @throws BadUsage if it keeps nothing; Locked, DiskFault */
export async function setPolicy(repository: OpenedRepository, policy: Policy | undefined): Promise<void> {
  if (policy !== undefined && !hasRule(policy)) {
    throw new BadUsage("The policy contains no rules", "Give one, such as `--keep-daily 7`");
  }
  await using writer = await becomeWriter(repository, "policy");
  await writer.setPolicy(policy);
}
