/** Terms of restoring that the target, the engines and the operations share. */
import type { NsText } from "./entry.ts";

/** Numeric owner and group on this machine. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Attributes to set on a restored object. */
export interface WantedAttributes {
  /** Absent: the owner is not changed. */
  readonly owner: Owner | undefined;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly mtime: NsText;
  /** Names to values in base64. */
  readonly xattrs: Readonly<Record<string, string>> | undefined;
}

/** An attribute that could not be restored, and why: "the owner (EPERM)". */
export type MetadataLoss = string;

/**
 * What may happen to existing objects. "if-changed" keeps what seems to be the same, "if-newer" also what is newer than
 * the snapshot's. "refuse" makes every existing object a problem, "refuse-newer" only one that is newer and not the
 * same. "continue" is "refuse-newer" after an interrupted restore: what that had not finished is replaced.
 */
export type Overwrite = "always" | "if-changed" | "if-newer" | "never" | "refuse" | "refuse-newer" | "continue";

/**
 * The decision on one path. "make": nothing exists there. "same": already correct. "keep": it stays, whatever it is.
 * "newer", "taken": it stays, and that is a problem.
 */
export type Verdict = "make" | "replace" | "same" | "keep" | "newer" | "taken";

/**
 * The outcome for an object. "same": already correct. "kept": unchanged because of the overwrite rule. "refused": the
 * system doesn't allow it to be made. "failed": see the problem that was reported.
 */
export type WriteOutcome = "written" | "same" | "kept" | "refused" | "failed";
