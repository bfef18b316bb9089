/** Seals a text with the system's OpenSSL in a thread, and in the main thread; prints who could, and that it is the same. */
import { loadSystemAead } from "../../src/platform/libcrypto.ts";

const THREADS = 3, TIMES = 100;

/** Over and over, each with a nonce of its own; the last one's hash stands for all. */
function sealMuch(): string {
  const aead = loadSystemAead();
  if (aead === undefined) return "none";
  const key = new Uint8Array(32).fill(7), nonce = new Uint8Array(12), plain = new Uint8Array(65_536).fill(9);
  const into = new Uint8Array(plain.length + 16), opened = new Uint8Array(plain.length);
  let tags = "";
  for (let i = 0; i < TIMES; i++) {
    nonce[0] = i;
    aead.seal(key, nonce, plain, into);
    if (!aead.open(key, nonce, into, opened) || opened.some((byte) => byte !== 9)) return "wrong";
    tags += into.subarray(-2).toHex();
  }
  return tags;
}

const scope = globalThis as unknown as { readonly name?: string; postMessage(message: unknown): void };

if (scope.name === "sealer") scope.postMessage(sealMuch());
else {
  const threads = Array.from({ length: THREADS }, () => {
    const worker = new Worker(import.meta.url, { type: "module", name: "sealer" });
    return new Promise<string>((resolve) => worker.onmessage = ({ data }) => resolve(data));
  });
  const own = sealMuch();
  const all = await Promise.all(threads);
  console.log(all.every((tags) => tags === own) ? own === "none" ? "none" : "alike" : "different");
  // The other threads are still there, and their contexts with them.
  Deno.exit(0);
}
