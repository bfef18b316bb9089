/** Putting an object that is no regular file, or one more name of a file, into a directory where something may be already. */
import { nameOf } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import type { Dir, Stat } from "../platform/disk.ts";
import { partialName } from "../storage/extract.ts";
import { assertMayRestore, decideOverwrite, type Overwrite } from "../storage/overwrite.ts";

/** "same": what was there is right; "kept": what was there stays, whatever it is; "refused": it could not be linked. */
export type Placed = "made" | "same" | "kept" | "refused";

/** True if what is there need not be replaced. */
type IsSame = (there: Stat) => boolean;
/** Makes the object under a name; false if that is refused. */
type Make = (name: Raw) => boolean;

export class Placer {
  readonly #overwrite: Overwrite;
  readonly #monitor: Monitor;

  constructor(overwrite: Overwrite, monitor: Monitor) {
    this.#overwrite = overwrite;
    this.#monitor = monitor;
  }

  /** Makes an object, in the place of what is there if that may be replaced, and counts it. @throws TargetTaken, TargetNewer */
  place(entry: Entry, into: Dir, isSame: IsSame, make: Make): Placed {
    const placed = this.#place(entry, into, isSame, make);
    if (placed !== "refused") this.#count(placed === "made", entry);
    return placed;
  }

  #count(isMade: boolean, { path }: Entry): void {
    this.#monitor.count(isMade ? "restoredFiles" : "keptFiles");
    this.#monitor.fate?.(isMade ? "restored" : "kept", textOf(path));
  }

  /** What is there stays until the new object is made. */
  #place(entry: Entry, into: Dir, isSame: IsSame, make: Make): Placed {
    const name = nameOf(entry.path);
    const verdict = decideOverwrite(this.#overwrite, into.stat(name), entry, isSame);
    assertMayRestore(verdict, textOf(entry.path));
    if (verdict === "make") return make(name) ? "made" : "refused";
    if (verdict !== "replace") return verdict === "same" ? "same" : "kept";
    const partial = partialName(name);
    into.unlink(partial);
    if (!make(partial)) return "refused";
    into.rename(partial, into, name);
    return "made";
  }
}

/** True if a symlink, pipe, socket or device in a directory is the one of the snapshot. */
export function isSameObject(entry: Entry, there: Stat, into: Dir): boolean {
  if (there.kind !== entry.kind || there.mtime !== entry.mtime) return false;
  if (entry.kind === "symlink") return into.readlink(nameOf(entry.path)) === entry.target;
  return there.major === (entry.device?.major ?? 0) && there.minor === (entry.device?.minor ?? 0);
}
