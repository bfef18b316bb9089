/**
 * The plaintext of an object that may be damaged anywhere: each chunk is decrypted on its own, and zeros replace those
 * that can't be. All other bytes keep their positions.
 */
import { MOST_HEAD_BYTES } from "../format/limits.ts";
import { isAge, openHead } from "../seal/age_header.ts";
import { type ChunkCipher, cipherOf, NONCE_BYTES, TAG_BYTES } from "../seal/chacha.ts";
import type { ByteRange } from "../seal/sealed_body.ts";
import { CHUNK_BYTES, SEALED_CHUNK_BYTES, setNonce } from "../seal/stream.ts";

/** An open file of the heap. */
export interface HeapFile {
  readonly size: number;
  /** Fills `into` from `position` on; returns fewer bytes only at the end. */
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
}

export interface Plaintext {
  readonly size: number;
  readonly isSealed: boolean;
  /** At most `length` bytes from `from` on; fewer only at the end. Gaps are zeros. */
  read(from: number, length: number): Uint8Array<ArrayBuffer>;
  /** Ranges that could not be decrypted, of everything read so far; unordered, chunk by chunk. */
  readonly gaps: readonly ByteRange[];
}

/**
 * Opens an object.
 * @param identities all that may fit
 * @param what the file, for messages
 * @throws WrongKey, DamagedObject, BeyondLimit if its head can't be opened, so that nothing can be read
 */
export async function plaintextOf(file: HeapFile, identities: readonly string[], what: string): Promise<Plaintext> {
  const start = new Uint8Array(Math.min(MOST_HEAD_BYTES, file.size));
  const length = file.read(start, 0);
  if (!isAge(start)) return new OpenText(file);
  const { bytes, payloadKey } = await openHead(start.subarray(0, length), identities, what);
  return new SealedText(file, bytes.length, cipherOf(payloadKey));
}

/** For a vault without encryption: damage shows only in what is read. */
class OpenText implements Plaintext {
  readonly isSealed = false;
  readonly gaps = [];
  readonly #file: HeapFile;

  constructor(file: HeapFile) {
    this.#file = file;
  }

  get size(): number {
    return this.#file.size;
  }

  read(from: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - from)));
    return bytes.subarray(0, this.#file.read(bytes, from));
  }
}

class SealedText implements Plaintext {
  readonly isSealed = true;
  readonly size: number;
  readonly #file: HeapFile;
  readonly #headBytes: number;
  readonly #cipher: ChunkCipher;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #sealed = new Uint8Array(SEALED_CHUNK_BYTES);
  readonly #lastChunk: number;
  readonly #bad = new Map<number, ByteRange>();
  /** The chunk that was decrypted last: ranges often begin where another one ended. */
  #cached: { readonly chunk: number; readonly plain: Uint8Array<ArrayBuffer> } | undefined;

  constructor(file: HeapFile, headBytes: number, cipher: ChunkCipher) {
    this.#file = file;
    this.#headBytes = headBytes;
    this.#cipher = cipher;
    const sealed = Math.max(0, file.size - headBytes), chunks = Math.ceil(sealed / SEALED_CHUNK_BYTES);
    this.#lastChunk = chunks - 1;
    // Of the last one, which may have been cut, less than a tag may be left.
    const last = sealed - this.#lastChunk * SEALED_CHUNK_BYTES;
    this.size = chunks === 0 ? 0 : this.#lastChunk * CHUNK_BYTES + Math.max(0, last - TAG_BYTES);
  }

  get gaps(): readonly ByteRange[] {
    return [...this.#bad.values()];
  }

  read(from: number, length: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(this.size, from + length), bytes = new Uint8Array(Math.max(0, end - from));
    for (let at = from; at < end;) {
      const chunk = Math.floor(at / CHUNK_BYTES), skipped = at - chunk * CHUNK_BYTES;
      const piece = this.#plainOf(chunk).subarray(skipped, skipped + end - at);
      bytes.set(piece, at - from);
      at += piece.length;
    }
    return bytes;
  }

  #plainOf(chunk: number): Uint8Array<ArrayBuffer> {
    if (this.#cached?.chunk === chunk) return this.#cached.plain;
    const length = this.#file.read(this.#sealed, this.#headBytes + chunk * SEALED_CHUNK_BYTES);
    const plain = new Uint8Array(Math.max(0, length - TAG_BYTES)), sealed = this.#sealed.subarray(0, length);
    // A file that was cut between two chunks ends with one that is not the last.
    const tries = chunk === this.#lastChunk ? [true, false] : [false];
    if (length < TAG_BYTES || !tries.some((isLast) => this.#open(chunk, isLast, { sealed, plain }))) {
      plain.fill(0);
      this.#bad.set(chunk, { from: chunk * CHUNK_BYTES, length: plain.length });
    }
    this.#cached = { chunk, plain };
    return plain;
  }

  #open(chunk: number, isLast: boolean, { sealed, plain }: { sealed: Uint8Array; plain: Uint8Array }): boolean {
    setNonce(this.#nonce, chunk, isLast);
    return this.#cipher.open(this.#nonce, sealed, plain);
  }
}
