import { deepStrictEqual, throws } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parseApath } from "../../src/core/apath.ts";
import type { HunkId } from "../../src/core/content_id.ts";
import { contentsOf } from "../../src/snapshot/hunk_contents.ts";
import { encodeEntry } from "../../src/snapshot/entry_line.ts";
import { entries } from "../support/arbitraries.ts";

const A = "a".repeat(64), B = `${"b".repeat(64)}00`;

function contentsIn(lines: readonly string[], count = lines.length): string[] {
  const bytes = new Uint8Array(gzipSync(lines.map((line) => `${line}\n`).join("")));
  return contentsOf(bytes, { id: "00f1" as HunkId, first: parseApath("/"), count });
}

const REST = `"kind":"file","size":1,"mtime":"0","mode":"0644","uid":0,"gid":0`;

Deno.test("contentsOf() names every content that an entry of the hunk has", () => {
  fc.assert(
    fc.property(fc.array(entries, { minLength: 1, maxLength: 20 }), (list) => {
      const found = new Set(contentsIn(list.map(encodeEntry)));
      const expected = list.flatMap(({ content }) => content === undefined ? [] : [content]);
      deepStrictEqual(expected.filter((content) => !found.has(content)), []);
    }),
  );
});

Deno.test("contentsOf() names them however another writer puts them", () => {
  const lines = [
    `{"path":"/1",${REST},"content":"${A}"}`,
    `{ "content" : "${B}", "path":"/2",${REST}}`,
    `{"content":"${A}","path":"/3",${REST}}`,
    `{"path":"/4",${REST},"\\u0063ontent":"${B}"}`,
    `{"path":"/5",${REST}}`,
  ];
  deepStrictEqual(contentsIn(lines), [A, B, A, B]);
});

Deno.test("contentsOf() may name too much, and takes no file's name for a content", () => {
  deepStrictEqual(contentsIn([`{"path":"/,\\"content\\":\\"${A}\\"",${REST}}`]), []);
  deepStrictEqual(contentsIn([`{"path":"/1",${REST},"xattrs":{"a":"","content":"${A}"}}`]), [A]);
  deepStrictEqual(contentsIn([`{"path":"/1",${REST},"content":"${A}","xattrs":{"a":"","content":"Zm9v"}}`]), [A, A]);
});

Deno.test("contentsOf() refuses a hunk that isn't whole", () => {
  const line = `{"path":"/1",${REST},"content":"${A}"}`;
  for (
    const lines of [
      [`{"path":"/1",${REST},"content":"nonsense"}`],
      [`{"path":"/1",${REST},"content":"${A}`.slice(0, -3)],
      ["nonsense"],
      [""],
      [`{"path":"/1",${REST},"content":7}`],
    ]
  ) throws(() => contentsIn(lines), { code: "damaged-manifest" }, lines[0]);
  throws(() => contentsIn([line], 2), { code: "damaged-manifest" });
  throws(() => contentsIn([line, line], 1), { code: "damaged-manifest" });
  throws(() => contentsOf(new Uint8Array(9), { id: "00f1" as HunkId, first: parseApath("/"), count: 1 }), {
    code: "damaged-manifest",
  });
});
