/**
 * The seam between engines and operations. An engine keeps snapshots: `storage/` as plain files, `vault/` packed on a
 * backend. Operations, jobs, server and command line know only the interfaces in this file, and so work on either.
 *
 * Their common ground is the snapshot: roots, hunks, entries and contents. Answers are {@link Awaitable}: an engine
 * whose metadata is local answers at once. Nothing here is called once per file; hot paths pass batches.
 */
import type { Awaitable } from "../core/awaitable.ts";
import type { ContentId, HunkId, RootId } from "../core/content_id.ts";
import type { Algorithm } from "../core/digest.ts";
import type { Monitor } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
import type { Raw } from "../core/raw.ts";
import type { Subset } from "../core/subset.ts";
import type { CatalogQueries } from "./catalog_queries.ts";
import type { ExtractBatch, Extraction, ExtractResult } from "./extract_batch.ts";
import type { HunkRef } from "./hunk.ts";
import type { Manifest } from "./manifest.ts";
import type { LabelChanges, Root, RootChanges } from "./root.ts";
import type { HunkSink } from "./snapshot_writer.ts";
import type { VerifiedHunk } from "./verify_hunk.ts";
import type { SnapshotInfo } from "./snapshot_info.ts";
import type { ContentParts, SinkRequest, SnapshotReceiver, SnapshotSink, SnapshotSource } from "./snapshot_sink.ts";
import type { BatchCost, WorkOptions } from "../core/work.ts";

/** A place that holds snapshots. Reading takes no lock except by {@link lockForReading}. */
export interface Repository extends AsyncDisposable {
  /** For messages: a path, or a URL without credentials. */
  readonly location: string;
  /** UUID. */
  readonly id: string;
  /** The digest algorithm of the content ids. */
  readonly algorithm: Algorithm;
  /** All snapshots, oldest first. */
  snapshots(): Awaitable<readonly SnapshotInfo[]>;
  /**
   * Snapshots according to a catalog at hand, up to date or not; none if there is no catalog. Changes nothing and never
   * waits.
   */
  cachedSnapshots(): Awaitable<readonly SnapshotInfo[]>;
  /** As {@link snapshots}, but confirmed by the roots themselves instead of a cache: for deciding what to remove. */
  provenSnapshots(): Awaitable<readonly SnapshotInfo[]>;
  /** Ids of all existing roots, also of those that no catalog knows. */
  rootIds(): Awaitable<readonly RootId[]>;
  /**
   * The manifest of a snapshot. All of its hunks are at hand when this resolves, so reading it never waits. @throws
   * DamagedContent, DamagedManifest
   */
  manifest(id: RootId): Awaitable<Manifest>;
  /** Verified bytes of a root or hunk as they are stored: for copies, and for repairing another repository. @throws DamagedContent */
  object(id: RootId | HunkId): Awaitable<Uint8Array<ArrayBuffer>>;
  /** Keeps a snapshot from being forgotten until disposed. @throws NoSnapshot if it has just been forgotten */
  lockForReading(id: RootId): Awaitable<Disposable>;
  /** Queries the catalog. A damaged one is rebuilt first; `question` may be called twice. */
  query<T>(question: (catalog: CatalogQueries) => T): Awaitable<T>;
  /**
   * As {@link query}, for many answers that are produced while they are consumed. If damage shows on the way, answers
   * that were already given are skipped the second time: `question` must always give the same order.
   */
  queryEach<T>(question: (catalog: CatalogQueries) => Iterable<T>): Awaitable<Iterable<T>>;
  /**
   * A local directory with room for that many bytes of temporary files, valid while this is open. Absent: use memory.
   */
  tempFor(bytes: number): string | undefined;
  reader(options: WorkOptions): ContentReader;
  /** Index of the contents that exist. It is in memory when this resolves. */
  contentIndex(): Awaitable<ContentIndex>;
  /** A checker that looks for damage. */
  checker(request: ScanRequest): RepositoryChecker;
  /**
   * The retention policy that `forget` uses by default; undefined if none was set.
   * @throws DamagedPolicy, NewerFormat
   */
  policy(): Awaitable<Policy | undefined>;
  /** Counts what is stored. @throws Interrupted */
  usage(signal: AbortSignal, monitor: Monitor): Promise<RepositoryUsage>;
  /** True if a writer is known to be at work. */
  hasWriter(): Awaitable<boolean>;
  /** What {@link RepositoryWriter.planRemoval} would plan; computed without becoming the writer. */
  previewRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalSummary>;
  /**
   * Becomes the writer.
   * @param holder shown to others who want to write: "backup of /home"
   * @throws Locked
   */
  write(holder: string): Awaitable<RepositoryWriter>;
}

