import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { didYouMean, similarNames } from "../../src/core/similar.ts";

const KNOWN = ["exclude", "excludeCaches", "sources", "tags", "photos", "photo", "x"];

for (
  const { typed, found } of [
    { typed: "exlude", found: ["exclude"] },
    { typed: "excldue", found: ["exclude"] },
    { typed: "Sources", found: ["sources"] },
    { typed: "tag", found: ["tags"] },
    { typed: "phots", found: ["photos", "photo"] },
    { typed: "photos", found: ["photos"] },
    { typed: "hosts", found: [] },
    { typed: "y", found: ["x"] },
    { typed: "completely different", found: [] },
    { typed: "", found: ["x"] },
  ]
) {
  Deno.test(`similarNames() of ${JSON.stringify(typed)} are ${JSON.stringify(found)}`, () => {
    deepStrictEqual(similarNames(typed, KNOWN), found);
  });
}

Deno.test("didYouMean() names all that are equally near, and nothing if none is", () => {
  strictEqual(didYouMean("phots", KNOWN), 'Did you mean "photos" or "photo"?');
  strictEqual(didYouMean("nothing like it", KNOWN), undefined);
});
