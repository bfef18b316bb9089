/**
 * Reads objects by ranges: determines which stored bytes hold a piece of the plaintext, and decrypts them. Nothing here
 * fetches anything, so it runs in any thread.
 */
import { DamagedObject } from "../format/faults.ts";
import { type ChunkCipher, cipherOf, NONCE_BYTES, TAG_BYTES } from "./chacha.ts";
import type { Head } from "./age_header.ts";
import { CHUNK_BYTES, chunkCount, plainBytes, SEALED_CHUNK_BYTES, setNonce } from "./stream.ts";

/** Bytes `from` to `from + length` of an object. */
export interface ByteRange {
  readonly from: number;
  readonly length: number;
}

/** The plaintext of one object of known size. */
export interface ObjectBody {
  /** The object, for messages. */
  readonly what: string;
  readonly plainBytes: number;
  /** The stored bytes that are needed for a piece of the plaintext. */
  storedRange(plain: ByteRange): ByteRange;
  /**
   * Decrypts a piece of the plaintext.
   * @param stored exactly the bytes of `storedRange(plain)`
   * @throws DamagedObject
   */
  open(stored: Uint8Array, plain: ByteRange): Uint8Array<ArrayBuffer>;
  /** As {@link open}, without new memory. @returns a view of `stored` or of `room`: valid until either is used again */
  view(stored: Uint8Array, plain: ByteRange, room: Room): Uint8Array;
}

/** Memory that is used again and again: each new megabyte brings the garbage collector sooner. */
export class Room {
  #bytes = new Uint8Array(0);

  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    return this.#bytes.subarray(0, length);
  }
}

/**
 * The body of an object.
 * @param head undefined without encryption
 * @param storedBytes size of the whole object
 * @throws DamagedObject if no encrypted object can have this size
 */
export function bodyOf(head: Head | undefined, storedBytes: number, what: string): ObjectBody {
  return head === undefined ? new PlainBody(storedBytes, what) : new SealedBody(head, storedBytes, what);
}

function assertWithin({ from, length }: ByteRange, { what, plainBytes }: ObjectBody): void {
  const isWithin = from >= 0 && length >= 0 && from + length <= plainBytes;
  if (!isWithin) throw new DamagedObject(what, `bytes ${from} to ${from + length} of ${plainBytes} are asked for`);
}

class PlainBody implements ObjectBody {
  readonly what: string;
  readonly plainBytes: number;

  constructor(storedBytes: number, what: string) {
    this.plainBytes = storedBytes;
    this.what = what;
  }

  storedRange(plain: ByteRange): ByteRange {
    assertWithin(plain, this);
    return plain;
  }

  open(stored: Uint8Array, plain: ByteRange): Uint8Array<ArrayBuffer> {
    return this.view(stored, plain).slice();
  }

  view<B extends ArrayBufferLike>(stored: Uint8Array<B>, plain: ByteRange): Uint8Array<B> {
    if (stored.length !== plain.length) throw new DamagedObject(this.what, "it is shorter than it should be");
    return stored;
  }
}

/** The body of an age file. */
export class SealedBody implements ObjectBody {
  readonly what: string;
  readonly plainBytes: number;
  readonly #headBytes: number;
  readonly #cipher: ChunkCipher;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #lastChunk: number;

  /** @throws DamagedObject */
  constructor(head: Head, storedBytes: number, what: string) {
    this.what = what;
    this.#headBytes = head.bytes.length;
    this.#cipher = cipherOf(head.payloadKey);
    const plain = plainBytes(storedBytes - this.#headBytes);
    if (plain === undefined) throw new DamagedObject(what, `no sealed object has ${storedBytes} bytes`);
    this.plainBytes = plain;
    this.#lastChunk = chunkCount(plain) - 1;
  }

  storedRange(plain: ByteRange): ByteRange {
    assertWithin(plain, this);
    const { first, end } = this.#chunks(plain);
    const storedEnd = Math.min(end * SEALED_CHUNK_BYTES, this.plainBytes + (this.#lastChunk + 1) * TAG_BYTES);
    const from = first * SEALED_CHUNK_BYTES;
    return { from: this.#headBytes + from, length: storedEnd - from };
  }

  open(stored: Uint8Array, plain: ByteRange): Uint8Array<ArrayBuffer> {
    return this.view(stored, plain, new Room());
  }

  view(stored: Uint8Array, plain: ByteRange, room: Room): Uint8Array<ArrayBuffer> {
    if (stored.length !== this.storedRange(plain).length) {
      throw new DamagedObject(this.what, "it is shorter than it should be");
    }
    const { first, end } = this.#chunks(plain);
    const whole = room.take(stored.length - (end - first) * TAG_BYTES);
    for (let chunk = first; chunk < end; chunk++) {
      const at = (chunk - first) * SEALED_CHUNK_BYTES, to = (chunk - first) * CHUNK_BYTES;
      const sealed = stored.subarray(at, at + SEALED_CHUNK_BYTES);
      if (!this.#openChunk(chunk, sealed, whole.subarray(to, to + sealed.length - TAG_BYTES))) {
        throw new DamagedObject(
          this.what,
          `its bytes from ${this.#headBytes + chunk * SEALED_CHUNK_BYTES} on are damaged`,
        );
      }
    }
    const skipped = plain.from - first * CHUNK_BYTES;
    return whole.subarray(skipped, skipped + plain.length);
  }

  /** Range of chunks for a piece; at least one, so that the end of an empty plaintext is verified too. */
  #chunks({ from, length }: ByteRange): { first: number; end: number } {
    const first = Math.min(Math.floor(from / CHUNK_BYTES), this.#lastChunk);
    return { first, end: Math.max(first + 1, Math.ceil((from + length) / CHUNK_BYTES)) };
  }

  #openChunk(chunk: number, sealed: Uint8Array, into: Uint8Array): boolean {
    setNonce(this.#nonce, chunk, chunk === this.#lastChunk);
    return this.#cipher.open(this.#nonce, sealed, into);
  }
}
