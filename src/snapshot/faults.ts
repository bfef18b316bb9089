import type { Entry } from "../core/entry.ts";
import { Fault } from "../core/fault.ts";
import { textOf } from "../core/raw.ts";

export class DamagedContent extends Fault {
  readonly code = "damaged-content";
  readonly hint = "Run `backup-tool repair`; a backup of the same file stores the content again too";
  /** Description of the damage. */
  readonly what: string;
  constructor(id: string, what: string) {
    super(`Content ${id} is damaged: ${what}`);
    this.what = what;
  }
}

/** The snapshot lists the file, but the backup could not read it. */
export class NotBackedUp extends Fault {
  readonly code = "not-backed-up";
  readonly hint = "Look for it in another snapshot";
  constructor({ path, problems = [] }: Entry) {
    const why = problems.length > 0 ? ` (${problems.join("; ")})` : "";
    super(`Cannot restore ${JSON.stringify(textOf(path))}: the backup could not read it${why}`);
  }
}

export class NoSnapshot extends Fault {
  readonly code = "no-snapshot";
  readonly hint: string;
  constructor(name: string, why = "", hint = "List the snapshots with `backup-tool snapshots`") {
    super(`Cannot find a snapshot ${JSON.stringify(name)}${why && `: ${why}`}`);
    this.hint = hint;
  }
}

export class AmbiguousSnapshot extends Fault {
  readonly code = "ambiguous-snapshot";
  readonly hint = "Give more digits of the id, or the name of the tree";
  /**
   * @param shown the first matches, for a person to choose from
   * @param count number of all matches
   */
  constructor(name: string, shown: readonly string[], count: number) {
    const more = count > shown.length ? ` and ${count - shown.length} more` : "";
    super(`${JSON.stringify(name)} matches ${count} snapshots: ${shown.join(", ")}${more}`);
  }
}

/** A file that was declared static has changed. */
export class StaticChanged extends Fault {
  readonly code = "static-changed";
  readonly hint = "Compare it with the last snapshot; if the change is meant, back up once without --static";
  /**
   * @param path as text
   * @param what has happened to it: a part of a sentence
   */
  constructor(path: string, what: string) {
    super(`${JSON.stringify(path)} is marked static, but ${what}; the previous version is kept`);
  }
}

/** A snapshot can't be copied, because its ids are of another algorithm. */
export class OtherAlgorithm extends Fault {
  readonly code = "other-algorithm";
  readonly hint = "Copy it into a storage of the same algorithm; vaults hold sha256 alone";
  /** @param target algorithm of the repository that it should be copied into */
  constructor(algorithm: string, target: string) {
    super(`Cannot copy the snapshot: its ids are of ${algorithm}, those of the target of ${target}`);
  }
}

/** Number of snapshots that a message lists. */
const SHOWN = 5;

/** The needs of some snapshots are unknown, so nothing may be removed. */
export class UnknownReferences extends Fault {
  readonly code = "unknown-references";
  readonly hint =
    "Run `backup-tool check`; what can't be repaired has to be forgotten, or in a vault given up with `repair --discard NAME`";
  /** @param unreadable ids of snapshots, each with a description of the damage */
  constructor(unreadable: ReadonlyMap<string, string>) {
    const shown = [...unreadable].slice(0, SHOWN).map(([id, why]) => `${id} (${why})`);
    const more = unreadable.size > SHOWN ? ` and ${unreadable.size - SHOWN} more` : "";
    super(`Cannot prune: these snapshots are unreadable: ${shown.join(", ")}${more}`);
  }
}
