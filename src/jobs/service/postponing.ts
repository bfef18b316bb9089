/** Failures that postpone a job. */
import { Fault, Interrupted } from "../../core/fault.ts";

/** Nothing is wrong with the job: its storage can't be used at the moment. It stays, and its turn comes again. */
const POSTPONING: ReadonlySet<string> = new Set([
  "locked",
  "vault-in-use",
  "source-locked",
  "no-storage",
  "split-storage",
  "damaged-settings",
  "newer-format",
]);

/** The same of one that a job names: others needn't wait for it. */
const POSTPONING_ONE: ReadonlySet<string> = new Set([
  "vault-in-use",
  "vault-busy",
  "place-unavailable",
  "place-waits",
  "gave-way",
]);

/** True if a job that failed with this error is to be retried unchanged. */
export function isPostponing(error: unknown): error is Fault {
  return error instanceof Fault && (concernsAll(error.code) || POSTPONING_ONE.has(error.code));
}

/** True if the fault is that of the storage that the job works on. */
export function isOfPlace({ code }: Fault): boolean {
  return POSTPONING.has(code) && code !== "source-locked";
}

/** True if a fault with that code would affect all other jobs as well. */
export function concernsAll(code: string): boolean {
  return code === new Interrupted().code || POSTPONING.has(code);
}
