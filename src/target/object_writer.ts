/** Restores an object that is no regular file, or a hard link, into a directory where something may exist already. */
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

  /** @param key for names of partial objects: the id of the snapshot */
  constructor(overwrite: Overwrite, monitor: Monitor, key: string) {
    this.#overwrite = overwrite;
    this.#monitor = monitor;
    this.#key = key;
  }

  /**
   * Makes an object, replacing an existing one if that is allowed, and counts it. The existing one stays until the new
   * one is complete.
   * @param isSame true if the existing object need not be replaced
   * @param make makes the object under a name; false if that is refused
   * @param renew corrects the attributes of an existing object that is the same otherwise; false if it has to be
   * replaced
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

/**
 * True if the symlink, pipe, socket or device in a directory equals the one of the snapshot, except for its attributes.
 */
export function isSameObject(entry: Entry, there: Stat, into: Dir): boolean {
  if (there.kind !== entry.kind) return false;
  if (entry.kind === "symlink") return into.readlink(nameOf(entry.path)) === entry.target;
  return there.major === (entry.device?.major ?? 0) && there.minor === (entry.device?.minor ?? 0);
}
