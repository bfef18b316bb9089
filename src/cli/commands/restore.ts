/** backup-tool restore */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Apath } from "../../core/apath.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { countText, pluralText } from "../../core/size_text.ts";
import { durationText } from "../../core/time_text.ts";
import type { RestoreRequest } from "../../operations/restore/restore_request.ts";
import { collected, examples, workersOption } from "../settings/options.ts";
import { addPaceOptions, type PaceOptions } from "../settings/pace_options.ts";
import { placesNamed } from "../session/snapshot_place.ts";
import { absolutePath } from "../settings/paths.ts";
import { jsonText } from "../output/terminal/escape_text.ts";
import type { Session } from "../session/session.ts";
import { shortId } from "../../core/short_id.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Define } from "./command.ts";

interface RestoreOptions extends PaceOptions {
  readonly target?: string;
  readonly as?: string;
  readonly inPlace?: boolean;
  readonly strip?: number;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly overwrite?: "always" | "if-changed" | "if-newer" | "never";
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly owner: boolean;
  readonly numericIds?: boolean;
  readonly sparse?: boolean;
  readonly flags?: boolean;
  readonly workers?: number;
}

export const defineRestore: Define = (program, act) => {
  const command = withOptions(program.command("restore"));
  command.action((name: string, words: readonly string[]) =>
    act(command, async (session) => {
      const options = command.opts<RestoreOptions>();
      const destination = destinationOf(options, session);
      refuseNames(options, words);
      await session.pace(options);
      const repository = await session.openRepository();
      const { orLastSeen } = await import("../../operations/browse/last_seen.ts");
      const place = await placesNamed(name, words, repository);
      refuseNames(options, place.paths);
      const request = requestOf({ ...place, options, destination }, session);
      session.noteSnapshot(request.snapshot.id);
      const work = options.dryRun ? showPreview : doRestore;
      await orLastSeen(repository, () => work(repository, request, session));
    }, { hooks: true })
  );
};

function withOptions(command: Command): Command {
  command
    .summary("restore files from a snapshot")
    .description(
      "Restore a snapshot, or parts of it. Everything is verified while it is written. A path may be given as it is in " +
        "the snapshot, or as it was in the source. Run the same command again to continue an interrupted restore.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH...]", "files and directories in it (default: everything)")
    .option(
      "-t, --target <DIR>",
      "restore below this directory; it must be empty unless --overwrite or --delete is given",
    )
    .option("--as <PATH>", "restore one file or directory as this path")
    .option("--in-place", "restore to where everything was backed up from")
    .option("--strip <N>", "strip N leading path components", parseStrip)
    .option("--include <PATTERN>", "restore only paths matching PATTERN (gitignore syntax; repeatable)", collected)
    .option("--exclude <PATTERN>", "skip paths matching PATTERN (gitignore syntax; repeatable)", collected)
    .addOption(
      new Option("--overwrite <WHEN>", "when to replace existing files")
        .choices(["always", "if-changed", "if-newer", "never"]),
    )
    .option("--delete", "delete files not in the snapshot, except those its excludes skipped")
    .option("-n, --dry-run", "only show what would be created, replaced and deleted")
    .option("--no-owner", "do not restore owner and group")
    .option("--numeric-ids", "restore numeric user and group IDs, ignoring names")
    .option("--flags", "restore the flags immutable, append-only and no-dump (Linux; the first two as root)")
    .option("--sparse", "write holes instead of zeros in all files, not only where the original had holes")
    .addOption(workersOption());
  return addPaceOptions(command)
    .addHelpText(
      "after",
      examples(
        "backup-tool restore latest --target /tmp/restored",
        "backup-tool restore latest /home/me/photos/a.jpg --as ~/a-before.jpg",
        "backup-tool restore 3f2a91 /holiday --target ~/photos --overwrite if-changed",
        "backup-tool restore latest --in-place --delete --dry-run",
        "backup-tool restore latest /docs/letters --target /tmp/letters --strip 2",
      ),
    );
}

/** Refuses `--as` with several paths. @throws BadUsage */
function refuseNames({ as }: RestoreOptions, paths: readonly unknown[]): void {
  if (as === undefined || paths.length <= 1) return;
  throw new BadUsage("--as gives one path a new name", "Give one path, or use `--target DIR`");
}

function parseStrip(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give a whole number.");
}

