/**
 * Directories that belong to this program: those of a repository, and those of its own state. All operations that read,
 * write or remove what users name check them: backing up a storage into itself would never end, and importing or
 * restoring into one would destroy it. A repository on another machine has no place here except the state.
 */
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import type { Dir } from "./disk.ts";

/** Directories that a walk excludes, with a notice, whatever path leads to them. */
export interface OwnDirectories {
  /**
   * Why a directory is excluded; undefined if it isn't. Called for every directory, so it normally makes no system
   * call.
   * @param path absolute @param stat of the directory
   */
  whyNotFound(path: Raw, name: Raw, stat: Stat): string | undefined;
  /**
   * Why a directory that can be recognised only by its names is excluded; undefined if it isn't.
   * @param names in byte order
   */
  whyNotListed(directory: Dir, names: readonly Raw[]): string | undefined;
}

/** The kind of an own place. */
export interface OwnPlace {
  /** The reason for excluding it, in words that complete a sentence. */
  readonly why: string;
  readonly kind: "storage" | "archive" | "state";
  /** Path inside the storage; "" is the storage itself; undefined if unknown. */
  readonly inside?: Raw;
}

/** A directory that is read instead of another, whose state it preserves. Both paths are absolute, without symlinks. */
export interface StillCopy {
  readonly origin: Raw;
  readonly path: Raw;
}

export interface OwnPlaces extends OwnDirectories {
  /** Excludes own directories from these copies as well. */
  addCopies(copies: readonly StillCopy[]): void;
  /** True for a directory of the repository that a walk finds in `parent` under `name`. */
  isOfStorage(parent: Dir, name: Raw, stat: Stat): boolean;
  /**
   * The own place that a directory is, or lies in; undefined if there is none.
   * @param path absolute, without symlinks; the directory exists
   */
  around(path: Raw): OwnPlace | undefined;
  /** The first own place that a directory contains or is. @param path as for {@link around} */
  heldBy(path: Raw): { readonly path: Raw; readonly place: OwnPlace } | undefined;
  /** True if `name` is one of the directories inside a storage. */
  isPart(name: Raw): boolean;
}
