/** backup-tool dump */
import { Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import type { DumpFormat } from "../../operations/browse/dump.ts";
import { examples } from "../settings/options.ts";
import { snapshotPath } from "../settings/paths.ts";
import { snapshotNamed } from "../../snapshot/resolve.ts";
import type { Define } from "./command.ts";

export const defineDump: Define = (program, act) => {
  const command = program.command("dump")
    .summary("write a directory of a snapshot as a tar or ZIP file")
    .description(
      "Write a directory of a snapshot, with everything below it, or one file, to standard output as a tar or ZIP file. " +
        "Contents are verified while they are read: if the exit status is 3, what was damaged is named on standard error. " +
        "A tar file has everything but sockets, with owners, hard links and extended attributes; a ZIP file has files, " +
        "directories and symbolic links, with modes.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH]", "directory or file in it, or as it was in the source", "/")
    .addOption(new Option("-f, --format <FORMAT>", "of the archive").choices(["tar", "zip"]).default("tar"))
    .addHelpText(
      "after",
      examples(
        "backup-tool dump latest /photos | tar -xC /tmp",
        "backup-tool dump latest /letters --format zip > letters.zip",
        "backup-tool dump 2026-11-20 | zstd > backup.tar.zst",
      ),
    );
  command.action((name: string, pathText: string) =>
    act(command, async (session) => {
      const { format } = command.opts<{ format: DumpFormat }>();
      if (session.world.stdout.isTerminal) {
        throw new BadUsage(
          "An archive is nothing for a terminal",
          "Redirect it, as in `backup-tool dump latest > latest.tar`",
        );
      }
      if (session.options.json) throw new BadUsage("An archive can't be printed as JSON", "Leave out `--json`");
      const repository = await session.openRepository();
      const { dump } = await import("../../operations/browse/dump.ts");
      const request = {
        snapshot: await snapshotNamed(name, repository),
        path: snapshotPath(pathText),
        format,
        signal: session.signal,
      };
      await dump(repository, request, (bytes) => session.out.bytes(bytes), session.monitor);
    }, { output: true })
  );
};
