/** Putting something in the place of what is there, in one step, and leaving nothing behind if that fails. */
import { hashBytes } from "../core/digest.ts";
import { bytesOf, joinRaw, type Raw, raw, rawOf, sliceRaw, textOf } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import { type Dir, DiskFault, FLAGS } from "../platform/disk.ts";
import { atOnce, type Steps } from "../core/steps.ts";
import { TargetProtected } from "./overwrite.ts";

/** Suffix of an object that is being made beside the one it will replace. */
const PARTIAL = ".backup-tool-partial";
/** Longer names are cut and hashed: file systems limit names, some to 143 bytes. */
const LONGEST_KEPT_NAME = 100;
const KEPT_OF_LONG_NAME = 60;
const HASH_DIGITS = 16;
const KEY_DIGITS = 12;

/**
 * Name of what is made beside `name` to replace it: one for every name of a directory.
 * @param key id of the snapshot. No file of the snapshot can have it in its name, and nobody else's has.
 */
export function partialName(name: Raw, key: string): Raw {
  const suffix = rawOf(`.${key.slice(0, KEY_DIGITS)}${PARTIAL}`);
  if (name.length <= LONGEST_KEPT_NAME) return raw`${name}${suffix}`;
  const hash = rawOf(hashBytes("sha256", bytesOf(name)).slice(0, HASH_DIGITS));
  return raw`${sliceRaw(name, 0, KEPT_OF_LONG_NAME)}-${hash}${suffix}`;
}

/**
 * Has an object made beside `name`, and renames it.
 * @param make makes it under a name, or says false if that is refused; what it has made when it throws is removed
 * @returns false if it was refused @throws DiskFault that names what is in the way
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

/** The same for what takes long to make. */
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

/** Whoever reads it knows the file, not what it was to be replaced by. */
function aboutPlace(error: unknown, into: Dir, { name, partial }: { name: Raw; partial: Raw }): unknown {
  if (!(error instanceof DiskFault) || error.path !== joinRaw(into.path, partial)) return error;
  return new DiskFault(
    error.errno,
    error.operation === "rename" ? "replace" : error.operation,
    joinRaw(into.path, name),
  );
}

/** After a failure that is reported anyway. */
export function removeQuietly(directory: Dir, name: Raw): void {
  try {
    directory.unlink(name);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
  }
}

/** @param there what is to be replaced; undefined: nothing @param directory what holds it @throws TargetProtected */
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

/** True for a directory in which nothing can be replaced or removed, but new things can be made. */
export function isAppendOnly({ flags }: Pick<Stat, "flags">): boolean {
  return (flags & FLAGS["append-only"]) !== 0;
}
