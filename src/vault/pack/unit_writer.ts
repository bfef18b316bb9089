/**
 * Writes one unit: items become tar entries, entries become frames, and closed frames are encrypted. Two frames are
 * open at a time: one that will be compressed, and one for incompressible data. Nothing here waits or fetches.
 */
import { TOP } from "../../core/apath.ts";
import type { Entry, NsText } from "../../core/entry.ts";
import { releaseMemory } from "../../core/garbage.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { TarWriter } from "../../core/tar.ts";
import { MOST_FRAME_BYTES, MOST_UNIT_ITEMS } from "../format/limits.ts";
import type { Sealer } from "../seal/sealer.ts";
import type { UnitClass, UnitFrame, UnitItem } from "./items.ts";
import { UNIT_JSON } from "./tar_names.ts";
import { encodeUnitJson } from "./unit_json.ts";
import { compress, type Level, rawFrame, skippableFrame } from "./zstd.ts";

/** Attributes of a file in its tar header. */
export interface TarFields {
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  readonly mtime: NsText;
}

/** Attributes of hunks, lists and roots, which have no owner. */
export const OWN_FIELDS: TarFields = { mode: 0o600, uid: 0, gid: 0, mtime: "0" };

/** "raw": stored without compression, because that would gain nothing. */
export type LaneName = "compressed" | "raw";

export interface NewItem extends Pick<UnitItem, "id" | "digest" | "part"> {
  readonly name: Raw;
  readonly fields: TarFields;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lane: LaneName;
}

/** An item with its tar entry, as taken from another unit. */
export interface TakenItem extends Pick<UnitItem, "id" | "digest" | "part" | "size"> {
  /** Whole tar blocks: its headers and its content. */
  readonly entry: Uint8Array<ArrayBuffer>;
  /** Offset of the content in `entry`. */
  readonly at: number;
  readonly lane: LaneName;
  readonly isCopy: boolean;
}

export interface UnitOptions {
  /** UUID of the vault. */
  readonly vault: string;
  readonly unitClass: UnitClass;
  /** Only without encryption: random, so that the unit never gets the name of a deleted one. */
  readonly salt?: string;
  readonly sealer: Sealer;
  /** Stored bytes from which the unit is full. */
  readonly unitBytes: number;
  readonly level: Level;
  /** Buffers that the next unit reuses. */
  readonly buffers: PackBuffers;
}

/** What an index has to know of a unit. */
export interface FinishedUnit {
  /** Name of the unit's object. */
  readonly id: string;
  readonly unitClass: UnitClass;
  /** Stored size in bytes. */
  readonly size: number;
  /** The bytes before the first encrypted chunk. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly frames: readonly UnitFrame[];
  readonly items: readonly UnitItem[];
  readonly copies: readonly UnitItem[];
}

/** Plain bytes at which a frame is closed; a larger item gets a frame of its own. */
export const FRAME_BYTES = 512 * 1024;
const TAR_BLOCK_BYTES = 512, TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;
export const TRAILER_CONTENT_BYTES = 12;

/** Buffers for the plain bytes of open frames; one object for each thread. */
export class PackBuffers {
  readonly compressed = new FrameBuffer();
  readonly raw = new FrameBuffer();
}

/** A buffer that grows to the size of the largest frame, and never shrinks. */
class FrameBuffer {
  #buffer = new Uint8Array(2 * FRAME_BYTES);
  #used = 0;

  get used(): number {
    return this.#used;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#used);
  }

