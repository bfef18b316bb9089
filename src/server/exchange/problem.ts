/** Faults as replies for programs: RFC 9457, with the tool's own codes. */
import type { Reply } from "./route.ts";
import { Fault } from "../../core/fault.ts";
import { DiskFault } from "../../platform/disk.ts";

/** HTTP statuses of faults; all others are 500, but that of a full disk, which is 507. */
const STATUSES: Readonly<Record<string, number>> = {
  "bad-account": 400,
  "bad-address": 400,
  "bad-id": 400,
  "bad-job": 400,
  "bad-password": 400,
  "bad-path": 400,
  "bad-pattern": 400,
  "bad-request": 400,
  "bad-size": 400,
  "bad-time": 400,
  "bad-usage": 400,
  "no-source": 400,
  "source-in-storage": 400,
  "not-signed-in": 401,
  "not-allowed": 403,
  "no-setup": 403,
  "not-confirmed": 403,
  "outside-limits": 403,
  "other-site": 403,
  "wrong-token": 403,
  "ambiguous-snapshot": 404,
  "never-backed-up": 404,
  "no-job": 404,
  "no-snapshot": 404,
  "nothing-to-back-up": 404,
  "nowhere-to-restore": 404,
  "not-found": 404,
  "no-original-place": 400,
  "not-backed-up": 404,
  "not-in-snapshot": 404,
  "no-such-method": 405,
  "configured": 409,
  "exists": 409,
  "job-waits": 409,
  "last-admin": 409,
  "locked": 409,
  "set-up": 409,
  "target-in-storage": 400,
  "target-not-empty": 409,
  "changed-meanwhile": 412,
  "too-large": 413,
  "bad-range": 416,
  "other-host": 421,
  "too-many": 429,
  "too-many-targets": 409,
  "too-many-jobs": 429,
  "busy": 503,
  "interrupted": 503,
};

/** The request is invalid. */
export class BadRequest extends Fault {
  readonly code = "bad-request";
  readonly hint: string;
  constructor(message: string, hint = "See /openapi.json") {
    super(message);
    this.hint = hint;
  }
}

/** The text of a job is invalid. */
export class InvalidJob extends Fault {
  readonly code = "bad-job";
  readonly hint = "Correct it; see `backup-tool help jobs`";
  readonly where: string;
  /** @param where line and column of the first reason, from 1: "3:7" */
  constructor(reasons: readonly string[], where: string) {
    super(`Cannot take the job: ${reasons.join("; ")}`);
    this.where = where;
  }
}

/** The object doesn't exist, or the account may not see it. */
export class NotFound extends Fault {
  readonly code = "not-found";
  readonly hint = "Check the address";
  constructor(what = "There is nothing here") {
    super(what);
  }
}

export class NotAllowed extends Fault {
  readonly code = "not-allowed";
  readonly hint: string;
  constructor(message: string, hint = "Ask somebody whose account may do that") {
    super(message);
    this.hint = hint;
  }
}

export class NotSignedIn extends Fault {
  readonly code = "not-signed-in";
  readonly hint = "Sign in, or send a token as `Authorization: Bearer`";
  constructor() {
    super("Nobody is signed in");
  }
}

export class TooLarge extends Fault {
  readonly code = "too-large";
  readonly hint = "Send less at once";
  constructor(bytes: number) {
    super(`The body is larger than ${bytes} bytes`);
  }
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  /** Line and column of what is wrong in the text that was sent. */
  readonly where?: string;
}

/** The reply for an error. A bug is reported without details. */
export function problemOf(error: unknown): Problem {
  const isFault = error instanceof Fault, code = isFault ? error.code : "bug";
  const isFull = error instanceof DiskFault && error.isFull, status = isFull ? 507 : STATUSES[code] ?? 500;
  const detail = isFault ? error.message : "Something went wrong in the server; its log says more";
  const hint = isFault ? error.hint : "Try again; if it stays, report it";
  const where = error instanceof InvalidJob ? { where: error.where } : {};
  return { type: `about:blank#${code}`, title: code, status, code, detail, hint, ...where };
}

export function problemReply(problem: Problem, headers: Reply["headers"] = {}): Reply {
  return {
    status: problem.status,
    headers: { ...headers, "content-type": "application/problem+json" },
    body: `${JSON.stringify(problem)}\n`,
  };
}
