/**
 * The seam between engines and operations. An engine keeps snapshots: `storage/` as plain files, `vault/` packed on a
 * backend. Operations, jobs, server and command line know only what stands here, and so work on either.
 *
 * Everything meets at the snapshot: roots, hunks, entries and contents. Answers are {@link Awaitable}: an engine whose
 * metadata is at hand gives them at once. Nothing in here is asked once per file; hot paths pass batches.
 */
import type { Awaitable } from "../core/awaitable.ts";
import type { ContentId, HunkId, RootId } from "../core/content_id.ts";
import type { Algorithm } from "../core/digest.ts";
import type { Monitor } from "../core/monitor.ts";
import type { Policy } from "../core/policy.ts";
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

/** A place that holds snapshots. Takes no lock for reading, but what {@link lockForReading} says. */
export interface Repository extends AsyncDisposable {
  /** For messages: a path, or a URL without credentials. */
  readonly location: string;
  /** UUID. */
  readonly id: string;
  /** What content ids are digests of. */
  readonly algorithm: Algorithm;
  /** Oldest first. */
  snapshots(): Awaitable<readonly SnapshotInfo[]>;
  /** The same as a catalog at hand says, be it up to date or not; none if there is none. Changes nothing, waits for nobody. */
  cachedSnapshots(): Awaitable<readonly SnapshotInfo[]>;
  /** The same on the word of the roots themselves, not of a cache: for what is removed by it. */
  provenSnapshots(): Awaitable<readonly SnapshotInfo[]>;
  /** Ids of all roots there are, also of those that no catalog knows. */
  rootIds(): Awaitable<readonly RootId[]>;
  /** All of its hunks are at hand when this resolves: reading from it waits for nothing. @throws DamagedContent, DamagedManifest */
  manifest(id: RootId): Awaitable<Manifest>;
  /** Verified bytes of a root or hunk as they are stored: for copies, and for repairing another repository. @throws DamagedContent */
  object(id: RootId | HunkId): Awaitable<Uint8Array<ArrayBuffer>>;
  /** Keeps a snapshot from being forgotten until disposed. @throws NoSnapshot if it just was */
  lockForReading(id: RootId): Awaitable<Disposable>;
  /** Queries the catalog; a damaged one is rebuilt first, and `question` may be called twice. */
  query<T>(question: (catalog: CatalogQueries) => T): Awaitable<T>;
  /**
   * The same for many answers, which are given while they are asked for. If damage shows on the way, those that were
   * given are passed over the second time: `question` must always give the same order.
   */
  queryEach<T>(question: (catalog: CatalogQueries) => Iterable<T>): Awaitable<Iterable<T>>;
  /** A directory of this machine for that many bytes of temporary files, good while this is open. Absent: use memory. */
  tempFor(bytes: number): string | undefined;
  reader(options: WorkOptions): ContentReader;
  /** What contents there are. All that is asked of it is at hand when this resolves. */
  contentIndex(): Awaitable<ContentIndex>;
  /** Looks for damage. */
  checker(request: ScanRequest): RepositoryChecker;
  /**
   * The retention policy that `forget` uses by default; undefined if none was set.
   * @throws DamagedPolicy, NewerFormat
   */
  policy(): Awaitable<Policy | undefined>;
  /** Counts what is stored. @throws Interrupted */
  usage(signal: AbortSignal, monitor: Monitor): Promise<RepositoryUsage>;
  /** True if it is being written to now, as far as is known. */
  hasWriter(): Awaitable<boolean>;
  /** What {@link RepositoryWriter.planRemoval} would plan, without becoming the writer. */
  previewRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalSummary>;
  /** Becomes a writer. @param holder a note for others who want to: "backup of /home" @throws Locked */
  write(holder: string): Awaitable<RepositoryWriter>;
}

