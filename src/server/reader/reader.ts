/** The repository as routes see it. Other threads read it, so that the main thread never waits. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId, RootId } from "../../core/content_id.ts";
import type { Algorithm } from "../../core/digest.ts";
import type { Entry } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
import type { JobOf } from "../../jobs/schema/schema.ts";
import type { FolderPage, FoldersRequest } from "../../operations/folders.ts";
import type { PlannedChange } from "../../operations/restore/restore_request.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";
import type { FindRequest, FoundVersion } from "../../operations/browse/find.ts";
import type { DumpFormat } from "../../operations/browse/dump/dump.ts";
import type { Difference, DiffSummary } from "../../operations/browse/diff/diff.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { Plan } from "../../operations/plan/plan.ts";
import type { Retention } from "../../operations/forget/retention.ts";
import type { Stats } from "../../operations/browse/stats.ts";
import type { VaultStatus } from "../../operations/copied/vault_status.ts";
import type { Totals } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

/** A page of a directory's entries. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  /** Name after which the next page begins; undefined at the end. */
  readonly next: Raw | undefined;
}

/** "reverse" begins with the last name. */
export type EntryOrder = "name" | "reverse";

/** Snapshots of all series, oldest first. */
export interface SnapshotList {
  /** Differs from that of any other list. */
  readonly version: string;
  readonly snapshots: readonly SnapshotInfo[];
}

export interface FileRequest {
  readonly snapshot: RootId;
  readonly path: Apath;
  /** Version of the list in which the snapshot was found; undefined if it is recent. */
  readonly version: string | undefined;
  /** True if the whole contents are wanted. */
  readonly wantsBody: boolean;
}

export interface FileAnswer {
  /** Undefined if there is none. */
  readonly entry: Entry | undefined;
  /** Absent if it wasn't wanted, or for an entry without contents. */
  readonly body?: FileBody;
}

/** How the contents of a file come: verified bytes; a plain file, still to be verified; or by {@link Reader.content}. */
export type FileBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "file"; readonly path: Raw; readonly algorithm: Algorithm }
  | { readonly kind: "stream" };

/** A range of a content in bytes: `from` inclusive, `to` exclusive; Infinity for what goes on to the end. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface SearchRequest extends Omit<FindRequest, "snapshots" | "pageAfter"> {
  /** Patterns of the series that the account may see; undefined: all. */
  readonly series: readonly string[] | undefined;
  /** Only paths after this one, in the order of pages. */
  readonly after: Apath | undefined;
  /** Approximate number of versions: those of one path are never separated. */
  readonly limit: number;
}

export interface SearchPage {
  readonly found: readonly FoundVersion[];
  /** Path after which the next page begins; undefined at the end. */
  readonly next: Apath | undefined;
}

export interface ArchiveRequest {
  readonly snapshot: RootId;
  readonly path: Apath;
  /** As in a request for a dump. */
  readonly only?: readonly Apath[];
  readonly format: DumpFormat;
}

export interface DiffRequest {
  readonly before: RootId;
  readonly now: RootId;
  readonly below: Apath;
  readonly limit: number;
}

export interface DiffPage {
  /** The first changes. */
  readonly changes: readonly Difference[];
  /** Summary of all changes. */
  readonly summary: DiffSummary;
}

export interface PreviewRequest {
  readonly job: JobOf<"restore">;
  /** Absolute paths of the service's directories. */
  readonly own: readonly Raw[];
}

export interface RestorePreview {
  /** The first changes. */
  readonly changes: readonly PlannedChange[];
  /** Numbers of all changes by action. */
  readonly counts: Readonly<Partial<Record<PlannedChange["action"], number>>>;
}

export interface PlanRequest {
  readonly job: JobOf<"backup">;
  /** Name of this machine. */
  readonly host: string;
}

