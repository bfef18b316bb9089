import { Fault } from "../../core/fault.ts";
import { type Raw, textOf } from "../../core/raw.ts";

const quoted = (path: Raw): string => JSON.stringify(textOf(path));

export class NoStorage extends Fault {
  readonly code = "no-storage";
  readonly hint = "Check the path and that its disk is mounted, or create a storage there with `backup-tool init`";
  constructor(path: Raw, why: string) {
    super(`Cannot find a storage in ${quoted(path)}: ${why}`);
  }
}

export class StorageExists extends Fault {
  readonly code = "storage-exists";
  readonly hint = "Use it as it is, or choose an empty directory for a new one";
  constructor(path: Raw, what: string) {
    super(`Cannot create a storage in ${quoted(path)}: ${what}`);
  }
}

export class Locked extends Fault {
  readonly code = "locked";
  readonly hint = "Wait until the other run has ended, then try again; reading needs no lock";
  constructor(path: Raw, holder: string) {
    super(`Cannot write to the storage ${quoted(path)}: another run is writing to it${holder && ` (${holder})`}`);
  }
}

/** A storage that is otherwise there: no unmounted disk. */
export class LostContent extends Fault {
  readonly code = "lost-content";
  readonly hint =
    "Create an empty directory content/ in it, then use `backup-tool repair`: trees, sources and other copies hold data";
  constructor(path: Raw) {
    super(`The storage ${quoted(path)} has lost its directory content/`);
  }
}

/** tmp/ and the data must be on one file system, or nothing could be renamed into place. */
export class SplitStorage extends Fault {
  readonly code = "split-storage";
  readonly hint = "Keep all directories of a storage on one file system";
  constructor(path: Raw, first: string, other: string, device: string) {
    super(`The storage ${quoted(path)} is on device ${first}, but its ${other} is on device ${device}`);
  }
}
