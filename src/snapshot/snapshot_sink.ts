/** The place where a backup or a copy puts a new snapshot: what their loops know of an engine. */
import type { Apath } from "../core/apath.ts";
import type { Awaitable } from "../core/awaitable.ts";
import type { ContentId, HunkId, RootId } from "../core/content_id.ts";
import type { Entry, NsText } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { BatchCost, WorkOptions } from "../core/work.ts";
import type { HunkRef } from "./hunk.ts";
import type { IngestBatch, IngestResult } from "./ingest_batch.ts";
import type { RootFields } from "./root_fields.ts";
import type { SnapshotInfo } from "./snapshot_info.ts";
import type { HunkSink } from "./snapshot_writer.ts";
import type { BatchTaker } from "./work_batch.ts";

/** What an engine has to know of a snapshot before the first file. */
export interface SinkRequest extends WorkOptions {
  /** Name of the series. */
  readonly series: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  /** True if not everybody may reach the sources: then not everybody may reach their copies either. */
  readonly isPrivate: boolean;
  /** Show the snapshot as a browsable tree, if the engine has trees. */
  readonly tree: boolean;
  /** Snapshots of the same series that the new one builds on, newest first. It replaces the partial ones. */
  readonly previous: readonly SnapshotInfo[];
  /** Where the sources have, or had, a file of the snapshot, in case its content has to be read again. */
  readonly placeOf?: (path: Apath) => SourceFile | undefined;
  /** Host of the snapshot: host and name identify the series. */
  readonly host: string;
}

/** A file of a source. */
export interface SourceFile {
  readonly rootPath: Raw;
  /** The directory, relative to `rootPath`; "" for `rootPath` itself. */
  readonly relative: Raw;
  readonly name: Raw;
}

/** Path and attributes of a file whose content comes as a stream. */
export interface StreamFacts {
  readonly path: Apath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  readonly mtime: NsText;
}

/** Result of storing a stream. */
export interface StreamResult {
  readonly content: ContentId;
  /** Bytes that the stream delivered. */
  readonly size: number;
  readonly isNew: boolean;
  /** Bytes that were stored; 0 unless the content is new. */
  readonly bytes: number;
}

/**
 * A snapshot in the making. Disposal without {@link commit} leaves no complete snapshot. Faults of the repository itself
 * end the run; those of single files are results.
 */
export interface SnapshotSink extends AsyncDisposable, BatchTaker, HunkSink {
  /** Bytes read so far, including those of files in progress. */
  readonly bytes: number;
  /** Contents that were found damaged. No snapshot may rely on them unread; storing one again repairs it. */
  readonly damaged: ReadonlySet<string>;
  /**
   * Records that an unchanged file which appears in no tree relies on its content, unread. Called once per file, so it
   * looks only at what is in memory.
   * @returns false if the content doesn't exist
   */
  relyOn(content: ContentId): boolean;
  /**
   * Reads, hashes and stores changed files. For unchanged files it reports whether their contents exist, and links them
   * into the tree.
   * @throws DiskFault of the repository, Interrupted
   */
  ingest(batch: IngestBatch, cost: BatchCost): Promise<IngestResult>;
  /** Waits if the stored data is far ahead of what is durable. */
  keepUp(): Awaitable<void>;
  /**
   * Stores a content of unknown length; only one at a time. @throws DiskFault of the repository, and whatever `chunks`
   * throws
   */
  ingestStream(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>, facts: StreamFacts): Promise<StreamResult>;
  /** Stores a hunk with these lines. The same lines give the same id, and no new bytes. */
  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number };
  /** Records that a hunk of a previous snapshot is reused unread: the new snapshot relies on its contents too. */
  keepHunk(ref: HunkRef): void;
  /**
   * Makes everything so far durable as a partial snapshot, from which an interrupted run continues. Replaces the
   * previous checkpoint.
   * @param hunks all of the snapshot so far
   */
  checkpoint(fields: RootFields, hunks: readonly HunkRef[]): Promise<void>;
  /**
   * Makes the snapshot exist, in place of its checkpoint and of earlier partial snapshots. To be called once, at the
   * end.
   * @returns the id of the snapshot
   */
  commit(fields: RootFields, hunks: readonly HunkRef[]): Promise<RootId>;
  /** Absent if the engine has no trees, if none was requested, or if none can be made. */
  readonly tree: TreeOutput | undefined;
}

