/**
 * Authenticates rows of the cache by a MAC over their bytes and their place. Rows that were damaged, moved or made by
 * others are rejected. For a vault without encryption anybody can make valid rows, as anybody can change the vault.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const LABEL = "backup-tool cache v1";
const SEAL_BYTES = 16;

export class RowSeal {
  readonly #key: Uint8Array;

  /** @param auth the vault's key for signatures; undefined without encryption */
  constructor(auth: Uint8Array | undefined) {
    this.#key = createHmac("sha256", auth ?? "").update(LABEL).digest();
  }

  /** @param about place of the bytes @returns the bytes, followed by their MAC */
  seal(about: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const sealed = new Uint8Array(bytes.length + SEAL_BYTES);
    sealed.set(bytes);
    sealed.set(this.#codeOf(about, bytes), bytes.length);
    return sealed;
  }

  /** A view of the sealed bytes; undefined if their MAC is wrong. */
  open(about: string, sealed: unknown): Uint8Array<ArrayBuffer> | undefined {
    if (!(sealed instanceof Uint8Array) || sealed.length < SEAL_BYTES) return undefined;
    const whole = new Uint8Array(sealed.buffer as ArrayBuffer, sealed.byteOffset, sealed.length);
    const bytes = whole.subarray(0, whole.length - SEAL_BYTES);
    return timingSafeEqual(whole.subarray(bytes.length), this.#codeOf(about, bytes)) ? bytes : undefined;
  }

  #codeOf(about: string, bytes: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(`${about}\n`).update(bytes).digest().subarray(0, SEAL_BYTES);
  }
}
