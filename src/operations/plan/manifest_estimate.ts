/**
 * Estimates the size of a snapshot's manifest, of its tree, and of its part of the catalog. Hunks in which a line
 * changes are written anew.
 */
import { type Apath, nameOf, parentOf } from "../../core/apath.ts";
import { encodeHunk, HunkCutter } from "../../snapshot/hunk.ts";

const BLOCK_BYTES = 4096;
/** Hunks that are compressed to learn how large they get; a few milliseconds each. */
const SAMPLES = 16;
/** A directory holds for each name a fixed part and the name itself, in units of 4 bytes (as ext4 does). */
const NAME_BYTES = 8;
/** What the catalog takes for a version of a path, with its indices. */
const VERSION_BYTES = 128;
/** Stand for the content of a file that wasn't read: random, because what they stand for is. */
const ID_DIGITS = 64;

export class ManifestEstimate {
  readonly #withTree: boolean;
  readonly #cutter = new HunkCutter();
  #lines: string[] = [];
  #count = 0;
  #isNew = false;
  readonly #sampled = { hunks: 0, entries: 0, bytes: 0 };
  #written = { hunks: 0, entries: 0 };
  #directory: Apath | undefined;
  #nameBytes = 0;
  #treeBytes = 0;
  #versions = 0;
  #hunks = 0;
  #seed = 1;

  constructor(withTree: boolean) {
    this.#withTree = withTree;
  }

  /** Adds the next entry. @param line of an unchanged entry @param head beginning of the line of any other */
  add(path: Apath, line: string | undefined, head: string, isFile: boolean): void {
    if (line === undefined) {
      this.#isNew = true;
      this.#versions++;
    }
    if (this.#sampled.hunks < SAMPLES) this.#lines.push(line ?? this.#supposedLine(head, isFile));
    if (this.#withTree) this.#addName(path);
    if (this.#cutter.cutsAfter(path, ++this.#count)) this.#cut();
  }

  /** Reports that an entry is gone, so that its hunk changes. */
  lose(): void {
    this.#isNew = true;
  }

  /** Estimated size on the disk, in bytes. */
  result(): number {
    this.#finish();
    const hunkBytes = this.#hunkBytes() + this.#written.hunks * BLOCK_BYTES / 2;
    return Math.round(hunkBytes) + this.#treeBytes + this.#versions * VERSION_BYTES + BLOCK_BYTES;
  }

  /** Size of the new hunks as they are stored, their number, and the number of all hunks of the snapshot. */
  packed(): { readonly bytes: number; readonly newHunks: number; readonly hunks: number } {
    this.#finish();
    return { bytes: Math.round(this.#hunkBytes()), newHunks: this.#written.hunks, hunks: this.#hunks };
  }

  #finish(): void {
    if (this.#count > 0) this.#cut();
    this.#finishDirectory();
  }

  #hunkBytes(): number {
    const { entries, bytes } = this.#sampled;
    return this.#written.entries * (entries === 0 ? 0 : bytes / entries);
  }

  #supposedLine(head: string, isFile: boolean): string {
    if (!isFile) return `${head}}`;
    let id = "";
    while (id.length < ID_DIGITS) {
      this.#seed = Math.imul(this.#seed, 48271) >>> 0;
      id += (this.#seed >>> 8 & 0xffff).toString(16).padStart(4, "0");
    }
    return `${head},"content":"${id}"}`;
  }

  #cut(): void {
    this.#hunks++;
    if (this.#isNew) {
      this.#written.hunks++;
      this.#written.entries += this.#count;
      if (this.#sampled.hunks < SAMPLES && this.#lines.length === this.#count) {
        this.#sampled.hunks++;
        this.#sampled.entries += this.#count;
        this.#sampled.bytes += encodeHunk(this.#lines).length;
      }
    }
    this.#lines = [];
    this.#count = 0;
    this.#isNew = false;
  }

  #addName(path: Apath): void {
    const directory = parentOf(path);
    if (directory !== this.#directory) this.#finishDirectory();
    this.#directory = directory;
    this.#nameBytes += NAME_BYTES + Math.ceil(nameOf(path).length / 4) * 4;
  }

  #finishDirectory(): void {
    if (this.#directory !== undefined) this.#treeBytes += Math.ceil(this.#nameBytes / BLOCK_BYTES) * BLOCK_BYTES;
    this.#nameBytes = 0;
  }
}
