/**
 * Estimates the space that files will need that were not read yet: how many of them the storage doesn't have, and how
 * well they compress. Files are divided into strata by size. In each stratum, all files of some sizes are examined. A
 * hash of the size selects these sizes, so that of two equal files either both or neither are examined. The more files
 * there are, the fewer sizes are selected, so that the work is bounded. The result is extrapolated to the whole
 * stratum. If there are only a few files, all of them are examined, and nothing is estimated.
 */
import { deflateRawSync } from "node:zlib";
import { type ContentId, contentIdOf } from "../../core/content_id.ts";
import { type Algorithm, hashBytes } from "../../core/digest.ts";
import { DigestStream, type ReadAt } from "../../core/digest_stream.ts";
import type { OpenFile } from "../../platform/disk.ts";
import type { Ratio, Ratios } from "../../snapshot/catalog_queries.ts";
import type { ContentIndex } from "../../snapshot/repository.ts";

/** Knowledge about the repository. */
export interface KnownContents {
  readonly algorithm: Algorithm;
  readonly index: ContentIndex;
  /** Known compression ratios. */
  readonly ratios: Ratios;
}

export interface Estimate {
  /** Number of distinct contents that the storage doesn't have. */
  readonly contents: number;
  readonly bytes: number;
  /** Their size in whole blocks, as the disk stores them. */
  readonly diskBytes: number;
  /** Their compressed size. */
  readonly packedBytes: number;
}

/** Files up to this size are read and hashed; of larger ones a few pieces are compared. */
const SMALL_BYTES = 256 * 1024;
const PIECE_BYTES = 16 * 1024;
const PIECES = 3;
/** Files sampled in one stratum; when there are more, sizes are thinned out by a factor of two. */
const SAMPLES = 1024;
/** Of them, those that are compressed: about a millisecond each. */
const COMPRESSED_SAMPLES = 128;
/** Large files that the storage may know are hashed, up to so many bytes: some seconds. */
const HASHED_BYTES = 2 * 1024 ** 3;
/** File systems give out space in such blocks, nearly all of them. */
const BLOCK_BYTES = 4096;

/** File types distinguished in a stratum; further types are counted without their names. */
const MOST_TYPES = 256, OTHER_TYPE = "other types";
/** Samples that are enough to say something of a type, and so many that no more are needed. */
const ENOUGH_BYTES = 16 * 1024, WELL_KNOWN_BYTES = 1024 * 1024;
const NOTHING: Ratio = { bytes: 0, packed: 0 };

/** Files of one size that are looked into. */
interface SizeClass {
  files: number;
  sampled: number;
  fresh: number;
  readonly keys: Set<string>;
}

class Stratum {
  readonly classes = new Map<number, SizeClass>();
  /** Sizes whose hash is divisible by this number are examined. */
  every = 1;
  files = 0;
  bytes = 0;
  blocks = 0;
  samples = 0;
  compressed = 0;
  /** Bytes by type, to which the stratum's compression applies. */
  readonly types = new Map<string, number>();

  /** Counts a file. @returns its class if it is to be examined; otherwise undefined */
  admit(size: number): SizeClass | undefined {
    this.files++;
    this.bytes += size;
    this.blocks += Math.ceil(size / BLOCK_BYTES);
    if (scattered(size) % this.every !== 0) return undefined;
    let found = this.classes.get(size);
    if (found === undefined) this.classes.set(size, found = { files: 0, sampled: 0, fresh: 0, keys: new Set() });
    found.files++;
    return found.sampled < SAMPLES ? found : undefined;
  }

  /** Reduces the number of sizes to examine if there have been too many files. */
  thinOut(): void {
    while (this.samples > SAMPLES && this.classes.size > 1) {
      this.every *= 2;
      for (const [size, { sampled }] of this.classes) {
        if (scattered(size) % this.every === 0) continue;
        this.classes.delete(size);
        this.samples -= sampled;
      }
    }
  }

  /** Estimated shares of files and of bytes that the storage doesn't have, 0 to 1. */
  shares(): { readonly files: number; readonly bytes: number } {
    let files = 0, bytes = 0, freshFiles = 0, freshBytes = 0;
    for (const [size, found] of this.classes) {
      if (found.sampled === 0) continue;
      const fresh = found.files * found.fresh / found.sampled;
      files += found.files;
      bytes += found.files * size;
      freshFiles += fresh;
      freshBytes += fresh * size;
    }
    // Where nothing could be looked into, all of it may be new.
    return { files: files === 0 ? 1 : freshFiles / files, bytes: bytes === 0 ? 1 : freshBytes / bytes };
  }
}

export class StoreEstimate {
  readonly #known: KnownContents;
  readonly #strata = new Map<number, Stratum>();
  readonly #buffer = new Uint8Array(SMALL_BYTES);
  /** Measured compression ratios, by type. */
  readonly #measured = new Map<string, Ratio>();
  #hashedBytes = 0;

  constructor(known: KnownContents) {
    this.#known = known;
  }

