/** placeholder until the next commit */
import type { Disk } from "./disk.ts";
export function openPortableDisk(): Disk {
  throw new Error("Not written yet");
}
