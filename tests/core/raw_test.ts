import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  baseName,
  bytesOf,
  EMPTY,
  isBelow,
  joinRaw,
  movedPath,
  parentPath,
  type Raw,
  raw as rawText,
  rawOf,
  rawOfBytes,
  relativeTo,
  replaceBytes,
  replaceRaw,
  ROOT,
  sliceRaw,
  splitRaw,
  textOf,
} from "../../src/core/raw.ts";

const raw = fc.uint8Array({ maxLength: 40 }).map((bytes) => rawOfBytes(bytes));

/** Bytes among which UTF-8 sequences, whole and broken, are frequent. */
const nearlyText = fc.array(
  fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }).map((text) => [...new TextEncoder().encode(text)]),
    fc.constantFrom([0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xed, 0xb3, 0xbf], [0xf4, 0x90, 0x80, 0x80]),
    fc.constantFrom([0xff], [0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xf8, 0x88], [0xef, 0xbb, 0xbf]),
  ),
  { maxLength: 8 },
).map((parts) => Uint8Array.from(parts.flat()));

Deno.test("rawOfBytes() and bytesOf() undo each other", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => deepStrictEqual([...bytesOf(rawOfBytes(bytes))], [...bytes])));
  const large = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);
  deepStrictEqual(bytesOf(rawOfBytes(large)), large);
  strictEqual(rawOfBytes(new Uint8Array()), "");
});

Deno.test("rawOf() undoes textOf() for any bytes", () => {
  fc.assert(fc.property(fc.oneof(raw, nearlyText.map(rawOfBytes)), (name) => strictEqual(rawOf(textOf(name)), name)), {
    numRuns: 2000,
  });
});

Deno.test("textOf() and rawOf() are UTF-8 where that is possible", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const bytes = new TextEncoder().encode(text);
    strictEqual(rawOf(text), rawOfBytes(bytes));
    strictEqual(textOf(rawOfBytes(bytes)), text);
  }));
});

Deno.test("textOf() decodes every single code point", () => {
  for (let code = 0; code <= 0x10ffff; code += code < 0x3000 || code > 0xff00 && code < 0x10100 ? 1 : 97) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = String.fromCodePoint(code);
    strictEqual(textOf(rawOfBytes(new TextEncoder().encode(text))), text, code.toString(16));
  }
});

Deno.test("textOf() accepts a sequence of two to four bytes exactly where the runtime's decoder does", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
  let valid = 0;
  const compare = (bytes: number[]) => {
    const text = textOf(rawOfBytes(Uint8Array.from(bytes)));
    const isValid = !/[\udc80-\udcff](?<![\ud800-\udbff].)/.test(text);
    if (isValid) strictEqual(text, strict.decode(Uint8Array.from(bytes)));
    else throwsOn(strict, bytes);
    if (isValid) valid++;
  };
  for (let first = 0xc0; first <= 0xff; first++) {
    for (const second of edges) {
      compare([first, second]);
      for (const third of edges) {
        compare([first, second, third]);
        for (const fourth of edges) compare([first, second, third, fourth]);
      }
    }
  }
  ok(valid > 1000);
});

function throwsOn(decoder: TextDecoder, bytes: readonly number[]): void {
  let failed = false;
  try {
    decoder.decode(Uint8Array.from(bytes));
  } catch {
    failed = true;
  }
  ok(failed, `${bytes} is not valid`);
}

Deno.test("textOf() is Python's surrogateescape", () => {
  const script = "import sys; d=sys.stdin.buffer.read().split(b'|'); " +
    "print(' '.join(''.join('%04x'%ord(c) for c in x.decode('utf-8','surrogateescape')) for x in d))";
  const names = fc.sample(nearlyText, { numRuns: 500, seed: 1 }).map((bytes) => bytes.filter((byte) => byte !== 0x7c));
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, "");
  for (const [i, name] of names.entries()) {
    Deno.writeFileSync(file, i === 0 ? name : Uint8Array.of(0x7c, ...name), { append: true });
  }
  const { success, stdout } = new Deno.Command("sh", {
    args: ["-c", 'exec python3 -c "$1" < "$2"', "sh", script, file],
  })
    .outputSync();
  Deno.removeSync(file);
  ok(success, "python3 ran");
  const hex = (text: string) => [...text].map((one) => one.codePointAt(0)!.toString(16).padStart(4, "0")).join("");
  const ours = names.map((name) => hex(textOf(rawOfBytes(name))));
  deepStrictEqual(new TextDecoder().decode(stdout).trimEnd().split(" "), ours);
});

