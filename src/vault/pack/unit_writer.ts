/**
 * Writes one unit: items become tar entries, those become frames, and frames are sealed as they are closed. There are two
 * open frames at a time: one to be compressed, one for what gets no smaller. Nothing here waits or fetches.
 */
import { TOP } from "../../core/apath.ts";
import type { Entry, NsText } from "../../core/entry.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { TarWriter } from "../../core/tar.ts";
import { MOST_FRAME_BYTES, MOST_UNIT_ITEMS } from "../format/limits.ts";
import type { Sealer } from "../seal/sealer.ts";
import type { UnitClass, UnitFrame, UnitItem } from "./items.ts";
import { UNIT_JSON } from "./tar_names.ts";
import { encodeUnitJson } from "./unit_json.ts";
import { compress, type Level, rawFrame, skippableFrame } from "./zstd.ts";

/** What tar says of a file besides its name and content. */
export interface TarFields {
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
  readonly group?: string;
  readonly mtime: NsText;
}

/** Of what belongs to nobody: hunks, lists, roots. */
export const OWN_FIELDS: TarFields = { mode: 0o600, uid: 0, gid: 0, mtime: "0" };

/** "raw": stored as it is, because compressing would gain nothing. */
export type LaneName = "compressed" | "raw";

export interface NewItem extends Pick<UnitItem, "id" | "digest" | "part"> {
  readonly name: Raw;
  readonly fields: TarFields;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lane: LaneName;
}

/** An item as it stands in another unit, with its name and all. */
export interface TakenItem extends Pick<UnitItem, "id" | "digest" | "part" | "size"> {
  /** Whole tar blocks: its headers and content. */
  readonly entry: Uint8Array<ArrayBuffer>;
  /** Where the content begins in them. */
  readonly at: number;
  readonly lane: LaneName;
  readonly isCopy: boolean;
}

export interface UnitOptions {
  /** UUID of the vault. */
  readonly vault: string;
  readonly unitClass: UnitClass;
  /** Where nothing is encrypted: random, so that no unit is ever called as another one was that is gone. */
  readonly salt?: string;
  readonly sealer: Sealer;
  /** The unit is full when it has as many stored bytes. */
  readonly unitBytes: number;
  readonly level: Level;
  /** Used again by the next unit. */
  readonly buffers: PackBuffers;
}

/** All that an index has to know of a unit. */
export interface FinishedUnit {
  /** Name of the object. */
  readonly id: string;
  readonly unitClass: UnitClass;
  /** Stored bytes. */
  readonly size: number;
  /** What comes before the first sealed chunk. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly frames: readonly UnitFrame[];
  readonly items: readonly UnitItem[];
  readonly copies: readonly UnitItem[];
}

/** A frame is closed when it has so many plain bytes; a larger item has one of its own. */
export const FRAME_BYTES = 512 * 1024;
const TAR_BLOCK_BYTES = 512, TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;
export const TRAILER_CONTENT_BYTES = 12;

/** The plain bytes of open frames. One for each thread. */
export class PackBuffers {
  readonly compressed = new FrameBuffer();
  readonly raw = new FrameBuffer();
}

/** Grows to what the largest frame needed, and stays so. */
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

/** An open frame, and what is in it. */
class Lane {
  readonly buffer: FrameBuffer;
  readonly compresses: boolean;
  readonly #tar: TarWriter;
  /** Their frame has no number yet. */
  held: { readonly item: Omit<UnitItem, "frame">; readonly isCopy: boolean }[] = [];

  constructor(buffer: FrameBuffer, compresses: boolean) {
    buffer.clear();
    this.buffer = buffer;
    this.compresses = compresses;
    this.#tar = new TarWriter((bytes) => buffer.append(bytes));
  }

  /** @returns where the content begins in the frame */
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

  /** Items and copies so far. */
  get count(): number {
    return this.#count;
  }

  /** True if it has to be finished before anything is added. */
  get isFull(): boolean {
    return this.#options.sealer.storedBytes >= this.#options.unitBytes || this.#count >= MOST_UNIT_ITEMS;
  }

  /** @throws Error if the unit is full, or the item larger than a frame may be */
  add(item: NewItem): void {
    this.#put(item, false);
  }

  /** Something that lies elsewhere too, for people. @throws as {@link add} */
  addCopy(item: NewItem): void {
    this.#put(item, true);
  }

  /** @throws as {@link add} */
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

  /** @param put puts the entry into the open frame, and says where its content begins */
  #hold(lane: Lane, { id, digest, part, size, isCopy }: HeldItem, put: (lane: Lane) => number): void {
    if (this.isFull) throw new Error("The unit is full");
    if (size > FRAME_BYTES) this.#close(lane);
    const at = put(lane);
    const item = { id, at, size, ...(digest !== undefined && { digest }), ...(part && { part }) };
    lane.held.push({ item, isCopy });
    this.#count++;
    if (lane.buffer.used >= FRAME_BYTES) this.#close(lane);
  }

  /** Closes everything. Nothing may be added any more. */
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
    if (lane.compresses) this.#seal(compress(plain, this.#options.level));
    else for (const piece of rawFrame(plain)) this.#seal(piece);
    const frame = this.#frames.push({ from, length: this.#plainBytes - from, plainBytes: plain.length }) - 1;
    for (const { item, isCopy } of lane.held) (isCopy ? this.#copies : this.#items).push({ ...item, frame });
    lane.held = [];
    lane.buffer.clear();
  }

  /** The last frame: what is in the unit, and the end of the tar file. Then, in a frame that zstd skips, where that is. */
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
    const from = this.#plainBytes, frame = compress(lane.buffer.bytes, level);
    this.#seal(frame);
    lane.buffer.clear();
    this.#seal(trailer(from, frame.length));
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
