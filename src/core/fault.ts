/** Foreseen failures. Each has a stable code, says what failed on what and why, and what to do next. Bugs are plain Errors. */
export abstract class Fault extends Error {
  /** Kebab-case, stable, listed in `help errors`. */
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

/** The command line asks for something that makes no sense; nothing was done. */
export class BadUsage extends Fault {
  readonly code = "bad-usage";
  readonly hint: string;
  constructor(message: string, hint = "See `backup-tool help`") {
    super(message);
    this.hint = hint;
  }
}

/** The person, or the system, asked the program to stop. */
export class Interrupted extends Fault {
  readonly code = "interrupted";
  readonly hint = "Run the same command again to continue";
  constructor() {
    super("Stopped before the work was done");
  }
}

/**
 * The result of `action`; `otherwise` if it fails with a Fault. For callers that can do without, because the fault is
 * reported elsewhere.
 */
export function unlessFault<T, U>(action: () => T, otherwise: U): T | U {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return otherwise;
  }
}
