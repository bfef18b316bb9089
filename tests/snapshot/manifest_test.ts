import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type Apath, childOf, compareApath, isWithin, parentOf, parseApath, TOP } from "../../src/core/apath.ts";
import type { HunkId } from "../../src/core/content_id.ts";
import type { Entry } from "../../src/core/entry.ts";
import { rawOf } from "../../src/core/raw.ts";
import { decodeHunk, encodeHunk, HunkCutter, type HunkRef } from "../../src/snapshot/hunk.ts";
import { encodeEntry } from "../../src/snapshot/entry_line.ts";
import { Manifest } from "../../src/snapshot/manifest.ts";
import type { Root } from "../../src/snapshot/root.ts";

const FILES_EACH = 600;
/** Names that stand close to the separator in byte order, where mistakes in the order of paths show. */
const DIRECTORIES = ["/a", "/a-", "/a.b", "/a/b", "/a/b/c", "/a/b-c", "/b", "/zz", "/zz/a"];

function entryOf(path: Apath, kind: Entry["kind"]): Entry {
  return { path, kind, size: 0, mtime: "0", mode: 0o644, uid: 0, gid: 0 };
}

/** A top, nine directories, 600 files in each: 5410 entries in order. */
function someEntries(): Entry[] {
  const directories = [TOP, ...DIRECTORIES.map(parseApath)];
  const files = directories.slice(1).flatMap((directory) =>
    Array.from({ length: FILES_EACH }, (_, n) => entryOf(childOf(directory, rawOf(`file ${n}`)), "file"))
  );
  return [...directories.map((path) => entryOf(path, "dir")), ...files].sort((a, b) => compareApath(a.path, b.path));
}

/** A manifest in memory, that counts which hunks were read. */
class Shelf {
  readonly hunks = new Map<HunkId, string[]>();
  readonly refs: HunkRef[] = [];
  reads = 0;

  constructor(entries: readonly Entry[]) {
    const cutter = new HunkCutter();
    let lines: string[] = [], first: Apath | undefined;
    for (const [i, entry] of entries.entries()) {
      first ??= entry.path;
      lines.push(encodeEntry(entry));
      if (!cutter.cutsAfter(entry.path, lines.length) && i < entries.length - 1) continue;
      this.#add(first, lines);
      [lines, first] = [[], undefined];
    }
  }

  #add(first: Apath, lines: string[]): void {
    const id = `${this.refs.length}` as HunkId;
    this.hunks.set(id, lines);
    this.refs.push({ first, count: lines.length, id });
  }

  open(): Manifest {
    const read = (id: HunkId) => {
      this.reads++;
      return encodeHunk(this.hunks.get(id)!);
    };
    return new Manifest(read, { hunks: this.refs } as unknown as Root);
  }
}

const ENTRIES = someEntries();
const paths = (entries: Iterable<Entry>) => [...entries].map(({ path }) => path);
/** Every path that is there, and some that are not. */
const anyPath = fc.oneof(
  fc.constantFrom(...ENTRIES.map(({ path }) => path)),
  fc.constantFrom("/a/", "/a-", "/0", "/a/b/c/d", "/zzz", "/a/file 1x").map((text) => text.replace(/\/$/, "") as Apath),
);

Deno.test("the entries of these tests fill several hunks", () => {
  const { refs } = new Shelf(ENTRIES);
  strictEqual(ENTRIES.length, 5410);
  ok(refs.length >= 3, `${refs.length}`);
});

Deno.test("entries() gives everything in order, and everything from a path on", () => {
  const shelf = new Shelf(ENTRIES);
  deepStrictEqual([...shelf.open().entries()], ENTRIES);
  strictEqual(shelf.reads, shelf.refs.length);
  fc.assert(
    fc.property(anyPath, (from) => {
      const expected = ENTRIES.filter(({ path }) => compareApath(path, from) >= 0);
      deepStrictEqual(paths(shelf.open().entries(from)), paths(expected));
    }),
    { numRuns: 50 },
  );
});

Deno.test("entry() finds what is there and nothing else, by reading one hunk", () => {
  const shelf = new Shelf(ENTRIES);
  fc.assert(
    fc.property(anyPath, (path) => {
      shelf.reads = 0;
      deepStrictEqual(shelf.open().entry(path), ENTRIES.find((entry) => entry.path === path));
      ok(shelf.reads <= 1);
    }),
    { numRuns: 200 },
  );
});

Deno.test("entry() of neighbours reads a hunk once", () => {
  const shelf = new Shelf(ENTRIES), manifest = shelf.open();
  for (let n = 0; n < FILES_EACH; n++) ok(manifest.entry(parseApath(`/a/file ${n}`)));
  ok(shelf.reads <= 2, `${shelf.reads} hunks read`);
});

Deno.test("list() gives what stands directly in a directory, and reads no more than it must", () => {
  const shelf = new Shelf(ENTRIES);
  for (const { path: directory } of ENTRIES.filter(({ kind }) => kind === "dir")) {
    shelf.reads = 0;
    const expected = ENTRIES.filter(({ path }) => path !== TOP && parentOf(path) === directory);
    deepStrictEqual(paths(shelf.open().list(directory)), paths(expected), directory);
    const needed = new Set(expected.map(({ path }) => shelf.open().hunkOf(path)));
    ok(shelf.reads <= needed.size + 2, `${shelf.reads} hunks read for ${directory}`);
  }
  deepStrictEqual(paths(shelf.open().list(parseApath("/not there"))), []);
});