Deno.test("textOf() never makes two names alike", () => {
  fc.assert(fc.property(nearlyText, nearlyText, (a, b) => {
    const [one, two] = [rawOfBytes(a), rawOfBytes(b)];
    strictEqual(textOf(one) === textOf(two), one === two);
  }));
});

Deno.test("textOf() survives JSON, where lone surrogates are written escaped", () => {
  fc.assert(fc.property(nearlyText, (bytes) => {
    const name = rawOfBytes(bytes);
    const written = new TextEncoder().encode(JSON.stringify(textOf(name)));
    strictEqual(rawOf(JSON.parse(new TextDecoder().decode(written))), name);
  }));
  strictEqual(JSON.stringify(textOf("caf\xe9")), '"caf\\udce9"');
});

Deno.test("the order of byte strings is the order of their bytes", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
    const [one, two] = [rawOfBytes(a), rawOfBytes(b)];
    const bytewise = [...a.entries()].find(([i, byte]) => byte !== b[i]);
    const expected = bytewise === undefined
      ? a.length < b.length
      : bytewise[0] < b.length && bytewise[1] < b[bytewise[0]]!;
    strictEqual(one < two, expected);
  }));
});

Deno.test("joinRaw() puts exactly one slash between, and none where a part is empty", () => {
  const rows = [
    ["a", "b", "a/b"],
    ["/", "b", "/b"],
    ["a/", "b", "a/b"],
    ["", "b", "b"],
    ["a", "", "a"],
    ["/", "", "/"],
    ["", "", ""],
    ["a", "b/c", "a/b/c"],
    ["\xff", "\n", "\xff/\n"],
  ];
  for (const [dir, name, joined] of rows) strictEqual(joinRaw(dir as Raw, name as Raw), joined);
});

Deno.test("parentPath() and baseName() take absolute and relative paths apart; joinRaw() puts them together", () => {
  const cases = [["/a/b", "/a", "b"], ["/a", "/", "a"], ["/", "/", ""], ["a/b", "a", "b"], ["a", "", "a"], [
    "",
    "",
    "",
  ]];
  for (const [path = "", parent, name] of cases) {
    deepStrictEqual([parentPath(rawOf(path)), baseName(rawOf(path))], [parent, name]);
    strictEqual(joinRaw(parentPath(rawOf(path)), baseName(rawOf(path))), path);
  }
});

Deno.test("relativeTo() and movedPath() know the top of a file system", () => {
  const top = rawOf("/x/y");
  strictEqual(relativeTo(top, rawOf("/x/y/z/a")), "z/a");
  strictEqual(relativeTo(top, top), EMPTY);
  strictEqual(relativeTo(ROOT, top), "x/y");
  strictEqual(relativeTo(ROOT, ROOT), EMPTY);
  strictEqual(movedPath(rawOf("/x/y/z"), top, rawOf("/new")), "/new/z");
  strictEqual(movedPath(top, top, rawOf("/new")), "/new");
  strictEqual(movedPath(top, ROOT, rawOf("/new")), "/new/x/y");
});

Deno.test("isBelow() goes by components", () => {
  deepStrictEqual(["/a", "/ab", "/a/b"].map((path) => isBelow(rawOf(path), rawOf("/a"))), [false, false, true]);
  deepStrictEqual(["/", "/a"].map((path) => isBelow(rawOf(path), ROOT)), [false, true]);
});

Deno.test("raw`` makes bytes of its text, and takes byte strings as they are", () => {
  const odd = rawOfBytes(Uint8Array.of(0xff));
  deepStrictEqual([...bytesOf(rawText`\u00e4/${odd}-${7}`)], [0xc3, 0xa4, 0x2f, 0xff, 0x2d, 0x37]);
});

Deno.test("sliceRaw(), splitRaw(), replaceBytes() and replaceRaw() keep bytes as they are", () => {
  const odd = rawOfBytes(Uint8Array.of(0x61, 0x2f, 0xff));
  deepStrictEqual([sliceRaw(odd, 2), ...splitRaw(odd, "/")].map((part) => [...bytesOf(part)]), [[0xff], [0x61], [
    0xff,
  ]]);
  const byte = (octal: string) => parseInt(octal, 8);
  deepStrictEqual([...bytesOf(replaceBytes(rawOf("a\\377b"), /\\([0-7]{3})/g, byte))], [0x61, 0xff, 0x62]);
  strictEqual(replaceRaw(rawOf("a\\b\\"), /\\/g, rawOf("$&/")), "a$&/b$&/");
});
