/** Counts of test runs, read from what `deno test` prints. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/** One test, as a line of `deno test --parallel` tells of it. */
export interface TestLine {
  /** "tests/core/a_test.ts => claim" */
  readonly name: string;
  readonly result: "ok" | "FAILED" | "ignored";
  readonly ms: number;
}

/** The closing line of `deno test`: `ok | 4 passed (3 steps) | 0 failed | 1 ignored (30ms)`. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/gm;
/** `./tests/core/a_test.ts => claim ... ok (1m3s)`; steps stand below their test, and are not told of here. */
const TEST = /^(?:\.\/)?(\S+ => .+) \.\.\. (ok|FAILED|ignored)(?: \([^)]*steps?[^)]*\))? \(([\dhms.µ]+)\)$/gm;
const SLOWEST = 10;

/**
 * What one run of `deno test` came to. The last summary counts: what a test itself prints stands before it. A run that
 * failed without a failed test (a type error, a crash), or that never came to its end, counts as one failure.
 */
export function tallyOf(output: string, succeeded: boolean): Tally {
  const summary = [...output.matchAll(SUMMARY)].at(-1);
  if (summary === undefined) return { passed: 0, failed: 1, ignored: 0 };
  const [, passed, failed, ignored] = summary.map((text) => Number(text ?? 0));
  return { passed: passed!, failed: succeeded ? failed! : Math.max(1, failed!), ignored: ignored! };
}

export function addTallies(tallies: readonly Tally[]): Tally {
  return tallies.reduce((sum, tally) => ({
    passed: sum.passed + tally.passed,
    failed: sum.failed + tally.failed,
    ignored: sum.ignored + tally.ignored,
  }), { passed: 0, failed: 0, ignored: 0 });
}

/** More failures than that are no accident. */
const FEW = 3;

/**
 * Files of the tests that failed, if they are few: such a verdict deserves a second look, with nothing else going on. A
 * busy machine delays answers for longer than a test foresees, and the runtime sometimes takes a call for unfinished that
 * the test has waited for (denoland/deno#28419).
 * @returns [] if a run did not come to its end, or failed in another way than by its tests
 */
export function filesOfFewFailures(output: string): string[] {
  const failed = testLines(output).filter(({ result }) => result === "FAILED");
  const summary = [...output.matchAll(SUMMARY)].at(-1);
  if (failed.length > FEW || failed.length !== Number(summary?.[2])) return [];
  const files = new Set(failed.map(({ name }) => name.slice(0, name.indexOf(" => "))));
  return [...files].every((file) => file.endsWith("_test.ts")) ? [...files] : [];
}

/** The file that stands for a group of others: see test_groups.ts. */
const STANDING_FOR = /^\S+ => (?=\S+_test\.ts => )/;

/** Every test that a run told of. */
export function testLines(output: string): TestLine[] {
  return [...output.matchAll(TEST)].map(([, name, result, time]) => {
    return { name: name!.replace(STANDING_FOR, ""), result: result as TestLine["result"], ms: msOf(time!) };
  });
}

/** "1m3s", "12ms", "947µs", "2s" */
function msOf(text: string): number {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, µs: 0.001 };
  const parts = [...text.matchAll(/([\d.]+)(ms|µs|h|m|s)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit!]!, 0);
}

/** The slowest first. */
export function slowest(tests: readonly TestLine[]): TestLine[] {
  return tests.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST);
}

/** Which ignored tests no line of the list lets through. @param list see tests/ignored.txt */
export function wronglyIgnored(tests: readonly TestLine[], list: string): string[] {
  const lines = list.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const allowed = lines.map((line) => new RegExp(`^${line.split("*").map(RegExp.escape).join(".*")}$`));
  const ignored = new Set(tests.filter(({ result }) => result === "ignored").map(({ name }) => name));
  return [...ignored].filter((name) => !allowed.some((pattern) => pattern.test(name)));
}

/** The closing words, the last line of which is for machines: `N passed, N failed`, with `, N skipped` if any were. */
export function verdictOf({ passed, failed, ignored }: Tally): string {
  return `${passed} passed, ${failed} failed${ignored === 0 ? "" : `, ${ignored} skipped`}`;
}
