import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type Aead, isSound, loadSystemAead } from "../../src/platform/libcrypto.ts";
import { cipherOf } from "../../src/vault/seal/chacha.ts";

/** Of this machine; loaded before the tests, since it stays. */
const SYSTEM = loadSystemAead();

/** The implementation in JavaScript. */
const SOUND: Aead = {
  seal: (key, nonce, plain, into) => cipherOf(key, "script").seal(nonce, plain, into),
  open: (key, nonce, sealed, into) => cipherOf(key, "script").open(nonce, sealed, into),
};

/** What libcrypto_program.ts prints. */
async function printed(...permissions: readonly string[]): Promise<string> {
  const path = new URL("./libcrypto_program.ts", import.meta.url).pathname;
  const args = ["run", "-A", ...permissions, "--no-check", path];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("loadSystemAead() has nothing where the library is missing, or isn't one", () => {
  strictEqual(loadSystemAead(["libcrypto.so.0", "libc.so.6"]), undefined);
  strictEqual(loadSystemAead([]), undefined);
});

Deno.test("loadSystemAead() works in several threads at once, and the process ends while they are there", async () => {
  strictEqual(await printed(), SYSTEM ? "alike" : "none");
});

Deno.test("loadSystemAead() has nothing without permission for FFI, and nobody is asked", async () => {
  strictEqual(await printed("--deny-ffi"), "none");
});

Deno.test("isSound() knows an implementation that seals otherwise, or opens what was changed", () => {
  strictEqual(isSound(SOUND), true);
  const wrong: Record<string, Partial<Aead>> = {
    "a tag that isn't looked at": {
      open: (key, nonce, sealed, into) => {
        const text = sealed.subarray(0, -16), again = new Uint8Array(sealed.length);
        SOUND.seal(key, nonce, text, again);
        into.set(again.subarray(0, into.length));
        return true;
      },
    },
    "another text": { seal: (key, nonce, plain, into) => SOUND.seal(key, nonce, plain.toReversed(), into) },
    "another tag": { seal: (...args) => (SOUND.seal(...args), void args[3].fill(0, -1)) },
    "opens nothing": { open: () => false },
    "opens to something else": { open: (...args) => SOUND.open(...args) && args[3].fill(0).length > 0 },
    "throws": {
      seal: () => {
        throw new Error("not this");
      },
    },
  };
  const found = Object.entries(wrong).filter(([, change]) => isSound({ ...SOUND, ...change })).map(([name]) => name);
  deepStrictEqual(found, []);
});

Deno.test("The system's implementation takes memory of the right length only", () => {
  const aead = SYSTEM ?? SOUND;
  const [key, nonce, text] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(100)];
  for (const length of [0, 115, 117]) throws(() => aead.seal(key, nonce, text, new Uint8Array(length)));
  throws(() => aead.seal(key.subarray(1), nonce, text, new Uint8Array(116)));
  throws(() => aead.seal(key, nonce.subarray(1), text, new Uint8Array(116)));
});
