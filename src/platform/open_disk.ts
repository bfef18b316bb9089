/** Chooses how this machine's file system is reached. */
import type { Disk } from "./disk.ts";
import { openLinuxDisk } from "./linux_disk.ts";
import { openPortableDisk } from "./portable_disk.ts";

/** Linux with FFI where it can be had, otherwise what the runtime offers; `abilities` tells the difference. */
export function openDisk(): Disk {
  return openLinuxDisk() ?? openPortableDisk();
}
