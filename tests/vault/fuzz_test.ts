/** Whatever an object says, what comes of it is a value or a fault: never a bug, never a hang, never much memory. */
import { ok } from "node:assert/strict";
import fc from "fast-check";
import { Fault } from "../../src/core/fault.ts";
import { DEFAULT_CHUNKING, encodeConfig, parseConfig } from "../../src/vault/store/config.ts";
import { encodeIndex, parseIndex } from "../../src/vault/index/index_object.ts";
import { parseSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { encodeList, parseList } from "../../src/vault/pack/parts_list.ts";
import { encodeUnitJson, parseUnitJson } from "../../src/vault/pack/unit_json.ts";
import { tarEntries } from "../../src/vault/pack/tar_reader.ts";
import { readContents, walkUnit } from "../../src/vault/pack/unit_reader.ts";
import { parseKeyFile } from "../../src/vault/seal/key_file.ts";
import { fileItem, makeUnit, noise, openMade, sha256, VAULT } from "../support/units.ts";

const A = "a".repeat(64), B = "b".repeat(64), encoder = new TextEncoder(), decoder = new TextDecoder();
const HEADER = { vault: VAULT, host: "nas", written: "2026-11-20T22:06:02Z", supersedes: [A] };
const FRAMES = [{ from: 0, length: 100, plainBytes: 2000 }], ITEMS = [{ id: A, frame: 0, at: 512, size: 7 }];
const LINE = { unit: B, unitClass: "data" as const, size: 9000, head: noise(184, 1), frames: FRAMES, items: ITEMS };

/** Sound documents, and what reads them. */
const DOCUMENTS: Readonly<Record<string, { text: string; parse: (bytes: Uint8Array<ArrayBuffer>) => unknown }>> = {
  config: {
    text: decoder.decode(
      encodeConfig({ id: VAULT, created: HEADER.written, encrypted: true, chunker: DEFAULT_CHUNKING }),
    ),
    parse: parseConfig,
  },
  units: {
    text: decoder.decode(encodeIndex({ ...HEADER, kind: "units", units: [LINE, LINE] }, undefined)),
    parse: (bytes) => parseIndex(bytes, "index/x", { vault: VAULT, auth: undefined }),
  },
  ledger: {
    text: decoder.decode(
      encodeIndex(
        { ...HEADER, kind: "ledger", marks: [{ unit: A, mark: "doomed", since: HEADER.written }] },
        undefined,
      ),
    ),
    parse: (bytes) => parseIndex(bytes, "index/x", { vault: VAULT, auth: undefined }),
  },
  "unit.json": {
    text: decoder.decode(
      encodeUnitJson({
        vault: VAULT,
        unitClass: "data",
        frames: FRAMES,
        items: ITEMS,
        copies: [{ ...ITEMS[0]!, id: `${B}f2`, digest: A }],
      }),
    ),
    parse: (bytes) => parseUnitJson(bytes, "data/x", VAULT),
  },
  "parts list": {
    text: decoder.decode(encodeList({ size: 10, level: 0, parts: [{ id: A, size: 4 }, { id: B, size: 6 }] }).bytes),
    parse: (bytes) => parseList(bytes, "x"),
  },
  snapshot: { text: "{}\n", parse: (bytes) => parseSnapshot(bytes, "snapshots/x", noise(32, 1)) },
};

/** What is put in the place of a piece of a document. */
const pieces = fc.oneof(
  fc.constantFrom(
    "null",
    "-1",
    "1e400",
    "0.5",
    "9007199254740993",
    "{}",
    "[]",
    '""',
    '"\\ud800"',
    "true",
    "\n",
    "\0",
    ",",
    "[",
    "]",
    "{",
    "}",
    '"',
    "\\",
    ":",
  ),
  fc.constantFrom(
    '"__proto__":{"size":1}',
    '"toString"',
    "[".repeat(5000),
    "1".repeat(400),
    `"${"x".repeat(5000)}"`,
    `["${A}",0,0,0]`,
  ),
  fc.string({ maxLength: 5 }),
);

for (const [name, { text, parse }] of Object.entries(DOCUMENTS)) {
  Deno.test(`Any change of ${name} gives a value or a fault`, () => {
    let faults = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(text.length), fc.nat(20), pieces), { minLength: 1, maxLength: 3 }),
        (changes) => {
          let changed = text;
          for (const [at, length, piece] of changes) {
            changed = changed.slice(0, at) + piece + changed.slice(at + length);
          }
          try {
            parse(encoder.encode(changed));
          } catch (error) {
            ok(error instanceof Fault, String(error));
            faults++;
          }
        },
      ),
      { numRuns: 1500 },
    );
    ok(faults > 0);
  });

  Deno.test(`Every value of ${name} in the place of every other gives a value or a fault`, () => {
    const values: unknown[] = [null, true, -1, 0.5, 2 ** 60, "", "x", A, [], {}, [[]], [null], [A, 0, 0, 0, 5]];
    const lines = text.split("\n");
    for (const [i, line] of lines.entries()) {
      if (line === "") continue;
      for (const variant of variantsOf(JSON.parse(line), values)) {
        const changed = lines.with(i, JSON.stringify(variant)).join("\n");
        try {
          parse(encoder.encode(changed));
        } catch (error) {
          ok(error instanceof Fault, `${error} of ${changed}`);
        }
      }
    }
  });
}

/** A value with each of its inner values, and itself, replaced by each of `others`, or left out. */
function* variantsOf(value: unknown, others: readonly unknown[]): Generator<unknown> {
  yield* others;
  if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) {
      yield value.toSpliced(i, 1);
      yield value.toSpliced(i, 0, each);
      for (const variant of variantsOf(each, others)) yield value.with(i, variant);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Record<string, unknown>;
      yield rest;
      for (const variant of variantsOf(each, others)) yield { ...rest, [key]: variant };
    }
  }
}

Deno.test("Any text may be given as a key", async () => {
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), pieces), async (text) => {
    await parseKeyFile(`AGE-SECRET-KEY-1${text}`).then(() => {}, (error) => ok(error instanceof Fault, String(error)));
  }));
});

Deno.test("Any change of a tar header gives entries that lie somewhere, or none", async () => {
  const { bytes } = await makeUnit([fileItem("a", noise(2000, 1), { lane: "raw" })], { plain: true }),
    frame = bytes.slice(12, 4000);
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(1100), fc.nat(255)), { maxLength: 6 }), (changes) => {
    const changed = frame.slice();
    for (const [at, byte] of changes) changed[at] = byte;
    for (const { at, size, from } of tarEntries(changed)) ok(at > from && size >= 0 && Number.isSafeInteger(size));
  }));
});

Deno.test("Any change of a plain unit gives items that are right, or faults", async () => {
  const { bytes } = await makeUnit(Array.from({ length: 5 }, (_, i) => fileItem(`f${i}`, noise(3000, i, 20))), {
    plain: true,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      async (changes) => {
        const changed = bytes.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        try {
          const stored = await openMade(changed, true);
          for await (const { item, bytes } of walkUnit(stored, await readContents(stored))) {
            if (bytes !== undefined) ok(sha256(bytes) === (item.digest ?? item.id));
          }
        } catch (error) {
          ok(error instanceof Fault, String(error));
        }
      },
    ),
    { numRuns: 300 },
  );
});
