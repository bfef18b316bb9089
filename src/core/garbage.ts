/** V8's garbage collector, defined only if the engine was started with `--expose-gc`. */
declare const gc: (() => void) | undefined;

/**
 * Collects garbage now. Meant for loops that leave much behind that the collector is slow to notice, because it lies
 * outside the heap, or because each thread has only a little. Has no effect unless `gc` is exposed, as in the
 * executable.
 */
export function collectGarbage(): void {
  if (typeof gc === "function") gc();
}