Deno.test("within() gives a path and all that is below it, and nothing that merely begins like it", () => {
  const shelf = new Shelf(ENTRIES);
  for (const at of [TOP, ...DIRECTORIES.map(parseApath), parseApath("/a/file 7"), parseApath("/no")]) {
    deepStrictEqual(
      paths(shelf.open().within(at)),
      paths(ENTRIES.filter(({ path }) => isWithin(path, at))),
      at,
    );
  }
});

Deno.test("a manifest whose hunks aren't as its root says is called damaged", () => {
  const cases: [string, RegExp, (shelf: Shelf) => void][] = [
    ["a line less", /has \d+ entries instead of \d+/, ({ hunks, refs }) => hunks.get(refs[1]!.id)!.pop()],
    ["a line more", /has \d+ entries instead of \d+/, ({ hunks, refs }) => hunks.get(refs[0]!.id)!.push("{}")],
    ["two lines swapped", /out of order/, ({ hunks, refs }) => swap(hunks.get(refs[1]!.id)!, 5, 6)],
    ["another first line", /begins with/, ({ hunks, refs }) => swap(hunks.get(refs[1]!.id)!, 0, 1)],
    [
      "a hunk twice",
      /has \d+ entries|begins with/,
      ({ hunks, refs }) => hunks.set(refs[2]!.id, hunks.get(refs[1]!.id)!),
    ],
    [
      "hunks that overlap",
      /overlap/,
      ({ hunks, refs }) => hunks.get(refs[0]!.id)!.splice(-1, 1, encodeEntry(entryOf("/zz/zz/zz" as Apath, "file"))),
    ],
  ];
  for (const [what, message, damage] of cases) {
    const shelf = new Shelf(ENTRIES);
    damage(shelf);
    throws(() => [...shelf.open().entries()], { code: "damaged-manifest", message }, what);
  }
});

Deno.test("entries() leaves out damaged hunks where somebody wants to know of them, and gives all others", () => {
  const shelf = new Shelf(ENTRIES);
  shelf.hunks.set(shelf.refs[1]!.id, ["no JSON"]);
  const told: HunkRef[] = [];
  const left = [...shelf.open().entries(TOP, (_, hunk) => told.push(hunk!))];
  deepStrictEqual(told, [shelf.refs[1]]);
  strictEqual(left.length, ENTRIES.length - shelf.refs[1]!.count);
});

function swap(lines: string[], a: number, b: number): void {
  [lines[a], lines[b]] = [lines[b]!, lines[a]!];
}

/** A manifest of one hunk with these lines. @param first of the root, if it says something else than the line */
function manifestOf(lines: readonly string[], first: Apath = TOP): Manifest {
  const hunks = [{ first, count: lines.length, id: "0" as HunkId }];
  return new Manifest(() => encodeHunk(lines), { hunks } as unknown as Root);
}

Deno.test("an entry that says something wrong costs itself, not those around it", () => {
  const good = [TOP, ...["/a", "/b", "/c", "/a/1"].map(parseApath)].map((path) => entryOf(path, "dir"));
  const [top, a, b, c, one] = good.map(encodeEntry) as [string, string, string, string, string];
  const cases: readonly (readonly [lines: string[], left: string[], faults: number])[] = [
    [[top, a, b.replace(`"uid":0`, `"uid":-1`), c, one], ["/", "/a", "/c", "/a/1"], 1],
    [[top, "{", "[1]", "", c, one], ["/", "/c", "/a/1"], 3],
    [[top, a, c, b, one], ["/", "/a", "/c", "/a/1"], 1],
    [[top, a, a, one], ["/", "/a", "/a/1"], 1],
    [[a, b], ["/a", "/b"], 1],
  ];
  for (const [lines, left, faults] of cases) {
    const manifest = manifestOf(lines), told: string[] = [];
    deepStrictEqual(
      paths(manifest.entries(TOP, (fault, hunk) => told.push(`${fault.name} ${hunk === undefined}`))),
      left,
    );
    deepStrictEqual(told, Array(faults).fill("damaged-manifest true"), lines.join("\n"));
    throws(() => paths(manifest.entries()), { code: "damaged-manifest" });
    for (const path of left) strictEqual(manifest.entry(path as Apath)?.path, path);
    throws(
      () => manifest.entry("/none" as Apath),
      { code: "damaged-manifest" },
      "it may be the one that can't be read",
    );
  }
});

Deno.test("a line that is no UTF-8 costs itself", () => {
  const bytes = gzipSync(
    Buffer.concat([Buffer.from(`${encodeEntry(entryOf(TOP, "dir"))}\n`), Buffer.of(0xff, 0x0a), Buffer.from("{}\n")]),
  );
  strictEqual(decodeHunk(Uint8Array.from(bytes)).length, 3);
  deepStrictEqual(decodeHunk(Uint8Array.from(bytes)).slice(1), ["", "{}"]);
});

Deno.test("a hunk that unpacks to far more than any sound one is refused", () => {
  const bomb = Uint8Array.from(gzipSync(Buffer.alloc(400 * 1024 * 1024, "x"), { level: 1 }));
  throws(() => decodeHunk(bomb), { code: "damaged-manifest", message: /can't be decompressed/ });
});
