/** The repository as routes see it: all of it is read in another thread, so that nobody waits for it here. */
import type { Apath } from "../../core/apath.ts";
import type { ContentId, RootId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import type { Raw } from "../../core/raw.ts";
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

export interface Reader {
  /** Oldest first, of all series: filter by `maySee` before anything of it is shown. */
  snapshots(): Promise<readonly SnapshotInfo[]>;
  /** Undefined if there is no such path. @throws DamagedManifest */
  entry(snapshot: RootId, path: Apath): Promise<Entry | undefined>;
  /** What is in a directory, in the order of names, after one of them. @throws DamagedManifest */
  entries(snapshot: RootId, directory: Apath, after: Raw | undefined, limit: number): Promise<EntryPage>;
  /**
   * Bytes of a content, verified: a whole content that is damaged throws at its end, before its last bytes are given.
   * Nothing is read ahead without bounds; ends when the loop over it does.
   */
  content(id: ContentId, range?: ByteRange): AsyncIterable<Uint8Array<ArrayBuffer>>;
}
