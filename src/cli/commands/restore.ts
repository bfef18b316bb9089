/** backup-tool restore */
import { Option } from "commander";
import { textOf } from "../../core/raw.ts";
import { pluralText, sizeText } from "../../core/size_text.ts";
import { durationText } from "../../core/time_text.ts";
import type { RestoreRequest } from "../../operations/restore.ts";
import { collected, examples, workersOption } from "../options.ts";
import { absolutePath, snapshotPath } from "../paths.ts";
import { shortId } from "../short_id.ts";
import type { Define } from "./command.ts";

interface RestoreOptions {
  readonly target: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly overwrite?: "always" | "if-changed" | "never";
  readonly workers?: number;
}

export const defineRestore: Define = (program, act) => {
  const command = program.command("restore")
    .summary("get files back from a snapshot")
    .description(
      "Restore a snapshot, or parts of it, into a directory. Everything is verified while it is written. Paths keep " +
        "their places below the target.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH...]", "files and directories in it (default: everything)")
    .requiredOption("-t, --target <DIR>", "where to; it must be empty unless --overwrite is given")
    .option("--include <PATTERN>", "only what fits (gitignore syntax, repeatable)", collected)
    .option("--exclude <PATTERN>", "not what fits (gitignore syntax, repeatable)", collected)
    .addOption(
      new Option("--overwrite <WHEN>", "what to do with files that are there already")
        .choices(["always", "if-changed", "never"]),
    )
    .addOption(workersOption())
    .addHelpText(
      "after",
      examples(
        "backup-tool restore latest --target /tmp/restored",
        "backup-tool restore 3f2a91 /holiday --target ~/photos --overwrite if-changed",
        "backup-tool restore latest --target /tmp/letters --include '*.odt'",
      ),
    );
  command.action((name: string, paths: readonly string[]) =>
    act(command, async (session) => {
      const { target, include = [], exclude = [], overwrite, workers } = command.opts<RestoreOptions>();
      const storage = await session.openStorage();
      const request: RestoreRequest = {
        snapshot: storage.resolve(name),
        paths: paths.map(snapshotPath),
        target: absolutePath(session.world, target),
        include,
        exclude,
        overwrite,
        workers: session.workers(workers),
        signal: session.signal,
      };
      const { restore } = await import("../../operations/restore.ts");
      const { monitor } = session;
      await restore(storage, request, monitor);
      const files = monitor.of("restoredFiles"), bytes = monitor.of("restoredBytes"), kept = monitor.of("keptFiles");
      const json = {
        snapshot: request.snapshot.id,
        target: textOf(request.target),
        files,
        bytes,
        kept,
        problems: monitor.problems,
        seconds: monitor.elapsedMs / 1000,
      };
      session.result(json, [
        `Restored ${pluralText(files, "file")} (${sizeText(bytes)}) of snapshot ${shortId(request.snapshot)} ` +
        `to ${textOf(request.target)} in ${durationText(monitor.elapsedMs)}` +
        (kept > 0 ? `; ${pluralText(kept, "file")} that were there stayed as they were` : ""),
      ]);
    })
  );
};
