/** Cuts a large content into parts while it is read, in pieces of any size, and builds its lists. */
import { hash } from "node:crypto";
import { Chunker, type ChunkSizes } from "./chunker.ts";
import { type ContentLists, ListBuilder } from "./parts_list.ts";

export interface Part {
  /** SHA-256 of the bytes. */
  readonly id: string;
  /** Offset in the content, in bytes. */
  readonly from: number;
  /** The bytes; valid until the next `push`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Cuts one content after the other, and reuses its buffer. */
export class PartCutter {
  readonly #chunker: Chunker;
  /** Beginning of the current part, from earlier pieces. */
  readonly #held: Uint8Array<ArrayBuffer>;
  #heldBytes = 0;
  #from = 0;
  #lists = new ListBuilder();

  /** @param gear 256 words */
  constructor(gear: Uint32Array, sizes: ChunkSizes) {
    this.#chunker = new Chunker(gear, sizes);
    this.#held = new Uint8Array(sizes.max);
  }

  /** Parts that end in these bytes. All of them have to be consumed before the next call. */
  *push(bytes: Uint8Array<ArrayBuffer>): Generator<Part> {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at), cut = this.#chunker.findCut(rest);
      if (cut === undefined) {
        this.#hold(rest);
        return;
      }
      yield this.#partWith(rest.subarray(0, cut));
      at += cut;
    }
  }

  /**
   * Ends the content.
   * @param content its SHA-256
   * @returns its last part, unless that is empty, and its lists, which are superfluous for a single part
   */
  finish(content: string): { readonly last: Part | undefined; readonly lists: ContentLists } {
    const last = this.#heldBytes > 0 ? this.#partWith(new Uint8Array(0)) : undefined,
      lists = this.#lists.finish(content);
    this.reset();
    return { last, lists };
  }

  /** Drops a content that can't be read to its end. */
  reset(): void {
    this.#chunker.reset();
    this.#heldBytes = this.#from = 0;
    this.#lists = new ListBuilder();
  }

  #partWith(end: Uint8Array<ArrayBuffer>): Part {
    // Most parts lie in the bytes at hand, and needn't be put together.
    if (this.#heldBytes > 0) this.#hold(end);
    const bytes = this.#heldBytes > 0 ? this.#held.subarray(0, this.#heldBytes) : end;
    const part = { id: hash("sha256", bytes, "hex"), from: this.#from, bytes };
    this.#lists.addPart(part.id, bytes.length);
    this.#from += bytes.length;
    this.#heldBytes = 0;
    return part;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes += bytes.length;
  }
}
