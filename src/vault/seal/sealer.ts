/** Encrypts one object while it is made: data is written chunk by chunk, and only the current chunk is kept. */
import { type ChunkCipher, cipherOf, NONCE_BYTES, TAG_BYTES } from "./chacha.ts";
import type { Head } from "./age_header.ts";
import type { ObjectOutput } from "./output.ts";
import { CHUNK_BYTES, setNonce } from "./stream.ts";

/** Takes the plaintext of one object in order. */
export interface Sealer {
  add(bytes: Uint8Array): void;
  /** @returns the object's name: SHA-256 of its stored bytes in lower-case hex */
  finish(): string;
  /** Stored size so far in bytes, including the current chunk. */
  readonly storedBytes: number;
  /** Everything before the first chunk; empty without encryption. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/** A sealer that writes to `output`. @param head undefined without encryption, when the plaintext is the object */
export function sealInto(output: ObjectOutput, head: Head | undefined): Sealer {
  return head === undefined ? new PlainSealer(output) : new AgeSealer(output, head);
}

class PlainSealer implements Sealer {
  readonly head = new Uint8Array(0);
  readonly #output: ObjectOutput;

  constructor(output: ObjectOutput) {
    this.#output = output;
  }

  get storedBytes(): number {
    return this.#output.size;
  }

  add(bytes: Uint8Array): void {
    this.#output.take(bytes.length).set(bytes);
  }

  finish(): string {
    return this.#output.finish();
  }
}

class AgeSealer implements Sealer {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly #output: ObjectOutput;
  readonly #cipher: ChunkCipher;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  #number = 0;
  #isFinished = false;

  constructor(output: ObjectOutput, head: Head) {
    this.#output = output;
    this.#cipher = cipherOf(head.payloadKey);
    this.head = head.bytes;
    output.take(head.bytes.length).set(head.bytes);
  }

  get storedBytes(): number {
    return this.#output.size + (this.#isFinished ? 0 : this.#used + TAG_BYTES);
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      // A full chunk goes out only when there is more: the last one is sealed differently.
      if (this.#used === CHUNK_BYTES) this.#emit(this.#chunk, false);
      // What needs no putting together is sealed from where it lies.
      if (this.#used === 0 && bytes.length - at > CHUNK_BYTES) {
        this.#emit(bytes.subarray(at, at + CHUNK_BYTES), false);
        at += CHUNK_BYTES;
        continue;
      }
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
  }

  finish(): string {
    this.#emit(this.#chunk.subarray(0, this.#used), true);
    this.#isFinished = true;
    return this.#output.finish();
  }

  #emit(plain: Uint8Array, isLast: boolean): void {
    setNonce(this.#nonce, this.#number++, isLast);
    this.#cipher.seal(this.#nonce, plain, this.#output.take(plain.length + TAG_BYTES));
    this.#used = 0;
  }
}
