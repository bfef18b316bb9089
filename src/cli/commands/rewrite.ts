/** backup-tool rewrite */
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { tagList } from "../../core/policy.ts";
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { pluralText } from "../../core/size_text.ts";
import type { RewriteChoice, RewriteResult, Rewritten } from "../../operations/rewrite/rewrite.ts";
import type { NewFacts } from "../../operations/rewrite/new_facts.ts";
import type { RemovedPath } from "../../operations/rewrite/rewrite_plan.ts";
import type { Session } from "../session/session.ts";
import { collected, examples } from "../settings/options.ts";
import { parseMoment } from "../../operations/settings/parse_time.ts";
import { snapshotPath } from "../settings/paths.ts";
import type { Define } from "./command.ts";

interface RewriteOptions {
  readonly all?: boolean;
  readonly host?: string;
  readonly name?: string;
  readonly tag?: string;
  readonly remove?: readonly string[];
  readonly exclude?: readonly string[];
  readonly newHost?: string;
  readonly newName?: string;
  readonly newTime?: string;
  readonly newTags?: string;
  readonly newDescription?: string;
  readonly buildTrees?: boolean;
  readonly dryRun?: boolean;
}

export const defineRewrite: Define = (program, act) => {
  const command = program.command("rewrite")
    .summary("remove paths from snapshots, or correct their host, name, tags or time")
    .description(
      "Remove paths from existing snapshots, or correct their host, name, tags or time. A rewritten snapshot has a new " +
        "id; the former one is gone. The removed data stays in the storage until `prune` deletes it, and in copies of " +
        "the storage until these are rewritten too. A browsable tree that would still show removed paths is deleted.",
    )
    .argument("[SNAPSHOT...]", "snapshots to rewrite")
    .option("--all", "rewrite all snapshots")
    .option("--host <HOST>", "rewrite the snapshots of this host")
    .option("--name <NAME>", "rewrite the snapshots with this name")
    .option("--tag <TAG>", "rewrite the snapshots with this tag")
    .option("--remove <PATH>", "remove this path and everything below it (repeatable)", collected)
    .option("--exclude <PATTERN>", "remove paths matching PATTERN (gitignore syntax; repeatable)", collected)
    .option("--new-host <HOST>", "set the host")
    .option("--new-name <NAME>", "set the name")
    .option("--new-time <TIME>", "set the start time of one snapshot, such as '2026-11-20 23:05'")
    .option("--new-tags <TAGS>", "set the tags, separated by commas; '' for none")
    .option("--new-description <TEXT>", "set the description; '' for none")
    .option("--build-trees", "rebuild the trees that were deleted")
    .option("-n, --dry-run", "change nothing; show what would be removed and how much space `prune` could free")
    .addHelpText(
      "after",
      examples(
        "backup-tool rewrite --all --remove /home/me/.ssh/id_ed25519 --dry-run",
        "backup-tool rewrite --name photos --exclude '*.tmp' --exclude /cache/",
        "backup-tool rewrite latest --new-host nas",
      ),
    );
  command.action((names: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<RewriteOptions>(), { dryRun = false, exclude: patterns = [] } = options;
      const request = {
        among: choiceOf(names, options),
        unwanted: { paths: (options.remove ?? []).map(snapshotPath), patterns },
        facts: factsOf(options, session),
        dryRun,
        signal: session.signal,
      };
      const repository = await session.openRepository();
      const { rewrite } = await import("../../operations/rewrite/rewrite.ts");
      const result = await rewrite(repository, request, session.monitor);
      for (const { id } of result.snapshots) if (id !== undefined) session.noteSnapshot(id);
      session.result(jsonOf(result, dryRun), linesOf(result, dryRun, session));
      if (options.buildTrees === true) await buildTrees(result, session);
    }, { hooks: true })
  );
};

/** The snapshots to rewrite. @throws BadUsage if none are given, or in two ways */
function choiceOf(names: readonly string[], { all, host, name, tag }: RewriteOptions): RewriteChoice {
  const isFiltered = host !== undefined || name !== undefined || tag !== undefined;
  if (names.length > 0 && !isFiltered && all !== true) return { snapshots: names };
  if (names.length === 0 && (isFiltered || all === true)) return defined<RewriteChoice>({ host, name, tag });
  throw names.length > 0
    ? new BadUsage("Snapshots were named, and chosen by options too", "Give one or the other")
    : new BadUsage("No snapshot was given", "Name snapshots, or use --all, --host, --name or --tag");
}

