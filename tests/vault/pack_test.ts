/** Frames, parts lists, names, and what a unit says of itself. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { hash } from "node:crypto";
import fc from "fast-check";
import { type Apath, apathOf } from "../../src/core/apath.ts";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { TarWriter } from "../../src/core/tar.ts";
import { BeyondLimit, DamagedObject, NewerObject } from "../../src/vault/format/faults.ts";
import { kindOfItem } from "../../src/vault/pack/items.ts";
import { encodeList, ListBuilder, parseList } from "../../src/vault/pack/parts_list.ts";
import { fileName, listName, partName, snapshotDirectory } from "../../src/vault/pack/tar_names.ts";
import { harmlessName, tarEntries } from "../../src/vault/pack/tar_reader.ts";
import { encodeUnitJson, parseUnitJson } from "../../src/vault/pack/unit_json.ts";
import {
  compress,
  decompress,
  decompressStart,
  frameEnd,
  frameHeader,
  nextFrame,
  rawFrame,
  rawFrameBytes,
  skippableContent,
  skippableFrame,
} from "../../src/vault/pack/zstd.ts";
import { entries } from "../support/arbitraries.ts";
import { noise, sha256, VAULT } from "../support/units.ts";

const joined = (parts: Iterable<Uint8Array>) => new Uint8Array([...parts].flatMap((part) => [...part]));
const MOST = 16 * 1024 * 1024;

for (const size of [0, 1, 255, 256, 65_791, 131_071, 131_072, 131_073, 400_000]) {
  Deno.test(`A frame of ${size} bytes is read again, compressed and raw, and its end is found`, () => {
    const bytes = noise(size, size, 30), raw = joined(rawFrame(bytes));
    strictEqual(raw.length, rawFrameBytes(size));
    for (const frame of [compress(bytes, 1), compress(bytes, 3), raw]) {
      strictEqual(frameHeader(frame, 0)?.contentBytes, size);
      strictEqual(frameEnd(frame, 0), frame.length);
      deepStrictEqual(decompress(frame, size, "x"), bytes);
      const among = joined([noise(33, 1), frame, noise(9, 2)]);
      strictEqual(frameEnd(among, 33), 33 + frame.length);
      strictEqual(frameEnd(among.subarray(0, 32 + frame.length), 33), undefined);
      strictEqual(nextFrame(among, 0), 33);
      strictEqual(nextFrame(among, 34), undefined);
    }
  });
}

Deno.test("A frame that was flipped, cut or made longer, or that is too large, is refused", () => {
  const bytes = noise(200_000, 1, 20), frame = compress(bytes, 3);
  for (let at = 0; at < frame.length; at += 997) {
    const changed = frame.slice();
    changed[at]! ^= 0x10;
    throws(() => decompress(changed, MOST, "x"), DamagedObject, `byte ${at}`);
  }
  for (const length of [0, 3, 8, 100, frame.length - 4, frame.length - 1]) {
    throws(() => decompress(frame.slice(0, length), MOST, "x"), DamagedObject);
  }
  throws(() => decompress(joined([frame, noise(1, 1)]), MOST, "x"), DamagedObject);
  throws(() => decompress(frame, bytes.length - 1, "x"), DamagedObject);
  const start = decompressStart(frame.slice(0, frame.length - 100), MOST);
  ok(start.length > 0 && start.length < bytes.length);
  deepStrictEqual(start, bytes.subarray(0, start.length));
});

Deno.test("A frame that says it is small but isn't uses no more memory than it says", () => {
  const bomb = compress(new Uint8Array(50_000_000), 3), lie = bomb.slice();
  strictEqual(bomb[4]! >> 6, 2); // size in four bytes, after header and window
  const header = frameHeader(bomb, 0)!;
  new DataView(lie.buffer).setUint32(header.bytes - 4, 1000, true);
  throws(() => decompress(lie, MOST, "x"), DamagedObject);
  throws(() => decompress(bomb, MOST, "x"), DamagedObject);
});

Deno.test("Any bytes may be looked at as a frame", () => {
  const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const frame = joined([magic, bytes]), end = frameEnd(frame, 0);
    ok(end === undefined || end <= frame.length);
    try {
      decompress(frame, MOST, "x");
    } catch (error) {
      ok(error instanceof DamagedObject);
    }
    ok(decompressStart(frame, MOST).length <= MOST);
  }));
});

Deno.test("A skippable frame ends with the bytes, or it is none", () => {
  const frame = skippableFrame(noise(12, 1)), all = joined([noise(7, 2), frame]);
  deepStrictEqual([...frame.subarray(0, 8)], [0x50, 0x2a, 0x4d, 0x18, 12, 0, 0, 0]);
  deepStrictEqual(skippableContent(all, 7), noise(12, 1));
  for (const at of [-1, 6, 8, 30]) strictEqual(skippableContent(all, at), undefined);
});

Deno.test("Parts lists: one level, two levels, and what they say is judged", () => {
  fc.assert(fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 30 }), (sizes) => {
    const builder = new ListBuilder(5), parts = sizes.map((size, i) => noise(size, i));
    for (const part of parts) strictEqual(builder.add(part), sha256(part));
    strictEqual(builder.count, parts.length);
    const { top, inner, content, size } = builder.finish();
    strictEqual(content, sha256(joined(parts)));
    const list = parseList(top.bytes, "x");
    deepStrictEqual([list.size, list.level], [size, sizes.length > 5 ? 1 : 0]);
    strictEqual(top.digest, sha256(top.bytes));
    const leaves = list.level === 0 ? list.parts : inner.flatMap(({ bytes, digest }, i) => {
      deepStrictEqual(list.parts[i], { id: digest, size: parseList(bytes, "x").size });
      return parseList(bytes, "x").parts;
    });
    deepStrictEqual(leaves, parts.map((part) => ({ id: sha256(part), size: part.length })));
  }));
});

Deno.test("A parts list that lies is refused", () => {
  const id = "a".repeat(64), good = { size: 3, level: 0, parts: [{ id, size: 3 }] } as const;
  deepStrictEqual(parseList(encodeList(good).bytes, "x"), good);
  const text = new TextDecoder().decode(encodeList(good).bytes);
  const bad: [string, typeof DamagedObject | typeof BeyondLimit | typeof NewerObject][] = [
    [text.slice(0, -1), DamagedObject],
    [text.replace('"size":3', '"size":4'), DamagedObject],
    [text.replace('"level":0', '"level":2'), BeyondLimit],
    [text.replace('"version":1', '"version":2'), NewerObject],
    [text.replace("a".repeat(64), "A".repeat(64)), DamagedObject],
    [text.replaceAll(/3\b/g, "8388609"), BeyondLimit],
    [text.replace(",3]", ",3.5]"), DamagedObject],
    [text.replace(",3]", ",-3]"), DamagedObject],
    [text + `${"[".repeat(9)}${"]".repeat(9)}\n`, BeyondLimit],
    [text.split("\n")[0] + "\n" + `["${id}",0]\n`.repeat(16_385), BeyondLimit],
    ["\n", DamagedObject],
    ["null\n", DamagedObject],
  ];
  for (const [each, fault] of bad) {
    throws(() => parseList(new TextEncoder().encode(each), "x"), fault, each.slice(0, 200));
  }
});

Deno.test("Names are of at most 255 bytes a component, harmless, and whole characters", () => {
  const name = (host: string, series: string) => snapshotDirectory({ host, series, start: "2026-11-20T22:05:11.123Z" });
  strictEqual(name("nas", "photos"), "nas/photos/2026-11-20T22.05.11Z");
  strictEqual(name("a/b\\c:d\ne", ""), "a_b_c_d_e/_/2026-11-20T22.05.11Z");
  strictEqual(name(".", ".."), "_./_../2026-11-20T22.05.11Z");
  strictEqual(name(".backup-tool", "x"), "_.backup-tool/x/2026-11-20T22.05.11Z");
  strictEqual(name("ü".repeat(200), "x").split("/")[0], rawOf("ü".repeat(127)));
  const file = fileName(name("h", "s"), apathOf("/a/big.img"));
  strictEqual(file, "h/s/2026-11-20T22.05.11Z/a/big.img");
  strictEqual(partName(file, 1048576, "0123456789abcdef".repeat(4)), `${file}.parts/0000000001048576-0123456789abcdef`);
  strictEqual(listName(file), `${file}.parts/list.jsonl`);
  strictEqual(listName(file, 7), `${file}.parts/list-00007.jsonl`);
  const long = fileName(name("h", "s"), `/${"\xc3\xbc".repeat(127)}` as Apath),
    base = listName(long).split("/").at(-2)!;
  strictEqual(base, `${"\xc3\xbc".repeat(120)}.parts`);
  strictEqual(listName("\xff".repeat(255) as Raw), `${"\xff".repeat(240)}.parts/list.jsonl`);
});

Deno.test("Entries that were written are read: names, sizes, owners, times in ns", () => {
  fc.assert(fc.property(fc.array(fc.tuple(entries, fc.uint8Array({ maxLength: 700 })), { maxLength: 4 }), (list) => {
    const pieces: Uint8Array[] = [], writer = new TarWriter((bytes) => pieces.push(bytes.slice()));
    const files = list.map(([entry, bytes], i) => ({
      ...entry,
      kind: "file" as const,
      size: bytes.length,
      bytes,
      name: `d/${i}${entry.path}` as Raw,
    }));
    for (const file of files) writer.addFile(file, file.name, new Uint8Array(file.bytes));
    const all = joined(pieces), read = [...tarEntries(all)];
    deepStrictEqual(
      read.map((
        { name, mode, uid, gid, mtime, at, size },
      ) => [name, mode, uid, gid, mtime, sha256(all.subarray(at, at + size))]),
      files.map(({ name, mode, uid, gid, mtime, bytes }) => [name, mode, uid, gid, mtime, sha256(bytes)]),
    );
    deepStrictEqual(read.map(({ user }) => user ?? ""), files.map(({ user = "" }) => user.replace(/\0.*/s, "")));
  }));
});

