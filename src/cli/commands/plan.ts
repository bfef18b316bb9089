/** backup-tool plan */
import { type Command, Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import type { Storage } from "../../storage/storage.ts";
import { chooseBackups, type Chosen, excludesOf, hasOtherSources, selectionFor } from "../backup_request.ts";
import { examples } from "../options.ts";
import { absolutePath } from "../paths.ts";
import { planJson, planLines, whyJson, whyLine } from "../plan_summary.ts";
import { addSelectionOptions, type SelectionOptions } from "../selection.ts";
import type { Session } from "../session.ts";
import type { Define } from "./command.ts";

interface PlanOptions extends SelectionOptions {
  readonly why?: string;
  readonly tree?: boolean;
}

export const definePlan: Define = (program, act) => {
  const command = withOptions(program.command("plan"));
  command.action((words: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<PlanOptions>();
      const [chosen, ...others] = await chooseBackups(words, false, session, hasOtherSources(options));
      if (chosen === undefined || others.length > 0) {
        throw new BadUsage("`plan` is for one backup", "Give one name from the configuration, or paths");
      }
      const storage = await session.openStorage();
      if (options.why !== undefined) return await tellWhy(options.why, storage, chosen, options, session);
      const { plan } = await import("../../operations/plan.ts");
      const request = {
        ...await selectionFor(chosen, options, session),
        tree: options.tree ?? chosen.settings.tree ?? true,
        signal: session.signal,
      };
      const planned = await plan(storage, request, session.monitor);
      session.result(planJson(planned), planLines(planned, session, excludesOf(chosen, options)));
    })
  );
};

function withOptions(command: Command): Command {
  command
    .summary("show what a backup would do")
    .description(
      "Compare sources with the last snapshot of their series, as a backup with the same options would, and say what " +
        "is new, changed, gone and left out, what would be read and stored. Nothing is written. What would be " +
        "stored, and how well it compresses, is estimated from samples of the files.",
    )
    .argument("[SOURCE...]", "directories and files; or a name from the configuration");
  return addSelectionOptions(command)
    .option("--no-tree", "for a backup without a browsable tree")
    .addOption(new Option("--tree").hideHelp())
    .option("--why <PATH>", "only say what would happen to this path, and by which rule")
    .addHelpText(
      "after",
      examples(
        "backup-tool plan ~/photos",
        "backup-tool plan /etc /home --name system --exclude '*.tmp' --json",
        "backup-tool plan ~ --exclude-preset desktop --why ~/.cache/thumbnails",
      ),
    );
}

async function tellWhy(
  text: string,
  storage: Storage,
  chosen: Chosen,
  options: PlanOptions,
  session: Session,
): Promise<void> {
  const [{ explain }, { NotInSources }] = await Promise.all([
    import("../../operations/why.ts"),
    import("../../operations/sources.ts"),
  ]);
  const path = absolutePath(session.world, text);
  const why = explain(storage, await selectionFor(chosen, options, session), path, session.monitor);
  if (why.verdict === "outside" || why.verdict === "unreachable") throw new NotInSources(path);
  session.result(whyJson(path, why), [whyLine(path, why, excludesOf(chosen, options))]);
}
