import { strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  classOfId,
  contentIdOf,
  hunkIdOf,
  LAST_CONTENT_SUFFIX,
  parseContentId,
  parseHunkId,
  parseRootId,
  rootIdOf,
} from "../../src/core/content_id.ts";
import { BadId } from "../../src/core/fault.ts";

/** Hex digits of crc32, md5, sha1 and sha256. */
const LENGTHS = [8, 32, 40, 64] as const;
const PARSERS = { content: parseContentId, root: parseRootId, hunk: parseHunkId };

/** The class by which parsers take the text. */
function parsedAs(text: string, length: number): (string | undefined)[] {
  return Object.entries(PARSERS).flatMap(([name, parse]) => {
    try {
      strictEqual(parse(text, length), text);
      return [name];
    } catch (error) {
      strictEqual(error instanceof BadId, true);
      return [];
    }
  });
}

Deno.test("every octet behind a digest belongs to exactly one class: content, root, hunk or none", () => {
  for (const length of LENGTHS) {
    const digest = "9f".repeat(length / 2);
    for (let octet = 0; octet < 256; octet++) {
      const id = digest + octet.toString(16).padStart(2, "0");
      const expected = octet < 0xf0 ? "content" : octet === 0xf0 ? "root" : octet === 0xf1 ? "hunk" : undefined;
      strictEqual(classOfId(id, length), expected, id);
      strictEqual(parsedAs(id, length).join(), expected ?? "", id);
    }
    strictEqual(classOfId(digest, length), "content");
  }
});

Deno.test("classOfId() and the parsers agree on any text", () => {
  const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdefF gf0f1".split("")), minLength: 6, maxLength: 12 });
  fc.assert(fc.property(hex, (text) => strictEqual(parsedAs(text, 8).join(), classOfId(text, 8) ?? "")), {
    numRuns: 2000,
  });
});

for (
  const [why, id] of Object.entries({
    "is empty": "",
    "is too short": "9f".repeat(31),
    "has half an octet": `${"9f".repeat(32)}0`,
    "is too long": "9f".repeat(34),
    "has capital digits": "9F".repeat(32),
    "has something else": "9g".repeat(32),
    "ends in a line break": `${"9f".repeat(32)}\n`,
    "is a path": `${"9f".repeat(15)}/../`,
  })
) {
  Deno.test(`no parser takes an id that ${why}`, () => {
    strictEqual(classOfId(id, 64), undefined);
    strictEqual(parsedAs(id, 64).length, 0);
  });
}

Deno.test("a bad id is named in the error, with control characters escaped", () => {
  throws(() => parseRootId("a\x1b[31m", 64), { code: "bad-id", message: 'Cannot read snapshot id "a\\u001b[31m"' });
});

Deno.test("ids that are made of a digest are read as what they are", () => {
  const digest = "9f".repeat(16);
  for (const suffix of [undefined, 0, 9, LAST_CONTENT_SUFFIX]) {
    strictEqual(parsedAs(contentIdOf(digest, suffix), 32).join(), "content");
  }
  strictEqual(parsedAs(rootIdOf(digest), 32).join(), "root");
  strictEqual(parsedAs(hunkIdOf(digest), 32).join(), "hunk");
});
