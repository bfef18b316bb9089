/** Steps that hold a source still, and how they are undone. */
import { Fault } from "../../core/fault.ts";
import { type CommandResult, runProgram } from "../../platform/process.ts";

/** A program with its arguments. */
export interface Step {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One change to the system. */
export interface LockStep {
  /** Description for people: "create the snapshot /data/.backup-tool-1". */
  readonly what: string;
  /** Undefined if there is nothing to do now, only later. */
  readonly run: Step | undefined;
  readonly undo: Step | undefined;
  /** Succeeds if there is something to undo; undefined: there always is, once the step was begun. */
  readonly test: Step | undefined;
  /** Succeeds if the result of `test` can be relied on; undefined: it always can. */
  readonly reach: Step | undefined;
}

export type Runner = (step: Step) => Promise<CommandResult>;

export const runStep: Runner = ({ argv, env = {} }) => runProgram(argv, documented(env));

/** Only the documented variables: a journal may be of any age and origin. */
function documented(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^BACKUP_TOOL_[A-Z]+$/.test(name)));
}

/** How a backup that had locked its source ended. */
export type Outcome = "done" | "failed" | "recovered";

export class SourceLocked extends Fault {
  readonly code = "source-locked";
  readonly hint = "Wait for the other backup; `backup-tool recover --list` shows what it did";
  constructor(source: string) {
    super(`The source ${JSON.stringify(source)} is locked by another run`);
  }
}

export class LockFailed extends Fault {
  readonly code = "lock-failed";
  readonly hint: string;
  constructor(why: string, hint = "Nothing was backed up; what was done to the source has been undone") {
    super(`Cannot lock the source: ${why}`);
    this.hint = hint;
  }
}

/** A change to a source could not be undone. */
export class NotUndone extends Fault {
  readonly code = "not-undone";
  readonly hint: string;
  /** As {@link LockStep.what}. */
  readonly act: string;
  /** @param command for undoing it by hand; undefined if none is known */
  constructor(what: string, why: string, command: string | undefined) {
    super(`Cannot undo ${JSON.stringify(what)}: ${why}`);
    this.act = what;
    const way = command === undefined ? "" : `; by hand: ${command}`;
    this.hint = `\`backup-tool recover\` tries again${way}`;
  }
}

/** Why a program failed, in one line. */
export function failureText({ reason, errors }: CommandResult): string {
  const said = errors.split("\n").at(-1) ?? "";
  return said === "" ? reason : `${reason} (${said})`;
}

/** The command as a person would type it. */
export function commandText({ argv }: Step): string {
  return argv.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}
