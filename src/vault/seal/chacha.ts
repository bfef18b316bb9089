/**
 * ChaCha20-Poly1305 (RFC 8439), by whoever is fastest: the system's OpenSSL, the runtime (half as fast; Deno 2.6 has
 * none), or JavaScript (a seventh).
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type Aead, isSound, loadSystemAead } from "../../platform/libcrypto.ts";

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

/** Who implements the cipher, the fastest first. */
export type CipherSource = "system" | "runtime" | "script";

/** A cipher for a key. @param source for tests: whose, which must be there; by default the fastest */
export function cipherOf(key: Uint8Array, source?: CipherSource): ChunkCipher {
  const aeadFor = source === undefined ? fastest : () => aeadOf(source);
  return {
    seal: (nonce, plain, into) => aeadFor(plain.length).seal(key, nonce, plain, into),
    open: (nonce, sealed, into) => aeadFor(sealed.length).open(key, nonce, sealed, into),
  };
}

/** True if this machine has that implementation. */
export function hasCipher(source: CipherSource): boolean {
  return SOURCES[source]() !== undefined;
}

/** What a thread seals and opens before it loads the system's library, which takes as long as this much in JavaScript. */
const BYTES_BEFORE_LOADING = 2 * 1024 * 1024;
let bytesBeforeLoading = BYTES_BEFORE_LOADING;

function fastest(bytes: number): Aead {
  const system = bytesBeforeLoading > 0 ? undefined : SOURCES.system();
  if (bytesBeforeLoading > 0) bytesBeforeLoading -= bytes;
  return system ?? SOURCES.runtime() ?? SCRIPT;
}

function aeadOf(source: CipherSource): Aead {
  const aead = SOURCES[source]();
  if (aead === undefined) throw new Error(`There is no ChaCha20-Poly1305 of the ${source}`);
  return aead;
}

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES } as const;

const RUNTIME: Aead = {
  seal(key, nonce, plain, into) {
    const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS);
    into.set(cipher.update(plain));
    cipher.final();
    into.set(cipher.getAuthTag(), plain.length);
  },
  open(key, nonce, sealed, into) {
    const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS);
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    if (!succeeds(() => decipher.final())) return false;
    into.set(plain);
    return true;
  },
};

const SCRIPT: Aead = {
  seal: (key, nonce, plain, into) => void chacha20poly1305(key, nonce).encrypt(plain, into),
  open: (key, nonce, sealed, into) => succeeds(() => chacha20poly1305(key, nonce).decrypt(sealed, into)),
};

const SOURCES: Readonly<Record<CipherSource, () => Aead | undefined>> = {
  system: once(() => loadSystemAead()),
  // Whether the runtime has it shows only when it is used.
  runtime: once(() => isSound(RUNTIME) ? RUNTIME : undefined),
  script: () => SCRIPT,
};

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** True if an action of a library throws nothing. */
function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
