/** Puts an object in the place of another in one step, and leaves nothing behind if that fails. */
import { hashBytes } from "../core/digest.ts";
import { bytesOf, joinRaw, type Raw, raw, rawOf, sliceRaw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, DiskFault, FLAGS } from "../platform/disk.ts";
import { atOnce, type Steps } from "../core/steps.ts";
import { TargetProtected } from "./overwrite.ts";

/** Suffix of an object that is made beside the one that it will replace. */
const PARTIAL = ".backup-tool-partial";
/** Length in bytes from which names are cut and hashed: some file systems allow only 143. */
const LONGEST_KEPT_NAME = 100;
const KEPT_OF_LONG_NAME = 60;
const HASH_DIGITS = 16;
const KEY_DIGITS = 12;

/**
 * Name of the object that is made beside `name` to replace it; different for every name of a directory.
 * @param key id of the snapshot; no file of the snapshot, and nobody else's, can have it in its name
 */
export function partialName(name: Raw, key: string): Raw {
  const suffix = rawOf(`.${key.slice(0, KEY_DIGITS)}${PARTIAL}`);
  if (name.length <= LONGEST_KEPT_NAME) return raw`${name}${suffix}`;
  const hash = rawOf(hashBytes("sha256", bytesOf(name)).slice(0, HASH_DIGITS));
  return raw`${sliceRaw(name, 0, KEPT_OF_LONG_NAME)}-${hash}${suffix}`;
}

/**
 * Makes an object beside `name`, then renames it.
 * @param make makes it under the given name; returns false if that is refused. If it throws, what it made is removed
 * @returns false if it was refused
 * @throws DiskFault that names what is in the way
 */
export function putInPlace(into: Dir, name: Raw, { key, make }: {
  readonly key: string;
  readonly make: (partial: Raw) => boolean;
}): boolean {
  // deno-lint-ignore require-yield -- it is made in one step
  const inOneStep = function* (partial: Raw): Steps<boolean> {
    return make(partial);
  };
  return atOnce(stepsIntoPlace(into, name, { key, make: inOneStep }));
}

/** As {@link putInPlace}, for objects that take long to make. */
export function* stepsIntoPlace(into: Dir, name: Raw, { key, make }: {
  readonly key: string;
  readonly make: (partial: Raw) => Steps<boolean>;
}): Steps<boolean> {
  const partial = partialName(name, key);
  into.unlink(partial);
  try {
    if (!(yield* make(partial))) return false;
    into.rename(partial, into, name);
    return true;
  } catch (error) {
    removeQuietly(into, partial);
    throw aboutPlace(error, into, { name, partial });
  }
}

/** The fault as if it concerned the final name: that is the one users know. */
function aboutPlace(error: unknown, into: Dir, { name, partial }: { name: Raw; partial: Raw }): unknown {
  if (!(error instanceof DiskFault) || error.path !== joinRaw(into.path, partial)) return error;
  return new DiskFault(
    error.errno,
    error.operation === "rename" ? "replace" : error.operation,
    joinRaw(into.path, name),
  );
}

/** Removes an object and ignores failures, after a failure that is reported anyway. */
export function removeQuietly(directory: Dir, name: Raw): void {
  try {
    directory.unlink(name);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
  }
}

/**
 * Checks flags. @param there what will be replaced; undefined: nothing @param directory that holds it @throws
 * TargetProtected
 */
export function assertReplaceable(into: Dir, name: Raw, { there, directory }: {
  readonly there: Stat | undefined;
  readonly directory: Pick<Stat, "flags">;
}): void {
  const path = `${textOf(into.path)}/${textOf(name)}`;
  for (const [what, flags] of [["it", there?.flags ?? 0], ["its directory", directory.flags]] as const) {
    if ((flags & FLAGS.immutable) !== 0) throw new TargetProtected(path, what, "immutable");
    const isAppended = (flags & FLAGS["append-only"]) !== 0 && there !== undefined;
    if (isAppended) throw new TargetProtected(path, what, "append-only");
  }
}

/** True for a directory in which nothing can be replaced or removed, but objects can be created. */
export function isAppendOnly({ flags }: Pick<Stat, "flags">): boolean {
  return (flags & FLAGS["append-only"]) !== 0;
}
