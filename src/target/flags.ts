/**
 * Flags of files and directories, as set by `chattr`. They are set last, because an immutable object can't be changed.
 */
import type { Entry } from "../core/entry.ts";
import type { MetadataLoss } from "../core/restore_terms.ts";
import { type Dir, DiskFault, FLAGS, type OpenFile } from "../platform/disk.ts";

/** Flags that can be set; file systems set the others themselves. The last two forbid further changes. */
const SETTABLE = ["no-dump", "append-only", "immutable"] as const;

/** The flags of an entry that can be set on another file or directory; undefined if there are none. */
export function settableFlags({ kind, flags }: Pick<Entry, "kind" | "flags">): readonly string[] | undefined {
  if (flags === undefined || (kind !== "file" && kind !== "dir")) return undefined;
  const found = SETTABLE.filter((flag) => flags.includes(flag));
  return found.length === 0 ? undefined : found;
}

/** Sets flags. @param names from {@link settableFlags} @returns those that could not be set */
export function giveFlags(object: Pick<OpenFile | Dir, "addFlags">, names: readonly string[]): readonly MetadataLoss[] {
  const losses: MetadataLoss[] = [];
  for (const name of SETTABLE.filter((flag) => names.includes(flag))) {
    try {
      object.addFlags(FLAGS[name]);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      losses.push(`the flag ${name} (${error.errno})`);
    }
  }
  return losses;
}
