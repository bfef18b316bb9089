/** The form of a command's file: a function that adds it to the program. */
import type { Command } from "commander";
import type { Session } from "../session/session.ts";

/** The work of a command. @returns its exit status, unless {@link Session}'s monitor determines it */
export type Work = (session: Session) => Promise<number | void>;

export interface Needs {
  /** Default: true. With false, the command runs even with a broken configuration. */
  readonly config?: boolean;
  /** Default: false. With true, the command fails at once if its output would be lost. */
  readonly output?: boolean;
  /** Default: false. With true, the configuration's hooks run before and after, except in a dry run. */
  readonly hooks?: boolean;
}

/** Runs a command's work, with its options completed from variables and the configuration. */
export type RunCommand = (command: Command, work: Work, needs?: Needs) => Promise<void>;

/** Adds a command. */
export type Define = (program: Command, act: RunCommand) => void;
