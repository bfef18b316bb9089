/** Of the engine, if it was started with `--expose-gc`. */
declare const gc: (() => void) | undefined;

/**
 * Collects garbage now. For loops that leave much behind which the collector doesn't hurry for, because it lies outside of
 * the heap or each thread alone has little. Does nothing but in the executable, which asks for `gc`.
 */
export function collectGarbage(): void {
  if (typeof gc === "function") gc();
}
