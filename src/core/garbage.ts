/** V8's garbage collector, defined only if the engine was started with `--expose-gc`. */
declare const gc: (() => void) | undefined;

/** Smaller buffers may be shared by the runtime, and are no burden. */
const LEAST_RELEASED_BYTES = 64 * 1024;

/**
 * Gives back the memory of bytes that nobody reads any more, and of all else in the same buffer, unless threads share
 * it. Without this, megabytes outside the heap stay until a garbage collection, and bring on one after the other.
 */
export function releaseMemory({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LEAST_RELEASED_BYTES) buffer.transfer(0);
}

/**
 * Collects garbage now. Meant for loops that leave much behind that the collector is slow to notice, because it lies
 * outside the heap, or because each thread has only a little. Has no effect unless `gc` is exposed, as in the
 * executable.
 */
export function collectGarbage(): void {
  if (typeof gc === "function") gc();
}

/** Collects garbage each time that `count` pieces of work have left some. @returns what to call for each, or for several */
export function collectingEvery(count: number): (pieces?: number) => void {
  let left = 0;
  return (pieces = 1) => {
    left += pieces;
    if (left < count) return;
    left = 0;
    collectGarbage();
  };
}
