import { strictEqual } from "node:assert/strict";
import { VERSION } from "../../src/core/version.ts";

Deno.test("VERSION equals the version in deno.json", () => {
  const config = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
  strictEqual(VERSION, config.version);
});
