/**
 * ChaCha20-Poly1305 (RFC 8439): the runtime's, if it has one. If not, one in WebAssembly, which needs twice as long; and
 * where the processor lacks what that needs, one in JavaScript, which takes four times as long again.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { VectorChacha } from "./chacha_vectors.ts";

export const KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16;

/** A cipher with one key, for many nonces. */
export interface ChunkCipher {
  /** Encrypts. @param into exactly {@link TAG_BYTES} longer than `plain`, in different memory */
  seal(nonce: Uint8Array, plain: Uint8Array, into: Uint8Array): void;
  /**
   * Decrypts.
   * @param into exactly {@link TAG_BYTES} shorter than `sealed`, in different memory
   * @returns false if the bytes were not encrypted with this key and nonce; `into` is undefined then
   */
  open(nonce: Uint8Array, sealed: Uint8Array, into: Uint8Array): boolean;
}

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** An implementation: of the runtime, in WebAssembly, in JavaScript. */
export type CipherKind = "native" | "vectors" | "script";

let best: CipherKind | undefined, vectors: VectorChacha | undefined;

/** The fastest implementation that works here, which shows only when one is used: Deno 2.6 has no native one. */
export function bestCipher(): CipherKind {
  return best ??= succeeds(() => {
      createCipheriv(ALGORITHM, new Uint8Array(KEY_BYTES), new Uint8Array(NONCE_BYTES), OPTIONS).final();
    })
    ? "native"
    : succeeds(() => vectors ??= new VectorChacha())
    ? "vectors"
    : "script";
}

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false; // whatever is missing, the other implementation needs none of it
  }
}

/** A cipher for a key. @param kind for tests: which implementation */
export function cipherOf(key: Uint8Array, kind: CipherKind = bestCipher()): ChunkCipher {
  if (kind === "native") return nativeCipher(key);
  return kind === "vectors" ? vectorCipher(key, vectors ??= new VectorChacha()) : scriptCipher(key);
}

function nativeCipher(key: Uint8Array): ChunkCipher {
  return {
    seal(nonce, plain, into) {
      const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS);
      into.set(cipher.update(plain));
      cipher.final();
      into.set(cipher.getAuthTag(), plain.length);
    },
    open(nonce, sealed, into) {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS);
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      if (!succeeds(() => decipher.final())) return false;
      into.set(plain);
      return true;
    },
  };
}

function vectorCipher(key: Uint8Array, vectors: VectorChacha): ChunkCipher {
  return {
    seal: (nonce, plain, into) => vectors.seal(key, nonce, plain, into),
    open: (nonce, sealed, into) => vectors.open(key, nonce, sealed, into),
  };
}

function scriptCipher(key: Uint8Array): ChunkCipher {
  return {
    seal: (nonce, plain, into) => void chacha20poly1305(key, nonce).encrypt(plain, into),
    open: (nonce, sealed, into) => succeeds(() => chacha20poly1305(key, nonce).decrypt(sealed, into)),
  };
}
