/** Queries that every catalog of snapshots answers, whatever stores it. */
import type { Apath } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { Entry, Kind, NsText } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { SnapshotInfo } from "./snapshot_info.ts";

/** State of an object in one version: its kind and metadata. */
export interface State {
  readonly kind: Kind;
  readonly size: number;
  readonly mtime: NsText;
  readonly content: ContentId | undefined;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  /** Numbers of a device; absent for all other kinds. */
  readonly device?: NonNullable<Entry["device"]>;
  /** Target of a symlink; absent for all other kinds. */
  readonly target?: Raw;
  /** Digest of the extended attributes; absent if there are none. */
  readonly xattrs?: string;
  readonly problems?: readonly string[];
}

/**
 * One version of a path, from snapshot `first` to snapshot `last` (sequence numbers). `last` is undefined if the newest
 * snapshot of the series still has it.
 */
export interface PathVersion extends State {
  readonly path: Apath;
  readonly host: string;
  readonly name: string;
  /** Sequence number of the incomplete snapshot that holds this version; undefined if complete snapshots hold it. */
  readonly partial: number | undefined;
  readonly first: number;
  readonly last: number | undefined;
}

/** A difference at one path. `before` is undefined if it was added, `now` if it was removed; at least one is set. */
export interface PathChange {
  readonly path: Apath;
  readonly before: State | undefined;
  readonly now: State | undefined;
}

/** Two complete snapshots of one series, as sequence numbers; `before` is lower than `now`. */
export interface Interval {
  readonly host: string;
  readonly name: string;
  readonly before: number;
  readonly now: number;
}

/** Conditions on versions. A version must match all that are given. */
export interface VersionQuery {
  /**
   * SQLite GLOB patterns for names as byte strings; one of them must match. They may match too much: the caller filters
   * again.
   */
  readonly names?: readonly string[];
  /** Ignores the case of ASCII letters; `names` must be in lower case then. */
  readonly ignoreCase?: boolean;
  /** The path is one of these directories, or lies below one. */
  readonly below?: readonly Apath[];
  readonly kinds?: readonly Kind[];
  /** Size of a regular file in bytes, both limits inclusive. */
  readonly smallest?: number;
  readonly largest?: number;
  /** Time of modification in seconds since 1970: at `since` or later, earlier than `before`. */
  readonly since?: number;
  readonly before?: number;
  /** Prefix of the content id. */
  readonly content?: string;
  /** Sequence numbers of snapshots; the version must be in one of them. */
  readonly snapshots?: readonly number[];
  /** Only paths that the newest snapshot of their series lacks; excludes incomplete snapshots. */
  readonly gone?: boolean;
  /**
   * Sorts directories by their bytes instead, and gives their versions while it searches on: what a page of the result
   * costs doesn't depend on the size of the whole.
   */
  readonly pageAfter?: PageStart;
}

/** Where a page of a search begins: behind a path, in the order of pages; "start": with the first one. */
export type PageStart = Apath | "start";

/** Figures of one snapshot. Bytes are sums of content sizes; each content counts once. */
export interface SnapshotFigures {
  readonly sequence: number;
  /** Contents that no earlier snapshot has. */
  readonly newContents: number;
  readonly newBytes: number;
  /** Contents that no other snapshot has: what forgetting only this snapshot would free. */
  readonly uniqueContents: number;
  readonly uniqueBytes: number;
}

export interface LargeContent {
  readonly content: ContentId;
  readonly size: number;
  /** One of its paths. */
  readonly path: Apath;
}

/** Number of contents, and the sum of their sizes. */
export interface Amount {
  readonly contents: number;
  readonly bytes: number;
}

export interface VerificationStatus {
  readonly all: Amount;
  /** Contents that were not read since they were stored. */
  readonly never: Amount;
  /** Contents that were found damaged and were not stored again since. */
  readonly damaged: Amount;
  /** Contents that were found intact at one of the given times or later, in the order of the request. */
  readonly since: readonly Amount[];
  /**
   * When the content was read whose last reading is the longest ago, in ms since 1970. Contents that were never read
   * don't count.
   */
  readonly oldestMs: number | undefined;
}

/** Bytes before and after compression. */
export interface Ratio {
  readonly bytes: number;
  readonly packed: number;
}

/** Compression ratios by file type, see {@link typeOf}. */
export type Ratios = ReadonlyMap<string, Ratio>;

/** Queries over all snapshots. All answers within one call of `Repository.query` describe the same moment. */
export interface CatalogQueries {
  /** All snapshots, oldest first. */
  snapshots(): readonly SnapshotInfo[];
  /** All versions of a path, oldest first. */
  history(path: Apath): readonly PathVersion[];
  /** Matching versions, ordered by path (see `pageAfter`), series and time. Only a few are in memory at once. */
  find(query: VersionQuery): Generator<PathVersion>;
  /**
   * Differences between two complete snapshots of a series, ordered by path.
   * @param below restricts them to this path and everything below it
   */
  changes(interval: Interval, below: Apath): Generator<PathChange>;
  /** Figures of all snapshots that have new contents, oldest first. */
  figures(): readonly SnapshotFigures[];
  /** The `count` largest contents, largest first. */
  largest(count: number): readonly LargeContent[];
  /** Distinct sizes of contents larger than `bytes`, ascending. */
  sizesAbove(bytes: number): Float64Array;
  /** Compression ratios by file type. */
  ratios(): Ratios;
  /** Contents that a check found damaged or missing, and that no later check found intact. */
  damaged(): readonly ContentId[];
  readonly verifications: VerificationQueries;
  /** Runs `action`; all of its queries see the same moment, whatever a writer does meanwhile. */
  asOfOneMoment<T>(action: () => T): T;
}

/** When the contents that snapshots refer to were last read. */
export interface VerificationQueries {
  total(): Amount;
  /** About as many as {@link total} counts, but sooner. */
  estimate(): Amount;
  /** All contents: first the damaged ones, then those that were never read, then the others, longest unread first. */
  longestAgo(): Generator<{ readonly id: ContentId; readonly size: number; readonly isDamaged: boolean }>;
  /**
   * Verification state of all contents.
   * @param sinceMs times in ms since 1970; the result counts for each the contents found intact at that time or later
   */
  status(sinceMs: readonly number[]): VerificationStatus;
}
