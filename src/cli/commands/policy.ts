/** backup-tool policy set, show, clear */
import { BadUsage } from "../../core/fault.ts";
import { policyText } from "../../core/policy.ts";
import { addKeepOptions, type KeepOptions, policyOf } from "../settings/retention_options.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const definePolicy: Define = (program, act) => {
  const policy = program.command("policy")
    .helpCommand(false)
    .summary("which snapshots a storage keeps")
    .description(
      "A storage can say itself which of its snapshots to keep, so that `forget` and jobs need no rules. Setting a " +
        "policy removes nothing yet.",
    );
  defineSet(policy, act);
  defineShow(policy, act);
  defineClear(policy, act);
};

const defineSet: Define = (policy, act) => {
  const command = policy.command("set")
    .summary("say which snapshots to keep")
    .description("Say which snapshots `forget` keeps, instead of what was said before. Nothing is removed yet.");
  addKeepOptions(command)
    .addHelpText(
      "after",
      examples("backup-tool policy set --keep-daily 7 --keep-weekly 5 --keep-monthly 12"),
    );
  command.action(() =>
    act(command, async (session) => {
      const rules = policyOf(command.opts<KeepOptions>());
      if (rules === undefined) throw new BadUsage("That policy has no rule", "Give one, such as `--keep-daily 7`");
      const repository = await session.openRepository();
      const { setPolicy } = await import("../../operations/forget/policy.ts");
      await setPolicy(repository, rules);
      session.result({ policy: rules }, [`From now on forget keeps by ${policyText(rules)}`]);
    })
  );
};

const defineShow: Define = (policy, act) => {
  const command = policy.command("show")
    .summary("tell which snapshots are kept")
    .description("Tell which snapshots `forget` keeps, as the options that mean the same.")
    .addHelpText("after", examples("backup-tool policy show -s /mnt/disk/storage"));
  command.action(() =>
    act(command, async (session) => {
      const repository = await session.openRepository();
      const rules = await repository.policy();
      if (session.options.json) session.out.json({ policy: rules ?? null });
      else session.out.line(rules === undefined ? "No policy" : policyText(rules));
    })
  );
};

const defineClear: Define = (policy, act) => {
  const command = policy.command("clear")
    .summary("take the policy away")
    .description("Take the policy away: `forget` then does nothing without rules of its own.")
    .addHelpText("after", examples("backup-tool policy clear -s /mnt/disk/storage"));
  command.action(() =>
    act(command, async (session) => {
      const repository = await session.openRepository();
      const { setPolicy } = await import("../../operations/forget/policy.ts");
      await setPolicy(repository, undefined);
      session.result({ policy: null }, ["The storage has no policy any more"]);
    })
  );
};
