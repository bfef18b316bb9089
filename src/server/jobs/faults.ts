/** Faults of jobs that are requested on the page. */
import { Fault } from "../../core/fault.ts";

/** Most jobs from the page that may wait. */
export const MOST_WAITING = 20;

export class NoSuchJob extends Fault {
  readonly code = "no-job";
  readonly hint = "Load the page again: it may have ended";
  constructor(file: string) {
    super(`There is no job ${JSON.stringify(file)}`);
  }
}

export class JobWaits extends Fault {
  readonly code = "job-waits";
  readonly hint = "Wait until its turn has come";
  constructor(file: string) {
    super(`A run of ${JSON.stringify(file)} waits already`);
  }
}

export class TooManyJobs extends Fault {
  readonly code = "too-many-jobs";
  readonly hint = "Wait until some of them are done";
  constructor() {
    super(`There are ${MOST_WAITING} jobs that were put in by the page already`);
  }
}

/** Someone else has changed the job in the meantime. */
export class ChangedMeanwhile extends Fault {
  readonly code = "changed-meanwhile";
  readonly hint = "Look at it again, and change it then";
  constructor(file: string) {
    super(`The recurring job ${JSON.stringify(file)} is not what it was when you looked at it`);
  }
}

/** The server was started without directories that its jobs may back up. */
export class NothingToBackUp extends Fault {
  readonly code = "nothing-to-back-up";
  readonly hint = "Start `serve` with `--sources-below DIR` to have directories below that backed up";
  constructor() {
    super("This server makes no jobs that back up: nothing says what they may read");
  }
}
