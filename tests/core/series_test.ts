import { deepStrictEqual } from "node:assert/strict";
import { decide } from "../../src/core/retention.ts";
import { ambiguousNames, chooseName, groupedBySeries, nameKey, type SeriesMember } from "../../src/core/series.ts";

const HOST = "nas";
const of = (name: string, sources: readonly string[], named?: boolean): SeriesMember => ({
  host: HOST,
  name,
  sources,
  ...(named !== undefined && { named }),
});

const ALICE = ["/alice/photos"], BOB = ["/bob/photos"];

Deno.test("chooseName() keeps the name of the same sources, and gives others the next that is free", () => {
  const choose = (snapshots: readonly SeriesMember[], sources: readonly string[], wanted = "photos", host = HOST) =>
    chooseName(snapshots, { host, wanted, sources });
  deepStrictEqual(choose([], ALICE), { name: "photos", takenBy: undefined });
  for (const named of [true, false, undefined]) {
    const before = [of("photos", ALICE, named)];
    deepStrictEqual(choose(before, ALICE), { name: "photos", takenBy: undefined });
    deepStrictEqual(choose(before, BOB), { name: "photos-2", takenBy: ALICE });
    deepStrictEqual(choose(before, BOB, "photos", "pc"), { name: "photos", takenBy: undefined });
  }
  const both = [of("photos", ALICE, false), of("photos-2", BOB, false)];
  deepStrictEqual(choose(both, BOB), { name: "photos-2", takenBy: undefined });
  deepStrictEqual(choose(both, ["/carol/photos"]), { name: "photos-3", takenBy: ALICE });
  deepStrictEqual(choose(both.slice(1), BOB), { name: "photos-2", takenBy: undefined }, "the first one is forgotten");
  deepStrictEqual(choose(both.slice(1), ["/carol/photos"]), { name: "photos", takenBy: undefined });
  deepStrictEqual(choose([of("photos-old", BOB)], BOB), { name: "photos", takenBy: undefined }, "another name");
  deepStrictEqual(choose([of("a+b", ["/x/a", "/x/b"])], ["/x/b", "/x/a"], "a+b").name, "a+b");
});

Deno.test("chooseName() continues what an older version has called the same for several sources", () => {
  const old = [of("photos", ALICE), of("photos", BOB), of("photos", ALICE)];
  for (const sources of [ALICE, BOB]) {
    deepStrictEqual(chooseName(old, { host: HOST, wanted: "photos", sources }), { name: "photos", takenBy: undefined });
  }
});

Deno.test("groupedBySeries() keeps sources apart unless somebody gave the name", () => {
  const sizes = (...members: SeriesMember[]) => groupedBySeries(members).map((group) => group.length);
  deepStrictEqual(sizes(of("photos", ALICE, true), of("photos", BOB, true)), [2]);
  deepStrictEqual(sizes(of("photos", ALICE, false), of("photos", BOB, false), of("photos", ALICE, false)), [2, 1]);
  deepStrictEqual(sizes(of("photos", ALICE), of("photos", BOB)), [1, 1], "of a version that didn't note it");
  deepStrictEqual(sizes(of("photos", ALICE), of("photos", ALICE, false), of("photos", ALICE, true)), [3]);
  deepStrictEqual(
    sizes(of("photos", BOB), of("photos", ALICE, true)),
    [1, 1],
    "not joined by a name it may have by itself",
  );
  deepStrictEqual(sizes(of("system", ["/etc"]), of("system", ["/etc", "/usr"], true)), [2], "such a name was given");
  deepStrictEqual(sizes(of("a", ["/x/a"]), of("b", ["/x/a"]), { ...of("a", ["/x/a"]), host: "pc" }), [1, 1, 1]);
});

Deno.test("decide() never weighs the snapshots of one directory against those of another that is called alike", () => {
  const snapshots = [ALICE, BOB, ALICE, BOB].map((sources, i) => ({
    ...of("photos", sources),
    sequence: i + 1,
    time: `2026-11-2${i}T00:00:00.000Z`,
    offsetMinutes: 0,
    tags: [],
    complete: true,
  }));
  const kept = decide(snapshots, { last: 1 }, Date.UTC(2027, 0)).flatMap(({ decisions }) => decisions)
    .filter(({ keep }) => keep).map(({ snapshot }) => snapshot.sequence);
  deepStrictEqual(kept.sort(), [3, 4]);
});

Deno.test("ambiguousNames() finds names that stand for different sources", () => {
  const members = [of("a", ["/x/a"]), of("a", ["/y/a"], true), of("b", ["/x/b"]), of("b", ["/x/b"], true)];
  deepStrictEqual([...ambiguousNames(members)], [nameKey(members[0]!)]);
});
