/** One object on its way from the source into the manifest. */
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
 * The record that all stations of a backup pass on. It is *compared* when it is made, *queued* once it knows its place,
 * and *settled* once it has its line; what changes at a station isn't `readonly`.
 */
export interface BackupEntry {
  readonly path: Apath;
  /** Its name in the source; "" for a source itself. */
  readonly name: Raw;
  readonly stat: Stat;
  /** The line of the previous snapshot; undefined if that has none. */
  readonly from: PreviousLine | undefined;
  /** What is known of it without opening it. */
  readonly learnt: DetailFields;
  /** A static file that is to be read: if its content isn't the old one, the old one is kept. */
  readonly guarded: boolean;
  /** The stat part of its line; settled: of what was read. */
  head: string;
  /** The whole line; compared: only if nothing has changed. */
  line: string | undefined;
  /** Queued: where it is in the source and in the tree. */
  place: BatchDirectory;
  /** Queued, of a directory that is in the tree: whose attributes it gets there. */
  directory: Entry | undefined;
  /** Settled: size of the content that is kept; undefined if none is. */
  bytes: number | undefined;
}

/** In no source, and in no tree. */
export const NOWHERE: BatchDirectory = {
  rootPath: ROOT,
  relative: EMPTY,
  apath: TOP,
  tree: undefined,
  before: undefined,
};

/** An entry that is known without any look at the source. @param from its line in the previous snapshot */
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

/** @param line of the settled entry */
export function statusOf({ from }: BackupEntry, line: string): EntryStatus {
  if (line === from?.text) return "unchanged";
  if (line.includes(`,"problems":`) && parseLine(line).problems !== undefined) return "failed";
  return from === undefined ? "new" : "changed";
}

/** What a file that was read counts as; undefined if it turned out to be as it was. @param line the new one */
export function changeCounter(from: PreviousLine | undefined, line: string): "newFiles" | "changedFiles" | undefined {
  if (from === undefined) return "newFiles";
  return line === from.text ? undefined : "changedFiles";
}

/** What the engine has to do for a file that is to be read. */
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
