/** Words of restoring that the target, the engines and the operations share. */

/** Numbers of this machine. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Something that an object had and could not be given, and why: "the owner (EPERM)". */
export type MetadataLoss = string;

/**
 * What may happen to what is there. "if-changed" leaves what seems to be the same, "if-newer" also what is newer than the
 * snapshot's. "refuse" makes everything that is there a problem, "refuse-newer" only what is newer and not the same.
 * "continue" is "refuse-newer" where a restore was cut off: what it had not finished is replaced.
 */
export type Overwrite = "always" | "if-changed" | "if-newer" | "never" | "refuse" | "refuse-newer" | "continue";