/** Contents, verified. What is asked for in path order is read in a good order. */
export interface ContentReader extends AsyncDisposable {
  /** Bytes that were gone through so far, those of files under way as well. */
  readonly bytes: number;
  /** Batches that may usefully be under way at once. */
  readonly width: number;
  /** One content in chunks, each valid until the next is asked for. @throws DamagedContent at the end if its digest is wrong */
  read(id: ContentId): AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
  /** Writes files of one target directory; a file's failure is a result. @throws DiskFault that every file would meet, Interrupted */
  extract(batch: ExtractBatch, cost: BatchCost): Promise<readonly ExtractResult[]>;
  /** For many files, whose order matters to the engine. Absent: it reads best in the order of paths. */
  collect?(): Extraction;
  /** Bytes of a content; undefined if it is not there. Reads no content. */
  sizeOf(id: ContentId): Awaitable<number | undefined>;
  /** Undefined if it is kept in one piece. */
  partsOf?(id: ContentId): Promise<ContentParts | undefined>;
}

/** The contents of a repository, as they were at some moment since it was asked for. Reads none. */
export interface ContentIndex extends Disposable {
  /** True if a content is there, and was not found damaged. */
  has(id: ContentId): boolean;
  /** Bytes of a content; undefined if it is not there. */
  sizeOf(id: ContentId): number | undefined;
  /** False only if no content has so many bytes. */
  hasSize(bytes: number): boolean;
}

export interface ScanRequest extends WorkOptions {
  /** Read every byte, unless a part is named or contents are chosen. */
  readonly readData: boolean;
  /** Read only the contents of this part. */
  readonly part?: Extract<Subset, { kind: "part" }>;
  /** Read only these contents, in this order. */
  readonly chosen?: Iterable<string>;
  /** How many contents may be read: for tables of their sizes. */
  readonly contents: number;
  /** Bytes of one object, roughly: whether threads are worth it must be decided before the first is read. */
  readonly usualBytes: number;
}

/** What looking at one object found. Ids, never paths of an engine. */
export interface ObjectReport {
  readonly id: string;
  readonly kind: "content" | "hunk" | "root" | "object";
  /** What is wrong, going on from "it"; of other objects of an engine in any words. Undefined: whole. */
  readonly damage: string | undefined;
  /** Of other objects: the loss shows in no content or hunk. */
  readonly isLoss?: boolean;
  /** Of contents: others are assembled from it, and report the damage too. */
  readonly isPart?: boolean;
}

/** What a part of a scan found. */
export interface ScanReport {
  /** Objects whose names were looked at. */
  readonly seen: number;
  /** Those that were read. */
  readonly read: readonly ObjectReport[];
  /** Bytes that were read. */
  readonly bytes: number;
  /** Names that are no objects of this repository. */
  readonly strays: number;
}

export interface RepositoryChecker extends AsyncDisposable {
  /** Bytes that were gone through so far, those of objects under way as well. */
  readonly bytes: number;
  /** Hunks that may usefully be looked at at once. */
  readonly width: number;
  /** Looks at every object, and reads those that were asked for. In parts: there are millions. @throws Interrupted */
  scan(monitor: Monitor): AsyncIterable<ScanReport>;
  /** Looks whether a hunk is sound and in order, and its contents are there with the right size. @throws DamagedContent, DamagedManifest */
  verifyHunk(hunk: HunkRef): Promise<VerifiedHunk>;
}

/** What is stored, besides what the catalog knows. */
export interface RepositoryUsage {
  /** Roots and hunks, and their bytes. */
  readonly manifestItems: number;
  readonly manifestBytes: number;
  /** Contents that are there, needed or not. */
  readonly contents: number;
  /** Left on the file system; undefined where unknown. */
  readonly freeBytes: number | undefined;
  /** Of engines that pack: what contents and hunks take as they are stored. */
  readonly packedBytes?: number;
}

/** The result of reading a content. */
export interface VerifiedItem {
  readonly id: string;
  readonly state: "ok" | "damaged";
}

