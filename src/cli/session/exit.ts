/** Exit statuses. All of them are determined here. */
import { Fault } from "../../core/fault.ts";

export const EXIT = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  /** The work was done, but some items failed; for `check`: damage was found. */
  someFailed: 3,
  noStorage: 10,
  locked: 11,
  /** The secret doesn't open the vault, or the vault isn't the expected one. */
  cannotUnlock: 12,
  interrupted: 130,
  /** The reader of the output has gone: 128 + SIGPIPE, as shells report it. */
  pipeClosed: 141,
} as const;

const BY_CODE: Readonly<Record<string, number>> = {
  "bad-usage": EXIT.wrongUsage,
  "bad-config": EXIT.wrongUsage,
  "bad-pattern": EXIT.wrongUsage,
  "bad-hex-split": EXIT.wrongUsage,
  "untrusted-commands": EXIT.wrongUsage,
  "plain-vault": EXIT.wrongUsage,
  "no-storage": EXIT.noStorage,
  "no-vault": EXIT.noStorage,
  "needed-missing": EXIT.someFailed,
  "unknown-references": EXIT.someFailed,
  "locked": EXIT.locked,
  "vault-in-use": EXIT.locked,
  "vault-busy": EXIT.locked,
  "source-locked": EXIT.locked,
  "service-running": EXIT.locked,
  "no-key": EXIT.cannotUnlock,
  "wrong-passphrase": EXIT.cannotUnlock,
  "bad-passphrase": EXIT.cannotUnlock,
  "exposed-secret": EXIT.cannotUnlock,
  "wrong-key": EXIT.cannotUnlock,
  "foreign-key": EXIT.cannotUnlock,
  "bad-key-file": EXIT.cannotUnlock,
  "damaged-key": EXIT.cannotUnlock,
  "not-encrypted": EXIT.cannotUnlock,
  "without-keys": EXIT.cannotUnlock,
  "vault-differs": EXIT.cannotUnlock,
  "interrupted": EXIT.interrupted,
  "pipe-closed": EXIT.pipeClosed,
};

/** Exit status of a run that ended with an error. */
export function exitFor(error: unknown): number {
  return error instanceof Fault ? exitForCode(error.code) : EXIT.failed;
}

function exitForCode(code: string): number {
  return BY_CODE[code] ?? EXIT.failed;
}

/** Outcomes, worst last. */
const JOB_OUTCOMES = ["done", "problems", "cancelled", "rejected", "failed"] as const;
const EXIT_OF_JOB = {
  done: EXIT.done,
  problems: EXIT.someFailed,
  cancelled: EXIT.failed,
  rejected: EXIT.wrongUsage,
  failed: EXIT.failed,
};

/** Exit status of a run with several jobs: the worst. @param early code of the fault that prevented the rest */
export function exitForJobs(outcomes: readonly (typeof JOB_OUTCOMES[number])[], early: string | undefined): number {
  if (early !== undefined) return exitForCode(early);
  return EXIT_OF_JOB[JOB_OUTCOMES.findLast((outcome) => outcomes.includes(outcome)) ?? "done"];
}
