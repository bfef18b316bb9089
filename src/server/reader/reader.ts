/** The repository as routes see it: all of it is read in other threads, so that nobody waits for it here. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId, RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import type { JobOf } from "../../jobs/schema/schema.ts";
import type { PlannedChange } from "../../operations/restore/restore_request.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";
import type { FindRequest, FoundVersion } from "../../operations/browse/find.ts";
import type { DumpFormat } from "../../operations/browse/dump/dump.ts";
import type { Difference, DiffSummary } from "../../operations/browse/diff/diff.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { Plan } from "../../operations/plan/plan.ts";
import type { Stats } from "../../operations/browse/stats.ts";
import type { VaultStatus } from "../../operations/copied/vault_status.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** A part of a directory. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  /** The name to go on after; undefined if this is the end. */
  readonly next: Raw | undefined;
}

/** Bytes of a content: from `from` on, without `to`. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface SearchRequest extends Omit<FindRequest, "snapshots"> {
  /** As of an account; undefined: all. */
  readonly series: readonly string[] | undefined;
  /** Only paths after this one. */
  readonly after: Apath | undefined;
  /** About as many versions: those of one path stay together. */
  readonly limit: number;
}

export interface SearchPage {
  readonly found: readonly FoundVersion[];
  /** The path to go on after; undefined if this is the end. */
  readonly next: Apath | undefined;
}

export interface ArchiveRequest {
  readonly snapshot: RootId;
  readonly path: Apath;
  readonly format: DumpFormat;
}

export interface DiffRequest {
  readonly before: RootId;
  readonly now: RootId;
  readonly below: Apath;
  readonly limit: number;
}

export interface DiffPage {
  /** The first of them. */
  readonly changes: readonly Difference[];
  /** Of all of them. */
  readonly summary: DiffSummary;
}

export interface PreviewRequest {
  readonly job: JobOf<"restore">;
  /** Directories of the service, absolute. */
  readonly own: readonly Raw[];
}

export interface RestorePreview {
  /** The first of them. */
  readonly changes: readonly PlannedChange[];
  /** All of them, by what would be done. */
  readonly counts: Readonly<Partial<Record<PlannedChange["action"], number>>>;
}

export interface PlanRequest {
  readonly job: JobOf<"backup">;
  /** Name of this machine. */
  readonly host: string;
}

export interface BackupPlan {
  readonly plan: Plan;
  /** The first of what can't be read. */
  readonly problems: readonly string[];
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Arguments and answers are plain data: they travel between threads. */
export interface Reader {
  /** Oldest first, of all series: filter by `maySee` before anything of it is shown. */
  snapshots(): Promise<readonly SnapshotInfo[]>;
  /** Undefined if there is no such path. @throws DamagedManifest */
  entry(snapshot: RootId, path: Apath): Promise<Entry | undefined>;
  /** What is in a directory, in the order of names, after one of them. @throws DamagedManifest */
  entries(snapshot: RootId, directory: Apath, after: Raw | undefined, limit: number): Promise<EntryPage>;
  /** All versions of a path, of all series: filter them. @throws NeverBackedUp */
  history(path: Apath): Promise<readonly HistoryVersion[]>;
  /** @throws BadPattern */
  search(request: SearchRequest): Promise<SearchPage>;
  /** The last runs of jobs, oldest first; none where no storage keeps a history of them. */
  jobHistory(last: number): Promise<readonly HistoryEntry[]>;
  /** Of all series. What was found a short time ago is answered again, unless there is another snapshot by now. */
  stats(): Promise<Stats>;
  /** What is different between two snapshots, or in a directory of them. @throws NotInSnapshot */
  diff(request: DiffRequest): Promise<DiffPage>;
  /** What a restore would do; nothing is changed. @throws what the restore throws at its beginning */
  previewRestore(request: PreviewRequest): Promise<RestorePreview>;
  /** Looks into a vault of the configuration, which may take long. @throws what opening it throws */
  vault(name: string): Promise<VaultStatus>;
  /** What a backup would do; nothing is written. @throws NoSource, SourceInStorage, OutsideLimits */
  planBackup(request: PlanRequest): Promise<BackupPlan>;
  /**
   * Bytes of a content, verified: a whole content that is damaged throws at its end, before its last bytes are given.
   * Nothing is read ahead without bounds; ends when the loop over it does.
   */
  content(id: ContentId, range?: ByteRange): AsyncIterable<Bytes>;
  /** A subtree as one file; its last entry lists what is missing or has another name, if there is such. */
  archive(request: ArchiveRequest): AsyncIterable<Bytes>;
}

/** Names of what answers once, and of what answers bit by bit. */
export const ASKS = [
  "snapshots",
  "entry",
  "entries",
  "history",
  "search",
  "stats",
  "jobHistory",
  "diff",
  "previewRestore",
  "vault",
  "planBackup",
] as const;
export const STREAMS = ["content", "archive"] as const;
/** What may keep a thread for long, and so has one of its own. */
export const LONG: readonly string[] = ["search", "stats", "archive", "diff", "previewRestore", "vault", "planBackup"];

export type Ask = typeof ASKS[number];
export type Stream = typeof STREAMS[number];
