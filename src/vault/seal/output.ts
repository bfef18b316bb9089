/** Receives the bytes of one object while it is made, and hashes them for its name. */
import { createHash, type Hash } from "node:crypto";

/** Takes bytes in order. */
export interface ObjectOutput {
  /** Memory for the next bytes, to be filled before any other call. */
  take(length: number): Uint8Array<ArrayBuffer>;
  /** Number of bytes so far. */
  readonly size: number;
  /** Ends the object. @returns SHA-256 of its bytes in lower-case hex: its name */
  finish(): string;
}

/** An output to reusable memory, which grows when needed and never shrinks. */
export class MemoryOutput implements ObjectOutput {
  #buffer: Uint8Array<ArrayBuffer>;
  #hash: Hash = createHash("sha256");
  #size = 0;
  #hashed = 0;

  /** @param buffer as large as the largest object; a smaller one is replaced when it is full */
  constructor(buffer: Uint8Array<ArrayBuffer> = new Uint8Array(64 * 1024)) {
    this.#buffer = buffer;
  }

  get size(): number {
    return this.#size;
  }

  /** The object so far: a view, valid until {@link reset}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#size);
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    this.#catchUp();
    const from = this.#size;
    this.#size += length;
    if (this.#size > this.#buffer.length) this.#grow();
    return this.#buffer.subarray(from, this.#size);
  }

  finish(): string {
    this.#catchUp();
    return this.#hash.digest("hex");
  }

  /** Begins another object in the same memory. */
  reset(): void {
    this.#hash = createHash("sha256");
    this.#size = this.#hashed = 0;
  }

  /** Hashes what was filled since the last call, while it is in the processor's cache. */
  #catchUp(): void {
    if (this.#hashed < this.#size) this.#hash.update(this.#buffer.subarray(this.#hashed, this.#size));
    this.#hashed = this.#size;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#size, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#hashed));
    this.#buffer = larger;
  }
}

/** A local file for an object that is too large for memory. */
export interface SpoolFile {
  write(bytes: Uint8Array<ArrayBuffer>, position: number): void;
}

const SPOOL_BUFFER_BYTES = 1024 * 1024;

/** An output to a file. */
export class SpoolOutput implements ObjectOutput {
  readonly #file: SpoolFile;
  readonly #hash = createHash("sha256");
  #buffer = new Uint8Array(SPOOL_BUFFER_BYTES);
  #used = 0;
  #written = 0;

  constructor(file: SpoolFile) {
    this.#file = file;
  }

  get size(): number {
    return this.#written + this.#used;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.#used + length > this.#buffer.length) this.#flush();
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
    this.#used += length;
    return this.#buffer.subarray(this.#used - length, this.#used);
  }

  finish(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#hash.update(bytes);
    this.#file.write(bytes, this.#written);
    this.#written += this.#used;
    this.#used = 0;
  }
}
