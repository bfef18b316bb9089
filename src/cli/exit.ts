/** What the exit status says. Nothing else in the program decides one. */
import { Fault } from "../core/fault.ts";

export const EXIT = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  /** The work was done, but some items failed; for `check`: damage was found. */
  someFailed: 3,
  noStorage: 10,
  locked: 11,
  /** Reserved for vaults. */
  wrongPassphrase: 12,
  interrupted: 130,
  /** Whoever read the output went away: 128 + SIGPIPE, as a shell reports it of other programs. */
  pipeClosed: 141,
} as const;

const BY_CODE: Readonly<Record<string, number>> = {
  "bad-usage": EXIT.wrongUsage,
  "bad-config": EXIT.wrongUsage,
  "bad-pattern": EXIT.wrongUsage,
  "bad-hex-split": EXIT.wrongUsage,
  "no-storage": EXIT.noStorage,
  "locked": EXIT.locked,
  "interrupted": EXIT.interrupted,
  "pipe-closed": EXIT.pipeClosed,
};

/** Of a run that ended with an error. */
export function exitFor(error: unknown): number {
  return error instanceof Fault ? BY_CODE[error.code] ?? EXIT.failed : EXIT.failed;
}
