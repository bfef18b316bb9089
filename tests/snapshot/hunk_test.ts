import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { type Apath, compareApath, parseApath } from "../../src/core/apath.ts";
import { decodeHunk, encodeHunk, HunkCutter } from "../../src/snapshot/hunk.ts";
import { apaths } from "../support/arbitraries.ts";

/** Paths of a large tree, in order. */
function manyPaths(count: number): Apath[] {
  const paths = Array.from({ length: count }, (_, n) => parseApath(`/d${n % 97}/e${n % 7}/file-${n}.jpg`));
  return paths.sort(compareApath);
}

/** The last path of every hunk. */
function cutsOf(paths: readonly Apath[]): Apath[] {
  const cutter = new HunkCutter(), cuts: Apath[] = [];
  let count = 0;
  for (const path of paths) {
    if (!cutter.cutsAfter(path, ++count)) continue;
    cuts.push(path);
    count = 0;
  }
  return cuts;
}

/** Hunks of `after` that are not hunks of `before`: what would have to be written. */
function newHunks(before: readonly Apath[], after: readonly Apath[]): number {
  const known = new Set(hunks(before));
  return hunks(after).filter((hunk) => !known.has(hunk)).length;
}

function hunks(paths: readonly Apath[]): string[] {
  const cuts = new Set(cutsOf(paths)), found: string[] = [];
  let held: Apath[] = [];
  for (const path of paths) {
    held.push(path);
    if (!cuts.has(path)) continue;
    found.push(held.join("\n"));
    held = [];
  }
  return [...found, held.join("\n")];
}

Deno.test("HunkCutter decides by the path and the count alone, whatever it was asked before", () => {
  fc.assert(
    fc.property(fc.array(apaths), apaths, fc.integer({ min: 1, max: 4096 }), (before, path, count) => {
      const used = new HunkCutter();
      for (const other of before) used.cutsAfter(other, 256);
      strictEqual(used.cutsAfter(path, count), new HunkCutter().cutsAfter(path, count));
    }),
  );
});

Deno.test("hunks of 100,000 paths have 256 to 4096 entries, and about 1280 on average", () => {
  const paths = manyPaths(100_000);
  const sizes = hunks(paths).map((hunk) => hunk.split("\n").length).slice(0, -1);
  ok(sizes.every((size) => size >= 256 && size <= 4096));
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  ok(mean > 1000 && mean < 1500, `${mean}`);
});

Deno.test("paths of which none says `cut here` make hunks of 4096 entries", () => {
  const cutter = new HunkCutter();
  const paths = manyPaths(30_000).filter((path) => !cutter.cutsAfter(path, 256));
  const at = cutsOf(paths).map((path) => paths.indexOf(path));
  deepStrictEqual(at, [4095, 8191, 12287, 16383, 20479, 24575, 28671].filter((last) => last < paths.length));
});

Deno.test("one new path, or one less, changes the hunk it is in and at most some beside it", () => {
  const paths = manyPaths(50_000);
  let changed = 0, runs = 0;
  for (let at = 37; at < paths.length; at += 997) {
    const inserted = [...paths.slice(0, at), `${paths[at - 1]}-new` as Apath, ...paths.slice(at)];
    ok(compareApath(inserted[at - 1]!, inserted[at]!) < 0 && compareApath(inserted[at]!, inserted[at + 1]!) < 0);
    const removed = paths.toSpliced(at, 1);
    for (const after of [inserted, removed]) {
      const count = newHunks(paths, after);
      ok(count <= 6, `${count} new hunks after a change at ${at}`);
      changed += count;
      runs++;
    }
  }
  ok(changed / runs < 1.2, `${changed / runs} new hunks on average`);
});

Deno.test("a directory of 10,000 files in the middle of 50,000 costs its own hunks and few beside them", () => {
  const paths = manyPaths(50_000);
  const added = Array.from({ length: 10_000 }, (_, n) => parseApath(`/d5/new/${n}`));
  const count = newHunks(paths, [...paths, ...added].sort(compareApath));
  const alone = hunks(added.sort(compareApath)).length;
  ok(count <= alone + 3, `${count} new hunks for what makes ${alone} alone`);
});

Deno.test("encodeHunk() gives the same bytes each time, that say nothing of when and where they were made", () => {
  const lines = Array.from({ length: 500 }, (_, n) => `{"path":"/${n}"}`);
  const bytes = encodeHunk(lines);
  deepStrictEqual(encodeHunk([...lines]), bytes);
  // RFC 1952: magic, deflate, no flags, MTIME 0; operating system 255.
  deepStrictEqual([...bytes.subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
  strictEqual(bytes[9], 255);
});

Deno.test("encodeHunk() with another nonce has other bytes and the same lines", () => {
  const lines = ["a", "b"];
  const plain = encodeHunk(lines), other = encodeHunk(lines, 0x01020304);
  notDeepStrictEqual(other, plain);
  deepStrictEqual([...other.subarray(4, 8)], [4, 3, 2, 1]);
  deepStrictEqual(decodeHunk(other), lines);
});

Deno.test("decodeHunk() undoes encodeHunk()", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", "")), { minLength: 1 }),
      (lines) => {
        deepStrictEqual(decodeHunk(encodeHunk(lines)), lines);
        strictEqual(gunzipSync(encodeHunk(lines)).toString(), lines.join("\n") + "\n");
      },
    ),
  );
});

Deno.test("decodeHunk() calls a hunk damaged that is cut off anywhere, or isn't one", () => {
  const bytes = encodeHunk([`{"path":"/"}`, `{"path":"/a"}`]);
  for (let length = 0; length < bytes.length; length++) {
    throws(() => decodeHunk(bytes.slice(0, length)), { code: "damaged-manifest" }, `${length} bytes`);
  }
  throws(() => decodeHunk(new TextEncoder().encode("plain text\n")), { code: "damaged-manifest" });
});

Deno.test("decodeHunk() never gives other lines for a hunk with one changed bit in its data", () => {
  const lines = Array.from({ length: 20 }, (_, n) => `{"path":"/${n}"}`);
  const bytes = encodeHunk(lines);
  for (let bit = 10 * 8; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    try {
      deepStrictEqual(decodeHunk(changed), lines); // some bits mean nothing, such as those that fill the last byte
    } catch (error) {
      strictEqual((error as Error).name, "damaged-manifest", `bit ${bit}`);
    }
  }
});
