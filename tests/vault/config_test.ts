/** `config`: plain, so everything that it says is judged. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { DEFAULT_CHUNKING, encodeConfig, isVaultConfig, parseConfig } from "../../src/vault/store/config.ts";
import { BeyondLimit, DamagedObject, NewerObject } from "../../src/vault/format/faults.ts";
import { VAULT } from "../support/units.ts";

const CONFIG = { id: VAULT, created: "2026-11-20T22:05:11.123Z", encrypted: true, chunker: DEFAULT_CHUNKING };
const text = new TextDecoder().decode(encodeConfig(CONFIG));
const parse = (text: string) => parseConfig(new TextEncoder().encode(text));

Deno.test("config is read again; fields that nobody knows don't matter", () => {
  deepStrictEqual(parse(text), CONFIG);
  deepStrictEqual(parse(text.replace('"id"', '"compression":"zstd","id"')), CONFIG);
  strictEqual(parse(text.replace("true", "false")).encrypted, false);
});

for (
  const [what, changed, fault] of [
    ["another format", text.replace("backup-tool vault", "restic"), DamagedObject],
    ["a newer version", text.replace('"version":1', '"version":2'), NewerObject],
    ["no id", text.replace(VAULT, "x"), DamagedObject],
    ["no time", text.replace("2026-11-20T22:05:11.123Z", "yesterday"), DamagedObject],
    ["encrypted as text", text.replace("true", '"true"'), DamagedObject],
    ["encrypted missing", text.replace('"encrypted"', '"crypted"'), DamagedObject],
    ["another gear", text.replace('"gear":1', '"gear":2'), DamagedObject],
    ["sizes out of order", text.replace('"min":131072', '"min":600000'), DamagedObject],
    ["parts of nothing", text.replace('"min":131072', '"min":0'), DamagedObject],
    ["parts that are too large", text.replace('"max":2097152', '"max":8388609'), BeyondLimit],
    ["pieces that are too large", text.replace('"wholeUpTo":8388608', '"wholeUpTo":8388609'), BeyondLimit],
    ["no chunker", text.replace('"chunker"', '"cutter"'), DamagedObject],
    ["no JSON", text.slice(1), DamagedObject],
    ["a list", "[]", DamagedObject],
    ["deep JSON", text.replace('"id"', `"x":${"[".repeat(50_000)}${"]".repeat(50_000)},"id"`), BeyondLimit],
    ["too many bytes", text + " ".repeat(70_000), BeyondLimit],
  ] as const
) Deno.test(`config with ${what} is refused`, () => void throws(() => parse(changed), fault));

Deno.test("A config of ours is known from other files, also a newer one", () => {
  const is = (text: string) => isVaultConfig(new TextEncoder().encode(text));
  strictEqual(is(text), true);
  strictEqual(is(text.replace('"version":1', '"version":9').replace('"chunker"', '"x"')), true);
  for (const other of ["", "{}", '{"version":2,"id":"x"}', "\xff", "[[[[[[[[[[[["]) strictEqual(is(other), false);
});
