/** Opens age files in parts: the plaintext can be read from any position. */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Decrypter } from "age-encryption";

const CHUNK = 65_536, TAG = 16, NONCE = 16, MOST_HEAD = 4096;

export class Damaged extends Error {
  override readonly name = "Damaged";
}

/** Bytes that can be read in parts. */
export interface Source {
  readonly size: number;
  read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
}

export function demand(holds: boolean, why: string): asserts holds {
  if (!holds) throw new Damaged(why);
}

/** HKDF (RFC 5869) with SHA-256. */
export async function hkdf(
  secret: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  info: string,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const terms = { name: "HKDF", hash: "SHA-256", salt, info: new TextEncoder().encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(terms, key, bytes * 8));
}

/** Opens age files with an identity or a passphrase. */
export interface Opener {
  /** The file key in a header. @throws an Error if the file isn't encrypted to this identity or passphrase */
  fileKey(header: Uint8Array): Promise<Uint8Array>;
}

export function identityOpener(identity: string): Opener {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return { fileKey: (header) => decrypter.decryptHeader(header) };
}

export function passphraseOpener(passphrase: string): Opener {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  return { fileKey: (header) => decrypter.decryptHeader(header) };
}

/** The plaintext of an age file. @throws Damaged; an Error if it is encrypted to another key */
export async function opened(source: Source, opener: Opener, what: string): Promise<Source> {
  const start = await source.read(0, Math.min(source.size, MOST_HEAD)), end = endOfHeader(start);
  demand(end !== undefined, `${what} is not sealed`);
  const head = end + NONCE;
  const fileKey = Uint8Array.from(await opener.fileKey(start.subarray(0, end)));
  const key = await hkdf(fileKey, start.slice(end, head), "payload", 32);
  const body = source.size - head, chunks = Math.max(1, Math.ceil(body / (CHUNK + TAG)));
  const size = body - chunks * TAG;
  demand(size >= 0 && (size > 0 || chunks === 1), `${what} is truncated`);
  const read = async (from: number, to: number) => {
    demand(from >= 0 && from <= to && to <= size, `${what} is shorter than it should be`);
    const plain = new Uint8Array(to - from);
    if (from === to) return plain;
    const first = Math.floor(from / CHUNK), last = Math.floor((to - 1) / CHUNK);
    const sealed = await source.read(
      head + first * (CHUNK + TAG),
      Math.min(source.size, head + (last + 1) * (CHUNK + TAG)),
    );
    for (let n = first; n <= last; n++) {
      const at = (n - first) * (CHUNK + TAG), chunk = sealed.subarray(at, at + CHUNK + TAG);
      const clear = openChunk(key, n, n === chunks - 1, chunk);
      demand(clear !== undefined, `${what} is damaged`);
      const begin = n * CHUNK, skip = Math.max(0, from - begin);
      plain.set(clear.subarray(skip, Math.min(clear.length, to - begin)), begin + skip - from);
    }
    return plain;
  };
  return { size, read };
}

/** All bytes of a source. @param most largest size that is legitimate @throws Damaged if it is larger */
export async function all(source: Source, most: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
  demand(source.size <= most, `${what} is larger than it may be`);
  return await source.read(0, source.size);
}

/** Length of the header, after which the nonce follows; undefined if it isn't an age file. */
function endOfHeader(start: Uint8Array): number | undefined {
  const text = new TextDecoder("latin1").decode(start);
  if (!text.startsWith("age-encryption.org/v1\n")) return undefined;
  const at = text.indexOf("\n--- ");
  const end = at < 0 ? -1 : text.indexOf("\n", at + 1);
  return end < 0 ? undefined : end + 1;
}

function openChunk(key: Uint8Array, number: number, isLast: boolean, chunk: Uint8Array): Uint8Array | undefined {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(3, BigInt(number));
  nonce[11] = isLast ? 1 : 0;
  try {
    return chacha20poly1305(key, nonce).decrypt(chunk);
  } catch {
    return undefined;
  }
}
