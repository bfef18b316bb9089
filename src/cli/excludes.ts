/** What a backup leaves out, gathered from options and files. */
import { Fault } from "../core/fault.ts";
import { type Raw, rawOfBytes, textOf } from "../core/raw.ts";
import type { Disk } from "../platform/disk.ts";
import { absolutePath } from "./paths.ts";
import type { Session } from "./session.ts";

export interface ExcludeOptions {
  readonly exclude?: readonly string[];
  readonly excludeFrom?: readonly string[];
  readonly excludePreset?: readonly string[];
}

/** Nobody writes more by hand; it guards against naming a wrong file. */
const LARGEST_PATTERN_FILE_BYTES = 16 * 1024 * 1024;

export class BadPatternFile extends Fault {
  readonly code = "bad-pattern-file";
  readonly hint = "Give a text file with one pattern a line, written as in a .gitignore file";
  constructor(path: Raw, why: string) {
    super(`Cannot read patterns from ${JSON.stringify(textOf(path))}: ${why}`);
  }
}

/** Presets come first, then files, then options: later patterns win. @throws BadPatternFile, DiskFault */
export async function excludePatterns(options: ExcludeOptions, session: Session): Promise<readonly string[]> {
  const { exclude = [], excludeFrom = [], excludePreset = [] } = options;
  const presets = excludePreset.length === 0 ? {} : (await import("../source/filter.ts")).PRESETS;
  const { disk } = await session.machine();
  return [
    ...excludePreset.flatMap((name) => presets[name] ?? []),
    ...excludeFrom.flatMap((file) => readLines(disk, absolutePath(session.world, file))),
    ...exclude,
  ];
}

function readLines(disk: Disk, path: Raw): string[] {
  const real = disk.realPath(path);
  const slash = real.lastIndexOf("/");
  using directory = disk.openDir((slash <= 0 ? "/" : real.slice(0, slash)) as Raw);
  using file = directory.open(real.slice(slash + 1) as Raw);
  if (file === undefined) throw new BadPatternFile(path, "it is not there");
  const { size, kind } = file.stat();
  if (kind !== "file") throw new BadPatternFile(path, "it is not a regular file");
  if (size > LARGEST_PATTERN_FILE_BYTES) throw new BadPatternFile(path, `it has ${size} bytes`);
  const bytes = new Uint8Array(size);
  const text = textOf(rawOfBytes(bytes.subarray(0, file.read(bytes, 0))));
  return text.replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
}
