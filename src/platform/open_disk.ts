/** Chooses how this machine's file system is reached. */
import type { Disk } from "./disk.ts";
import { loadLibc } from "./libc.ts";
import { openLinuxDisk } from "./linux_disk.ts";
import { openPortableDisk } from "./portable_disk.ts";
import { Throttle, type ThrottleTable } from "./throttle.ts";

/** For tests: has what other systems take be tried on this one. */
const FORCED = "BACKUP_TOOL_DISK";

/**
 * Linux with FFI where it can be had, otherwise what the runtime offers; `abilities` says which.
 * @param throttle holds back what is read from files
 */
export function openDisk(throttle?: ThrottleTable): Disk {
  const throttled = throttle && new Throttle(throttle);
  const paced = throttled && ((bytes: number) => throttled.take(bytes));
  const isForced = Deno.env.get(FORCED) === "portable";
  return (isForced ? undefined : openLinuxDisk(loadLibc(), paced)) ?? openPortableDisk(paced);
}
