/**
 * Reads and writes large sparse files without touching their holes: a disk image of many GiB may hold only a few MiB.
 */
import { Buffer } from "node:buffer";
import type { OpenFile } from "./disk.ts";

/** Zeros that are worth a hole. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * Reads a file from its start to its end, as {@link OpenFile.read} does, but may give less than was asked for before the
 * end. Zeros stand for holes; where the platform can't tell them, everything is read.
 */
class HoleReader {
  readonly #file: OpenFile;
  /** Bytes of the file when the first hole was looked for; undefined: not yet. */
  #size: number | undefined;
  /** Where the data or hole at hand ends. */
  #end = 0;
  #isHole = false;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /**
   * Reads like {@link OpenFile.read}. The read at position 0 doesn't look for holes, so that small files cost nothing
   * more.
   */
  read(into: Uint8Array<ArrayBuffer>, position: number): number {
    if (position === 0) return this.#file.read(into, 0);
    if (position >= this.#end) this.#look(position);
    const length = Math.min(into.length, this.#end - position);
    const piece = length === into.length ? into : into.subarray(0, length);
    if (!this.#isHole) return this.#file.read(piece, position);
    piece.fill(0);
    return length;
  }

  #look(position: number): void {
    this.#size ??= this.#file.stat().size;
    const hole = position < this.#size ? this.#file.seekHole(position) : undefined;
    this.#isHole = hole === position;
    if (this.#isHole) this.#end = this.#file.seekData(position) ?? this.#size;
    else this.#end = hole !== undefined && hole < this.#size ? hole : Infinity;
  }
}

/** Returns a function that reads a file sequentially, skipping its holes. */
export function readingAroundHoles(file: OpenFile): OpenFile["read"] {
  const reader = new HoleReader(file);
  return (into, position) => reader.read(into, position);
}

/** Writes all blocks that are not zero; the others become holes. The size of the file must be set separately. */
export function writeAroundHoles(file: OpenFile, bytes: Uint8Array<ArrayBuffer>, position: number): void {
  for (let at = 0; at < bytes.length; at += HOLE_BYTES) {
    const piece = bytes.subarray(at, at + HOLE_BYTES);
    if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) file.write(piece, position + at);
  }
}
