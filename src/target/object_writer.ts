/** Putting an object that is no regular file, or one more name of a file, into a directory where something may be already. */
import { nameOf } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import type { Overwrite } from "../core/restore_terms.ts";
import type { Stat } from "../core/stat.ts";
import type { Dir } from "../platform/disk.ts";
import { assertMayRestore, decideOverwrite } from "./overwrite.ts";
import { assertReplaceable, putInPlace } from "./replacing.ts";

/** "same": what was there is right; "kept": what was there stays, whatever it is; "refused": it could not be linked. */
export type WriteOutcome = "made" | "same" | "kept" | "refused";

export interface Placing {
  /** True if what is there need not be replaced. */
  isSame(there: Stat): boolean;
  /** Makes the object under a name; false if that is refused. */
  make(name: Raw): boolean;
  /** Puts right what is the same but for its attributes; false if another has to take its place. */
  renew?(there: Stat): boolean;
}

export class ObjectWriter {
  readonly #overwrite: Overwrite;
  readonly #monitor: Monitor;
  readonly #key: string;

  /** @param key of partial names: the id of the snapshot */
  constructor(overwrite: Overwrite, monitor: Monitor, key: string) {
    this.#overwrite = overwrite;
    this.#monitor = monitor;
    this.#key = key;
  }

  /** Makes an object, in the place of what is there if that may be replaced, and counts it. @throws TargetTaken, TargetNewer */
  write(entry: Entry, into: Dir, placing: Placing): WriteOutcome {
    const placed = this.#place(entry, into, placing);
    if (placed !== "refused") this.#count(placed === "made", entry);
    return placed;
  }

  #count(isMade: boolean, { path }: Entry): void {
    this.#monitor.count(isMade ? "restoredFiles" : "keptFiles");
    this.#monitor.status?.(isMade ? "restored" : "kept", textOf(path));
  }

  /** What is there stays until the new object is made. */
  #place(entry: Entry, into: Dir, placing: Placing): WriteOutcome {
    const name = nameOf(entry.path), there = into.stat(name);
    const verdict = decideOverwrite(this.#overwrite, there, entry, (found) => placing.isSame(found));
    assertMayRestore(verdict, textOf(entry.path));
    if (verdict === "make") return placing.make(name) ? "made" : "refused";
    if (verdict === "keep") return "kept";
    if (verdict === "same" && (placing.renew === undefined || placing.renew(there!))) return "same";
    assertReplaceable(into, name, { there, directory: into.statSelf() });
    return putInPlace(into, name, { key: this.#key, make: (partial) => placing.make(partial) }) ? "made" : "refused";
  }
}

/** True if a symlink, pipe, socket or device in a directory is the one of the snapshot, but for its attributes. */
export function isSameObject(entry: Entry, there: Stat, into: Dir): boolean {
  if (there.kind !== entry.kind) return false;
  if (entry.kind === "symlink") return into.readlink(nameOf(entry.path)) === entry.target;
  return there.major === (entry.device?.major ?? 0) && there.minor === (entry.device?.minor ?? 0);
}
