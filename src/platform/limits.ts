/** Limit on the number of open files, which determines how work is divided. */
import { loadLibc } from "./libc.ts";

/** sys/resource.h, on x86-64 and aarch64. */
const RLIMIT_NOFILE = 7;

interface Limits {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** `struct rlimit`: soft and hard limit; undefined if unknown. */
function readLimits(): Limits | undefined {
  const libc = loadLibc(), limits = new BigUint64Array(2);
  if (libc === undefined || libc.call.getrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)) !== 0) return undefined;
  return { soft: limits[0]!, hard: limits[1]! };
}

/**
 * Raises the limit to the maximum for this user. The limit that shells set by default is low only because of programs
 * that use select(2).
 */
export function raiseOpenFileLimit(): void {
  const limits = readLimits();
  if (limits === undefined || limits.soft >= limits.hard) return;
  // If it can't be raised, it stays what it was.
  loadLibc()!.call.setrlimit(RLIMIT_NOFILE, new Uint8Array(new BigUint64Array([limits.hard, limits.hard]).buffer));
}

let known: number | undefined;

/** Number of files that this process may have open at once; Infinity if unknown. */
export function openFileLimit(): number {
  return known ??= Number(readLimits()?.soft ?? Infinity);
}
