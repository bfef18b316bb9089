import { deepStrictEqual } from "node:assert/strict";
import { parseContentId } from "../../../src/core/content_id.ts";
import type { StoreResult } from "../../../src/snapshot/ingest_batch.ts";
import { packResults, unpackResults } from "../../../src/storage/threads/packed_results.ts";

const PLAIN: StoreResult = {
  content: parseContentId("ab".repeat(32), 64),
  how: "new",
  bytes: 12,
  seen: undefined,
  xattrs: undefined,
  link: "linked",
  problem: undefined,
};

const FAILED: StoreResult = {
  ...PLAIN,
  content: undefined,
  how: "failed",
  bytes: 0,
  link: "none",
  problem: { name: "DiskFault", code: "disk", message: "Cannot read it", facts: {}, hint: undefined } as never,
};

const CASES: Readonly<Record<string, readonly StoreResult[]>> = {
  "no file": [],
  "one file": [PLAIN],
  "one that failed": [FAILED],
  "every way to store and to link": (["new", "known"] as const).flatMap((how) =>
    (["none", "linked", "copied", "taken"] as const).map((link) => ({ ...PLAIN, how, link }))
  ),
  "a collision, and more bytes than 32 bits hold": [
    { ...PLAIN, content: parseContentId("ab".repeat(32) + "07", 64), bytes: 2 ** 40 + 1 },
  ],
  "those that say more, among others": [
    FAILED,
    PLAIN,
    { ...PLAIN, how: "kept" },
    { ...PLAIN, xattrs: { "user.a": "Yg==" } },
    { ...PLAIN, how: "known" },
    { ...PLAIN, seen: { size: 3 } as never },
    FAILED,
  ],
};

for (const [name, results] of Object.entries(CASES)) {
  Deno.test(`results are the same after their way between threads: ${name}`, () => {
    deepStrictEqual(unpackResults(structuredClone(packResults(results))), results);
  });
}
