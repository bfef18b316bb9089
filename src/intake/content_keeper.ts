/** What reading files needs of an engine: somebody who keeps their bytes. */
import type { ContentId } from "../core/content_id.ts";
import type { NsText } from "../core/entry.ts";
import type { Steps } from "../core/steps.ts";
import type { OpenFile } from "../platform/disk.ts";
import type { Meter } from "../platform/meter.ts";

export interface StoredItem {
  readonly id: ContentId;
  /** Of the content, as it was read. */
  readonly size: number;
  /** Bytes written; 0 if the content was there. */
  readonly newBytes: number;
  readonly isNew: boolean;
}

/** What a file to be stored says of itself. */
export interface FileFacts {
  readonly mode: number;
  readonly gid: number;
  /** An ACL turns the group bits into a mask that may promise more than the group has. */
  readonly hasAcl: boolean;
  readonly mtime: NsText;
  /** The item that used to hold this file's content: may be replaced even where a weak digest leaves doubt. */
  readonly expected: ContentId | undefined;
}

/** A content that comes in chunks. */
export interface ContentStream {
  /** As announced; the end of the stream is what `read` says. */
  readonly size: number;
  readonly sparse: boolean;
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
  /** Makes an empty file share its extents with the source; false if that can't be done. */
  cloneTo(target: OpenFile): boolean;
}

/** @template Wait what its steps may have to wait for: nothing by default */
export interface ContentKeeper<Wait extends Promise<void> | undefined = undefined> {
  /**
   * Where a file of that many bytes may be read to: more than they are, so that one that has grown shows. Undefined: it
   * has to come as a stream.
   */
  roomFor(size: number): Uint8Array<ArrayBuffer> | undefined;
  /** Keeps a content that is in memory, in the room that was given for it. */
  storeBytes(bytes: Uint8Array<ArrayBuffer>, file: FileFacts): Generator<Wait | undefined, StoredItem>;
  /** Keeps a content of any size, and counts what comes. */
  storeStream(stream: ContentStream, file: FileFacts): Generator<Wait | undefined, StoredItem>;
  /** True if a content of that many bytes is there to compare a file with. */
  has(id: ContentId, size: number): boolean;
  /** @param read reads from a position */
  digestOf(read: OpenFile["read"], meter: Meter): Steps<string>;
  /** Lets one more file have a content that it was found to be equal to. @returns false if that isn't there, or not whole */
  share(id: ContentId, size: number, file: FileFacts): boolean;
}
