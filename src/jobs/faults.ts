/** Failures of jobs, besides those of the work itself. */
import { Fault } from "../core/fault.ts";
import { type Raw, textOf } from "../core/raw.ts";

const quoted = (path: Raw) => JSON.stringify(textOf(path));

/** The file is not a valid job. */
export class BadJob extends Fault {
  readonly code = "bad-job";
  readonly hint = "Correct it, try it with `backup-tool job check`, and put it in again";
  /** @param kept where the file is now, if it was too long for the history */
  constructor(reasons: readonly string[], kept: string | undefined) {
    super(
      `Cannot read the job: ${reasons.join("; ")}${kept === undefined ? "" : `; it is now ${JSON.stringify(kept)}`}`,
    );
  }
}

/** Somebody cancelled a run that had begun. */
export class Cancelled extends Fault {
  readonly code = "cancelled";
  readonly hint = "Put the job in again to have it done; `backup-tool job retry` does that";
  constructor() {
    super("Cancelled before the work was done");
  }
}

/** The directory may hold JSON files that are not jobs, and must not be removed. */
export class BadJobDirectory extends Fault {
  readonly code = "bad-job-directory";
  readonly hint: string;
  constructor(
    path: Raw,
    why: string,
    hint = "Name the directory that jobs are put into; one that isn't there is made",
  ) {
    super(`Cannot take jobs from ${quoted(path)}: ${why}`);
    this.hint = hint;
  }
}

export class ServiceRunning extends Fault {
  readonly code = "service-running";
  readonly hint = "Stop the other service first; there is one for each job directory and each storage";
  constructor(path: Raw) {
    super(`Cannot serve ${quoted(path)}: another service does`);
  }
}

export class SplitTemp extends Fault {
  readonly code = "split-temp";
  readonly hint = "Give a `--tmp` on the file system of the storage, or none";
  constructor(temp: { path: Raw; device: string }, storage: { path: Raw; device: string }) {
    super(
      `The temporary directory ${quoted(temp.path)} is on device ${temp.device}, but the storage ` +
        `${quoted(storage.path)} is on device ${storage.device}`,
    );
  }
}

/** A source that must not be removed after an import. */
export class BadImport extends Fault {
  readonly code = "bad-import";
  readonly hint = "Name a directory or file that may be removed when it has been imported";
  constructor(source: Raw, why: string) {
    super(`Cannot import ${quoted(source)}: ${why}`);
  }
}

/** The import failed before anything was published or removed. */
export class ImportIncomplete extends Fault {
  readonly code = "import-incomplete";
  readonly hint = "The source is untouched: remove the cause of the problems, and put the job in again";
  constructor(source: string, why: string) {
    super(`Cannot import ${JSON.stringify(source)}: ${why}`);
  }
}

export class SourceLeft extends Fault {
  readonly code = "source-left";
  readonly hint = "It is not in the archive: look at it, and import it with another job";
  constructor(path: Raw, why: string) {
    super(`${quoted(path)} stays in the source: ${why}`);
  }
}

/** The job is valid, but what it refers to can't be used at the moment. */
export class PlaceWaits extends Fault {
  readonly code = "place-waits";
  readonly hint: string;
  constructor({ message, hint }: Fault) {
    super(message);
    this.hint = hint;
  }
}

/** A long job was suspended in favour of others. */
export class GaveWay extends Fault {
  readonly code = "gave-way";
  readonly hint = "It goes on when they are done";
  constructor(job: string) {
    super(`${JSON.stringify(job)} lets other jobs have their turn`);
  }
}

export class DamageFound extends Fault {
  readonly code = "damage-found";
  readonly hint = "Run `backup-tool check`: it says what can be done";
  constructor(where: string, what: string, paths: readonly string[]) {
    super(`${where}: ${what}${paths.length === 0 ? "" : `; affects ${paths.join(", ")}`}`);
  }
}

/** A possible problem; nothing has failed so far. */
export class Concern extends Fault {
  readonly code = "concern";
  readonly hint = "`backup-tool doctor` shows the rest";
  /** @param what the possible problem: a sentence without its final period */
  constructor(what: string) {
    super(what);
  }
}
