import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseApath } from "../../src/core/apath.ts";
import type { ContentId } from "../../src/core/content_id.ts";
import type { Entry } from "../../src/core/entry.ts";
import { textOf } from "../../src/core/raw.ts";
import {
  type ContentFacts,
  contentFactsOf,
  contentOfLine,
  encodeEntry,
  encodeLine,
  headPath,
  isLineOf,
  isSound,
  linePath,
  parseLine,
  statPrefix,
} from "../../src/snapshot/entry_line.ts";
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
      const head = statPrefix(entry.path, entry);
      const line = encodeEntry(entry);
      ok(line.startsWith(head));
      ok(line[head.length] === "," || line[head.length] === "}");
      strictEqual(encodeLine(head, entry), line);
      const touched = statPrefix(entry.path, { ...entry, mtime: entry.mtime === "1" ? "2" : "1" });
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
      strictEqual(contentOfLine(line, statPrefix(entry.path, entry).length), entry.content);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("isLineOf() knows the line of a path by what headPath() says of it, and no other line", () => {
  fc.assert(
    fc.property(entries, entries, (entry, other) => {
      const line = encodeEntry(entry);
      const quoted = headPath(statPrefix(entry.path, { ...entry, mtime: "7" }));
      strictEqual(quoted, linePath(line));
      ok(isLineOf(line, quoted));
      strictEqual(isLineOf(encodeEntry(other), quoted), other.path === entry.path);
    }),
  );
  const longer = parseLine(lineWith({ path: "/ab" }));
  ok(!isLineOf(encodeEntry(longer), `"/a"`));
  ok(!isLineOf(encodeEntry(longer), `"/a`));
});

Deno.test("seenPart() says of each object who may use it, whoever came before", () => {
  const entry = parseLine(LINE);
  const heads = (["mode", "uid", "gid", "user", "group"] as const).map((field) => {
    const other = { ...entry, user: "u", group: "g", [field]: field === "user" || field === "group" ? "x" : 0o777 };
    return [statPrefix(entry.path, { ...entry, user: "u", group: "g" }), statPrefix(entry.path, other)];
  });
  const common = `{"path":"/a","kind":"file","size":3,"mtime":"-1"`;
  deepStrictEqual(
    heads.map(([first]) => first),
    Array(5).fill(`${common},"mode":"0644","uid":1,"gid":2,"user":"u","group":"g"`),
  );
  deepStrictEqual(heads.map(([, second]) => second!.slice(common.length)), [
    `,"mode":"0777","uid":1,"gid":2,"user":"u","group":"g"`,
    `,"mode":"0644","uid":511,"gid":2,"user":"u","group":"g"`,
    `,"mode":"0644","uid":1,"gid":511,"user":"u","group":"g"`,
    `,"mode":"0644","uid":1,"gid":2,"user":"x","group":"g"`,
    `,"mode":"0644","uid":1,"gid":2,"user":"u","group":"x"`,
  ]);
});

const factsOf = ({ path, size, content }: Entry) => ({ path, size, ...(content !== undefined && { content }) });
const pick = ({ path, size, content }: ContentFacts) => factsOf({ path, size, content } as Entry);

Deno.test("parseLine() reads a usual line as it reads the same JSON with a blank in it", () => {
  const withBlank = (line: string) => `{ ${line.slice(1)}`;
  fc.assert(
    fc.property(entries, (entry) => {
      const line = encodeEntry(entry);
      deepStrictEqual(parseLine(line), parseLine(withBlank(line)));
    }),
    { numRuns: 1000 },
  );
  const usual = {
    ctime: "7",
    inode: "8",
    user: "root",
    group: "www-data",
    hardLink: "0:5",
    sparse: true,
    birthtime: "-9",
  };
  for (let chosen = 0; chosen < 128; chosen++) {
    const some = Object.fromEntries(Object.entries(usual).filter((_, i) => (chosen & 1 << i) !== 0));
    const line = encodeEntry({ ...parseLine(LINE), ...some });
    deepStrictEqual(Object.entries(parseLine(line)), Object.entries(parseLine(withBlank(line))));
  }
});

Deno.test("contentFactsOf() says what parseLine() does", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      deepStrictEqual(pick(contentFactsOf(encodeEntry(entry))), factsOf(entry));
    }),
    { numRuns: 1000 },
  );
  const usual = { ctime: "7", inode: "8", user: "root", group: "www-data", hardLink: "0:5", birthtime: "-9" };
  for (let chosen = 0; chosen < 64; chosen++) {
    const some = Object.fromEntries(Object.entries(usual).filter((_, i) => (chosen & 1 << i) !== 0));
    const entry = { ...parseLine(LINE), ...some };
    deepStrictEqual(pick(contentFactsOf(encodeEntry(entry))), factsOf(entry));
  }
});

