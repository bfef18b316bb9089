/** Flags of files and directories, as `chattr` sets them: given last, for nothing can be done to what is immutable. */
import type { Entry } from "../core/entry.ts";
import type { MetadataLoss } from "../core/restore_terms.ts";
import { type Dir, DiskFault, FLAGS, type OpenFile } from "../platform/disk.ts";

/** What may be set; the others are what a file system did by itself. The last two forbid further changes. */
const SETTABLE = ["no-dump", "append-only", "immutable"] as const;

/** Those of its flags that can be given to another file or directory. */
export function settableFlags({ kind, flags }: Pick<Entry, "kind" | "flags">): readonly string[] | undefined {
  if (flags === undefined || (kind !== "file" && kind !== "dir")) return undefined;
  const found = SETTABLE.filter((flag) => flags.includes(flag));
  return found.length === 0 ? undefined : found;
}

/** @param names as {@link settableFlags} gives them */
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
