/** Determines what a restore would do, from its target and without changing anything. */
import { type Apath, nameOf, relativeOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import type { Overwrite, Verdict } from "../../core/restore_terms.ts";
import type { Stat } from "../../core/stat.ts";
import type { EntryGroup } from "./restore_entries.ts";
import type { PlannedChange } from "./restore_request.ts";
import type { RestoreTarget } from "./restore_target.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { isSameObject } from "../../target/object_writer.ts";
import { decideOverwrite } from "../../target/overwrite.ts";

/** What would become of an entry; "keep": what is there stays, which is right or was asked for. */
const OUTCOMES = {
  make: "create",
  replace: "replace",
  same: "keep",
  keep: "keep",
  newer: "refuse",
  taken: "refuse",
} as const satisfies Readonly<Record<Verdict, PlannedChange["action"] | "keep">>;
/** Answers that mean: there is no such directory, or something else is in its place. */
const NO_DIRECTORY = ["ENOENT", "ENOTDIR", "ELOOP"];

/**
 * Calls `tell` with the place of every entry below the target.
 * @param deletes true: directories in the place of other objects are removed first
 */
export function previewGroup(
  { directory, entries }: EntryGroup,
  { directory: target, overwrite }: RestoreTarget<Dir | undefined>,
  deletes: boolean,
  tell: (outcome: typeof OUTCOMES[Verdict], place: Apath) => void,
): void {
  using into = openAt(target, relativeOf(directory));
  for (const entry of entries) {
    const outcome = outcomeOf(entry, into, { overwrite, deletes });
    if (outcome !== undefined) tell(outcome, entry.path);
  }
}

function openAt(target: Dir | undefined, relative: Raw): Dir | undefined {
  try {
    return target?.openPath(relative);
  } catch (error) {
    if (error instanceof DiskFault && NO_DIRECTORY.includes(error.errno)) return undefined;
    throw error;
  }
}

/** Undefined: nothing at all. */
function outcomeOf(
  entry: Entry,
  into: Dir | undefined,
  { overwrite, deletes }: { readonly overwrite: Overwrite; readonly deletes: boolean },
): typeof OUTCOMES[Verdict] | undefined {
  if (entry.kind === "file" && entry.content === undefined) return undefined;
  if (entry.path === TOP) return into === undefined ? "create" : undefined;
  const there = into?.stat(nameOf(entry.path));
  if (entry.kind === "dir" && there?.kind === "dir") return undefined;
  if (there?.kind === "dir" && deletes && overwrite !== "refuse") return "replace";
  return OUTCOMES[
    decideOverwrite(overwrite, there, entry, (found) => into !== undefined && seemsSame(entry, found, into))
  ];
}

function seemsSame(entry: Entry, there: Stat, into: Dir): boolean {
  if (entry.kind === "dir") return false;
  if (entry.kind !== "file") return isSameObject(entry, there, into);
  return there.kind === "file" && there.size === entry.size && there.mtime === entry.mtime;
}