Deno.test("contentFactsOf() takes no line that parseLine() doesn't take", () => {
  const paths = [
    "/",
    "/a",
    "/.a",
    "/a.",
    "/a/..b",
    "/...",
    "a",
    "",
    "//",
    "/a/",
    "/.",
    "/..",
    "/a/../b",
    "/./a",
    "/a//b",
  ];
  const lines = [
    ...paths.map((path) => lineWith({ path })),
    ...[`"size":03`, `"size":-3`, `"size":3.0`, `"size":"3"`, `"size":9007199254740993`].map((size) => {
      return LINE.replace(`"size":3`, size);
    }),
    ...[`"uid":01`, `"uid":-1`, `"uid":4294967295`].map((uid) => LINE.replace(`"uid":1`, uid)),
    ...[`"abc"`, `"${"ab".repeat(34)}"`, `"${"AB".repeat(32)}"`].map((id) => LINE.replace(/"(ab)+"/, id)),
    LINE.replace(`"file","size":3`, `"dir"`),
    LINE.replace(`"file","size":3`, `"file"`),
    LINE.replace(`"file"`, `"dir"`),
    LINE.replace("}", ""),
    LINE + " ",
    LINE + "x",
  ];
  const answers = lines.map((line) => {
    const answerOf = (read: (line: string) => ContentFacts) => {
      try {
        return pick(read(line));
      } catch (error) {
        return (error as Error).message;
      }
    };
    const answer = answerOf(contentFactsOf);
    deepStrictEqual(answer, answerOf(parseLine), line);
    return typeof answer;
  });
  deepStrictEqual([answers.filter((kind) => kind === "string").length, answers.length], [21, lines.length]);
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

Deno.test("parseLine() refuses what no system could take, and names the field", () => {
  const cases: Record<string, unknown[]> = {
    path: ["/a/../b", "/a\0", 1, null, "../a"],
    kind: ["door", "", null],
    size: [-1, 2 ** 53, 1.5, "3", 1e300],
    mtime: ["", "1e9", "123456789012345678901", 5],
    mode: ["777", "0888", 0o644, "-0644"],
    uid: [2 ** 32, 2 ** 40, -1, "0"],
    gid: [2 ** 32, 0.1],
    user: ["a\0b", 7],
    device: [[1], [1, 2 ** 32], [-1, 0], "1:2"],
    content: ["ab", "../../x", `${"ab".repeat(32)}f0`, `${"ab".repeat(32)}f1`, 5],
    target: ["a\0b", []],
    xattrs: [{ "user.a": "%" }, { "user.a": "abc" }, { "user.a": "a===" }, { "": "" }, { "a\0": "" }, [], { a: 1 }],
    problems: ["none", [1]],
    flags: [{ a: 1 }],
    hardLink: [1],
  };
  for (const [field, values] of Object.entries(cases)) {
    for (const value of values) {
      const line = lineWith({ [field]: value });
      throws(() => parseLine(line), { code: "damaged-manifest", message: new RegExp(`"${field}"`) }, line);
      strictEqual(isSound(line), false);
    }
  }
});

Deno.test("parseLine() refuses lines that are too long, or nested too deep, at once", () => {
  const deep = "[".repeat(3_000_000);
  throws(() => parseLine(LINE.replace("{", `{"x":${deep}${deep.replaceAll("[", "]")},`)), { code: "damaged-manifest" });
  throws(() => parseLine(lineWith({ x: "x".repeat(20_000_000) })), { code: "damaged-manifest", message: /long/ });
  parseLine(lineWith({ xattrs: { "user.large": "QUJD".repeat(3_000_000) } }));
});

Deno.test("isSound() says the same with a head as without", () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.constantFrom("", "x", `"`, "}", ",", "f0"), (entry, at, change) => {
      const head = statPrefix(entry.path, entry), line = encodeEntry(entry);
      ok(isSound(line, head));
      const place = head.length + at % (line.length - head.length);
      const changed = line.slice(0, place) + change + line.slice(place + 1);
      strictEqual(isSound(changed, head), isSound(changed));
    }),
    { numRuns: 2000 },
  );
});
