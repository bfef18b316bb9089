import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { compareApath, parseApath } from "../../src/core/apath.ts";
import type { HunkId, RootId } from "../../src/core/content_id.ts";
import { textOf } from "../../src/core/raw.ts";
import { encodeRoot, parseRoot, type Root, rootOrigin } from "../../src/snapshot/root.ts";
import type { Settings } from "../../src/storage/layout/settings.ts";
import { apaths } from "../support/arbitraries.ts";

const SETTINGS: Settings = {
  version: 1,
  id: "8fe2467d-f123-4159-837f-236fab4da903",
  algorithm: "md5",
  hexSplit: [2],
  created: "2026-11-20T22:00:00.000Z",
};
const hunkId = (n: number) => n.toString(16).padStart(32, "0") + "f1" as HunkId;
const rootId = (n: number) => n.toString(16).padStart(32, "0") + "f0" as RootId;

const ROOT: Root = {
  version: 1,
  storage: { id: SETTINGS.id, algorithm: "md5", hexSplit: [2] },
  sequence: 12,
  previous: rootId(11),
  start: "2026-11-20T22:05:11.123Z",
  end: "2026-11-20T22:06:02.004Z",
  timeZone: "Europe/Berlin",
  offsetMinutes: 60,
  tree: "2026/11-20T23:05",
  private: true,
  host: "nas",
  user: "me",
  name: "photos",
  sources: [{ path: "/home/me/photos", at: "/" }],
  excludes: ["*.tmp", "!keep.tmp"],
  tags: ["weekly"],
  complete: true,
  totals: { entries: 300, files: 298, dirs: 2, bytes: 1234, problems: 1 },
  tool: "backup-tool 0.1.0",
  hunks: [{ first: parseApath("/"), count: 256, id: hunkId(1) }, {
    first: parseApath("/a/b"),
    count: 44,
    id: hunkId(2),
  }],
};

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The root above as bytes, with some fields changed; undefined removes one. */
function rootWith(changes: Record<string, unknown>): Uint8Array<ArrayBuffer> {
  return bytesOf(JSON.stringify({ ...JSON.parse(encodeRoot(ROOT)), ...changes }));
}

Deno.test("parseRoot() undoes encodeRoot()", () => {
  const strings = fc.string({ unit: "grapheme", maxLength: 8 });
  const roots = fc.record({
    sequence: fc.nat(),
    previous: fc.option(fc.nat().map(rootId)),
    offsetMinutes: fc.integer({ min: -720, max: 840 }),
    tree: fc.option(fc.constantFrom("2026/11-20T23:05", "1970/01-01T00-00-12", "2026/11-20T23:05-0a1b2c3d")),
    private: fc.boolean(),
    complete: fc.boolean(),
    host: strings,
    excludes: fc.array(strings),
    tags: fc.array(strings),
    sources: fc.array(fc.record({ path: strings, at: apaths.map(textOf) }, { noNullPrototype: true })),
    hunks: fc.uniqueArray(apaths).map((paths) =>
      paths.sort(compareApath).map((first, i) => ({ first, count: i, id: hunkId(i) }))
    ),
  }, { noNullPrototype: true }).map((changes) => ({ ...ROOT, ...changes }));
  fc.assert(
    fc.property(roots, (root) => {
      const text = encodeRoot(root);
      deepStrictEqual(parseRoot(bytesOf(text)), root);
      strictEqual(encodeRoot(parseRoot(bytesOf(text))), text);
    }),
  );
});

Deno.test("parseRoot() doesn't mind newlines at the end, nor fields it doesn't know", () => {
  deepStrictEqual(parseRoot(bytesOf(encodeRoot(ROOT) + "\n\n\n")), ROOT);
  deepStrictEqual(parseRoot(rootWith({ colour: "green" })), ROOT);
});

Deno.test("encodeRoot() is for people too: indented, with a newline at the end", () => {
  match(encodeRoot(ROOT), /^\{\n {2}"format": "backup-tool snapshot",\n {2}"version": 1,\n[^]*\n\}\n$/);
});

Deno.test("rootOrigin() is all of db/main but the time of its making", () => {
  const { version: _, ...settings } = SETTINGS;
  deepStrictEqual(rootOrigin(bytesOf(encodeRoot(ROOT))), { ...settings, created: ROOT.start });
});

