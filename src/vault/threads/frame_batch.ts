/** What threads do with the frames of a unit: a range that was fetched, and what is wanted of it. Plain data. */
import type { Raw } from "../../core/raw.ts";
import type { ExtractBatch, ExtractResult, ExtractTask } from "../../snapshot/extract_batch.ts";
import type { UnitFrame, UnitItem } from "../pack/items.ts";
import type { FrameRange } from "../pack/frame_ranges.ts";
import type { Head } from "../seal/age_header.ts";

/** Some frames of a unit that lie in one range, as they are stored. */
export interface StoredFrames {
  /** The unit, for messages. */
  readonly what: string;
  /** Stored bytes of the whole unit. */
  readonly size: number;
  /** Absent where nothing is encrypted. */
  readonly head: Head | undefined;
  /** Its `frames` are indexes into the list below. */
  readonly range: FrameRange;
  readonly frames: readonly UnitFrame[];
  readonly stored: Uint8Array<ArrayBuffer>;
}

/** Where files go. */
export type Directory = Omit<ExtractBatch, "files">;

/** Where an item lies in its frame. */
export type Place = Pick<UnitItem, "id" | "at" | "size">;

/** An item to be written: as a file, or as a part of one that was begun. */
export type Wish = FileWish | PartWish;

export interface FileWish extends Place {
  readonly directory: number;
  readonly task: ExtractTask;
}

export interface PartWish extends Place {
  readonly directory: number;
  /** Under which the file is being made. */
  readonly name: Raw;
  readonly offset: number;
  readonly sparse: boolean;
}

export interface FrameBatch {
  readonly frames: StoredFrames;
  readonly directories: readonly Directory[];
  /** Of each frame. */
  readonly wishes: readonly (readonly Wish[])[];
}

/** The result of a wish. Damage: another home of the item may still have it intact. */
export type Granted = { readonly damage: string } | { readonly result: ExtractResult } | "part";

/** A file whose parts were all written. */
export interface FinishBatch {
  readonly directory: Directory;
  readonly task: ExtractTask;
  readonly name: Raw;
}

/** A further file with a content that was just restored: from there. */
export interface CopyBatch {
  readonly from: { readonly directory: Directory; readonly name: Raw };
  readonly directory: Directory;
  readonly task: ExtractTask;
}

export interface VerifyBatch {
  readonly frames: StoredFrames;
  /** Of each frame. */
  readonly items: readonly (readonly UnitItem[])[];
  /** Ids of items whose bytes are asked for. */
  readonly wanted: ReadonlySet<string>;
}

/** In the order of the batch. */
export interface Verified {
  /** What is wrong with items; those that are whole are not in it. */
  readonly damages: readonly { readonly id: string; readonly damage: string }[];
  /** What was asked for, if it is whole. */
  readonly bytes: readonly { readonly id: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
}
