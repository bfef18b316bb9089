/** What a catalog of snapshots can be asked, whatever keeps it. */
import type { Apath } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { Entry, Kind, NsText } from "../core/entry.ts";
import type { Raw } from "../core/raw.ts";
import type { SnapshotInfo } from "./snapshot_info.ts";

/** What an object was. */
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
  /** Devices only. */
  readonly device?: NonNullable<Entry["device"]>;
  /** Of a symlink. */
  readonly target?: Raw;
  /** A digest of the extended attributes, if there are any. */
  readonly xattrs?: string;
  readonly problems?: readonly string[];
}

/** One version of a path: what it was from snapshot `first` to `last` (sequences); `last` undefined: it still is. */
export interface PathVersion extends State {
  readonly path: Apath;
  readonly host: string;
  readonly name: string;
  /** The incomplete snapshot that it is of; undefined: of the complete ones of its series. */
  readonly partial: number | undefined;
  readonly first: number;
  readonly last: number | undefined;
}

/** `before` if it was there, `now` if it is: never neither. */
export interface PathChange {
  readonly path: Apath;
  readonly before: State | undefined;
  readonly now: State | undefined;
}

/** Two complete snapshots of one series: their sequences, the first one lower. */
export interface Interval {
  readonly host: string;
  readonly name: string;
  readonly before: number;
  readonly now: number;
}

/** All that is given must fit. */
export interface VersionQuery {
  /** SQLite GLOB patterns for byte strings, of which one must fit the name; the asker looks more closely. */
  readonly names?: readonly string[];
  /** ASCII letters of names count as small ones; `names` are written so. */
  readonly ignoreCase?: boolean;
  /** One of these directories, or anything below one. */
  readonly below?: readonly Apath[];
  readonly kinds?: readonly Kind[];
  /** Bytes of regular files, both included. */
  readonly smallest?: number;
  readonly largest?: number;
  /** Modified then or later; before then. Seconds since 1970. */
  readonly since?: number;
  readonly before?: number;
  /** Beginning of a content id. */
  readonly content?: string;
  /** In one of these snapshots (sequences). */
  readonly snapshots?: readonly number[];
  /** Only of paths that the newest snapshot of their series doesn't have; none of incomplete snapshots. */
  readonly gone?: boolean;
}

/** Of one snapshot. Bytes are sizes of contents, each counted once. */
export interface SnapshotFigures {
  readonly sequence: number;
  /** Contents that no snapshot before it has. */
  readonly newContents: number;
  readonly newBytes: number;
  /** Contents that no other snapshot has: what forgetting this one alone would free. */
  readonly uniqueContents: number;
  readonly uniqueBytes: number;
}

export interface LargeContent {
  readonly content: ContentId;
  readonly size: number;
  /** One of its paths. */
  readonly path: Apath;
}

/** Contents and the sum of their sizes. */
export interface Amount {
  readonly contents: number;
  readonly bytes: number;
}

export interface VerificationStatus {
  readonly all: Amount;
  /** Not read since they were stored. */
  readonly never: Amount;
  /** Read and found damaged, and not stored again since. */
  readonly damaged: Amount;
  /** Found whole at that time or later; in the order asked for. */
  readonly since: readonly Amount[];
  /** Time in ms: when the content was read that was not for the longest time; those that never were have none. */
  readonly oldestMs: number | undefined;
}

/** Bytes that were compressed, and what came out. */
export interface Ratio {
  readonly bytes: number;
  readonly packed: number;
}

/** By file type, see {@link typeOf}. */
export type Ratios = ReadonlyMap<string, Ratio>;

/** Questions about all snapshots at once. Answers of one call of `Repository.query` are of one moment. */
export interface CatalogQueries {
  /** Oldest first. */
  snapshots(): readonly SnapshotInfo[];
  /** All versions of a path, oldest first. */
  history(path: Apath): readonly PathVersion[];
  /** Matching versions, ordered by path, then by series, then by time; only a few are in memory at once. */
  find(query: VersionQuery): Generator<PathVersion>;
  /** What is different between two complete snapshots of a series, ordered by path. @param below only this path, and what is in it */
  changes(interval: Interval, below: Apath): Generator<PathChange>;
  /** Of the snapshots that have new contents, oldest first. */
  figures(): readonly SnapshotFigures[];
  /** The largest contents first. */
  largest(count: number): readonly LargeContent[];
  /** Distinct sizes of contents above so many bytes, ascending. */
  sizesAbove(bytes: number): Float64Array;
  /** How well files compress, by type. */
  ratios(): Ratios;
  /** Contents that a check found damaged or missing, and no later one found whole. */
  damaged(): readonly ContentId[];
  readonly verifications: VerificationQueries;
  /** Everything that is asked in `action` is answered as of one moment, whatever a writer does meanwhile. */
  asOfOneMoment<T>(action: () => T): T;
}

/** When contents that snapshots refer to were last read. */
export interface VerificationQueries {
  total(): Amount;
  /** All contents: what was found damaged, then what was never read, then what was not read for the longest time. */
  longestAgo(): Generator<{ readonly id: ContentId; readonly size: number; readonly isDamaged: boolean }>;
  /** @param sinceMs for what was found whole at that time or later */
  status(sinceMs: readonly number[]): VerificationStatus;
}
