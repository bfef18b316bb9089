/** Sets owner, mode, time and extended attributes of a restored object, as far as this user and this disk allow. */
import type { MetadataLoss, Owner, WantedAttributes } from "../core/restore_terms.ts";
import type { Stat } from "../core/stat.ts";
import { type Attributes, DiskFault } from "../platform/disk.ts";

export const NO_LOSSES: readonly MetadataLoss[] = Object.freeze([]);

/** An object whose attributes can be read and set: an open one, or a name in an open directory. */
export interface Attributed {
  setAttributes(attributes: Attributes): void;
  /** All extended attributes, values by name. */
  xattrs(): Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** @param value undefined removes it */
  setXattr(name: string, value: Uint8Array<ArrayBuffer> | undefined): void;
}

/** Setuid and setgid bits: if the owner could not be set, they would grant another user's rights. */
const SET_ID_BITS = 0o6000;

/**
 * Sets the attributes of a new object. The order matters: changing the owner clears capabilities and setuid bits,
 * attributes can't be set on a read-only file, and a file must not have its final time before it is complete.
 * @returns what could not be set
 */
export function giveAttributes(
  object: Attributed,
  { owner, mode, mtime, xattrs }: WantedAttributes,
): readonly MetadataLoss[] {
  const losses: MetadataLoss[] = [];
  const isOwned = owner !== undefined && giveOwner(object, owner, losses);
  if (xattrs !== undefined) {
    for (const [name, value] of aclsLast(Object.entries(xattrs))) {
      attempt(`the attribute ${name}`, losses, () => object.setXattr(name, bytesOfBase64(value)));
    }
  }
  attempt("the time", losses, () => object.setAttributes({ mtime }));
  attempt("the mode", losses, () => object.setAttributes({ mode: isOwned ? mode : mode & ~SET_ID_BITS }));
  return losses.length === 0 ? NO_LOSSES : losses;
}

/** Moves ACLs to the end: they may take away the right to set other attributes. */
function aclsLast<T>(attributes: [name: string, value: T][]): [name: string, value: T][] {
  const isAcl = ([name]: [string, T]) => name.startsWith("system.");
  return attributes.some(isAcl)
    ? [...attributes.filter((one) => !isAcl(one)), ...attributes.filter(isAcl)]
    : attributes;
}

/** Kinds of extended attributes that a backup keeps: if it has none of a name, there was none. */
const KEPT_KINDS = /^(?:user\.|trusted\.|system\.posix_acl_|security\.capability$)/;

/**
 * Sets the attributes of an object that existed already. Only differences are changed, because correct attributes must
 * cause no error. Extended attributes that the snapshot doesn't have are removed.
 * @param there the present state of the object
 * @param mayChange called before the first change; false if others share the object
 * @returns what could not be set; undefined if something differs but must not be changed, and then nothing was done
 */
export function renewAttributes(
  object: Attributed,
  there: Stat,
  wanted: WantedAttributes,
  mayChange: () => boolean = () => true,
): readonly MetadataLoss[] | undefined {
  return new Renewal(object, there, wanted, mayChange).run();
}

/** Mode bits that the owner needs for reading and setting attributes. */
const ACCESSIBLE = 0o600;
const CAPABILITY = "security.capability";

class Renewal {
  readonly #object: Attributed;
  readonly #there: Stat;
  readonly #wanted: WantedAttributes;
  readonly #mayChange: () => boolean;
  readonly #losses: MetadataLoss[] = [];
  /** The present mode; undefined if unknown, because some changes affect it as well. */
  #mode: number | undefined;

  constructor(object: Attributed, there: Stat, wanted: WantedAttributes, mayChange: () => boolean) {
    this.#object = object;
    this.#there = there;
    this.#wanted = wanted;
    this.#mayChange = mayChange;
    this.#mode = there.mode;
  }