/** Changes a repository, until disposed. */
export interface RepositoryWriter extends AsyncDisposable {
  /** Begins a new snapshot. One at a time. @throws DiskFault */
  begin(request: SinkRequest, monitor: Monitor): Awaitable<SnapshotSink>;
  /**
   * Makes snapshots exist no more; what only they needed stays until it is removed.
   * @returns those that are gone: not what somebody reads at the moment @throws DiskFault
   */
  forget(ids: readonly RootId[]): Awaitable<readonly RootId[]>;
  /**
   * Gives a snapshot a root with other tags, or an alarm that is acknowledged, and so another id.
   * @returns that; undefined if somebody reads the snapshot @throws DamagedContent, DamagedManifest, DiskFault
   */
  replaceRoot(id: RootId, changes: LabelChanges): Awaitable<RootId | undefined>;
  /**
   * Gives a snapshot a root that says something else, perhaps of fewer entries, and so another id. What the new root names
   * is durable before it is there, and it is before the former one goes: a crash leaves either or both, and the new one
   * counts then. A tree that shows what is no longer in the snapshot goes before all that.
   * @returns the new id; undefined if somebody reads the snapshot @throws DamagedContent, DamagedManifest, DiskFault
   */
  rewrite(id: RootId, rewriting: Rewriting): Awaitable<RootId | undefined>;
  /**
   * Takes a snapshot from another repository.
   * @param root its bytes, which are kept as they are: so its id stays
   * @param source for what is found to be needed once more @throws DamagedManifest, NewerFormat, OtherAlgorithm
   */
  receive(root: Uint8Array<ArrayBuffer>, source?: SnapshotSource): Awaitable<SnapshotReceiver>;
  /** Decides what nothing needs, by this engine's rules. @throws UnknownReferences, Interrupted */
  planRemoval(request: RemovalRequest, monitor: Monitor): Promise<RemovalPlan>;
  /** Notes which contents were read and found whole or damaged. @param items may be gone through twice */
  recordVerified(items: Iterable<VerifiedItem>, atMs: number): Awaitable<void>;
  /** @param policy undefined: none any more */
  setPolicy(policy: Policy | undefined): Awaitable<void>;
}

export interface Rewriting {
  readonly changes: RootChanges;
  /** Keeps the hunks of the new manifest. Absent: all entries stay as they are. */
  readonly entries?: (sink: HunkSink) => Awaitable<Pick<Root, "hunks" | "totals">>;
}

/** Of engines that remove in steps, each long enough after the one before: see vault/FORMAT.md. */
export interface RemovalPace {
  /** What nothing needs any more is deleted so long after that was noted. Default: a day. */
  readonly graceMs?: number;
  /** It is noted when nothing has needed it for so long: until then it may come into use again. Default: 7 days. */
  readonly keepUnusedMs?: number;
  /** Share of all bytes that may lie unused among what is needed. Default: 0.05. */
  readonly maxUnused?: number;
  /** So many bytes at most are written anew to make room. Default: 10 GiB. */
  readonly maxRepackBytes?: number;
  /** Allows a grace that readers may not be done in. */
  readonly unsafe?: boolean;
}

export interface RemovalRequest extends WorkOptions {
  readonly pace?: RemovalPace;
  /** Snapshots that count as forgotten. */
  readonly without?: ReadonlySet<RootId>;
}

export interface RemovalSummary {
  readonly contents: number;
  readonly hunks: number;
  readonly bytes: number;
  /** Contents among them that something outside of the repository still shares: removing them frees nothing. */
  readonly linkedContents: number;
  /** Files that crashed runs left, and their bytes. */
  readonly leftovers: number;
  readonly leftoverBytes: number;
  /** Contents and hunks that stay, and how many snapshots need them. */
  readonly neededItems: number;
  readonly snapshots: number;
  /** Of engines that remove in steps. Absent: all of it is removed at once. */
  readonly steps?: RemovalSteps;
}

export interface RemovalSteps {
  /** What this run deletes: of that, and of what earlier runs found. */
  readonly deletedBytes: number;
  /** Of what this run writes anew, as it is stored now. */
  readonly repackedBytes: number;
  /** What a later run can delete. */
  readonly waitingBytes: number;
  /** When a run can take the next step with something that waits, ms since 1970; undefined if nothing does. */
  readonly nextMs: number | undefined;
}

/** Tied to what it saw; executed once. */
export interface RemovalPlan {
  readonly summary: RemovalSummary;
  /** @returns how many items were removed @throws Interrupted, DiskFault */
  execute(monitor: Monitor, signal: AbortSignal): Promise<number>;
}
