import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { placeApath } from "../../src/core/apath.ts";
import { rawOf } from "../../src/core/raw.ts";
import { parseFilter } from "../../src/source/filter.ts";
import { ignoringCase } from "../../src/source/ignoring_case.ts";

Deno.test("a pattern that ignores case is one that names both cases of each letter", () => {
  const spelt = (line: string) => ignoringCase(line);
  strictEqual(spelt("*.jpg"), "*.[jJ][pP][gG]");
  strictEqual(spelt("!/Tmp/"), "!/[tT][mM][pP]/");
  strictEqual(spelt("# a comment"), "# a comment");
  strictEqual(spelt("\\#a\\ "), "\\#[aA]\\ ");
  strictEqual(spelt("[a-cx]1[!]B][[:upper:]0-9]"), "[a-cA-CxX]1[!]bB][[:lower:][:upper:]0-9]");
  strictEqual(spelt("stra\u00dfe \u00c4"), "[sS][tT][rR][aA]\u00df[eE] [\u00e4\u00c4]");
  deepStrictEqual(parseFilter([spelt("/Photos/**/*.RAW")]).decide(path("/pHotos/2026/a.raw"), false)?.negated, false);
});

const path = (text: string) => placeApath(rawOf(text));

Deno.test("it fits what the same pattern in lower case fits of lower-case paths", () => {
  const texts = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(texts("aAbBzZ*?/[]!^\\. #"), texts("aAbBzZ.] /"), fc.boolean(), (pattern, text, isDirectory) => {
      const decision = (line: string, of: string) => {
        try {
          return parseFilter([line]).decide(path(`/${of}`), isDirectory)?.negated;
        } catch {
          return "bad"; // a pattern is one in any case, or in none
        }
      };
      strictEqual(decision(ignoringCase(pattern), text), decision(pattern.toLowerCase(), text.toLowerCase()));
    }),
    { numRuns: 3000 },
  );
});