  run(): readonly MetadataLoss[] | undefined {
    const readable = this.#readable();
    if (readable !== undefined && this.#isRight(readable)) return NO_LOSSES;
    if (!this.#mayChange()) return undefined;
    const found = { ...readable ?? this.#opened() };
    const { owner, mode, mtime } = this.#wanted;
    const isOwned = owner !== undefined && (this.#hasOwner(owner) || this.#giveOwner(owner, found));
    for (const name of this.#surplus(found)) this.#setXattr(name, undefined);
    for (const [name, value] of aclsLast(this.#missing(found))) this.#setXattr(name, value);
    if (mtime !== this.#there.mtime) attempt("the time", this.#losses, () => this.#object.setAttributes({ mtime }));
    const right = isOwned ? mode : mode & ~SET_ID_BITS;
    if (right !== this.#mode) attempt("the mode", this.#losses, () => this.#object.setAttributes({ mode: right }));
    return this.#losses.length === 0 ? NO_LOSSES : this.#losses;
  }

  /** The extended attributes; undefined if this user may not read them. */
  #readable(): ReturnType<Attributed["xattrs"]> | undefined {
    try {
      return this.#object.xattrs();
    } catch (error) {
      if (error instanceof DiskFault && error.errno === "EACCES") return undefined;
      throw error;
    }
  }

  #opened(): ReturnType<Attributed["xattrs"]> {
    this.#makeAccessible();
    const found = this.#readable();
    if (found === undefined) this.#losses.push("whatever attributes it should not have (EACCES)");
    return found ?? {};
  }

  #isRight(found: ReturnType<Attributed["xattrs"]>): boolean {
    const { owner, mode, mtime } = this.#wanted;
    return mtime === this.#there.mtime && (owner === undefined || this.#hasOwner(owner)) &&
      (owner === undefined ? mode & ~SET_ID_BITS : mode) === this.#there.mode &&
      this.#surplus(found).length === 0 && this.#missing(found).length === 0;
  }

  #hasOwner({ uid, gid }: Owner): boolean {
    return uid === this.#there.uid && gid === this.#there.gid;
  }

  /** Sets the owner. The kernel removes setuid bits and capabilities when the owner changes. */
  #giveOwner(owner: Owner, found: Record<string, unknown>): boolean {
    const isGiven = giveOwner(this.#object, owner, this.#losses);
    this.#mode = undefined;
    delete found[CAPABILITY];
    return isGiven;
  }

  #surplus(found: Readonly<Record<string, unknown>>): string[] {
    return Object.keys(found).filter((name) => this.#wanted.xattrs?.[name] === undefined && KEPT_KINDS.test(name));
  }

  #missing(found: ReturnType<Attributed["xattrs"]>): [name: string, value: Uint8Array<ArrayBuffer>][] {
    const { xattrs } = this.#wanted;
    if (xattrs === undefined) return [];
    return Object.entries(xattrs).map((
      [name, value],
    ): [string, Uint8Array<ArrayBuffer>] => [name, bytesOfBase64(value)])
      .filter(([name, value]) => found[name] === undefined || !isEqual(found[name], value));
  }

  #setXattr(name: string, value: Uint8Array<ArrayBuffer> | undefined): void {
    const what = value === undefined ? `being without the attribute ${name}` : `the attribute ${name}`;
    const refused: MetadataLoss[] = [];
    const set = () => this.#object.setXattr(name, value);
    // An ACL changes the mode.
    if (name.startsWith("system.")) this.#mode = undefined;
    if (attempt(what, refused, set)) return;
    if (refused[0]?.endsWith("(EACCES)") === true && this.#makeAccessible() && attempt(what, [], set)) return;
    this.#losses.push(...refused);
  }

  /** Makes the object accessible to its owner until it gets its final mode. */
  #makeAccessible(): boolean {
    if ((this.#there.mode & ACCESSIBLE) === ACCESSIBLE) return false;
    const mode = this.#there.mode | ACCESSIBLE;
    const isDone = attempt("", [], () => this.#object.setAttributes({ mode }));
    if (isDone) this.#mode = mode;
    return isDone;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/**
 * Sets the owner, or at least the group: a user who can't change the owner may still set one of their own groups.
 * @returns true if both are set
 */
function giveOwner(object: Attributed, { uid, gid }: Owner, losses: MetadataLoss[]): boolean {
  const refused: MetadataLoss[] = [];
  if (attempt("the owner", refused, () => object.setAttributes({ uid, gid }))) return true;
  attempt("the group", refused, () => object.setAttributes({ gid }));
  losses.push(...refused);
  return false;
}

/** Runs `action`. A failure is added to `losses`. @returns whether it succeeded */
function attempt(what: string, losses: MetadataLoss[], action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    losses.push(`${what} (${error.errno})`);
    return false;
  }
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
