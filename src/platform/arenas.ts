/** The heaps of the C library: each keeps what its threads have freed. */
import { loadLibc } from "./libc.ts";

/** malloc.h */
const M_ARENA_MAX = -8;
const MOST_ARENAS = 2;

/**
 * Makes threads that are started later share heaps: one for each of them holds tens of megabytes that nobody uses. To be
 * called before threads are started; does nothing where the C library has no such option.
 */
export function limitArenas(): void {
  loadLibc()?.call.mallopt?.(M_ARENA_MAX, MOST_ARENAS);
}
