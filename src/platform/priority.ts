/** Gives way to everything else that runs on this machine. */
import { loadLibc, SYSCALL } from "./libc.ts";

const LOWEST_PRIORITY = 19;
/** linux/ioprio.h: the class that gets the disk when nobody else wants it. */
const CLASS_IDLE = 3, CLASS_SHIFT = 13, WHO_PROCESS = 1;

/**
 * Gives the calling thread, and every thread that it starts later, the lowest priority for processor and disk.
 * @returns descriptions of what this system could not do
 */
export function lowerPriority(): string[] {
  const libc = loadLibc();
  if (libc === undefined) return ["lower its priority"];
  const failed: string[] = [];
  // On Linux both belong to a thread, and 0 is the one that asks.
  if (libc.call.setpriority(0, 0, LOWEST_PRIORITY) !== 0) failed.push("lower its processor priority");
  const idle = CLASS_IDLE << CLASS_SHIFT;
  if (libc.call.ioprio_set(SYSCALL.ioprio_set, WHO_PROCESS, 0, idle) !== 0) failed.push("lower its disk priority");
  return failed;
}
