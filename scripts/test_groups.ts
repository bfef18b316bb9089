/** Many files of tests as few, which take about equally long: see tests/support/group.ts. */
import type { TestLine } from "./tally.ts";

/** What a file that nobody has seen run is taken to need. */
const UNKNOWN_MS = 1000;
const ROOT = new URL("../", import.meta.url).href;
const GROUP = new URL("../tests/support/group.ts", import.meta.url).href;

interface Group {
  readonly files: string[];
  ms: number;
}

/** Shares files out so that the sums of their times are about the same. @returns the longest first */
export function share(files: readonly string[], times: Readonly<Record<string, number>>, count: number): string[][] {
  const msOf = (file: string) => times[file] ?? UNKNOWN_MS;
  const groups = Array.from({ length: count }, (): Group => ({ files: [], ms: 0 }));
  for (const file of files.toSorted((a, b) => msOf(b) - msOf(a))) {
    const least = groups.reduce((least, group) => group.ms < least.ms ? group : least);
    least.files.push(file);
    least.ms += msOf(file);
  }
  return groups.toSorted((a, b) => b.ms - a.ms).map(({ files }) => files).filter((files) => files.length > 0);
}

/** As many files as there is time for, the quickest first: they have the most tests for it. @returns in the order of `files` */
export function withinTime(
  files: readonly string[],
  times: Readonly<Record<string, number>>,
  limitMs: number,
): { readonly chosen: string[]; readonly left: string[] } {
  const msOf = (file: string) => times[file] ?? UNKNOWN_MS;
  const chosen = new Set<string>();
  let sum = 0;
  for (const file of files.toSorted((a, b) => msOf(a) - msOf(b))) {
    sum += msOf(file);
    if (sum <= limitMs) chosen.add(file);
  }
  return { chosen: files.filter((file) => chosen.has(file)), left: files.filter((file) => !chosen.has(file)) };
}

/** Writes the files that stand for the groups. @returns their paths */
export function inGroups(
  files: readonly string[],
  times: Readonly<Record<string, number>>,
  { count, directory }: { readonly count: number; readonly directory: string },
): string[] {
  return share(files, times, count).map((files, index) => {
    const path = `${directory}/${index}_test.ts`;
    const text = `import { group } from ${JSON.stringify(GROUP)};\nawait group(${JSON.stringify(ROOT)}, `;
    Deno.writeTextFileSync(path, `${text}${JSON.stringify(files)});\n`);
    return path;
  });
}

/** Files of tests in a directory, without those in some. */
export function testFilesBelow(directory: string, left: readonly string[]): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    if (left.includes(path)) return [];
    if (isDirectory) return testFilesBelow(path, left);
    return name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

/** How long the tests of each file took together. */
export function msByFile(tests: readonly TestLine[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { name, ms } of tests) {
    const [file = ""] = name.split(" => ");
    sums[file] = Math.round((sums[file] ?? 0) + ms);
  }
  return sums;
}
