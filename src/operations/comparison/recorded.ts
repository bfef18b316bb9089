/**
 * Additional metadata that a backup records: flags, which a restore sets on request, and the birth time, which no
 * system call can set.
 */
import type { DetailFields } from "../../core/entry.ts";
import type { Stat } from "../../core/stat.ts";
import { FLAGS } from "../../platform/disk.ts";

const NAMED = Object.entries(FLAGS).sort(([a], [b]) => (a < b ? -1 : 1));

/** Makes these fields without a system call, because the walk has read the stat already. */
export function recordedOf({ birthtime, flags }: Pick<Stat, "birthtime" | "flags">): DetailFields {
  if (birthtime === undefined && flags === 0) return {};
  const names = NAMED.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  return { ...(birthtime !== undefined && { birthtime }), ...(names.length > 0 && { flags: names }) };
}