Deno.test("parseRoot() refuses newer formats, whatever else they say", () => {
  const newer = { code: "newer-format", message: /format version 2/ };
  throws(() => parseRoot(rootWith({ version: 2 })), newer);
  throws(() => parseRoot(rootWith({ version: 2, hunks: "elsewhere", storage: null })), newer);
  throws(() => rootOrigin(rootWith({ version: 2 })), newer);
});

Deno.test("parseRoot() calls wrong fields damage, and says which", () => {
  const hunk = { first: "/", count: 1, id: hunkId(1) };
  const cases: Record<string, unknown[]> = {
    format: [undefined, "backup-tool storage"],
    version: [undefined, "1"],
    storage: [undefined, null, 1],
    algorithm: [{ ...ROOT.storage, algorithm: "none" }],
    sequence: [undefined, -1, 1.5, "1", 2 ** 53, 2 ** 48 + 1],
    previous: ["", "x", hunkId(1), rootId(1).slice(2), 5],
    start: [undefined, "yesterday", 1, "2026-13-01T00:00:00.000Z", "+010000-01-01T00:00:00.000Z", "2026-11-20"],
    end: [undefined, ""],
    timeZone: [undefined, null],
    offsetMinutes: [undefined, 0.5, 1e9],
    tree: [undefined, 1, "", "content/ab", "archive/x", "db/policy", "latest/src", "tmp/tree", "2026", "2026/.."]
      .concat(
        ["2026/11-20T23:05/photos", "../2026/11-20T23:05", "2026/11-20T23:05\n", "2026/11-20T23:05-x"] as never[],
      ),
    private: ["yes", 1, null],
    complete: ["true", 0],
    recovered: [1],
    host: [undefined, "a\0b"],
    user: [1],
    name: [null, "x".repeat(2 ** 20 + 1)],
    sources: [undefined, {}],
    path: [[{ at: "/" }], [null]],
    at: [[{ path: "/a", at: "a" }], [{ path: "/a", at: "/../b" }], [{ path: "/a" }]],
    excludes: [undefined, "*", [1], [["*"]]],
    tags: [undefined, [{}]],
    leftOut: [null, 1, []],
    largerThan: [{ largerThan: -1 }, { largerThan: "1" }],
    job: [null, "x"],
    run: [{ name: "x", kind: "backup", run: 1 }],
    totals: [undefined, null],
    entries: [{ ...ROOT.totals, entries: undefined }],
    tool: [undefined],
    hunks: [undefined, {}],
    first: [[{ ...hunk, first: "" }], [{ ...hunk, first: "a" }], [{ ...hunk, first: "/a/../b" }]],
    count: [[{ ...hunk, count: -1 }]],
    id: [[{ ...hunk, id: rootId(1) }], [{ ...hunk, id: "../../x" }], [{}].map(() => ({ ...hunk, id: 1 }))],
  };
  /** Fields inside of others. */
  const places: Record<string, string> = {
    algorithm: "storage",
    path: "sources",
    at: "sources",
    largerThan: "leftOut",
    run: "job",
    entries: "totals",
    first: "hunks",
    count: "hunks",
    id: "hunks",
  };
  for (const [field, values] of Object.entries(cases)) {
    for (const value of values) {
      const message = new RegExp(`"${field}"`);
      const bytes = rootWith({ [places[field] ?? field]: value });
      throws(
        () => parseRoot(bytes),
        { code: "damaged-manifest", message },
        `${field}: ${JSON.stringify(value)}`,
      );
    }
  }
});

Deno.test("parseRoot() refuses hunks out of order", () => {
  const damaged = { code: "damaged-manifest", message: /out of order/ };
  const hunks = JSON.parse(encodeRoot(ROOT)).hunks;
  throws(() => parseRoot(rootWith({ hunks: hunks.toReversed() })), damaged);
  throws(() => parseRoot(rootWith({ hunks: [hunks[0], hunks[0]] })), damaged);
});

Deno.test("parseRoot() calls a root damaged that is cut off anywhere, or is no text", () => {
  const bytes = bytesOf(encodeRoot(ROOT).trimEnd());
  for (let length = 0; length < bytes.length; length += 7) {
    throws(() => parseRoot(bytes.slice(0, length)), { code: "damaged-manifest" }, `${length} bytes`);
  }
  throws(() => parseRoot(Uint8Array.of(0xff, 0xfe)), { code: "damaged-manifest" });
  throws(() => parseRoot(bytesOf("null")), { code: "damaged-manifest" });
  throws(() => parseRoot(bytesOf("[".repeat(3_000_000))), { code: "damaged-manifest", message: /levels/ });
});