  /** Adds a file that a backup would read. @param type see typeOf @throws DiskFault if it can't be read */
  add(file: OpenFile, size: number, type: string): void {
    const stratum = this.#stratumOf(size);
    const found = stratum.admit(size);
    const known = stratum.types.has(type) || stratum.types.size < MOST_TYPES ? type : OTHER_TYPE;
    stratum.types.set(known, (stratum.types.get(known) ?? 0) + size);
    if (found === undefined) return;
    const isFresh = size <= SMALL_BYTES ? this.#isFreshSmall(file, found) : this.#isFreshLarge(file, size, found);
    if (isFresh === undefined) return;
    found.sampled++;
    stratum.samples++;
    if (isFresh) {
      found.fresh++;
      this.#compress(file, size, stratum, known);
    }
    stratum.thinOut();
  }

  result(): Estimate {
    const total = { contents: 0, bytes: 0, diskBytes: 0, packedBytes: 0 };
    for (const stratum of this.#strata.values()) {
      const shares = stratum.shares();
      total.contents += stratum.files * shares.files;
      total.bytes += stratum.bytes * shares.bytes;
      total.diskBytes += stratum.blocks * BLOCK_BYTES * shares.bytes;
      for (const [type, bytes] of stratum.types) total.packedBytes += bytes * shares.bytes * this.#ratioOf(type);
    }
    return {
      contents: Math.round(total.contents),
      bytes: Math.round(total.bytes),
      diskBytes: Math.round(total.diskBytes),
      packedBytes: Math.round(total.packedBytes),
    };
  }

  /** What files of that type become for each byte: as seen now and before, or, if too little was seen, as all files. */
  #ratioOf(type: string): number {
    const now = this.#measured.get(type) ?? NOTHING, before = this.#known.ratios.get(type) ?? NOTHING;
    const bytes = now.bytes + before.bytes;
    if (bytes >= ENOUGH_BYTES) return (now.packed + before.packed) / bytes;
    const all = [...this.#measured.values()].reduce((sum, one) => {
      return { bytes: sum.bytes + one.bytes, packed: sum.packed + one.packed };
    }, NOTHING);
    return all.bytes === 0 ? 1 : all.packed / all.bytes;
  }

  /** Sizes in one stratum differ by a factor of 4 at most. */
  #stratumOf(size: number): Stratum {
    const number = size === 0 ? -1 : Math.floor(Math.log2(size) / 2);
    let stratum = this.#strata.get(number);
    if (stratum === undefined) this.#strata.set(number, stratum = new Stratum());
    return stratum;
  }

  #isFreshSmall(file: OpenFile, { keys }: SizeClass): boolean {
    const bytes = this.#buffer.subarray(0, file.read(this.#buffer, 0));
    const id = contentIdOf(hashBytes(this.#known.algorithm, bytes));
    if (keys.has(id)) return false;
    keys.add(id);
    return this.#known.index.sizeOf(id) !== bytes.length;
  }

  /** @returns undefined if that would take too long to find out */
  #isFreshLarge(file: OpenFile, size: number, { keys }: SizeClass): boolean | undefined {
    const key = hashBytes("sha1", this.#pieces(file, size));
    if (keys.has(key)) return false;
    if (this.#known.index.hasSize(size)) {
      if (this.#hashedBytes + size > HASHED_BYTES) return undefined;
      this.#hashedBytes += size;
      if (this.#known.index.sizeOf(this.#idOf(file)) === size) return false;
    }
    keys.add(key);
    return true;
  }

  #idOf(file: OpenFile): ContentId {
    const read: ReadAt = (into, position) => file.read(into, position);
    return contentIdOf(new DigestStream(this.#known.algorithm, read, this.#buffer).run().digest);
  }

  /** Beginning, middle and end, or all of it; valid until the next call. */
  #pieces(file: OpenFile, size: number): Uint8Array<ArrayBuffer> {
    const all = this.#buffer.subarray(0, PIECES * PIECE_BYTES);
    if (size <= all.length) return all.subarray(0, file.read(all, 0));
    let length = 0;
    for (let i = 0; i < PIECES; i++) {
      const at = Math.floor((size - PIECE_BYTES) * i / (PIECES - 1));
      length += file.read(all.subarray(length, length + PIECE_BYTES), at);
    }
    return all.subarray(0, length);
  }

  #compress(file: OpenFile, size: number, stratum: Stratum, type: string): void {
    const isKnown = (this.#known.ratios.get(type)?.bytes ?? 0) >= WELL_KNOWN_BYTES;
    if (stratum.compressed >= COMPRESSED_SAMPLES || size === 0 || isKnown) return;
    const pieces = this.#pieces(file, size);
    stratum.compressed++;
    const { bytes, packed } = this.#measured.get(type) ?? NOTHING;
    this.#measured.set(type, {
      bytes: bytes + pieces.length,
      packed: packed + Math.min(pieces.length, deflateRawSync(pieces).length),
    });
  }
}

/** A whole number without any pattern in it (the finalizer of MurmurHash3). */
function scattered(size: number): number {
  let hash = (size ^ Math.floor(size / 2 ** 32)) >>> 0;
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return (hash ^ hash >>> 16) >>> 0;
}