/** Reads and verifies contents. Requests in path order are read in an efficient order. */
export interface ContentReader extends AsyncDisposable {
  /** Bytes processed so far, including those of files in progress. */
  readonly bytes: number;
  /** Number of batches that may usefully be in progress at once. */
  readonly width: number;
  /** Checks that contents can be read at all, before anything is written. Absent: they can. @throws WriteOnlyKey */
  assertReads?(): void;
  /**
   * One content in chunks; each is valid until the next is requested. @throws DamagedContent at the end if the digest
   * is wrong
   */
  read(id: ContentId): AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
  /**
   * Writes files of one target directory. The failure of a single file is a result. @throws DiskFault that would affect
   * every file, Interrupted
   */
  extract(batch: ExtractBatch, cost: BatchCost): Promise<readonly ExtractResult[]>;
  /** Collects many files, whose order matters to the engine. Absent: it reads best in path order. */
  collect?(): Extraction;
  /** Size of a content in bytes; undefined if it doesn't exist. Reads no content. */
  sizeOf(id: ContentId): Awaitable<number | undefined>;
  /**
   * Absolute path of a plain file that holds exactly this content; undefined if there is none. Its bytes are not
   * verified. Absent: contents are kept otherwise.
   */
  plainFile?(id: ContentId): Raw | undefined;
  /** The parts of a content; undefined if it is kept in one piece. */
  partsOf?(id: ContentId): Promise<ContentParts | undefined>;
}

/** Index of the contents of a repository, as of some moment since it was requested. Reads no contents. */
export interface ContentIndex extends Disposable {
  /** True if a content exists and was not found damaged. */
  has(id: ContentId): boolean;
  /** Size of a content in bytes; undefined if it doesn't exist. */
  sizeOf(id: ContentId): number | undefined;
  /** False only if no content has exactly this size. */
  hasSize(bytes: number): boolean;
}

export interface ScanRequest extends WorkOptions {
  /** Read every byte, unless a part or chosen contents are given. */
  readonly readData: boolean;
  /** Read only the contents of this part. */
  readonly part?: Extract<Subset, { kind: "part" }>;
  /** Read only these contents, in this order. */
  readonly chosen?: Iterable<string>;
  /** Upper limit of the contents that are read; used to size tables. */
  readonly contents: number;
  /** Approximate size of one object in bytes: whether threads are worthwhile is decided before the first read. */
  readonly usualBytes: number;
}

/** Result for one object. It has ids, never an engine's paths. */
export interface ObjectReport {
  readonly id: string;
  readonly kind: "content" | "hunk" | "root" | "object";
  /** The damage, as a sentence that continues "it"; for other objects of an engine, any words. Undefined: intact. */
  readonly damage: string | undefined;
  /** For other objects: the damage is a loss that shows in no content or hunk. */
  readonly isLoss?: boolean;
  /** For contents: others are assembled from this one, and report the damage too. */
  readonly isPart?: boolean;
}

/** Result of one part of a scan. */
export interface ScanReport {
  /** Number of objects whose names were looked at. */
  readonly seen: number;
  /** Objects that were read. */
  readonly read: readonly ObjectReport[];
  /** Number of bytes that were read. */
  readonly bytes: number;
  /** Number of names that are not objects of this repository. */
  readonly strays: number;
}

export interface RepositoryChecker extends AsyncDisposable {
  /** Bytes processed so far, including those of objects in progress. */
  readonly bytes: number;
  /** Number of hunks that may usefully be verified at once. */
  readonly width: number;
  /**
   * Looks at every object, and reads those that were requested. Reports in parts, because there are millions. @throws
   * Interrupted
   */
  scan(monitor: Monitor): AsyncIterable<ScanReport>;
  /**
   * Verifies that a hunk is sound and in order, and that its contents exist with the right sizes. @throws
   * DamagedContent, DamagedManifest
   */
  verifyHunk(hunk: HunkRef): Promise<VerifiedHunk>;
}

/** What is stored, as far as the catalog doesn't know it. */
export interface RepositoryUsage {
  /** Number of roots and hunks, and their size in bytes. */
  readonly manifestItems: number;
  readonly manifestBytes: number;
  /** Number of stored contents, referenced or not; undefined if counting them would take reading. */
  readonly contents: number | undefined;
  /** Free bytes of the file system; undefined if unknown. */
  readonly freeBytes: number | undefined;
  /** Only for engines that pack: stored size of contents and hunks in bytes. */
  readonly packedBytes?: number;
}

/** The result of reading a content. */
export interface VerifiedItem {
  readonly id: string;
  readonly state: "ok" | "damaged";
}

