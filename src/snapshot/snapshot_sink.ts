/** Where a backup or a copy puts a new snapshot: what these loops know of an engine. */
import type { Apath } from "../core/apath.ts";
import type { Awaitable } from "../core/awaitable.ts";
import type { ContentId, RootId } from "../core/content_id.ts";
import type { Entry } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { HunkRef } from "./hunk.ts";
import type { IngestBatch, IngestResult } from "./ingest_batch.ts";
import type { Root } from "./root.ts";
import type { BatchCost, WorkOptions } from "../core/work.ts";

export interface SinkRequest extends WorkOptions {
  /** Name of the series. */
  readonly series: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  /** Not everybody may reach the sources: neither may everybody reach what shows them. */
  readonly isPrivate: boolean;
  /** Show the snapshot as a browsable tree, if the engine has trees. */
  readonly tree: boolean;
  /** Snapshots of the same series, newest first, that the new one builds on; partial ones go when it is there. */
  readonly previous: readonly { readonly id: RootId; readonly complete: boolean }[];
}

/** What a root says that the engine doesn't know. */
export type RootFields = Omit<
  Root,
  "version" | "storage" | "sequence" | "previous" | "tree" | "private" | "hunks" | "complete"
>;

/** A content that comes in pieces of a length that nobody knows. */
export interface ContentSource {
  /** Reads up to `into.length` bytes; 0 at the end. */
  read(into: Uint8Array<ArrayBuffer>): Awaitable<number>;
}

/** A snapshot in the making. Disposal without `commit` leaves no complete snapshot. */
export interface SnapshotSink extends AsyncDisposable {
  /** Batches that may usefully be under way at once. */
  readonly width: number;
  /** Whether contents can be relied on. Reads none. */
  known(ids: readonly ContentId[]): Awaitable<readonly ("there" | "missing" | "damaged")[]>;
  /** Reads, hashes and stores the files of a batch; a file's failure is a result. @throws DiskFault of the repository, Interrupted */
  ingest(batch: IngestBatch, cost: BatchCost): Promise<IngestResult>;
  /** Keeps the lines of a hunk; the same lines get the same id and no new bytes. */
  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number };
  /** Notes that a hunk of a previous snapshot is taken over unread: the new one relies on its contents too. */
  keepHunk(ref: HunkRef): void;
  /** Has what was stored so far written out while the run goes on. */
  flushSoon(): void;
  /** Makes what is there so far durable: a partial snapshot, from which an interrupted run is continued. */
  checkpoint(fields: RootFields, hunks: readonly HunkRef[]): Promise<void>;
  /** Makes the snapshot exist. @returns its id */
  commit(fields: RootFields, hunks: readonly HunkRef[]): Promise<RootId>;
  /** Only of engines that show snapshots as trees, and if one was asked for and can be made. */
  readonly tree: TreeOutput | undefined;
}

/** The browsable tree of a snapshot in the making. Objects come in apath order. */
export interface TreeOutput {
  /** Where files of a directory are linked to: what {@link IngestBatch} calls `tree`. */
  directory(apath: Apath): Raw;
  /** Shows a directory, symlink or special file, where the tree has such. */
  show(entry: Entry): void;
  /** All files of a directory have been ingested. */
  enter(directory: Apath): void;
}

/** A file of a snapshot that comes from another repository. */
export interface ReceivedFile {
  readonly content: ContentId;
  readonly entry: Entry;
  /** Called only if the bytes are needed. */
  readonly open: () => AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
}

/** A hunk with its bytes as they are stored. */
export interface HunkWithBytes {
  readonly ref: HunkRef;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A snapshot on its way from another repository, in path order. Disposal without `commit` leaves no visible snapshot. */
export interface SnapshotReceiver extends AsyncDisposable {
  add(batch: readonly ReceivedFile[]): Promise<readonly ("stored" | "reused")[]>;
  /** Makes durable what came so far. @param hunks those that are new since the last call */
  checkpoint(hunks: readonly HunkWithBytes[]): Promise<void>;
  commit(hunks: readonly HunkWithBytes[]): Promise<RootId>;
}
