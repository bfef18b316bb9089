/** The interface through which an engine receives the bytes of files that are read. */
import type { ContentId } from "../core/content_id.ts";
import type { NsText } from "../core/entry.ts";
import type { Steps } from "../core/steps.ts";
import type { OpenFile } from "../platform/disk.ts";
import type { Meter } from "../platform/meter.ts";

export interface StoredItem {
  readonly id: ContentId;
  /** Size of the content as it was read, in bytes. */
  readonly size: number;
  /** Bytes written; 0 if the content was already stored. */
  readonly newBytes: number;
  readonly isNew: boolean;
}

/** Metadata of a file to be stored. */
export interface FileFacts {
  readonly mode: number;
  readonly gid: number;
  /** True if the file has an ACL, whose mask, shown as the group bits, may promise more than the group has. */
  readonly hasAcl: boolean;
  readonly mtime: NsText;
  /** The item that used to hold this file's content. It may be replaced even where a weak digest leaves doubt. */
  readonly expected: ContentId | undefined;
}

/** A content that arrives in chunks. */
export interface ContentStream {
  /** Expected size in bytes; the actual end is where `read` returns 0. */
  readonly size: number;
  readonly sparse: boolean;
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
  /** Makes an empty file share its extents with the source. @returns false if that is not possible */
  cloneTo(target: OpenFile): boolean;
}

/** @template Wait promises that its steps may have to wait for; none by default */
export interface ContentKeeper<Wait extends Promise<void> | undefined = undefined> {
  /**
   * Returns the buffer into which a file of `size` bytes may be read. It has more room than that, so that growth is
   * noticed. Undefined: the content must come as a stream.
   */
  roomFor(size: number): Uint8Array<ArrayBuffer> | undefined;
  /** Stores a content that is in memory, in the buffer that {@link roomFor} returned. */
  storeBytes(bytes: Uint8Array<ArrayBuffer>, file: FileFacts): Generator<Wait | undefined, StoredItem>;
  /** Stores a content of any size, counting the bytes that arrive. */
  storeStream(stream: ContentStream, file: FileFacts): Generator<Wait | undefined, StoredItem>;
  /** True if a content of that size is stored, for comparison with a file. */
  has(id: ContentId, size: number): boolean;
  /** Computes a digest in lower-case hex. @param read reads from a position */
  digestOf(read: OpenFile["read"], meter: Meter): Steps<string>;
  /**
   * Lets one more file use a content that it was found to be equal to.
   * @returns false if the content is missing or damaged
   */
  share(id: ContentId, size: number, file: FileFacts): boolean;
}
