/** Describes the metadata that backups on this system lack, because its disk interface doesn't support them. */
import type { DiskAbilities } from "../../platform/disk.ts";

/** One line for people; undefined if everything is supported. */
export function notKept({ owners, xattrs, timeUnitNs, devices }: DiskAbilities): string | undefined {
  const lost = [
    ...owners ? [] : ["owners", "permissions"],
    ...xattrs ? [] : ["ACLs", "extended attributes"],
    ...timeUnitNs === 1 ? [] : ["file times finer than milliseconds"],
  ];
  if (lost.length === 0) return undefined;
  // A system without owners has no pipes or devices among its files, either.
  const unmade = owners && !devices ? "; pipes and devices can be restored on Linux only" : "";
  return `Not backed up on this system: ${lost.join(", ")}${unmade}`;
}
