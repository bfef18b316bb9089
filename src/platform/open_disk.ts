/** Chooses the implementation of this machine's file system. */
import type { Disk } from "./disk.ts";
import { loadLibc } from "./libc.ts";
import { openLinuxDisk } from "./linux_disk.ts";
import { openPortableDisk } from "./portable_disk.ts";
import { Throttle, type ThrottleTable } from "./throttle.ts";

/** For tests: has what other systems take be tried on this one. */
const FORCED = "BACKUP_TOOL_DISK";

/**
 * Opens the Linux implementation if FFI is available, otherwise the one on the runtime's API; `abilities` shows the
 * difference.
 * @param throttle limits the rate of reading files
 */
export function openDisk(throttle?: ThrottleTable): Disk {
  const throttled = throttle && new Throttle(throttle);
  const paced = throttled && ((bytes: number) => throttled.take(bytes));
  const isForced = Deno.env.get(FORCED) === "portable";
  return (isForced ? undefined : openLinuxDisk(loadLibc(), paced)) ?? openPortableDisk(paced);
}
