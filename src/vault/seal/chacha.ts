/**
 * ChaCha20-Poly1305 (RFC 8439): the runtime's, or libsodium's in WebAssembly where it has none, which takes three times
 * as long.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

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

/** True if the runtime has the cipher, which shows only when it is used: Deno 2.6 has none. */
export function hasNativeCipher(): boolean {
  return succeeds(() => {
    createCipheriv(ALGORITHM, new Uint8Array(KEY_BYTES), new Uint8Array(NONCE_BYTES), OPTIONS).final();
  });
}

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false; // libraries throw errors of several kinds
  }
}

/** Makes ciphers. */
export type CipherMaker = (key: Uint8Array) => ChunkCipher;

/** Loads libsodium, which takes some 10 ms. */
export async function sodiumCiphers(): Promise<CipherMaker> {
  const { default: sodium } = await import("libsodium-wrappers");
  await sodium.ready;
  return (key) => ({
    seal(nonce, plain, into) {
      into.set(sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plain, null, null, nonce, key));
    },
    open: (nonce, sealed, into) =>
      succeeds(() => {
        into.set(sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key));
      }),
  });
}

/** A cipher for a key: the fastest there is. */
export const cipherOf: CipherMaker = hasNativeCipher() ? nativeCipher : await sodiumCiphers();

/** A cipher of the runtime. @throws Error if it has none */
export function nativeCipher(key: Uint8Array): ChunkCipher {
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