/** The destination that the options describe. @throws BadUsage */
function destinationOf(
  options: RestoreOptions,
  { world }: Session,
): RestoreRequest["destination"] {
  const { target, as, inPlace, strip = 0 } = options;
  const given = [target, as, inPlace].filter((option) => option !== undefined).length;
  if (given !== 1) {
    throw new BadUsage(
      given === 0 ? "No restore target given" : "There can be only one place to restore to",
      "Give one of `--target DIR`, `--as PATH` and `--in-place`",
    );
  }
  if (target === undefined && strip > 0) {
    throw new BadUsage("--strip shortens paths below a directory", "Use it with `--target DIR`");
  }
  if (options.delete && (as !== undefined || strip > 0)) {
    throw new BadUsage(
      "--delete needs to know which directory is which",
      "Use it with `--target DIR` or `--in-place`, without `--strip`",
    );
  }
  if (target !== undefined) return { kind: "directory", path: absolutePath(world, target), strip };
  if (as === undefined) return { kind: "in-place" };
  return { kind: "new-name", path: absolutePath(world, as) };
}

function requestOf(
  { snapshot, paths, options, destination }: {
    readonly snapshot: SnapshotInfo;
    readonly paths: readonly Apath[];
    readonly options: RestoreOptions;
    readonly destination: RestoreRequest["destination"];
  },
  session: Session,
): RestoreRequest {
  const { include = [], exclude = [], overwrite, numericIds = false, owner, workers } = options;
  return {
    snapshot,
    paths,
    destination,
    include,
    exclude,
    overwrite,
    delete: options.delete ?? false,
    owners: owner ? numericIds ? "ids" : "names" : "none",
    sparse: options.sparse ?? false,
    flags: options.flags ?? false,
    workers: session.workers(workers),
    signal: session.signal,
  };
}

/** Path of the target as text; null for a restore in place. */
function targetText({ destination }: RestoreRequest): string | null {
  return destination.kind === "in-place" ? null : textOf(destination.path);
}

async function doRestore(repository: OpenedRepository, request: RestoreRequest, session: Session): Promise<void> {
  const { restore } = await import("../../operations/restore/restore.ts");
  const { monitor } = session;
  await restore(repository, request, monitor);
  const files = monitor.of("restoredFiles"), bytes = monitor.of("restoredBytes");
  const kept = monitor.of("keptFiles"), removed = monitor.of("removedEntries");
  const json = {
    snapshot: request.snapshot.id,
    target: targetText(request),
    files,
    bytes,
    kept,
    removed,
    problems: monitor.problems,
    seconds: monitor.elapsedMs / 1000,
  };
  const to = targetText(request);
  session.result(json, [
    `Restored ${pluralText(files, "file")} (${session.sizeText(bytes)}) of snapshot ${
      shortId(request.snapshot.id)
    } in ` +
    `${durationText(monitor.elapsedMs)} ${to === null ? "in place" : `to ${to}`}`,
    ...(kept > 0 ? [`  kept      ${pluralText(kept, "file")} as they were`] : []),
    ...(removed > 0 ? [`  removed   ${pluralText(removed, "other entry", "other entries")}`] : []),
    ...(monitor.problems > 0 ? [`  problems  ${countText(monitor.problems)} (see above)`] : []),
  ]);
}

/** Prints a preview, with a line for each change as it is found: there may be millions. */
async function showPreview(repository: OpenedRepository, request: RestoreRequest, session: Session): Promise<void> {
  const { previewRestore } = await import("../../operations/restore/restore.ts");
  const counts = { create: 0, replace: 0, remove: 0, refuse: 0 };
  const { out, options, monitor } = session;
  if (options.json) {
    out.exact(`{"snapshot":${jsonText(request.snapshot.id)},"target":${jsonText(targetText(request))},"changes":[`);
  }
  let before = "\n";
  await previewRestore(repository, request, monitor, ({ action, path }) => {
    counts[action]++;
    if (!options.json) return out.line(`${action.padEnd(7)} ${textOf(path)}`);
    out.exact(`${before}${jsonText({ action, path: textOf(path) })}`);
    before = ",\n";
  });
  const kept = monitor.of("keptFiles");
  if (options.json) return out.exact(`\n],${jsonText({ ...counts, kept }).slice(1)}\n`);
  if (options.quiet) return;
  out.line(
    `Would create ${countText(counts.create)}, replace ${countText(counts.replace)}, remove ` +
      `${countText(counts.remove)} and leave ${countText(kept)} as they are` +
      (counts.refuse > 0 ? `; ${countText(counts.refuse)} would be refused` : ""),
  );
}
