/**
 * Items of a unit as the cache stores them: 41 bytes each, sorted by id, so that one of 32,768 is found without looking
 * at the others.
 *
 * count (4 bytes), count times { digest (32), frame (2), kind and place in the frame (4), size (3) }, and for each list
 * among them, in the same order, the digest of its bytes (32). Numbers are big-endian.
 */
import { Buffer } from "node:buffer";
import { HUNK_SUFFIX } from "../../core/content_id.ts";
import { kindOfItem, LIST_SUFFIX, type UnitItem } from "../pack/items.ts";

const COUNT_BYTES = 4, DIGEST_BYTES = 32, RECORD_BYTES = 41;
const FRAME_AT = 32, PLACE_AT = 34, SIZE_AT = 38;
/** Bits for the place in a frame, which needs 25. */
const PLACE_BITS = 30, PLACE_MASK = 2 ** PLACE_BITS - 1;
const SUFFIXES = ["", HUNK_SUFFIX, LIST_SUFFIX] as const;
const LIST = SUFFIXES.indexOf(LIST_SUFFIX);
const KEY_BYTES = 6;

/** Key for the table of items: the first 48 bits of an id. */
export function keyOf(id: string): number {
  return parseInt(id.slice(0, 2 * KEY_BYTES), 16);
}

/** Encodes items. Parts lose the content that they belong to, which an index doesn't record. */
export function packItems(items: readonly UnitItem[]): Uint8Array<ArrayBuffer> {
  const sorted = items.toSorted((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  const lists = sorted.flatMap(({ digest }) => digest ?? []), listsAt = recordAt(sorted.length);
  const bytes = new Uint8Array(listsAt + lists.length * DIGEST_BYTES), buffer = Buffer.from(bytes.buffer);
  buffer.writeUInt32BE(sorted.length);
  sorted.forEach((item, i) => writeRecord(buffer, bytes, recordAt(i), item));
  lists.forEach((digest, i) => writeDigest(bytes, listsAt + i * DIGEST_BYTES, digest));
  return bytes;
}

function writeRecord(buffer: Buffer, bytes: Uint8Array, at: number, { id, frame, at: place, size }: UnitItem): void {
  const kind = kindOfItem(id) === "content" ? 0 : SUFFIXES.findIndex((suffix) => suffix === id.slice(2 * DIGEST_BYTES));
  if (kind < 0) throw new Error(`An index can't have the item ${id}`);
  writeDigest(bytes, at, id.slice(0, 2 * DIGEST_BYTES));
  buffer.writeUInt16BE(frame, at + FRAME_AT);
  buffer.writeUInt32BE(place + kind * 2 ** PLACE_BITS, at + PLACE_AT);
  buffer.writeUIntBE(size, at + SIZE_AT, 3);
}

/** The digest that is being looked for: memory of its own for each would be most of the work. */
const sought = new Uint8Array(DIGEST_BYTES);

/** Not by way of a Buffer: that takes five times as long. */
function writeDigest(bytes: Uint8Array, at: number, digest: string): void {
  bytes.subarray(at, at + DIGEST_BYTES).setFromHex(digest);
}

/** Decodes the result of {@link packItems}. Not for bytes of any other origin. */
export class PackedItems {
  readonly #raw: Uint8Array<ArrayBuffer>;
  /** The same bytes, for numbers. */
  readonly #bytes: Buffer;
  readonly count: number;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#raw = bytes;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.count = this.#bytes.readUInt32BE();
  }

  /** Memory in bytes. */
  get weight(): number {
    return this.#bytes.length;
  }

  /** Items with this id: there may be several lists of one content. */
  find(id: string): UnitItem[] {
    const found: UnitItem[] = [];
    if (id.length < 2 * DIGEST_BYTES) return found; // an id of another algorithm
    writeDigest(sought, 0, id.slice(0, 2 * DIGEST_BYTES));
    for (let i = this.#firstOf(sought); i < this.count && this.#compare(i, sought) === 0; i++) {
      if (SUFFIXES[this.#kind(i)] === id.slice(2 * DIGEST_BYTES)) found.push(this.#item(i, id));
    }
    return found;
  }

  /** All items, sorted by id. */
  *items(): Generator<UnitItem> {
    let lists = 0;
    for (let i = 0; i < this.count; i++) yield this.#item(i, this.#id(i), this.#kind(i) === LIST ? lists++ : 0);
  }

  /** The id of each, in their order. */
  *ids(): Generator<string> {
    for (let i = 0; i < this.count; i++) yield this.#id(i);
  }

  /** {@link keyOf} of each item, ascending. */
  *keys(): Generator<number> {
    for (let i = 0; i < this.count; i++) yield this.#bytes.readUIntBE(recordAt(i), KEY_BYTES);
  }

  /** Calls `action` with the first 64 bits of each digest, as two words. */
  eachWords(action: (first: number, second: number) => void): void {
    for (let i = 0; i < this.count; i++) {
      const at = recordAt(i);
      action(this.#bytes.readUInt32BE(at), this.#bytes.readUInt32BE(at + 4));
    }
  }

  #firstOf(digest: Uint8Array): number {
    let from = 0, to = this.count;
    const beginning = digest[0]! * 2 ** 24 + (digest[1]! << 16 | digest[2]! << 8 | digest[3]!);
    while (from < to) {
      const middle = (from + to) >>> 1, other = this.#bytes.readUInt32BE(recordAt(middle));
      // Hardly ever equal, and a call of the runtime takes longer than all steps without one.
      const isBefore = other === beginning ? this.#compare(middle, digest) < 0 : other < beginning;
      if (isBefore) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #compare(i: number, digest: Uint8Array): number {
    const at = recordAt(i);
    return this.#bytes.compare(digest, 0, DIGEST_BYTES, at, at + DIGEST_BYTES);
  }

  #kind(i: number): number {
    return this.#bytes.readUInt32BE(recordAt(i) + PLACE_AT) >>> PLACE_BITS;
  }

  /** @param list number of lists before it; counted if absent */
  #item(i: number, id: string, list?: number): UnitItem {
    const at = recordAt(i), kind = this.#kind(i);
    const item = {
      id,
      frame: this.#bytes.readUInt16BE(at + FRAME_AT),
      at: this.#bytes.readUInt32BE(at + PLACE_AT) & PLACE_MASK,
      size: this.#bytes.readUIntBE(at + SIZE_AT, 3),
    };
    if (kind !== LIST) return item;
    return { ...item, digest: this.#hex(recordAt(this.count) + (list ?? this.#listsBefore(i)) * DIGEST_BYTES) };
  }

  #id(i: number, kind = this.#kind(i)): string {
    const digest = this.#hex(recordAt(i));
    return kind === 0 ? digest : digest + SUFFIXES[kind];
  }

  #listsBefore(i: number): number {
    let lists = 0;
    for (let other = 0; other < i; other++) if (this.#kind(other) === LIST) lists++;
    return lists;
  }

  #hex(at: number): string {
    return this.#raw.subarray(at, at + DIGEST_BYTES).toHex();
  }
}

function recordAt(i: number): number {
  return COUNT_BYTES + i * RECORD_BYTES;
}
