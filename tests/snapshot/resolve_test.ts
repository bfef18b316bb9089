import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import type { RootId } from "../../src/core/content_id.ts";
import { resolveSnapshot } from "../../src/snapshot/resolve.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";

/** @param start of the id; the rest is zeros */
function snapshot(sequence: number, start: string, changes: Partial<SnapshotInfo> = {}): SnapshotInfo {
  return {
    id: start.padEnd(64, "0") + "f0" as RootId,
    sequence,
    time: `2026-11-2${sequence}T23:30:00.000Z`,
    end: `2026-11-2${sequence}T23:31:00.000Z`,
    offsetMinutes: 60,
    tree: `2026/11-2${sequence + 1}T00:30`, // an hour ahead of UTC: the day after
    host: "nas",
    user: "me",
    name: "photos",
    sources: [],
    tags: [],
    entries: 0,
    files: 0,
    bytes: 0,
    problems: 0,
    complete: true,
    ...changes,
  };
}

const SNAPSHOTS = [
  snapshot(1, "abcd1"),
  snapshot(2, "abcd2", { name: "music" }),
  snapshot(3, "1234567", { tree: null }),
  snapshot(4, "20261124", { complete: false, tree: null }),
];

function found(name: string, among = SNAPSHOTS): number {
  return resolveSnapshot(name, among).sequence;
}

Deno.test("resolveSnapshot() finds a snapshot by its id or a beginning of 4 digits and more", () => {
  strictEqual(found(SNAPSHOTS[0]!.id), 1);
  strictEqual(found("abcd2"), 2);
  strictEqual(found("1234"), 3);
  throws(() => found("123"), { code: "no-snapshot" });
  throws(() => found("1235"), { code: "no-snapshot" });
  throws(() => found(""), { code: "no-snapshot" });
});

Deno.test("resolveSnapshot() finds a snapshot by its tree, whole only", () => {
  strictEqual(found("2026/11-22T00:30"), 1);
  throws(() => found("2026/11-22T00"), { code: "no-snapshot" });
});

Deno.test("resolveSnapshot() takes a time as the clock showed it where the snapshot was made", () => {
  for (const time of ["2026-11-22", "2026-11-22 00", "2026-11-22T00:30", "2026-11-22 00:30"]) {
    strictEqual(found(time), 1);
  }
  strictEqual(found("2026-11-24"), 3);
  strictEqual(found("2026-11", [SNAPSHOTS[0]!]), 1);
  for (const time of ["2026-11-21", "2026-11-21T23:30", "2026-11-22 00:31", "2026-12"]) {
    throws(() => found(time), { code: "no-snapshot" });
  }
  throws(() => found("2026-11"), { code: "ambiguous-snapshot" });
});

Deno.test("resolveSnapshot() counts back from the latest complete snapshot", () => {
  strictEqual(found("latest"), 3);
  strictEqual(found("latest~0"), 3);
  strictEqual(found("latest~2"), 1);
  throws(() => found("latest~3"), { code: "no-snapshot" });
  throws(() => found("latest", []), { code: "no-snapshot" });
});

Deno.test("resolveSnapshot() takes a partial snapshot as the latest only where nothing is complete", () => {
  strictEqual(found("latest", [SNAPSHOTS[3]!]), 4);
  strictEqual(found("20261124"), 4);
});

Deno.test("resolveSnapshot() counts within one name where it is given", () => {
  strictEqual(found("music:latest"), 2);
  strictEqual(found("photos:latest~1"), 1);
  strictEqual(found("a:b:latest", [snapshot(1, "aaaa", { name: "a:b" })]), 1);
  throws(() => found("music:latest~1"), { code: "no-snapshot" });
  strictEqual(found("nas:music:latest"), 2);
  throws(() => found("attic:music:latest"), { code: "no-snapshot" });
  strictEqual(found("photos:2026-11-22 00:30"), 1);
  throws(() => found("music:2026-11-22"), { code: "no-snapshot" });
});

Deno.test("resolveSnapshot() says why there is none, and what may have been meant", () => {
  const told = (name: string, among?: SnapshotInfo[]) => {
    try {
      found(name, among);
    } catch (error) {
      const { message, hint } = error as Error & { hint: string };
      return [message, hint];
    }
    return undefined;
  };
  const list = "List the snapshots with `backup-tool snapshots`";
  deepStrictEqual(told("lastest"), [`Cannot find a snapshot "lastest"`, `Did you mean "latest"?`]);
  deepStrictEqual(told("msic:latest"), [`Cannot find a snapshot "msic:latest"`, `Did you mean "music:latest"?`]);
  deepStrictEqual(told("latest~9"), [`Cannot find a snapshot "latest~9": there are only 3`, list]);
  deepStrictEqual(told("1999-01-01"), [
    `Cannot find a snapshot "1999-01-01"`,
    "The nearest is abcd10000000 (photos, 2026-11-22 00:30 +01) after it",
  ]);
  deepStrictEqual(told("latest", []), [
    `Cannot find a snapshot "latest": there are none yet`,
    "Make one with `backup-tool backup`",
  ]);
});

Deno.test("resolveSnapshot() names the candidates where several fit", () => {
  throws(() => found("abcd"), {
    code: "ambiguous-snapshot",
    message:
      '"abcd" matches 2 snapshots: abcd10000000 (photos, 2026-11-22 00:30 +01), abcd20000000 (music, 2026-11-23 00:30 +01)',
  });
});

Deno.test("resolveSnapshot() names the newest 10 candidates and counts all", () => {
  const many = Array.from({ length: 13 }, (_, i) => snapshot(i, `aaaa${i.toString(16)}`));
  throws(() => found("aaaa", many), (error: Error) => {
    strictEqual(error.message.match(/aaaa[0-9a-f]{8} /g)?.length, 10);
    match(error.message, /matches 13 snapshots: .* and 3 more$/);
    return true;
  });
});