Deno.test("Any bytes may be read as entries; a name leads nowhere else", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
    for (const { size } of tarEntries(bytes)) ok(size >= 0);
  }));
  const of = (name: string) => harmlessName(rawOf(name));
  deepStrictEqual(["a/b", "a//./b", "/a", "../a", "a/../b", ".", "", "a\0b", "a/.."].map(of), [
    "a/b",
    "a/b",
    ...Array(7).fill(undefined),
  ]);
});

Deno.test("kindOfItem() tells contents, hunks, lists and roots from what is no id", () => {
  const digest = hash("sha256", "x", "hex");
  deepStrictEqual(["", "f0", "f1", "f2"].map((suffix) => kindOfItem(digest + suffix)), [
    "content",
    "root",
    "hunk",
    "list",
  ]);
  for (const wrong of ["", "00", digest.slice(1), `${digest}00`, `${digest}f3`, digest.toUpperCase(), `${digest}\n`]) {
    strictEqual(kindOfItem(wrong), undefined);
  }
});

const A = "a".repeat(64), B = "b".repeat(64);
const UNIT = {
  vault: VAULT,
  unitClass: "data",
  frames: [{ from: 0, length: 100, plainBytes: 2000 }, { from: 100, length: 50, plainBytes: 1024 }],
  items: [{ id: A, frame: 0, at: 512, size: 1488 }, { id: B, frame: 1, at: 512, size: 512, part: { of: A, from: 7 } }],
  copies: [{ id: `${A}f2`, frame: 1, at: 512, size: 1, digest: B }, { id: `${B}f0`, frame: 0, at: 0, size: 9 }],
} as const;

