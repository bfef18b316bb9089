/** Putting an object that is no regular file, or one more name of a file, into a directory where something may be already. */
import { nameOf } from "../core/apath.ts";
import type { Entry } from "../core/entry.ts";
import type { Monitor } from "../core/monitor.ts";
import { type Raw, textOf } from "../core/raw.ts";
import type { Overwrite, WriteOutcome } from "../core/restore_terms.ts";
import type { Stat } from "../core/stat.ts";
import type { Dir } from "../platform/disk.ts";
import { assertMayRestore, decideOverwrite } from "./overwrite.ts";
import { assertReplaceable, putInPlace } from "./replacing.ts";

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

  /**
   * Makes an object, in the place of what is there if that may be replaced, and counts it. What is there stays until the
   * new object is made.
   * @param isSame true if what is there need not be replaced
   * @param make makes the object under a name; false if that is refused
   * @param renew puts right what is the same but for its attributes; false if another has to take its place
   * @throws TargetTaken, TargetNewer, TargetProtected
   */
  write(entry: Entry, into: Dir, how: {
    readonly isSame: (there: Stat) => boolean;
    readonly make: (name: Raw) => boolean;
    readonly renew?: (there: Stat) => boolean;
  }): Exclude<WriteOutcome, "failed"> {
    const name = nameOf(entry.path), there = into.stat(name);
    const verdict = decideOverwrite(this.#overwrite, there, entry, how.isSame);
    assertMayRestore(verdict, textOf(entry.path));
    if (verdict === "keep") return this.#counted("kept", entry);
    if (verdict === "same" && there !== undefined && (how.renew?.(there) ?? true)) return this.#counted("same", entry);
    return this.#make(into, name, there, how.make) ? this.#counted("written", entry) : "refused";
  }

  #make(into: Dir, name: Raw, there: Stat | undefined, make: (name: Raw) => boolean): boolean {
    if (there === undefined) return make(name);
    assertReplaceable(into, name, { there, directory: into.statSelf() });
    return putInPlace(into, name, { key: this.#key, make });
  }

  #counted<T extends WriteOutcome>(outcome: T, { path }: Entry): T {
    const isMade = outcome === "written";
    this.#monitor.count(isMade ? "restoredFiles" : "keptFiles");
    this.#monitor.status?.(isMade ? "restored" : "kept", textOf(path));
    return outcome;
  }
}

/** True if a symlink, pipe, socket or device in a directory is the one of the snapshot, but for its attributes. */
export function isSameObject(entry: Entry, there: Stat, into: Dir): boolean {
  if (there.kind !== entry.kind) return false;
  if (entry.kind === "symlink") return into.readlink(nameOf(entry.path)) === entry.target;
  return there.major === (entry.device?.major ?? 0) && there.minor === (entry.device?.minor ?? 0);
}
