/** Counts of test runs, read from what `deno test` prints. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/** The closing line of `deno test`: `ok | 4 passed (3 steps) | 0 failed | 1 ignored (30ms)`. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/gm;

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

/** The closing words, the last line of which is for machines: `N passed, N failed`. */
export function verdictOf({ passed, failed, ignored }: Tally): string {
  const counts = `${passed} passed, ${failed} failed`;
  return ignored === 0 ? counts : `${ignored} ignored\n${counts}`;
}
