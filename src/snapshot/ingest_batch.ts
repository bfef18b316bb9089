/** Work that a backup gives to an engine: files to store, files to link, and their results. */
import type { Apath } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { NsText } from "../core/entry.ts";
import type { FaultData } from "../core/fault_data.ts";
import type { Raw } from "../core/raw.ts";
import type { Stat } from "../core/stat.ts";

/** How a file got into a tree. "taken": it didn't, because something else has its name there. */
export type Shown = "linked" | "copied" | "taken";

/** Regular files of one source directory. Plain data: it travels between threads. */
export interface StoreBatch {
  /** Where `relative` starts: a source root. */
  readonly rootPath: Raw;
  /** The directory, relative to `rootPath`; "" for `rootPath` itself. */
  readonly relative: Raw;
  /** The same directory in the snapshot. */
  readonly apath: Apath;
  /** Directory of the tree being built, relative to the repository; undefined: there is no tree. */
  readonly tree: Raw | undefined;
  readonly files: readonly StoreTask[];
}

export interface StoreTask {
  readonly name: Raw;
  /** Name of the file in the snapshot and in the tree. */
  readonly treeName: Raw;
  readonly size: number;
  readonly mtime: NsText;
  readonly ctime: NsText | undefined;
  readonly inode: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sparse: boolean;
  /** The file's content in the previous snapshot. */
  readonly content: ContentId | undefined;
  /** The file should never change: if its bytes are not `content`, the old content is kept, and nothing is stored. */
  readonly guarded: boolean;
}

/**
 * Unchanged files that only have to appear in a tree; nothing of them is read. Names and ids are one string each, which
 * is quick to send to a thread.
 */
export interface LinkBatch {
  /** Directory of the tree being built, relative to the repository. */
  readonly tree: Raw;
  /** The same directory in the previous tree; undefined if there is none. */
  readonly before: Raw | undefined;
  /** Names in the tree, separated by "/". */
  readonly names: string;
  /** Content ids of these files, separated by " ". */
  readonly contents: string;
}

export interface LinkResult {
  readonly linked: number;
  readonly copied: number;
  /** Number of names that are already in use: a file system may take two names for the same. */
  readonly taken: number;
  /** Indices of the files whose contents no longer exist. */
  readonly missing: readonly number[];
}

/** Files of several directories. */
export interface IngestBatch {
  /** Files that have to appear in the tree. */
  readonly links: readonly LinkBatch[];
  /** Files that have to be read. */
  readonly stores: readonly StoreBatch[];
}

/** Results in the order of the batch. */
export interface IngestResult {
  readonly links: readonly LinkResult[];
  readonly stores: readonly (readonly StoreResult[])[];
}

/** The result of one file. */
export interface StoreResult {
  /** Undefined if the file could not be read; `problem` says why. */
  readonly content: ContentId | undefined;
  /** "new": stored. "known": read, and already there. "kept": a static file has changed, so the old content is kept. */
  readonly how: "new" | "known" | "kept" | "failed";
  readonly bytes: number;
  /** The file's stat when it was read, with the number of bytes read; undefined if it equals what the walk saw. */
  readonly seen: Stat | undefined;
  readonly xattrs: Readonly<Record<string, string>> | undefined;
  readonly link: Shown | "none";
  readonly problem: FaultData | undefined;
}
