/** Receives the bytes of one object while it is made, and hashes them for its name. */
import { createHash, type Hash } from "node:crypto";

/** Takes bytes in order. */
export interface ObjectOutput {
  /** Memory for the next bytes, to be filled before any other call. */
  take(length: number): Uint8Array;
  /** Number of bytes so far. */
  readonly size: number;
  /** Ends the object. @returns SHA-256 of its bytes in lower-case hex: its name */
  finish(): string;
}

/** An output to reusable memory, which grows when needed and never shrinks. */
export class MemoryOutput<B extends ArrayBufferLike = ArrayBuffer> implements ObjectOutput {
  readonly #newMemory: (bytes: number) => B;
  #buffer: Uint8Array<B>;
  #hash: Hash = createHash("sha256");
  #size = 0;
  #hashed = 0;

  private constructor(bytes: number, newMemory: (bytes: number) => B) {
    this.#newMemory = newMemory;
    this.#buffer = new Uint8Array(newMemory(bytes));
  }

  /** @param bytes as large as the largest object; smaller memory is replaced when it is full */
  static own(bytes = 64 * 1024): MemoryOutput {
    return new MemoryOutput(bytes, (bytes) => new ArrayBuffer(bytes));
  }

  /**
   * In memory that other threads can read without a copy. Unlike memory that changes hands, it doesn't bring on garbage
   * collections. @param bytes as for {@link own}
   */
  static shared(bytes: number): MemoryOutput<SharedArrayBuffer> {
    return new MemoryOutput(bytes, (bytes) => new SharedArrayBuffer(bytes));
  }

  get size(): number {
    return this.#size;
  }

  /** The object so far: a view, valid until {@link reset}. */
  get bytes(): Uint8Array<B> {
    return this.#buffer.subarray(0, this.#size);
  }

  take(length: number): Uint8Array<B> {
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
    const larger = new Uint8Array(this.#newMemory(Math.max(this.#size, 2 * this.#buffer.length)));
    larger.set(this.#buffer.subarray(0, this.#hashed));
    this.#buffer = larger;
  }
}

/** A local file for an object that is too large for memory. */
export interface SpoolFile {
  write(bytes: Uint8Array<ArrayBuffer>, position: number): void;
  /** Starts writing a range to the disk in the background. */
  writeBack(position: number, length: number): void;
  /** Makes all bytes durable. */
  sync(): void;
}

const SPOOL_BUFFER_BYTES = 1024 * 1024;

/** An output to a file. */
export class SpoolOutput implements ObjectOutput {
  readonly #file: SpoolFile;
  readonly #isDurable: boolean;
  readonly #hash = createHash("sha256");
  #buffer = new Uint8Array(SPOOL_BUFFER_BYTES);
  #used = 0;
  #hashed = 0;
  #written = 0;

  /** @param isDurable true: the bytes are durable once the object is finished. Default: false */
  constructor(file: SpoolFile, { isDurable = false }: { readonly isDurable?: boolean } = {}) {
    this.#file = file;
    this.#isDurable = isDurable;
  }

  get size(): number {
    return this.#written + this.#used;
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    this.#catchUp();
    if (this.#used + length > this.#buffer.length) this.#flush();
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
    this.#used += length;
    return this.#buffer.subarray(this.#used - length, this.#used);
  }

  finish(): string {
    this.#flush();
    if (this.#isDurable) this.#file.sync();
    return this.#hash.digest("hex");
  }

  /** Hashes what was filled since the last call, while it is in the processor's cache. */
  #catchUp(): void {
    if (this.#hashed < this.#used) this.#hash.update(this.#buffer.subarray(this.#hashed, this.#used));
    this.#hashed = this.#used;
  }

  #flush(): void {
    this.#catchUp();
    this.#file.write(this.#buffer.subarray(0, this.#used), this.#written);
    // What is written while the next bytes are made needn't be waited for in the end.
    if (this.#isDurable) this.#file.writeBack(this.#written, this.#used);
    this.#written += this.#used;
    this.#used = this.#hashed = 0;
  }
}
