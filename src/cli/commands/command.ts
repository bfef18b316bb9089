/** What a file of a command has: a function that adds it to the program. */
import type { Command } from "commander";
import type { Session } from "../session/session.ts";

/** What a command does. @returns its exit status, if it is not for {@link Session}'s monitor to say */
export type Work = (session: Session) => Promise<number | void>;

export interface Needs {
  /** Default: true. With false, even a broken configuration doesn't keep the command from its work. */
  readonly config?: boolean;
  /** Default: false. With true, the command fails at once if nobody can see what it prints. */
  readonly output?: boolean;
  /** Default: false. With true, the hooks of the configuration run before and after, unless it is a dry run. */
  readonly hooks?: boolean;
}

/** Runs a command's work with its options, completed by variables and the configuration. */
export type RunCommand = (command: Command, work: Work, needs?: Needs) => Promise<void>;

/** Adds a command. */
export type Define = (program: Command, act: RunCommand) => void;
