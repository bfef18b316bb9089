/** backup-tool policy set, show, clear */
import { BadUsage } from "../../core/fault.ts";
import { policyText } from "../../core/policy.ts";
import { addKeepOptions, type KeepOptions, policyOf } from "../settings/retention_options.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const definePolicy: Define = (program, act) => {
  const policy = program.command("policy")
    .helpCommand(false)
    .summary("set or show the retention policy")
    .description(
      "A storage can have a retention policy of its own, so that `forget` and jobs need no rules. Setting a " +
        "policy removes nothing yet.",
    );
  defineSet(policy, act);
  defineShow(policy, act);
  defineClear(policy, act);
};

const defineSet: Define = (policy, act) => {
  const command = policy.command("set")
    .summary("set the retention policy")
    .description("Set which snapshots `forget` keeps, replacing the previous policy. Nothing is removed yet.");
  addKeepOptions(command)
    .addHelpText(
      "after",
      examples("backup-tool policy set --keep-daily 7 --keep-weekly 5 --keep-monthly 12"),
    );
  command.action(() =>
    act(command, async (session) => {
      const rules = policyOf(command.opts<KeepOptions>());
      if (rules === undefined) throw new BadUsage("The policy contains no rules", "Give one, such as `--keep-daily 7`");
      const repository = await session.openRepository();
      const { setPolicy } = await import("../../operations/forget/policy.ts");
      await setPolicy(repository, rules);
      session.result({ policy: rules }, [`From now on forget keeps by ${policyText(rules)}`]);
    })
  );
};

const defineShow: Define = (policy, act) => {
  const command = policy.command("show")
    .summary("show the retention policy")
    .description("Show which snapshots `forget` keeps, as options of `forget`.")
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
    .summary("remove the retention policy")
    .description("Remove the retention policy: `forget` then needs rules of its own.")
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
