/** Reading large files without reading their holes: a disk image of many GiB may hold a few MiB. */
import type { OpenFile } from "./disk.ts";

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

  /** The first call may read beyond a hole: small files cost nothing more. */
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

/** A way to read a file from its start to its end around its holes. */
export function readingAroundHoles(file: OpenFile): OpenFile["read"] {
  const reader = new HoleReader(file);
  return (into, position) => reader.read(into, position);
}