export interface BackupPlan {
  readonly plan: Plan;
  /** The first problems: what can't be read. */
  readonly problems: readonly string[];
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Reads a repository. Arguments and results are plain data, because they travel between threads. */
export interface Reader {
  /**
   * Snapshots of all series: filter by `maySee` before showing any. @param known version of a list at hand @returns
   * undefined if that still holds
   */
  list(known?: string): Promise<SnapshotList | undefined>;
  /** An entry, and what its contents need. "changed": the list of that version no longer holds. @throws DamagedManifest */
  file(request: FileRequest): Promise<FileAnswer | "changed">;
  /** An entry; undefined if there is none. @throws DamagedManifest */
  entry(snapshot: RootId, path: Apath): Promise<Entry | undefined>;
  /** Entries of a directory by name, from the one after `after` on. @throws DamagedManifest */
  entries(
    snapshot: RootId,
    directory: Apath,
    after: Raw | undefined,
    limit: number,
    order?: EntryOrder,
  ): Promise<EntryPage>;
  /** All versions of a path in all series: filter them. @throws NeverBackedUp */
  history(path: Apath): Promise<readonly HistoryVersion[]>;
  /** A page of matching versions. @throws BadPattern */
  search(request: SearchRequest): Promise<SearchPage>;
  /** The last runs of jobs, oldest first; none if no storage keeps their history. */
  jobHistory(last: number): Promise<readonly HistoryEntry[]>;
  /** Statistics of all series. They are cached for a short time, unless there is a new snapshot. */
  stats(): Promise<Stats>;
  /** Id of the repository. */
  id(): Promise<string>;
  /** What the policy of the repository makes of the snapshots of all series. @throws DamagedPolicy */
  retention(): Promise<Retention>;
  /** Totals of a snapshot. @throws DamagedManifest */
  totals(snapshot: RootId): Promise<Totals>;
  /** Differences between two snapshots, or in a directory of them. @throws NotInSnapshot */
  diff(request: DiffRequest): Promise<DiffPage>;
  /** Previews a restore; changes nothing. @throws the faults of a restore's beginning */
  previewRestore(request: PreviewRequest): Promise<RestorePreview>;
  /** Looks into a vault of the configuration, which may take long. @throws the faults of opening it */
  vault(name: string): Promise<VaultStatus>;
  /** Plans a backup; writes nothing. @throws NoSource, SourceInStorage, OutsideLimits */
  planBackup(request: PlanRequest): Promise<BackupPlan>;
  /** Directories in a directory; undefined if it can't be read. @throws OutsideLimits */
  folders(request: FoldersRequest): Promise<FolderPage | undefined>;
  /**
   * Verified bytes of a content. If a whole content is damaged, this throws at the end, before its last bytes. Reading
   * ahead is bounded, and ends with the loop over the result.
   */
  content(id: ContentId, range?: ByteRange): AsyncIterable<Bytes>;
  /** A subtree as one file. If entries are missing or renamed, its last entry lists them. */
  archive(request: ArchiveRequest): AsyncIterable<Bytes>;
  /** All differences as lines of JSON, then `{"summary": ...}`. @throws NotInSnapshot */
  changes(request: Omit<DiffRequest, "limit">): AsyncIterable<Bytes>;
  /** All changes that a restore would make as lines of JSON, then `{"summary": ...}`. @throws as previewRestore */
  restoreChanges(request: PreviewRequest): AsyncIterable<Bytes>;
  /** What can't be read as lines `{"problem": ...}`, then `{"summary": ...}`. @throws as planBackup */
  backupLines(request: PlanRequest): AsyncIterable<Bytes>;
}

/** Names of the methods with one answer, and of those with a stream. */
export const ASKS = [
  "list",
  "file",
  "entry",
  "entries",
  "history",
  "search",
  "stats",
  "id",
  "retention",
  "totals",
  "jobHistory",
  "diff",
  "previewRestore",
  "vault",
  "planBackup",
  "folders",
] as const;
export const STREAMS = ["content", "archive", "changes", "restoreChanges", "backupLines"] as const;
/** Methods that may occupy a thread for long, and so use a thread of their own. */
export const LONG: readonly string[] = [
  "search",
  "archive",
  "changes",
  "restoreChanges",
  "backupLines",
  "diff",
  "previewRestore",
  "vault",
  "planBackup",
  "folders",
];

export type Ask = typeof ASKS[number];
export type Stream = typeof STREAMS[number];
