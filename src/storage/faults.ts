/** What can be wrong with a storage. */
import { Fault, Interrupted } from "../core/fault.ts";
import { type Raw, textOf } from "../core/raw.ts";

const quoted = (path: Raw): string => JSON.stringify(textOf(path));

export class NoStorage extends Fault {
  readonly code = "no-storage";
  readonly hint = "Check the path and that its disk is mounted, or make a storage there with `backup-tool init`";
  constructor(path: Raw, why: string) {
    super(`Cannot find a storage in ${quoted(path)}: ${why}`);
  }
}

export class StorageExists extends Fault {
  readonly code = "storage-exists";
  readonly hint = "Use it as it is, or choose an empty directory for a new one";
  constructor(path: Raw, what: string) {
    super(`Cannot make a storage in ${quoted(path)}: ${what}`);
  }
}

export class Locked extends Fault {
  readonly code = "locked";
  readonly hint = "Wait until the other run has ended, then try again; reading needs no lock";
  constructor(path: Raw, holder: string) {
    super(`Cannot write to the storage ${quoted(path)}: another run is writing to it${holder && ` (${holder})`}`);
  }
}

export class DamagedContent extends Fault {
  readonly code = "damaged-content";
  readonly hint = "Run `backup-tool repair`; a backup of the same file stores the content again too";
  constructor(id: string, what: string) {
    super(`Content ${id} is damaged: ${what}`);
  }
}

export class TooManyCollisions extends Fault {
  readonly code = "too-many-collisions";
  readonly hint = "Make a storage with a stronger checksum, such as sha256";
  constructor(digest: string) {
    super(`Cannot store one more content with the checksum ${digest}: all 241 names are taken`);
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
  /** @param shown the first of them, for a person to choose from @param count of all */
  constructor(name: string, shown: readonly string[], count: number) {
    const more = count > shown.length ? ` and ${count - shown.length} more` : "";
    super(`${JSON.stringify(name)} fits ${count} snapshots: ${shown.join(", ")}${more}`);
  }
}

/** Temp and data must be on one file system, or nothing could be renamed into place. */
export class SplitStorage extends Fault {
  readonly code = "split-storage";
  readonly hint = "Keep all directories of a storage on one file system";
  constructor(path: Raw, first: string, other: string, device: string) {
    super(`The storage ${quoted(path)} is on device ${first}, but its ${other} is on device ${device}`);
  }
}

/** A file that was named as one that never changes. */
export class StaticChanged extends Fault {
  readonly code = "static-changed";
  readonly hint = "Compare it with the last snapshot; if the change is meant, back up once without --static";
  /** @param path text @param what has happened to it: a part of a sentence */
  constructor(path: string, what: string) {
    super(`${JSON.stringify(path)} was never to change, but ${what}; the old content is kept`);
  }
}

/** A failure that happened in a worker, or that is retold for another reader. */
export class RetoldFault extends Fault {
  readonly code: string;
  readonly hint: string;
  constructor(told: Told) {
    super(told.message);
    this.code = told.code;
    this.hint = told.hint;
  }
}

/** A fault as plain data, to pass between threads. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** @param error a Fault; anything else is a bug and is told as one */
export function tell(error: unknown): Told {
  if (error instanceof Fault) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "bug", message: error instanceof Error ? error.stack ?? error.message : String(error), hint: "" };
}

export function untell(told: Told): Error {
  if (told.code === new Interrupted().code) return new Interrupted();
  return told.code === "bug" ? new Error(told.message) : new RetoldFault(told);
}
