/** Giving a restored object its owner, mode, time and extended attributes, as far as this user and this disk allow. */
import type { NsText } from "../core/entry.ts";
import { type Attributes, DiskFault } from "../platform/disk.ts";

/** Numbers of this machine. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What an object gets back. */
export interface Wanted {
  /** Undefined: it stays whoever's it is. */
  readonly owner: Owner | undefined;
  readonly mode: number;
  readonly mtime: NsText;
  /** Names to values in base64. */
  readonly xattrs?: Readonly<Record<string, string>> | undefined;
}

/** Something that an object had and could not be given, and why: "the owner (EPERM)". */
export type Lack = string;
export const NONE: readonly Lack[] = Object.freeze([]);

/** An open object, or a name in an open directory. */
export interface Attributed {
  setAttributes(attributes: Attributes): void;
  /** @param value undefined removes it */
  setXattr(name: string, value: Uint8Array<ArrayBuffer> | undefined): void;
}

/** One that may have been there before. */
export interface Present extends Attributed {
  xattrs(): Readonly<Record<string, unknown>>;
}

/** Setuid and setgid: they would serve somebody else if the owner could not be given. */
const SET_ID_BITS = 0o6000;

/**
 * The order matters: a change of owner clears capabilities and setuid bits, attributes can't be set on a file that is
 * read-only already, and whoever finds the right time on an unfinished file must be right to think that all is there.
 */
export function giveAttributes(object: Attributed, { owner, mode, mtime, xattrs }: Wanted): readonly Lack[] {
  const lacks: Lack[] = [];
  const isOwned = owner !== undefined && giveOwner(object, owner, lacks);
  if (xattrs !== undefined) {
    for (const [name, value] of Object.entries(xattrs)) {
      attempt(`the attribute ${name}`, lacks, () => object.setXattr(name, bytesOfBase64(value)));
    }
  }
  attempt("the time", lacks, () => object.setAttributes({ mtime }));
  attempt("the mode", lacks, () => object.setAttributes({ mode: isOwned ? mode : mode & ~SET_ID_BITS }));
  return lacks.length === 0 ? NONE : lacks;
}

/** Kinds of extended attributes that a backup keeps, so that one that it didn't keep was not there. */
const KEPT_KINDS = /^(?:user\.|trusted\.|system\.posix_acl_|security\.capability$)/;

/** The same for an object that was there already: what it had no attribute for then, it gets rid of first. */
export function renewAttributes(object: Present, wanted: Wanted): readonly Lack[] {
  const lacks: Lack[] = [];
  for (const name of Object.keys(object.xattrs())) {
    if (wanted.xattrs?.[name] !== undefined || !KEPT_KINDS.test(name)) continue;
    attempt(`being without the attribute ${name}`, lacks, () => object.setXattr(name, undefined));
  }
  const others = giveAttributes(object, wanted);
  return lacks.length === 0 ? others : [...lacks, ...others];
}

/** Who may not give a file away may still give it to a group of their own. @returns true if both are right */
function giveOwner(object: Attributed, { uid, gid }: Owner, lacks: Lack[]): boolean {
  const refused: Lack[] = [];
  if (attempt("the owner", refused, () => object.setAttributes({ uid, gid }))) return true;
  attempt("the group", refused, () => object.setAttributes({ gid }));
  lacks.push(...refused);
  return false;
}

/** @param lacks gets what could not be given */
function attempt(what: string, lacks: Lack[], action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    lacks.push(`${what} (${error.errno})`);
    return false;
  }
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