Deno.test("unit.json is read again, and every field of it is judged", () => {
  const text = new TextDecoder().decode(encodeUnitJson(UNIT));
  const parse = (text: string) => parseUnitJson(new TextEncoder().encode(text), "data/x", VAULT);
  deepStrictEqual(parse(text), UNIT);
  deepStrictEqual(parse(text.replace('"class"', '"parity":{"a":[1]},"class"')), UNIT);
  const changes: [from: string, to: string][] = [
    ['"backup-tool unit"', '"backup-tool index"'],
    ['"version":1', '"version":2'],
    ['"version":1', '"version":"1"'],
    [VAULT, "00000000-0000-0000-0000-000000000000"],
    [VAULT, "nothing"],
    ['"data"', '"both"'],
    ['"data"', '"meta"'],
    ["[0,100,2000]", "[0,101,2000]"], // frames overlap
    ["[0,100,2000]", "[0,0,2000]"],
    ["[0,100,2000]", "[0,100,16777217]"],
    ["[0,100,2000]", '["0",100,2000]'],
    ["0,512,1488", "0,512,1489"],
    ["0,512,1488", "2,512,1488"],
    ["0,512,1488", "0,-512,1488"],
    ["0,512,1488", "0,9007199254740993,1488"],
    [`"${A}",0`, `"${A}f1",0`],
    [`"${A}",0`, `"${A}x",0`],
    [`,"${B}"]`, "]"],
    [`"${A}",7`, `"${A}"`],
    ['"items":[', '"items":[[],'],
    ['"copies"', '"copy"'],
  ];
  for (const [from, to] of changes) {
    ok(text.includes(from), from);
    throws(
      () => parse(text.replace(from, to)),
      (error) => /damaged-object|beyond-limit|newer-object|foreign-object/.test((error as Error).name),
      `${from} -> ${to}`,
    );
  }
});
