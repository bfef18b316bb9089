/** backup-tool plan */
import { type Command, Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import type { Selection } from "../../operations/comparison/selection.ts";
import { type BackupSettings, marksFrom } from "../../operations/settings/backup_settings.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import { chooseBackups, hasOtherSources, selectionFor, settingsFor } from "../session/backup_request.ts";
import { examples } from "../settings/options.ts";
import { absolutePath, readNamedFile } from "../settings/paths.ts";
import { planJson, planLines, whyJson, whyLine } from "../output/results/plan_summary.ts";
import { addSelectionOptions, type SelectionOptions } from "../settings/selection_options.ts";
import { withoutSecrets } from "../../backend/location.ts";
import type { Session } from "../session/session.ts";
import { unitSizeOption } from "../settings/vault_options.ts";
import type { Define } from "./command.ts";

const USUAL_UNIT_BYTES = 16 * 1024 ** 2;

interface PlanOptions extends SelectionOptions {
  readonly unitSize?: number;
  readonly why?: string;
  readonly job?: string;
}

export const definePlan: Define = (program, act) => {
  const command = withOptions(program.command("plan"));
  command.action((words: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<PlanOptions>();
      const { selection, tree, settings } = await whatToPlan(words, options, session);
      const repository = await session.openRepository();
      if (options.why !== undefined) return await tellWhy(options.why, repository, { selection, settings }, session);
      const { json, lines } = await planReport(repository, { selection, tree, settings }, options, session);
      session.result(json, lines);
    })
  );
};

/** The backup to plan. */
interface Planned {
  readonly selection: Selection;
  readonly tree: boolean;
  /** Settings, which show where patterns come from. */
  readonly settings: BackupSettings;
}

/** What one backup would do: for `plan`, and for `backup --dry-run`. */
export async function planReport(
  repository: OpenedRepository,
  { selection, tree, settings }: Planned,
  { unitSize }: Pick<PlanOptions, "unitSize">,
  session: Session,
): Promise<{ readonly json: unknown; readonly lines: readonly string[] }> {
  const { plan } = await import("../../operations/plan/plan.ts");
  const isVault = await session.engine() === "vault";
  const request = {
    ...selection,
    tree,
    signal: session.signal,
    ...(isVault && { unitBytes: unitSize ?? session.place.settings.unitSize ?? USUAL_UNIT_BYTES }),
  };
  const planned = await plan(repository, request, session.monitor);
  return { json: planJson(planned), lines: planLines(planned, session, settings) };
}

/** The backup that the command line describes. @throws BadUsage, BadJob */
async function whatToPlan(words: readonly string[], options: PlanOptions, session: Session): Promise<Planned> {
  if (options.job !== undefined) return await jobToPlan(options.job, words, session);
  const [chosen, ...others] = await chooseBackups(words, false, session, hasOtherSources(options));
  if (chosen === undefined || others.length > 0) {
    throw new BadUsage("`plan` is for one backup", "Give one name from the configuration, or paths");
  }
  if (chosen.server !== undefined) throw noPlan(chosen.server.location);
  const settings = settingsFor(chosen, options, session);
  const selection = selectionFor(chosen, options, session);
  return { selection, tree: marksFrom(settings).tree, settings };
}

async function jobToPlan(file: string, words: readonly string[], session: Session): Promise<Planned> {
  if (words.length > 0) throw new BadUsage("A job says itself what it backs up", "Give --job or sources, not both");
  const [{ MOST_BYTES, parseJob, parseRecurringJob }, { serverOf }, { selectionOf, settingsOf }] = await Promise.all([
    import("../../jobs/schema/job_file.ts"),
    import("../../jobs/schema/schema.ts"),
    import("../../jobs/kinds/backup_job.ts"),
  ]);
  const text = readNamedFile(session.world, file, MOST_BYTES + 1);
  const once = parseJob(text), recurring = parseRecurringJob(text, session.world.clock.nowMs());
  const { job, problems } = recurring.problems.length < once.problems.length ? recurring : once;
  if (job?.kind !== "backup") {
    const why = job === undefined ? problems[0]?.message ?? "it is no job" : `it is a job of kind ${job.kind}`;
    throw new BadUsage(`Cannot plan ${JSON.stringify(file)}: ${why}`, "See `backup-tool job check`");
  }
  const server = serverOf(job.sources);
  if (server !== undefined) throw noPlan(typeof server === "string" ? server : server.location);
  const { disk } = await session.machine();
  const settings = settingsOf(job);
  return { selection: selectionOf(job, disk, session.world.host()), tree: marksFrom(settings).tree, settings };
}

function noPlan(location: string): BadUsage {
  const why = "what a server has isn't known before it is read";
  return new BadUsage(
    `Cannot plan a backup of ${withoutSecrets(location)}: ${why}`,
    "Back it up into a new storage to try it",
  );
}

function withOptions(command: Command): Command {
  command
    .summary("show what a backup would do")
    .description(
      "Compare sources with the last snapshot of their series, as a backup with the same options would, and show what " +
        "is new, changed, gone and excluded, and what would be read and stored. Nothing is written. What would be " +
        "stored, and how well it compresses, is estimated from samples of the files.",
    )
    .argument("[SOURCE...]", "directories and files; or a name from the configuration");
  return addSelectionOptions(command)
    .option("--no-tree", "for a backup without a browsable tree")
    .addOption(new Option("--tree").hideHelp())
    .addOption(unitSizeOption())
    .option("--job <FILE>", "plan the backup of a job file")
    .option("--why <PATH>", "only show what would happen to this path, and by which rule")
    .addHelpText(
      "after",
      examples(
        "backup-tool plan ~/photos",
        "backup-tool plan /etc /home --name system --exclude '*.tmp' --json",
        "backup-tool plan --job /volume1/jobs/photos.json",
        "backup-tool plan ~ --exclude-preset desktop --why ~/.cache/thumbnails",
      ),
    );
}

async function tellWhy(
  text: string,
  repository: OpenedRepository,
  { selection, settings }: Pick<Planned, "selection" | "settings">,
  session: Session,
): Promise<void> {
  const [{ explain }, { NotInSources }] = await Promise.all([
    import("../../operations/plan/explain.ts"),
    import("../../operations/sources/sources.ts"),
  ]);
  const path = absolutePath(session.world, text);
  // Only one path is looked at: which patterns match nothing isn't known then.
  const why = await explain(repository, { ...selection, expected: [] }, path, session.monitor);
  if (why.verdict === "outside" || why.verdict === "unreachable") throw new NotInSources(path);
  session.result(whyJson(path, why), [whyLine(path, why, settings)]);
}
