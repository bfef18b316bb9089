/** What a file of a command has: a function that adds it to the program. */
import type { Command } from "commander";
import type { Session } from "../session.ts";

/** What a command does. @returns its exit status, if it is not for {@link Session}'s monitor to say */
export type Work = (session: Session) => Promise<number | void>;
/** Adds a command. `act` runs its work with the options of `command`. */
export type Define = (program: Command, act: (command: Command, work: Work) => Promise<void>) => void;