  append(bytes: Uint8Array): void {
    const end = this.#used + bytes.length;
    if (end > MOST_FRAME_BYTES) throw new Error(`A frame would have ${end} bytes`);
    if (end > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(MOST_FRAME_BYTES, Math.max(end, 2 * this.#buffer.length)));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used = end;
  }

  clear(): void {
    this.#used = 0;
  }
}

/** An open frame and its items. */
class Lane {
  readonly buffer: FrameBuffer;
  readonly compresses: boolean;
  readonly #tar: TarWriter;
  /** Items of the open frame, whose index isn't known yet. */
  held: { readonly item: Omit<UnitItem, "frame">; readonly isCopy: boolean }[] = [];

  constructor(buffer: FrameBuffer, compresses: boolean) {
    buffer.clear();
    this.buffer = buffer;
    this.compresses = compresses;
    this.#tar = new TarWriter((bytes) => buffer.append(bytes));
  }

  /** Adds an entry. @returns the offset of its content in the frame */
  add(name: Raw, fields: TarFields, bytes: Uint8Array<ArrayBuffer>): number {
    const entry: Entry = { ...fields, path: TOP, kind: "file", size: bytes.length };
    this.#tar.addFile(entry, name, bytes);
    return this.buffer.used - Math.ceil(bytes.length / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
}

type HeldItem = Omit<UnitItem, "frame" | "at"> & { readonly isCopy: boolean };

export class UnitWriter {
  readonly #options: UnitOptions;
  readonly #lanes: Readonly<Record<LaneName, Lane>>;
  readonly #frames: UnitFrame[] = [];
  readonly #items: UnitItem[] = [];
  readonly #copies: UnitItem[] = [];
  #plainBytes = 0;
  #count = 0;

  constructor(options: UnitOptions) {
    this.#options = options;
    const { compressed, raw } = options.buffers;
    this.#lanes = { compressed: new Lane(compressed, true), raw: new Lane(raw, false) };
  }

  /** Number of items and copies so far. */
  get count(): number {
    return this.#count;
  }

  /** True if it has to be finished before anything else is added. */
  get isFull(): boolean {
    return this.#options.sealer.storedBytes >= this.#options.unitBytes || this.#count >= MOST_UNIT_ITEMS;
  }

  /** Adds an item. @throws Error if the unit is full, or the item is larger than a frame may be */
  add(item: NewItem): void {
    this.#put(item, false);
  }

  /** Adds a copy, for people, of something that is stored elsewhere too. @throws as {@link add} */
  addCopy(item: NewItem): void {
    this.#put(item, true);
  }

  /** Adds an item with the entry that it had in another unit. @throws as {@link add} */
  take({ entry, at, lane, isCopy, ...item }: TakenItem): void {
    this.#hold(this.#lanes[lane], { ...item, isCopy }, ({ buffer }) => {
      const from = buffer.used;
      buffer.append(entry);
      return from + at;
    });
  }

  #put({ name, fields, bytes, lane, ...item }: NewItem, isCopy: boolean): void {
    const held = { ...item, size: bytes.length, isCopy };
    this.#hold(this.#lanes[lane], held, (open) => open.add(name, fields, bytes));
  }

  /** @param put appends the entry to the open frame, and returns the offset of its content */
  #hold(lane: Lane, { id, digest, part, size, isCopy }: HeldItem, put: (lane: Lane) => number): void {
    if (this.isFull) throw new Error("The unit is full");
    if (size > FRAME_BYTES) this.#close(lane);
    const at = put(lane);
    const item = { id, at, size, ...(digest !== undefined && { digest }), ...(part && { part }) };
    lane.held.push({ item, isCopy });
    this.#count++;
    if (lane.buffer.used >= FRAME_BYTES) this.#close(lane);
  }

  /** Closes the unit. Nothing may be added afterwards. */
  finish(): FinishedUnit {
    const { sealer, unitClass } = this.#options;
    this.#close(this.#lanes.compressed);
    this.#close(this.#lanes.raw);
    this.#describe();
    const id = sealer.finish(), size = sealer.storedBytes;
    return {
      id,
      unitClass,
      size,
      head: sealer.head,
      frames: this.#frames,
      items: this.#items,
      copies: this.#copies,
    };
  }

  #close(lane: Lane): void {
    const plain = lane.buffer.bytes;
    if (plain.length === 0) return;
    const from = this.#plainBytes;
    if (lane.compresses) this.#sealFrame(compress(plain, this.#options.level));
    else for (const piece of rawFrame(plain)) this.#seal(piece);
    const frame = this.#frames.push({ from, length: this.#plainBytes - from, plainBytes: plain.length }) - 1;
    for (const { item, isCopy } of lane.held) (isCopy ? this.#copies : this.#items).push({ ...item, frame });
    lane.held = [];
    lane.buffer.clear();
  }

  /**
   * Writes the last frame, with the unit's description and the end of the tar file; then the trailer, a skippable frame
   * with its position.
   */
  #describe(): void {
    const { vault, unitClass, level, salt } = this.#options;
    const json = encodeUnitJson({
      vault,
      unitClass,
      frames: this.#frames,
      items: this.#items,
      copies: this.#copies,
    }, salt);
    const lane = this.#lanes.compressed;
    lane.add(rawOf(UNIT_JSON), OWN_FIELDS, json);
    lane.buffer.append(new Uint8Array(TAR_END_BYTES));
    const from = this.#plainBytes;
    this.#sealFrame(compress(lane.buffer.bytes, level));
    lane.buffer.clear();
    this.#seal(trailer(from, this.#plainBytes - from));
  }

  /** Seals a compressed frame, which nobody needs any more. */
  #sealFrame(frame: Uint8Array): void {
    this.#seal(frame);
    releaseMemory(frame);
  }

  #seal(bytes: Uint8Array): void {
    this.#options.sealer.add(bytes);
    this.#plainBytes += bytes.length;
  }
}

function trailer(from: number, length: number): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(TRAILER_CONTENT_BYTES), view = new DataView(content.buffer);
  view.setBigUint64(0, BigInt(from), true);
  view.setUint32(8, length, true);
  return skippableFrame(content);
}
