/**
 * ChaCha20-Poly1305 (RFC 8439) of the system's OpenSSL, through FFI. Nothing depends on it: where it is missing, or
 * can't be used, there is another implementation, which takes longer. Every isolate (main thread, Worker) has its own
 * context in the library.
 */
import { mayUseFfi } from "./libc.ts";

/** ChaCha20-Poly1305 with a tag of 16 bytes behind the text. Keys have 32 bytes, nonces 12. */
export interface Aead {
  /** Encrypts. @param into 16 bytes longer than `plain`, in different memory */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, into: Uint8Array): void;
  /**
   * Decrypts.
   * @param into 16 bytes shorter than `sealed`, in different memory
   * @returns false if the bytes were not encrypted with this key and nonce; `into` is undefined then
   */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, into: Uint8Array): boolean;
}

const SYMBOLS = {
  OPENSSL_init_crypto: { parameters: ["u64", "pointer"], result: "i32" },
  EVP_chacha20_poly1305: { parameters: [], result: "pointer" },
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  EVP_CipherInit_ex: { parameters: ["pointer", "pointer", "pointer", "buffer", "buffer", "i32"], result: "i32" },
  EVP_CipherUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  EVP_CipherFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Versions with an interface that is known; a name without a version may be that of any. */
const NAMES = ["libcrypto.so.3", "libcrypto.so.1.1"];
/** The loader of musl. The executable may carry GNU's C library there, and the system's library would bring musl's in. */
const MUSL_LOADER = `/lib/ld-musl-${Deno.build.arch}.so.1`;

/**
 * No configuration file, which could name other implementations; and no clean-up at the end of the process, for other
 * threads may still be at work.
 */
const INIT_OPTIONS = 0x80n | 0x80000n;
const GET_TAG = 0x10, SET_TAG = 0x11;
const KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16;
/** What calls answer that did what they should. */
const DONE = 1;
const OPEN = 0, SEAL = 1;

/**
 * Loads the system's implementation; undefined where there is none, where it is wrong, or where FFI isn't permitted. It
 * takes some 10 ms, so the caller keeps what it gets.
 * @param names of the library, the first that fits is taken
 */
export function loadSystemAead(names: readonly string[] = NAMES): Aead | undefined {
  if (Deno.build.os !== "linux" || !mayUseFfi() || isThere(MUSL_LOADER)) return undefined;
  for (const name of names) {
    const aead = succeeding(() => new SystemAead(Deno.dlopen(name, SYMBOLS).symbols));
    if (aead !== undefined && isSound(aead)) return aead;
  }
  return undefined;
}

function isThere(path: string): boolean {
  return succeeding(() => Deno.statSync(path)) !== undefined;
}

function succeeding<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined; // whatever is missing, the other implementations need none of it
  }
}

class SystemAead implements Aead {
  readonly #calls: Calls;
  readonly #context: Deno.PointerValue;
  /** Where calls put lengths, which are known before. */
  readonly #length = new Uint8Array(4);
  readonly #nothing = new Uint8Array(64);

  /** @throws Error if the library doesn't have the cipher */
  constructor(calls: Calls) {
    this.#calls = calls;
    calls.OPENSSL_init_crypto(INIT_OPTIONS, null);
    this.#context = calls.EVP_CIPHER_CTX_new();
    const cipher = calls.EVP_chacha20_poly1305();
    if (this.#context === null || cipher === null) throw new Error("The library has no ChaCha20-Poly1305");
    expectDone(calls.EVP_CipherInit_ex(this.#context, cipher, null, null, null, SEAL));
  }

  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, into: Uint8Array): void {
    requireLength(into, plain.length + TAG_BYTES);
    this.#begin(key, nonce, SEAL);
    this.#update(plain, into);
    expectDone(this.#finish());
    this.#tag(GET_TAG, into.subarray(plain.length));
  }

  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, into: Uint8Array): boolean {
    const end = sealed.length - TAG_BYTES;
    requireLength(into, end);
    this.#begin(key, nonce, OPEN);
    this.#tag(SET_TAG, sealed.subarray(end));
    this.#update(sealed.subarray(0, end), into);
    return this.#finish() === DONE;
  }

  #begin(key: Uint8Array, nonce: Uint8Array, direction: number): void {
    requireLength(key, KEY_BYTES);
    requireLength(nonce, NONCE_BYTES);
    expectDone(this.#calls.EVP_CipherInit_ex(this.#context, null, null, shared(key), shared(nonce), direction));
  }

  #update(from: Uint8Array, into: Uint8Array): void {
    // No bytes may come as no pointer, which would mean the end.
    if (from.length === 0) return;
    expectDone(this.#calls.EVP_CipherUpdate(this.#context, shared(into), this.#length, shared(from), from.length));
  }

  #finish(): number {
    return this.#calls.EVP_CipherFinal_ex(this.#context, this.#nothing, this.#length);
  }

  #tag(operation: number, tag: Uint8Array): void {
    expectDone(this.#calls.EVP_CIPHER_CTX_ctrl(this.#context, operation, TAG_BYTES, shared(tag)));
  }
}

/** The library takes memory that threads share like any other; the declaration of calls doesn't. */
function shared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

/** The library trusts that memory is as long as it has to be. @throws RangeError */
function requireLength(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${bytes.length} bytes were given instead of ${length}`);
}

/** @throws Error if a call that can't fail with the right arguments did */
function expectDone(result: number): void {
  if (result !== DONE) throw new Error("The system's ChaCha20-Poly1305 failed");
}

/**
 * Compares an implementation with the example of RFC 8439, 2.8.2, but for what that only authenticates; a wrong tag,
 * text, nonce or key must be refused.
 */
export function isSound(aead: Aead): boolean {
  return succeeding(() => sealsRight(aead) && refusesWrong(aead)) ?? false;
}

function sealsRight(aead: Aead): boolean {
  const { key, nonce, plain, sealed } = KNOWN, into = new Uint8Array(sealed.length);
  aead.seal(key, nonce, plain, into);
  return into.toHex() === sealed.toHex();
}

function refusesWrong(aead: Aead): boolean {
  const { key, nonce, plain, sealed } = KNOWN, last = sealed.length - 1, into = new Uint8Array(plain.length);
  const isOpened = (change: Partial<typeof KNOWN>) => {
    const wrong = { ...KNOWN, ...change };
    return aead.open(wrong.key, wrong.nonce, wrong.sealed, into);
  };
  const wrongs = [
    { sealed: flipped(sealed, last) },
    { sealed: flipped(sealed, 0) },
    { nonce: flipped(nonce, 11) },
    { key: flipped(key, 31) },
  ];
  return !wrongs.some(isOpened) && isOpened({}) && into.toHex() === plain.toHex();
}

function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte, i) => i === at ? byte ^ 1 : byte);
}

const KNOWN = {
  key: Uint8Array.from({ length: KEY_BYTES }, (_, i) => 0x80 + i),
  nonce: Uint8Array.fromHex("070000004041424344454647"),
  plain: new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  sealed: Uint8Array.fromHex(
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b29" +
      "05d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b" +
      "61166a23a4681fd59456aea1d29f82477216",
  ),
};
