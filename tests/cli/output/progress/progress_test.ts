import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import stringWidth from "string-width";
import { plainProgressText, type Progress, progressText } from "../../../../src/cli/output/progress/progress.ts";

const NOTHING: Progress = { counters: {}, at: "", expected: {}, problems: 0, elapsedMs: 0 };
const MIB = 1024 * 1024;

for (
  const { name, progress, text } of [
    { name: "at the beginning", progress: {}, text: "0 files" },
    {
      name: "of a backup, whose whole is not known",
      progress: { counters: { walkedEntries: 30_000, readBytes: 438 * MIB }, at: "/photos", elapsedMs: 4380 },
      text: "30,000 entries, 438 MiB, 100 MiB/s  /photos",
    },
    {
      name: "of a restore, with share and time left",
      progress: {
        counters: { restoredFiles: 10, restoredBytes: 25 * MIB },
        expected: { items: 100, bytes: 100 * MIB },
        elapsedMs: 25_000,
        at: "/a",
      },
      text: "10 files, 25 MiB, 1 MiB/s, 25 %, 1:15 left  /a",
    },
    {
      name: "of a check, by items",
      progress: { counters: { checkedItems: 50 }, expected: { items: 200 }, elapsedMs: 1000 },
      text: "50 items, 25 %",
    },
    {
      name: "of one large file that is being restored",
      progress: { counters: { restoredBytes: 25 * MIB }, expected: { items: 1, bytes: 100 * MIB }, elapsedMs: 25_000 },
      text: "0 files, 25 MiB, 1 MiB/s, 25 %, 1:15 left",
    },
    {
      name: "of one large file that is being checked",
      progress: { counters: { checkedBytes: 25 * MIB }, expected: { items: 9, bytes: 100 * MIB }, elapsedMs: 25_000 },
      text: "0 items, 25 MiB, 1 MiB/s, 25 %, 1:15 left",
    },
    {
      name: "of a backup by bytes, not by entries",
      progress: {
        phase: "reading the source" as const,
        counters: { walkedEntries: 61, readBytes: 10 * MIB, unchangedBytes: 15 * MIB },
        expected: { items: 61, bytes: 100 * MIB },
        elapsedMs: 10_000,
      },
      text: "reading the source: 61 entries, 10 MiB, 1 MiB/s, 25 %, 0:30 left",
    },
    {
      name: "of a backup whose last byte is just being read",
      progress: { counters: { walkedEntries: 61, readBytes: 100 * MIB }, expected: { bytes: 100 * MIB } },
      text: "61 entries, 100 MiB, 99 %",
    },
    {
      name: "of a backup of more than was expected",
      progress: { counters: { walkedEntries: 61, readBytes: 120 * MIB }, expected: { bytes: 100 * MIB } },
      text: "61 entries, 120 MiB",
    },
    {
      name: "of a part in which no bytes move",
      progress: {
        phase: "making it durable" as const,
        phaseMs: 72_000,
        counters: { walkedEntries: 61, readBytes: 60 * MIB },
        expected: { bytes: 60 * MIB },
        elapsedMs: 75_000,
      },
      text: "making it durable (1:12): 61 entries, 60 MiB",
    },
    { name: "with problems", progress: { counters: { walkedEntries: 1 }, problems: 2 }, text: "1 entry, 2 problems" },
    { name: "of a tree", progress: { counters: { linkedFiles: 3, copiedFiles: 1 } }, text: "4 files" },
    { name: "at a place with control characters", progress: { at: "/a\x1b[2J\n" }, text: "0 files  /a\\e[2J\\n" },
  ]
) {
  Deno.test(`progressText() ${name}`, () => strictEqual(progressText({ ...NOTHING, ...progress }, 80), text));
}

Deno.test("progressText() keeps the end of a place that is too long", () => {
  const text = progressText({ ...NOTHING, at: `/${"x".repeat(100)}/holiday.jpg` }, 40);
  strictEqual(stringWidth(text), 40);
  ok(/^0 files {2}…x+\/holiday\.jpg$/.test(text), text);
});

Deno.test("progressText() never fills more cells than there are", () => {
  const place = fc.string({ unit: fc.constantFrom("a", "日", "é", "👋", "\x1b", "/") });
  fc.assert(fc.property(place, fc.nat(120), fc.nat(1e9), (at, columns, walkedEntries) => {
    ok(stringWidth(progressText({ ...NOTHING, at, counters: { walkedEntries } }, columns)) <= columns);
  }));
});

Deno.test("plainProgressText() tells the time and no place", () => {
  const counters = { walkedEntries: 1200, readBytes: MIB };
  strictEqual(
    plainProgressText({ ...NOTHING, counters, at: "/x", elapsedMs: 60_000 }),
    "1,200 entries, 1 MiB, 17.1 KiB/s after 1 min 00 s",
  );
});
