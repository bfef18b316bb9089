/**
 * Packs contents of any length as they arrive: small ones whole, large ones cut into parts, which are claimed and
 * packed while the next ones are read.
 */
import { hashBytes, newHasher } from "../../core/digest.ts";
import { type ContentId, contentIdOf } from "../../core/content_id.ts";
import type { WaitingSteps } from "../../core/steps.ts";
import { type Part, PartCutter } from "../pack/part_cutter.ts";
import type { Chunking } from "../store/config.ts";
import type { Candidate, ContentFacts, ContentPacker } from "./content_packer.ts";

/** Bytes of parts that are claimed together. */
const GROUP_BYTES = 2 * 1024 * 1024;
/** Bytes that are read at once. */
const PIECE_BYTES = 256 * 1024;

export interface PackedContent {
  readonly id: ContentId;
  readonly size: number;
  /** Number of its bytes that were packed. */
  readonly newBytes: number;
  readonly isNew: boolean;
}

/** Fills `into` from a position of the content; returns 0 at the end. */
export type ReadNext = (into: Uint8Array<ArrayBuffer>, position: number) => WaitingSteps<number>;

/** Parts whose bytes are kept until it is known whether they are needed. */
class Group {
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #used = 0;
  candidates: Candidate[] = [];

  constructor(mostPartBytes: number) {
    this.#buffer = new Uint8Array(GROUP_BYTES + mostPartBytes);
  }

  get isFull(): boolean {
    return this.#used >= GROUP_BYTES;
  }

  add({ id, from, bytes }: Part, facts: ContentFacts, of: string | undefined): void {
    const kept = this.#buffer.subarray(this.#used, this.#used + bytes.length);
    kept.set(bytes);
    this.#used += bytes.length;
    this.candidates.push({ id, from, bytes: kept, ...facts, ...(of !== undefined && { of }) });
  }

  clear(): void {
    this.#used = 0;
    this.candidates = [];
  }
}

/** Packs one content at a time. */
export class StreamPacker {
  readonly #packer: ContentPacker;
  readonly #wholeUpTo: number;
  readonly #cutter: PartCutter;
  readonly #start: Uint8Array<ArrayBuffer>;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  readonly #group: Group;
  #newBytes = 0;

  constructor(packer: ContentPacker, gear: Uint32Array, chunking: Chunking) {
    this.#packer = packer;
    this.#wholeUpTo = chunking.wholeUpTo;
    this.#cutter = new PartCutter(gear, chunking);
    this.#start = new Uint8Array(chunking.wholeUpTo + 1);
    this.#group = new Group(chunking.max);
  }

  /** Packs a content. @param expected its id, if known */
  *add(read: ReadNext, facts: ContentFacts, expected?: ContentId): WaitingSteps<PackedContent> {
    let size = 0;
    while (size <= this.#wholeUpTo) {
      const got = yield* read(this.#start.subarray(size, size + PIECE_BYTES), size);
      if (got === 0) return yield* this.#addWhole(this.#start.subarray(0, size), facts);
      size += got;
    }
    return yield* this.#addParts(read, { start: this.#start.subarray(0, size), facts, expected });
  }

  *#addWhole(bytes: Uint8Array<ArrayBuffer>, facts: ContentFacts): WaitingSteps<PackedContent> {
    const id = contentIdOf(hashBytes("sha256", bytes)), size = bytes.length;
    const [isNew = false] = yield* this.#packer.add([{ id, bytes, ...facts }]);
    return { id, size, newBytes: isNew ? size : 0, isNew };
  }

  *#addParts(
    read: ReadNext,
    { start, facts, expected }: {
      readonly start: Uint8Array<ArrayBuffer>;
      readonly facts: ContentFacts;
      readonly expected: ContentId | undefined;
    },
  ): WaitingSteps<PackedContent> {
    const hasher = newHasher("sha256");
    this.#cutter.reset();
    this.#group.clear();
    this.#newBytes = 0;
    let size = 0, parts = 0;
    for (let piece = start; piece.length > 0;) {
      hasher.update(piece);
      size += piece.length;
      for (const part of this.#cutter.push(piece)) {
        parts++;
        yield* this.#take(part, facts, expected);
      }
      piece = this.#piece.subarray(0, yield* read(this.#piece, size));
    }
    const id = contentIdOf(hasher.hex()), { last, lists } = this.#cutter.finish(id);
    if (last !== undefined) {
      parts++;
      yield* this.#take(last, facts, expected);
    }
    yield* this.#settle();
    const isNewList = parts > 1 && (expected ?? id) === id && (yield* this.#packer.addLists(lists, facts.name));
    return { id, size, newBytes: this.#newBytes, isNew: isNewList || this.#newBytes > 0 };
  }

  *#take(part: Part, facts: ContentFacts, of: string | undefined): WaitingSteps<void> {
    this.#group.add(part, facts, of);
    if (this.#group.isFull) yield* this.#settle();
  }

  *#settle(): WaitingSteps<void> {
    const { candidates } = this.#group, needed = yield* this.#packer.add(candidates);
    for (const [i, { bytes }] of candidates.entries()) if (needed[i] === true) this.#newBytes += bytes.length;
    this.#group.clear();
  }
}
