/** Where a backup or a copy puts a new snapshot: what these loops know of an engine. */
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

/** What an engine has to know of a snapshot before the first file comes. */
export interface SinkRequest extends WorkOptions {
  /** Name of the series. */
  readonly series: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  /** Not everybody may reach the sources: neither may everybody reach what shows them. */
  readonly isPrivate: boolean;
  /** Show the snapshot as a browsable tree, if the engine has trees. */
  readonly tree: boolean;
  /** Snapshots of the same series, newest first, that the new one builds on; it takes the place of the partial ones. */
  readonly previous: readonly SnapshotInfo[];
  /** Where the sources have a file of the snapshot, or had it: should its content have to be read again. */
  readonly placeOf?: (path: Apath) => SourceFile | undefined;
  /** Who makes the snapshot: host and name make the series. */
  readonly host: string;
}

/** A file of a source. */
export interface SourceFile {
  readonly rootPath: Raw;
  /** The directory below `rootPath`, "" for itself. */
  readonly relative: Raw;
  readonly name: Raw;
}

/** What a file has to be that comes as a stream. */
export interface StreamFacts {
  readonly path: Apath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  readonly mtime: NsText;
}

/** The result of a stream. */
export interface StreamResult {
  readonly content: ContentId;
  /** Bytes that came. */
  readonly size: number;
  readonly isNew: boolean;
  /** Bytes that were stored: 0 unless it is new. */
  readonly bytes: number;
}

/**
 * A snapshot in the making. Disposal without {@link commit} leaves no complete snapshot. Faults of the repository itself
 * end the run; those of single files are results.
 */
export interface SnapshotSink extends AsyncDisposable, BatchTaker, HunkSink {
  /** Bytes that were read so far, those of files under way as well. */
  readonly bytes: number;
  /** Contents that were found damaged: no snapshot may rely on them unread. Storing one again mends it. */
  readonly damaged: ReadonlySet<string>;
  /**
   * Notes that an unchanged file, which appears in no tree, keeps its content unread. Asked once per file: looks at
   * nothing that isn't at hand. @returns false if the content isn't there
   */
  relyOn(content: ContentId): boolean;
  /**
   * Reads, hashes and stores files, and says of unchanged ones whether their contents are there and in the tree.
   * @throws DiskFault of the repository, Interrupted
   */
  ingest(batch: IngestBatch, cost: BatchCost): Promise<IngestResult>;
  /** Waits where what was stored is far ahead of what is durable. */
  keepUp(): Awaitable<void>;
  /** Stores a content of unknown length; one at a time. @throws DiskFault of the repository, and whatever `chunks` throws */
  ingestStream(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>, facts: StreamFacts): Promise<StreamResult>;
  /** Keeps the lines of a hunk; the same lines get the same id and no new bytes. */
  addHunk(first: Apath, lines: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number };
  /** Notes that a hunk of a previous snapshot is taken over unread: the new one relies on its contents too. */
  keepHunk(ref: HunkRef): void;
  /**
   * Makes what is there so far durable, as a partial snapshot from which an interrupted run is continued. It takes the
   * place of the checkpoint before it. @param hunks all of the snapshot so far
   */
  checkpoint(fields: RootFields, hunks: readonly HunkRef[]): Promise<void>;
  /**
   * Makes the snapshot exist, in place of its checkpoint and of the partial snapshots before it. Once, at the end.
   * @returns its id
   */
  commit(fields: RootFields, hunks: readonly HunkRef[]): Promise<RootId>;
  /** Absent if the engine shows no trees, or none was asked for, or none can be made. */
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
  /** For the batches that hold files of a directory. */
  placeOf(directory: Apath): TreePlace;
  /** Opens a directory that was made already, or the top, to put into it what isn't a regular file. @throws DiskFault */
  open(directory: Apath): TreeDirectory;
  /** What is finished next lies in `directory`: everything outside of it is complete. In apath order. */
  enter(directory: Apath): void;
  /** Has a directory in the one that was entered, or the top, get its attributes once all that is in it is there. */
  finish(directory: Entry): void;
}

/** An open directory of a tree. */
export interface TreeDirectory extends Disposable {
  /** Makes an empty directory. @throws DiskFault */
  makeDirectory(entry: Entry): void;
  /** @throws DiskFault */
  makeSymlink(link: TreeSymlink): void;
}

export interface TreeSymlink extends Pick<Entry, "uid" | "gid" | "mtime"> {
  readonly name: Raw;
  readonly target: Raw;
}

/** How an engine keeps a large content: in parts, with lists of them. An engine of the same kind takes these as they are. */
export interface ContentParts {
  /** The list that stands for the content, and those that it names. */
  readonly top: StoredList;
  readonly inner: readonly StoredList[];
  /** In order, some thousand at a time. */
  parts(): AsyncIterable<readonly { readonly id: string; readonly size: number }[]>;
  /** One part, verified. @throws DamagedContent */
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
  /** Called only if the bytes are needed. */
  readonly open: () => AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
  /** Absent, or undefined: the content is not known in parts. */
  readonly parts?: () => Promise<ContentParts | undefined>;
}

/** A hunk with its bytes as they are stored. */
export interface HunkWithBytes {
  readonly ref: HunkRef;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Where a snapshot comes from: contents and hunks, verified. */
export interface SnapshotSource {
  read(id: ContentId): AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
  hunk(id: HunkId): Awaitable<Uint8Array<ArrayBuffer>>;
}

/** A snapshot on its way from another repository, in path order. Disposal without `commit` leaves no complete snapshot. */
export interface SnapshotReceiver extends AsyncDisposable {
  /** True if the hunk is there with all that it names: nothing of it has to come. Absent: never. */
  hasHunk?(id: HunkId): boolean;
  add(batch: readonly ReceivedFile[]): Promise<readonly ("stored" | "reused")[]>;
  /**
   * Makes durable what came so far.
   * @param hunks those that are new since the last call @param tail the first lines of the next one, whose files came
   */
  checkpoint(hunks: readonly HunkWithBytes[], tail?: HunkWithBytes): Promise<void>;
  commit(hunks: readonly HunkWithBytes[]): Promise<RootId>;
}
