import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { checkHexSplit } from "../../../src/snapshot/origin.ts";
import { encodeSettings, parseSettings, type Settings } from "../../../src/storage/layout/settings.ts";

const SETTINGS: Settings = {
  version: 1,
  id: "8fe2467d-f123-4159-837f-236fab4da903",
  algorithm: "blake3",
  hexSplit: [2, 1],
  created: "2026-11-20T22:05:11.123Z",
};

/** The text of db/main with some fields changed; undefined removes one. */
function mainWith(changes: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(encodeSettings(SETTINGS)), ...changes });
}

Deno.test("parseSettings() undoes encodeSettings()", () => {
  deepStrictEqual(parseSettings(encodeSettings(SETTINGS)), SETTINGS);
});

Deno.test("parseSettings() ignores fields it doesn't know", () => {
  deepStrictEqual(parseSettings(mainWith({ colour: "green" })), SETTINGS);
});

Deno.test("parseSettings() refuses newer formats, whatever else they say", () => {
  throws(() => parseSettings(mainWith({ version: 2 })), { code: "newer-format", message: /version 2.*up to 1/ });
  throws(() => parseSettings(mainWith({ version: 7, algorithm: "sha512", hexSplit: "?" })), { code: "newer-format" });
});

Deno.test("parseSettings() says which field is damaged", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ format: "other" }, /"format"/],
    [{ version: undefined }, /"version"/],
    [{ version: "1" }, /"version"/],
    [{ id: "" }, /"id"/],
    [{ algorithm: "sha512" }, /"algorithm" is "sha512"/],
    [{ algorithm: undefined }, /"algorithm"/],
    [{ hexSplit: undefined }, /"hexSplit"/],
    [{ hexSplit: [] }, /"hexSplit"/],
    [{ hexSplit: [2, 3] }, /"hexSplit" is \[2,3\]/],
    [{ hexSplit: ["2"] }, /"hexSplit"/],
  ];
  for (const [changes, message] of cases) {
    throws(() => parseSettings(mainWith(changes)), { code: "damaged-settings", message }, JSON.stringify(changes));
  }
});

Deno.test("parseSettings() calls every text that is cut off damaged", () => {
  const text = encodeSettings(SETTINGS).trimEnd();
  for (let length = 0; length < text.length; length++) {
    throws(() => parseSettings(text.slice(0, length)), { code: "damaged-settings" }, `${length} characters`);
  }
});

Deno.test("parseSettings() calls JSON that is no object damaged", () => {
  for (const text of ["null", "[]", "1", `"text"`]) throws(() => parseSettings(text), { code: "damaged-settings" });
});

Deno.test("checkHexSplit() allows 9 splits of all there are with up to 3 levels", () => {
  const levels = [-1, 0, 1, 1.5, 2, 3, 4];
  const splits = [
    [],
    ...levels.map((a) => [a]),
    ...levels.flatMap((a) => levels.map((b) => [a, b])),
    ...levels.flatMap((a) => levels.flatMap((b) => levels.map((c) => [a, b, c]))),
  ];
  const allowed = splits.filter((split) => {
    try {
      checkHexSplit(split);
      return true;
    } catch (error) {
      strictEqual((error as Error).name, "bad-hex-split");
      return false;
    }
  });
  deepStrictEqual(allowed.map(String), ["1", "2", "3", "1,1", "1,2", "1,3", "2,1", "2,2", "3,1"]);
});
