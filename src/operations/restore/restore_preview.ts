/** What a restore would do, found out by looking at its target and without changing anything. */
import { type Apath, nameOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import type { Overwrite } from "../../core/restore_terms.ts";
import type { Stat } from "../../core/stat.ts";
import type { EntryGroup } from "./restore_entries.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { isSameObject } from "../../target/object_writer.ts";
import { decideOverwrite, type Verdict } from "../../target/overwrite.ts";

export interface PreviewOptions {
  /** Undefined: it is not there yet. */
  readonly target: Dir | undefined;
  readonly overwrite: Overwrite;
  /** Directories that stand in the place of something else are removed first. */
  readonly deletes: boolean;
}

/** What would become of an entry; "keep": what is there stays, which is right or was asked for. */
export type Outcome = "create" | "replace" | "keep" | "refuse";

const OUTCOMES: Readonly<Record<Verdict, Outcome>> = {
  make: "create",
  replace: "replace",
  same: "keep",
  keep: "keep",
  newer: "refuse",
  taken: "refuse",
};
/** Answers that mean: there is no such directory, or something else is in its place. */
const NO_DIRECTORY = ["ENOENT", "ENOTDIR", "ELOOP"];

/** Calls `tell` with the place of every entry below the target. */
export function previewGroup(
  { directory, entries }: EntryGroup,
  options: PreviewOptions,
  tell: (outcome: Outcome, place: Apath) => void,
): void {
  using into = openAt(options.target, directory.slice(1) as Raw);
  for (const entry of entries) {
    const outcome = outcomeOf(entry, into, options);
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
function outcomeOf(entry: Entry, into: Dir | undefined, { overwrite, deletes }: PreviewOptions): Outcome | undefined {
  if (entry.kind === "file" && entry.content === undefined) return undefined;
  if (entry.path === TOP) return into === undefined ? "create" : undefined;
  const there = into?.stat(nameOf(entry.path));
  if (entry.kind === "dir" && there?.kind === "dir") return undefined;
  if (there?.kind === "dir" && deletes && overwrite !== "refuse") return "replace";
  return OUTCOMES[decideOverwrite(overwrite, there, entry, (found) => seemsSame(entry, found, into!))];
}

function seemsSame(entry: Entry, there: Stat, into: Dir): boolean {
  if (entry.kind === "dir") return false;
  if (entry.kind !== "file") return isSameObject(entry, there, into);
  return there.kind === "file" && there.size === entry.size && there.mtime === entry.mtime;
}
