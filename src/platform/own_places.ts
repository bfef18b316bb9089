/**
 * Directories that belong to this program: where a repository keeps its files, and where it keeps its own state. Asked by
 * all that read, write or remove what people name: a storage that is backed up into itself never ends, and one that is
 * imported, or restored into, is lost. A repository on another machine has no place here but that state.
 */
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";
import type { Dir } from "./disk.ts";

/** What a walk excludes, with a notice, by whichever path it gets there. */
export interface OwnDirectories {
  /**
   * Why a directory is excluded; undefined if it isn't. Called for every directory, so it normally makes no system
   * call.
   * @param path absolute @param stat of the directory
   */
  whyNotFound(path: Raw, name: Raw, stat: Stat): string | undefined;
  /** The same by what is in it, for one that shows by nothing else what it is. @param names in byte order */
  whyNotListed(directory: Dir, names: readonly Raw[]): string | undefined;
}

/** What a place turned out to be. */
export interface OwnPlace {
  /** In words, as the end of "it is left out: ...". */
  readonly why: string;
  readonly kind: "storage" | "archive" | "state";
  /** Path in the storage; "" is the storage itself; undefined where that isn't known. */
  readonly inside?: Raw;
}

/** A directory that is read in place of another one, which it shows as it was. Both absolute, without symlinks. */
export interface StillCopy {
  readonly origin: Raw;
  readonly path: Raw;
}

export interface OwnPlaces extends OwnDirectories {
  /** Has own directories excluded from copies as well. */
  addCopies(copies: readonly StillCopy[]): void;
  /** True for a directory of the repository that is found on the way down from `parent`, where it is called `name`. */
  isOfStorage(parent: Dir, name: Raw, stat: Stat): boolean;
  /**
   * What a directory is, or lies in; undefined if it is none of our places.
   * @param path absolute, without symlinks, of a directory that is there
   */
  around(path: Raw): OwnPlace | undefined;
  /** The first of our places that a directory holds, or is; as for {@link around}. */
  heldBy(path: Raw): { readonly path: Raw; readonly place: OwnPlace } | undefined;
  /** True for the directories that a storage has, by their name in it. */
  isPart(name: Raw): boolean;
}
