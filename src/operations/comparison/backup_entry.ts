/** One object on its way from the source to the manifest. */
import { type Apath, nameOf, TOP } from "../../core/apath.ts";
import type { DetailFields, Entry } from "../../core/entry.ts";
import type { EntryStatus } from "../../core/monitor.ts";
import { EMPTY, type Raw, ROOT } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { contentOfLine, encodeEntry, parseLine, statPrefix } from "../../snapshot/entry_line.ts";
import type { StoreTask } from "../../snapshot/ingest_batch.ts";
import type { PreviousLine } from "../../snapshot/previous_entries.ts";
import type { BatchDirectory } from "../../snapshot/work_batch.ts";
import { statOf } from "./static_paths.ts";

/**
 * The record that all stations of a backup pass on. It is *compared* when it is made, *queued* once its place is set,
 * and *settled* once it has its line. Fields that stations change are not `readonly`.
 */
export interface BackupEntry {
  readonly path: Apath;
  /** Name in the source; "" for a source itself. */
  readonly name: Raw;
  readonly stat: Stat;
  /** Line in the previous snapshot; undefined if that has none. */
  readonly from: PreviousLine | undefined;
  /** Metadata known without opening the object. */
  readonly learnt: DetailFields;
  /** True for a static file that has to be read: if its content differs, the old one is kept. */
  readonly guarded: boolean;
  /** The stat part of its line; once settled, that of the object as it was read. */
  head: string;
  /** The whole line; when compared, only of an unchanged object. */
  line: string | undefined;
  /** Set when queued: its location in the source and in the tree. */
  place: BatchDirectory;
  /** Set when queued, for a directory in the tree: the entry with the attributes that it gets there. */
  directory: Entry | undefined;
  /** Set when settled: size of the kept content; undefined if there is none. */
  bytes: number | undefined;
}

/** The place of an entry that is in no source and in no tree. */
export const NOWHERE: BatchDirectory = {
  rootPath: ROOT,
  relative: EMPTY,
  apath: TOP,
  tree: undefined,
  before: undefined,
};

/** Makes an entry without looking at the source. @param from its line in the previous snapshot */
export function keptEntry(entry: Entry, from: PreviousLine | undefined, place: BatchDirectory): BackupEntry {
  const { path } = entry;
  return {
    path,
    name: nameOf(path),
    stat: statOf(entry),
    head: statPrefix(path, entry),
    line: encodeEntry(entry),
    from,
    learnt: {},
    guarded: false,
    place,
    directory: entry.kind === "dir" ? entry : undefined,
    bytes: undefined,
  };
}

/** The outcome for an entry. @param line of the settled entry */
export function statusOf({ from }: BackupEntry, line: string): EntryStatus {
  if (line === from?.text) return "unchanged";
  if (line.includes(`,"problems":`) && parseLine(line).problems !== undefined) return "failed";
  return from === undefined ? "new" : "changed";
}

/** The counter for a file that was read; undefined if it turned out to be unchanged. @param line its new line */
export function changeCounter(from: PreviousLine | undefined, line: string): "newFiles" | "changedFiles" | undefined {
  if (from === undefined) return "newFiles";
  return line === from.text ? undefined : "changedFiles";
}

/** The task of the engine for a file to be read. */
export function taskOf({ path, name, stat, from, learnt, guarded }: BackupEntry): StoreTask {
  return {
    name,
    treeName: nameOf(path),
    size: stat.size,
    mtime: stat.mtime,
    ctime: stat.ctime,
    inode: stat.inode,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    sparse: learnt.sparse === true,
    content: from === undefined ? undefined : contentOfLine(from.text),
    guarded,
  };
}
