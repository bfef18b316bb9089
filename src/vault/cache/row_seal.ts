/**
 * Rows of the cache are sealed by a code of their bytes and of what they are about. A row that was damaged, moved to
 * another place or made by somebody else is none. In a vault that is not encrypted anybody can make them, as the vault.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const LABEL = "backup-tool cache v1";
const SEAL_BYTES = 16;

export class RowSeal {
  readonly #key: Uint8Array;

  /** @param auth the vault's key for signatures; undefined where nothing is encrypted */
  constructor(auth: Uint8Array | undefined) {
    this.#key = createHmac("sha256", auth ?? "").update(LABEL).digest();
  }

  /** @param about where the bytes belong @returns the bytes, and the code behind them */
  seal(about: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const sealed = new Uint8Array(bytes.length + SEAL_BYTES);
    sealed.set(bytes);
    sealed.set(this.#codeOf(about, bytes), bytes.length);
    return sealed;
  }

  /** A view of the bytes that were sealed; undefined if these are not they. */
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
