/** Work that a backup gives to an engine: files to store, files to link, and their results. */
import type { Apath } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { NsText } from "../core/entry.ts";
import type { FaultData } from "../core/fault_data.ts";
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";

/** How a file got into a tree; "taken": not at all, because something has its name there. */
export type Shown = "linked" | "copied" | "taken";

/** Regular files of one source directory. Plain data: it travels between threads. */
export interface StoreBatch {
  /** Where `relative` starts: a source root. */
  readonly rootPath: Raw;
  /** The directory below `rootPath`, "" for itself. */
  readonly relative: Raw;
  /** The same directory in the snapshot. */
  readonly apath: Apath;
  /** Directory of the tree being built, relative to the repository; undefined: there is no tree. */
  readonly tree: Raw | undefined;
  readonly files: readonly StoreTask[];
}

export interface StoreTask {
  readonly name: Raw;
  /** Its name in the snapshot, and in the tree. */
  readonly treeName: Raw;
  readonly size: number;
  readonly mtime: NsText;
  readonly ctime: NsText | undefined;
  readonly inode: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sparse: boolean;
  /** What held it in the previous snapshot. */
  readonly content: ContentId | undefined;
  /** The file should never change: if what it holds isn't `content`, that is kept, and nothing is stored. */
  readonly guarded: boolean;
}

/** Unchanged files that only have to appear in a tree: nothing of them is read. Two strings, because they travel fast. */
export interface LinkBatch {
  /** Directory of the tree being built, relative to the repository. */
  readonly tree: Raw;
  /** The same directory in the previous tree; undefined if there is none. */
  readonly before: Raw | undefined;
  /** Names in the tree, with "/" between them. */
  readonly names: string;
  /** Their content ids, with " " between them. */
  readonly contents: string;
}

export interface LinkResult {
  readonly linked: number;
  readonly copied: number;
  /** Names that something else has: a file system may take two names for one. */
  readonly taken: number;
  /** Numbers of the files whose content is not there any more. */
  readonly missing: readonly number[];
}

/** Files of several directories. */
export interface IngestBatch {
  /** Files that have to appear in the tree. */
  readonly links: readonly LinkBatch[];
  /** Files that have to be read. */
  readonly stores: readonly StoreBatch[];
}

/** The result of each, in the order of the batch. */
export interface IngestResult {
  readonly links: readonly LinkResult[];
  readonly stores: readonly (readonly StoreResult[])[];
}

/** The result of one file. */
export interface StoreResult {
  /** Undefined if the file could not be read; then there is a problem. */
  readonly content: ContentId | undefined;
  /** "new": stored; "known": read, and found to be there; "kept": not what it should be, so the old content stays. */
  readonly how: "new" | "known" | "kept" | "failed";
  readonly bytes: number;
  /** What the file looked like when it was read, with the size of what was read, if that is not what the walk saw. */
  readonly seen: Stat | undefined;
  readonly xattrs: Readonly<Record<string, string>> | undefined;
  readonly link: Shown | "none";
  readonly problem: FaultData | undefined;
}
