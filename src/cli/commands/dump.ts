/** backup-tool dump */
import { Option } from "commander";
import { TOP } from "../../core/apath.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import type { DumpFormat } from "../../operations/browse/dump/dump.ts";
import { examples } from "../settings/options.ts";
import { placeNamed } from "../session/snapshot_place.ts";
import { absolutePath } from "../settings/paths.ts";
import type { Define } from "./command.ts";

export const defineDump: Define = (program, act) => {
  const command = program.command("dump")
    .summary("write a directory of a snapshot as a tar or ZIP file")
    .description(
      "Write a directory of a snapshot, with everything below it, or one file, to standard output as a tar or ZIP file. " +
        "Data is verified while it is read: if the exit status is 3, damaged files are reported on standard error. " +
        "A tar file contains everything but sockets, with owners, hard links and extended attributes; a ZIP file contains files, " +
        "directories and symbolic links, with modes.",
    )
    .argument("<SNAPSHOT>", "which snapshot")
    .argument("[PATH]", "directory or file in it, or as it was in the source (default: /)")
    .addOption(new Option("-f, --format <FORMAT>", "format of the archive").choices(["tar", "zip"]).default("tar"))
    .option("-o, --output <FILE>", "write to this file, which is there when all of it is, for its owner alone")
    .addHelpText(
      "after",
      examples(
        "backup-tool dump latest /photos | tar -xC /tmp",
        "backup-tool dump latest /letters --format zip -o letters.zip",
        "backup-tool dump 2026-11-20 | zstd > backup.tar.zst",
      ),
    );
  command.action((name: string, pathText: string | undefined) =>
    act(command, async (session) => {
      const { format, output } = command.opts<{ format: DumpFormat; output?: string }>();
      if (output === undefined && session.world.stdout.isTerminal) {
        throw new BadUsage(
          "An archive is nothing for a terminal",
          "Write it into a file, as in `backup-tool dump latest -o latest.tar`",
        );
      }
      if (output === undefined && session.options.json) {
        throw new BadUsage("An archive can't be printed as JSON", "Omit `--json`, or use `-o FILE`");
      }
      const repository = await session.openRepository();
      const [{ dump }, { orLastSeen }] = await Promise.all([
        import("../../operations/browse/dump/dump.ts"),
        import("../../operations/browse/last_seen.ts"),
      ]);
      const place = { path: TOP, ...await placeNamed(name, pathText, repository) };
      const request = { ...place, format, signal: session.signal };
      const write = (to: (bytes: Uint8Array<ArrayBuffer>) => void) =>
        orLastSeen(repository, () => dump(repository, request, to, session.monitor));
      if (output === undefined) return await write((bytes) => session.out.bytes(bytes));
      const { intoFile } = await import("../../operations/browse/dump/into_file.ts");
      const path = absolutePath(session.world, output), bytes = await intoFile(await session.machine(), path, write);
      const json = { snapshot: place.snapshot.id, file: textOf(path), bytes, problems: session.monitor.problems };
      session.result(json, [`Wrote ${session.sizeText(bytes)} to ${textOf(path)}`]);
    }, { output: true })
  );
};
