/** backup-tool init */
import { Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import type { Algorithm } from "../../core/digest.ts";
import { examples, reading } from "../settings/options.ts";
import type { Define } from "./command.ts";

interface InitOptions {
  readonly algorithm: Algorithm;
  readonly hexSplit: readonly number[];
}

/** A copy of storage/digest.ts's list: help must not have to load the algorithms. */
const CHOICES: Record<Algorithm, true> = { sha256: true, blake3: true, sha1: true, md5: true, crc32: true };

/** What a storage is made with unless somebody says otherwise. */
export const DEFAULT_SETTINGS: InitOptions = { algorithm: "sha256", hexSplit: [2] };

export const defineInit: Define = (program, act) => {
  const command = program.command("init")
    .summary("make a new storage")
    .description("Make a new storage in an empty or new directory.")
    .addOption(
      new Option("--algorithm <NAME>", "checksum that names contents; sha1, md5 and crc32 compare bytes too")
        .choices(Object.keys(CHOICES)).default(DEFAULT_SETTINGS.algorithm),
    )
    .addOption(
      new Option("--hex-split <DIGITS>", "hex digits of each level of directories in content/, such as 2, 3 or 2,2")
        .argParser(reading(parseHexSplit)).default(DEFAULT_SETTINGS.hexSplit, "2"),
    )
    .addHelpText(
      "after",
      examples("backup-tool init -s /mnt/disk/storage", "backup-tool init -s /mnt/disk/storage --algorithm blake3"),
    );
  command.action(() =>
    act(command, async (session) => {
      const { algorithm, hexSplit } = command.opts<InitOptions>();
      const { initStorage } = await import("../../storage/layout/init.ts");
      const path = session.storagePath;
      initStorage(await session.machine(), path, { algorithm, hexSplit });
      const { settings: { id, created } } = await session.openStorage();
      session.result({ path: textOf(path), id, algorithm, hexSplit, created }, [
        `Made a storage in ${textOf(path)} (${algorithm}, hex split ${hexSplit.join(",")})`,
      ]);
    })
  );
};

function parseHexSplit(text: string): readonly number[] {
  if (/^[1-9](?:,[1-9])*$/.test(text)) return text.split(",").map(Number);
  throw new BadUsage(
    `Cannot read ${JSON.stringify(text)} as a hex split`,
    "Give numbers of digits, such as 2, 3 or 2,2",
  );
}
