/** Words of restoring that the target, the engines and the operations share. */
import type { NsText } from "./entry.ts";

/** Numbers of this machine. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What a restored object gets. */
export interface WantedAttributes {
  /** Absent: it stays whoever's it is. */
  readonly owner: Owner | undefined;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly mtime: NsText;
  /** Names to values in base64. */
  readonly xattrs: Readonly<Record<string, string>> | undefined;
}

/** Something that an object had and could not be given, and why: "the owner (EPERM)". */
export type MetadataLoss = string;

/**
 * What may happen to what is there. "if-changed" leaves what seems to be the same, "if-newer" also what is newer than
 * the snapshot's. "refuse" makes everything that is there a problem, "refuse-newer" only what is newer and not the
 * same. "continue" is "refuse-newer" where a restore was interrupted: what it had not finished is replaced.
 */
export type Overwrite = "always" | "if-changed" | "if-newer" | "never" | "refuse" | "refuse-newer" | "continue";

/**
 * What may be done to what is there. "make": nothing is. "same": it is right already. "keep": it stays, whatever it is.
 * "newer", "taken": it stays, and that is a problem.
 */
export type Verdict = "make" | "replace" | "same" | "keep" | "newer" | "taken";

/**
 * The outcome for an object. "same": already correct. "kept": left alone because of the overwrite rule. "refused": the
 * system doesn't let it be made. "failed": see the problem that was reported.
 */
export type WriteOutcome = "written" | "same" | "kept" | "refused" | "failed";
