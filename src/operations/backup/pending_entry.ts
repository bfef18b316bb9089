/** Entries of a snapshot in the making: known, or waiting for their files to be stored. */
import { type Apath, nameOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { EntryStatus } from "../../core/monitor.ts";
import type { Compared } from "./comparison.ts";
import { statOf } from "./static_paths.ts";
import type { BatchDirectory, WorkBatch } from "./work_batch.ts";
import { contentOfLine, encodeEntry, parseLine, statPrefix } from "../../snapshot/entry_line.ts";
import type { StoreTask } from "../../snapshot/ingest_batch.ts";
import type { PreviousLine } from "../../snapshot/previous_entries.ts";

/** A line that is known, or that waits for a file to be stored. */
export interface PendingEntry extends Omit<Compared, "head" | "line"> {
  /** Where it is in the source. */
  readonly place: BatchDirectory;
  /** The stat part of the line. */
  head: string;
  /** The whole line once it is known. */
  line: string | undefined;
  /** Of a directory in the tree, whose attributes are given later. */
  directory: Entry | undefined;
  /** Of the content that is kept; undefined if none is. */
  bytes: number | undefined;
}

/** A part of one directory's share of the manifest, in order of the walk. */
export interface PendingRun {
  readonly directory: Apath;
  readonly pendings: PendingEntry[];
  /** The last parcel that holds one of its files; undefined if nothing is waited for. */
  parcel: WorkBatch<PendingEntry> | undefined;
}

/** An entry that is known without any look at the source. */
export function keptEntry(entry: Entry, from: PreviousLine | undefined, place: BatchDirectory): PendingEntry {
  const { path } = entry;
  return {
    path,
    name: nameOf(path),
    place,
    stat: statOf(entry),
    head: statPrefix(path, entry),
    line: encodeEntry(entry),
    from,
    learnt: {},
    guarded: false,
    directory: entry.kind === "dir" ? entry : undefined,
    bytes: undefined,
  };
}

export function statusOf({ from }: PendingEntry, line: string): EntryStatus {
  if (line === from?.text) return "unchanged";
  if (line.includes(`,"problems":`) && parseLine(line).problems !== undefined) return "failed";
  return from === undefined ? "new" : "changed";
}

export function taskOf({ path, name, stat, from, learnt, guarded }: PendingEntry): StoreTask {
  return {
    name,
    treeName: nameOf(path),
    size: stat.size,
    mtime: stat.mtime,
    ctime: stat.ctime,
    inode: stat.inode,
    mode: stat.mode,
    gid: stat.gid,
    sparse: learnt.sparse === true,
    content: from === undefined ? undefined : contentOfLine(from.text),
    guarded,
  };
}