function factsOf(
  { newHost: host, newName: name, newTime, newTags, newDescription: description }: RewriteOptions,
  { world }: Session,
) {
  if (host === "" || name === "") throw new BadUsage("A host and a name can't be empty");
  return defined<NewFacts>({
    description,
    host,
    name,
    startMs: newTime === undefined ? undefined : parseMoment(newTime, world.clock),
    set: newTags === undefined ? undefined : tagList(newTags),
  });
}

/** Rebuilds the trees that were deleted because they showed removed entries. */
async function buildTrees({ snapshots }: RewriteResult, session: Session): Promise<void> {
  const without = snapshots.filter(({ id, info, removed }) => id && info.tree !== null && removed.entries > 0);
  if (without.length === 0) return;
  const storage = await session.openStorage("make or remove trees"), { signal, monitor } = session;
  const { buildTree } = await import("../../storage/tree/build_tree.ts");
  for (const { id } of without) {
    await buildTree(storage, storage.resolve(id ?? ""), { workers: session.workers(undefined), signal }, monitor);
  }
}

/** Output of `rewrite --json`. Part of the interface. */
function jsonOf({ snapshots, unchanged, paths, finished, freed }: RewriteResult, dryRun: boolean) {
  return {
    dryRun,
    snapshots: snapshots.map(({ former, id, removed: { entries, files, bytes }, changes }) => {
      return { former, id: id ?? null, removed: { entries, files, bytes }, changes };
    }),
    unchanged,
    paths: paths.map(({ path, ...facts }) => ({ path: textOf(path), ...facts })),
    finished,
    freed: freed ?? null,
  };
}

const MOST_PATHS = 20;

function linesOf(result: RewriteResult, dryRun: boolean, session: Session): string[] {
  const { snapshots, unchanged, paths, finished, freed } = result, { sizeText, options: { verbose } } = session;
  const shown = verbose ? paths : paths.slice(0, MOST_PATHS), more = paths.length - shown.length;
  return [
    ...(finished.length > 0 ? [`Finished an interrupted rewrite of ${pluralText(finished.length, "snapshot")}`] : []),
    ...shown.map((path) => pathLine(path, sizeText)),
    ...(more > 0 ? [`... and ${pluralText(more, "more path", "more paths")} (see them with --verbose)`] : []),
    ...(paths.length > 0 ? [""] : []),
    ...snapshots.map((one) => snapshotLine(one, dryRun, sizeText)),
    ...(unchanged.length > 0 ? [`Unchanged: ${pluralText(unchanged.length, "snapshot")}`] : []),
    ...(freed !== undefined && paths.length > 0 ? [`\`prune\` could then free up to ${sizeText(freed.bytes)}`] : []),
    ...(dryRun || paths.length === 0 ? [] : AFTER_REMOVAL),
  ];
}

const AFTER_REMOVAL = [
  "The removed data is deleted by `backup-tool prune`; copies elsewhere still have it.",
  "The next backup includes these paths again unless it excludes them.",
];

/** Line for a removed path. The path is last, because it may be long. */
function pathLine({ path, entries, bytes, snapshots }: RemovedPath, sizeText: Session["sizeText"]): string {
  const count = entries > 1 ? `${pluralText(entries, "entry", "entries")}, ` : "";
  return `- ${count}${sizeText(bytes)}, ${pluralText(snapshots, "snapshot")}: ${textOf(path)}`;
}

function snapshotLine(
  { former, id, removed, changes, info }: Rewritten,
  dryRun: boolean,
  sizeText: Session["sizeText"],
) {
  const what = [
    ...(removed.entries > 0
      ? [`${pluralText(removed.entries, "entry", "entries")} (${sizeText(removed.bytes)}) removed`]
      : []),
    ...(changes.length > 0 ? [`new ${changes.map((field) => WORDS[field] ?? field).join(", ")}`] : []),
  ].join("; ");
  const how = dryRun ? "Would rewrite" : id === undefined ? "Did not rewrite" : "Rewrote";
  return `${how} ${shortId(former)} (${info.name})${id === undefined ? "" : ` as ${shortId(id)}`}: ${what}`;
}

const WORDS: Readonly<Record<string, string>> = { start: "time" };
