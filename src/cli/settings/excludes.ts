/** What a backup leaves out, gathered from options and files. */
import { readNamedFile } from "./paths.ts";
import type { World } from "../world.ts";

export interface ExcludeOptions {
  readonly exclude?: readonly string[];
  readonly excludeFrom?: readonly string[];
  readonly excludePreset?: readonly string[];
}

/** Presets come first, then files, then options: later patterns win. @throws DiskFault of a file */
export async function excludePatterns(options: ExcludeOptions, world: World): Promise<readonly string[]> {
  const { exclude = [], excludeFrom = [], excludePreset = [] } = options;
  if (excludeFrom.length === 0 && excludePreset.length === 0) return exclude;
  const { parseExcludeFile, PRESETS } = await import("../../source/exclude_lists.ts");
  return [
    ...excludePreset.flatMap((name) => PRESETS[name] ?? []),
    ...excludeFrom.flatMap((file) => parseExcludeFile(readNamedFile(world, file))),
    ...exclude,
  ];
}
