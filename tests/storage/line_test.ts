import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseApath } from "../../src/core/apath.ts";
import type { ContentId } from "../../src/core/content_id.ts";
import { textOf } from "../../src/core/raw.ts";
import { contentOfLine, encodeEntry, encodeLine, linePath, parseLine, seenPart } from "../../src/storage/line.ts";
import { entries } from "../support/arbitraries.ts";

const LINE = `{"path":"/a","kind":"file","size":3,"mtime":"-1","mode":"0644","uid":1,"gid":2,"content":"${
  "ab".repeat(32)
}"}`;

/** The line above with some fields changed; undefined removes one. */
function lineWith(changes: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(LINE), ...changes });
}

Deno.test("parseLine() undoes encodeEntry(), whatever bytes are in names", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const line = encodeEntry(entry);
      deepStrictEqual(parseLine(line), entry);
      strictEqual(encodeEntry(parseLine(line)), line);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a line is one line of well-formed UTF-8, and plain JSON", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const line = encodeEntry(entry);
      ok(!line.includes("\n"));
      ok(line.isWellFormed());
      strictEqual(JSON.parse(line).path, textOf(entry.path));
    }),
  );
});

Deno.test("seenPart() is how the line of an unchanged object begins, and of no other", () => {
  fc.assert(
    fc.property(entries, entries, (entry, other) => {
      const head = seenPart(entry.path, entry);
      const line = encodeEntry(entry);
      ok(line.startsWith(head));
      ok(line[head.length] === "," || line[head.length] === "}");
      strictEqual(encodeLine(head, entry), line);
      const touched = seenPart(entry.path, { ...entry, mtime: entry.mtime === "1" ? "2" : "1" });
      ok(!line.startsWith(touched));
      if (other.path !== entry.path) ok(!encodeEntry(other).startsWith(head));
    }),
  );
});

Deno.test("linePath() and contentOfLine() find what parseLine() does, whatever names look like", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const line = encodeEntry(entry);
      strictEqual(parseApath(JSON.parse(linePath(line))), entry.path);
      strictEqual(contentOfLine(line), entry.content);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("contentOfLine() is not misled by a name that looks like JSON", () => {
  const path = parseApath(`/","content":"00`);
  const entry = { ...parseLine(LINE), path, content: "cd".repeat(32) as ContentId };
  strictEqual(contentOfLine(encodeEntry(entry)), entry.content);
});

Deno.test("parseLine() says which field is damaged", () => {
  const cases: Record<string, unknown[]> = {
    path: [undefined, 1, "", "a", "/a/", "//", "/.", "/a/../b", "/a\0"],
    kind: [undefined, "folder", 1],
    size: [undefined, -1, 1.5, "3", 2 ** 53],
    mtime: [undefined, 1, "", "1.5", "1e9", "9".repeat(21)],
    ctime: [1, "x"],
    inode: ["-1", 7],
    mode: [undefined, 420, "644", "0888", "00644"],
    uid: [undefined, -1, "0"],
    gid: [undefined, null],
    user: [1],
    device: [1, [1], [1, 2, 3], ["1", "2"]],
    content: ["", "abc", "ab", "AB".repeat(32), "ab".repeat(34), "../../../etc/passwd", 1],
    target: [1],
    hardLink: [1],
    sparse: [false, 1],
    xattrs: [[], "x", { a: 1 }],
    problems: ["x", [1]],
  };
  for (const [field, values] of Object.entries(cases)) {
    for (const value of values) {
      const message = new RegExp(`wrong "${field}"`);
      throws(() => parseLine(lineWith({ [field]: value })), { code: "damaged-manifest", message }, String(value));
    }
  }
});

Deno.test("parseLine() ignores fields it doesn't know", () => {
  deepStrictEqual(parseLine(lineWith({ colour: "green" })), parseLine(LINE));
});

Deno.test("parseLine() calls a line damaged that is cut off anywhere", () => {
  for (let length = 0; length < LINE.length; length++) {
    throws(() => parseLine(LINE.slice(0, length)), { code: "damaged-manifest" });
  }
  for (const text of ["null", "[]", "1", `"x"`]) throws(() => parseLine(text), { code: "damaged-manifest" });
});
