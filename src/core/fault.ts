/**
 * A foreseen failure. It has a stable code, and says what failed, on what, why, and what to do next. Bugs are plain
 * Errors.
 */
export abstract class Fault extends Error {
  /** In kebab case; stable; listed in `help errors`. */
  abstract readonly code: string;
  /** What the reader can do now: one sentence without a final period. */
  abstract readonly hint: string;
  override get name(): string {
    return this.code;
  }
}

export class BadPath extends Fault {
  readonly code = "bad-path";
  readonly hint = "Give an absolute path inside the snapshot, such as `/photos/2026`";
  constructor(text: string) {
    super(`Cannot use ${JSON.stringify(text)} as a path inside a snapshot`);
  }
}

export class BadId extends Fault {
  readonly code = "bad-id";
  readonly hint = "Copy the id from `backup-tool snapshots`";
  constructor(what: string, text: string) {
    super(`Cannot read ${what} ${JSON.stringify(text)}`);
  }
}

/** The command line makes no sense; nothing was done. */
export class BadUsage extends Fault {
  readonly code = "bad-usage";
  readonly hint: string;
  constructor(message: string, hint = "See `backup-tool help`") {
    super(message);
    this.hint = hint;
  }
}

/** A person or the system asked the program to stop. */
export class Interrupted extends Fault {
  readonly code = "interrupted";
  readonly hint = "Run the same command again to continue";
  constructor() {
    super("Stopped before the work was done");
  }
}

/**
 * Returns the result of `action`, or `otherwise` if it fails with a Fault. For callers that can do without the result
 * because the fault is reported elsewhere.
 */
export function unlessFault<T, U>(action: () => T, otherwise: U): T | U {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return otherwise;
  }
}