/** Changes a repository until disposed. */
export interface RepositoryWriter extends AsyncDisposable {
  /** Begins a new snapshot; only one at a time. @throws DiskFault */
  begin(request: SinkRequest, monitor: Monitor): Awaitable<SnapshotSink>;
  /**
   * Removes snapshots. What only they needed stays until a removal plan is executed.
   * @param work for threads that remove what is large
   * @returns those that were removed; a snapshot that is being read is not
   * @throws DiskFault, Interrupted
   */
  forget(ids: readonly RootId[], work?: WorkOptions): Awaitable<readonly RootId[]>;
  /**
   * Replaces the root of a snapshot by one with other tags or an acknowledged alarm, and so with another id.
   * @returns the new id; undefined if the snapshot is being read
   * @throws DamagedContent, DamagedManifest, DiskFault
   */
  replaceRoot(id: RootId, changes: LabelChanges): Awaitable<RootId | undefined>;
  /**
   * Replaces the root of a snapshot by a different one, perhaps with fewer entries, and so with another id. Everything
   * that the new root names is durable before the root is written, and the former root is removed last: a crash leaves
   * either or both, and then the new one counts. A tree that shows removed entries is deleted before all that.
   * @returns the new id; undefined if the snapshot is being read
   * @throws DamagedContent, DamagedManifest, DiskFault
   */
  rewrite(id: RootId, rewriting: Rewriting): Awaitable<RootId | undefined>;
  /**
   * Receives a snapshot from another repository.
   * @param root its bytes, which are kept unchanged, and so is its id
   * @param source for reading again what turns out to be needed once more
   * @throws DamagedManifest, NewerFormat, OtherAlgorithm
   */
  receive(
    root: Uint8Array<ArrayBuffer>,
    source?: SnapshotSource,
    work?: WorkOptions,
  ): Awaitable<SnapshotReceiver>;
  /** Plans the removal of unreferenced data by the rules of this engine. @throws UnknownReferences, Interrupted */
  planRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalPlan>;
  /**
   * Records which contents were read and found intact or damaged, at `atMs` (ms since 1970).
   * @param items may be iterated twice
   */
  recordVerified(items: Iterable<VerifiedItem>, atMs: number): Awaitable<void>;
  /** Sets the retention policy. @param policy undefined removes it */
  setPolicy(policy: Policy | undefined): Awaitable<void>;
}

export interface Rewriting {
  readonly changes: RootChanges;
  /** Writes the hunks of the new manifest to `sink`. Absent: all entries stay as they are. */
  readonly entries?: (sink: HunkSink) => Awaitable<Pick<Root, "hunks" | "totals">>;
}

/** Options for engines that remove in steps, with a waiting time between them: see vault/FORMAT.md. */
export interface RemovalPace {
  /** Time between marking data as unused and deleting it. Default: a day. */
  readonly graceMs?: number;
  /** Time for which data must be unused before it is marked: until then it may be used again. Default: 7 days. */
  readonly keepUnusedMs?: number;
  /** Tolerated share of unused bytes among the used ones, 0 to 1. Default: 0.05. */
  readonly maxUnused?: number;
  /** Bytes that are repacked at most to make room. Default: 10 GiB. */
  readonly maxRepackBytes?: number;
  /** Allows a grace that is too short for running readers. */
  readonly unsafe?: boolean;
}

export interface RemovalRequest extends WorkOptions {
  readonly pace?: RemovalPace;
  /** Snapshots that are treated as forgotten. */
  readonly without?: ReadonlySet<RootId>;
}

export interface RemovalSummary {
  readonly contents: number;
  readonly hunks: number;
  readonly bytes: number;
  /** Number of these contents that something outside of the repository shares: removing them frees nothing. */
  readonly linkedContents: number;
  /** Number of files that crashed runs left, and their size in bytes. */
  readonly leftovers: number;
  readonly leftoverBytes: number;
  /** Number of contents and hunks that stay, and of snapshots that need them. */
  readonly neededItems: number;
  readonly snapshots: number;
  /** Only for engines that remove in steps. Absent: everything is removed at once. */
  readonly steps?: RemovalSteps;
}

export interface RemovalSteps {
  /** Bytes that this run deletes, of these items and of what earlier runs have marked. */
  readonly deletedBytes: number;
  /** Bytes that this run repacks, in their present stored size. */
  readonly repackedBytes: number;
  /** Bytes that a later run can delete. */
  readonly waitingBytes: number;
  /** When a run can take the next step with the waiting data, in ms since 1970; undefined if nothing waits. */
  readonly nextMs: number | undefined;
}

/** A removal plan. It is bound to the state in which it was made, and is executed once. */
export interface RemovalPlan {
  readonly summary: RemovalSummary;
  /** @returns number of removed items @throws Interrupted, DiskFault */
  execute(monitor: Monitor, signal: AbortSignal): Promise<number>;
}
