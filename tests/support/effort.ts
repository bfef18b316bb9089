/**
 * How much a test does that does the same again and again, with other random input or at other places: the usual with
 * `deno task test`; a third with QUICK=1, which `deno task ok` sets; much more with SLOW=1, which `deno task crash` sets.
 */

const IS_QUICK = Boolean(Deno.env.get("QUICK"));
/** Tests that take minutes run only then. */
export const IS_SLOW = Boolean(Deno.env.get("SLOW"));
const SHARE = 3;
const USUAL_SEED = 20261127;

/** Where random input begins: with SLOW=1 somewhere else each time (undefined), else at the same place, or at SEED=n. */
export const SEED: number | undefined = Deno.env.has("SEED")
  ? Number(Deno.env.get("SEED"))
  : IS_SLOW
  ? undefined
  : USUAL_SEED;

/** How many rounds, each with other random input. */
export function rounds(usual: number, slow: number): number {
  if (IS_SLOW) return slow;
  return IS_QUICK ? Math.ceil(usual / SHARE) : usual;
}

/** How far from one place that is tried to the next: 1 with SLOW=1. */
export function stride(usual: number): number {
  if (IS_SLOW) return 1;
  // An odd one, so that other places come up than those at a multiple of something.
  return IS_QUICK ? usual * SHARE | 1 : usual;
}

/** Fewest that must have been tried, where there are many. */
export function atLeast(usual: number): number {
  return IS_QUICK ? Math.floor(usual / SHARE) : usual;
}

/** Those of many cases that are tried: all, or with QUICK=1 every third. @param turn others at each */
export function picked<T>(cases: readonly T[], turn = 0): T[] {
  return cases.filter((_, at) => !IS_QUICK || (at + turn) % SHARE === 0);
}
