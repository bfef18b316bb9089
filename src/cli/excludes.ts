/** What a backup leaves out, gathered from options and files. */
import type { World } from "./world.ts";

export interface ExcludeOptions {
  readonly exclude?: readonly string[];
  readonly excludeFrom?: readonly string[];
  readonly excludePreset?: readonly string[];
}

/** Presets come first, then files, then options: later patterns win. @throws DiskFault of a file */
export async function excludePatterns(options: ExcludeOptions, world: World): Promise<readonly string[]> {
  const { exclude = [], excludeFrom = [], excludePreset = [] } = options;
  const presets = excludePreset.length === 0 ? {} : (await import("../source/filter.ts")).PRESETS;
  return [
    ...excludePreset.flatMap((name) => presets[name] ?? []),
    ...excludeFrom.flatMap((file) => patternLines(world.readTextFile(file))),
    ...exclude,
  ];
}

/** Empty lines and comments are no patterns. */
function patternLines(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
}
