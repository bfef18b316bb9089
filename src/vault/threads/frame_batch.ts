/** Work on frames of a unit for threads: a fetched range, and what is wanted from it. Plain data. */
import type { Raw } from "../../core/raw.ts";
import type { ExtractBatch, ExtractResult, ExtractTask } from "../../snapshot/extract_batch.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import type { UnitFrame, UnitItem } from "../pack/items.ts";
import type { FrameRange } from "../pack/frame_ranges.ts";
import type { Head } from "../seal/age_header.ts";

/** Some frames of a unit in one range, as stored. */
export interface StoredFrames {
  /** The unit, for messages. */
  readonly what: string;
  /** Stored bytes of the whole unit. */
  readonly size: number;
  /** Absent without encryption. */
  readonly head: Head | undefined;
  /** Its `frames` are indices into the list below. */
  readonly range: FrameRange;
  readonly frames: readonly UnitFrame[];
  /** Memory that is handed over with the batch, or that threads share. */
  readonly stored: Uint8Array;
}

/** What may be handed over with frames. */
export function handedWith({ stored: { buffer } }: StoredFrames): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

/** Target directory of files. */
export type Directory = Omit<ExtractBatch, "files">;

/** Place of an item in its frame. */
export type Place = Pick<UnitItem, "id" | "at" | "size">;

/** An item to be written: as a file, or as a part of one that was begun. */
export type Wish = FileWish | PartWish;

export interface FileWish extends Place {
  readonly directory: number;
  readonly task: ExtractTask;
}

export interface PartWish extends Place {
  readonly directory: number;
  /** Name of the unfinished file. */
  readonly name: Raw;
  readonly offset: number;
  readonly sparse: boolean;
}

export interface FrameBatch {
  readonly frames: StoredFrames;
  readonly directories: readonly Directory[];
  /** Wishes for each frame. */
  readonly wishes: readonly (readonly Wish[])[];
}

/** Result of a wish. After damage, another home of the item may still have it intact. */
export type Granted = { readonly damage: string } | { readonly result: ExtractResult } | "part";

/** A file whose parts were all written. */
export interface FinishBatch {
  readonly directory: Directory;
  readonly task: ExtractTask;
  readonly name: Raw;
}

/** Another file with a content that was just restored, to be copied from there. */
export interface CopyBatch {
  readonly from: { readonly directory: Directory; readonly name: Raw };
  readonly directory: Directory;
  readonly task: ExtractTask;
}

export interface VerifyBatch {
  readonly frames: StoredFrames;
  /** Items of each frame. */
  readonly items: readonly (readonly UnitItem[])[];
  /** Ids of items whose bytes are requested. */
  readonly wanted: ReadonlySet<string>;
}

/** Results in the order of the batch. */
export interface Verified {
  /** Descriptions of damage; intact items are not included. */
  readonly damages: readonly { readonly id: string; readonly damage: string }[];
  /** Requested items that are intact. */
  readonly bytes: readonly { readonly id: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

/** Bytes of a whole unit, whose digest is wanted. */
export interface DigestBatch {
  readonly bytes: Uint8Array;
}

/** A hunk, and its verified bytes. */
export interface HunkBatch {
  readonly hunk: HunkRef;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