/** Where the files of one directory appear, relative to the repository. */
export interface TreePlace {
  readonly tree: Raw;
  /** The same directory in the previous tree; undefined if there is none. */
  readonly before: Raw | undefined;
}

/** The browsable tree of a snapshot in the making. */
export interface TreeOutput {
  /** Where the files of a directory appear, for batches with its files. */
  placeOf(directory: Apath): TreePlace;
  /** Opens the top, or a directory that was already made, for adding what isn't a regular file. @throws DiskFault */
  open(directory: Apath): TreeDirectory;
  /**
   * Announces that the next finished entries lie in `directory`: everything outside of it is complete. In apath order.
   */
  enter(directory: Apath): void;
  /**
   * Schedules the attributes of a directory in the entered one (or of the top); they are set once everything in it
   * exists.
   */
  finish(directory: Entry): void;
}

/** An open directory of a tree. */
export interface TreeDirectory extends Disposable {
  /** Makes an empty directory. @throws DiskFault */
  makeDirectory(entry: Entry): void;
  /** Makes a symlink. @throws DiskFault */
  makeSymlink(link: TreeSymlink): void;
}

export interface TreeSymlink extends Pick<Entry, "uid" | "gid" | "mtime"> {
  readonly name: Raw;
  readonly target: Raw;
}

/**
 * How an engine keeps a large content: as parts, and lists of these parts. Another engine of the same kind can take
 * them as they are.
 */
export interface ContentParts {
  /** The list that represents the content, and the lists that it names. */
  readonly top: StoredList;
  readonly inner: readonly StoredList[];
  /** All parts in order, some thousands at a time. */
  parts(): AsyncIterable<readonly { readonly id: string; readonly size: number }[]>;
  /** Reads and verifies one part. @throws DamagedContent */
  read(part: string): Promise<Uint8Array<ArrayBuffer>>;
}

export interface StoredList {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly digest: string;
}

/** A file of a snapshot that comes from another repository. */
export interface ReceivedFile {
  readonly content: ContentId;
  readonly entry: Entry;
  /** Opens the content; called only if its bytes are needed. */
  readonly open: () => AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
  /** The parts of the content. Absent, or undefined: its parts are unknown. */
  readonly parts?: () => Promise<ContentParts | undefined>;
}

/** A hunk and its bytes as stored. */
export interface HunkWithBytes {
  readonly ref: HunkRef;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The source of a snapshot: reads verified contents and hunks. */
export interface SnapshotSource {
  read(id: ContentId): AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
  hunk(id: HunkId): Awaitable<Uint8Array<ArrayBuffer>>;
}

/**
 * A snapshot being received from another repository, in path order. Disposal without `commit` leaves no complete
 * snapshot.
 */
export interface SnapshotReceiver extends AsyncDisposable {
  /** True if the hunk and everything that it names exist, so that nothing of it has to be sent. Absent: never. */
  hasHunk?(id: HunkId): boolean;
  /** Number of batches that may usefully be in progress at once. Absent: one. */
  readonly width?: number;
  /** Stores what isn't there. Several calls may be in progress, up to {@link width}. */
  add(batch: readonly ReceivedFile[]): Promise<readonly ("stored" | "reused")[]>;
  /**
   * Makes everything received so far durable.
   * @param hunks those that are new since the last call
   * @param tail the first lines of the next hunk, whose files were received
   */
  checkpoint(hunks: readonly HunkWithBytes[], tail?: HunkWithBytes): Promise<void>;
  commit(hunks: readonly HunkWithBytes[]): Promise<RootId>;
}
