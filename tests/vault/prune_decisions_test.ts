/** What a prune decides, by tables of what it sees. */
import { deepStrictEqual } from "node:assert/strict";
import type { LedgerLine, Mark } from "../../src/vault/index/index_object.ts";
import type { UnitFacts, UnitState } from "../../src/vault/index/join.ts";
import type { UnitItem } from "../../src/vault/pack/items.ts";
import { chooseCompaction } from "../../src/vault/prune/compaction.ts";
import { decide, type DecisionOptions, type UnitsView } from "../../src/vault/prune/decision.ts";
import { ledgerPortions, supersededNow } from "../../src/vault/prune/ledger.ts";
import { NeededItems } from "../../src/vault/prune/needed.ts";
import { chooseRepack } from "../../src/vault/prune/repack_choice.ts";

const NOW = Date.UTC(2026, 11, 2, 3), HOUR = 3_600_000;
const PACE: DecisionOptions = {
  graceMs: 24 * HOUR,
  keepUnusedMs: 7 * 24 * HOUR,
  maxUnused: 1,
  maxRepackBytes: 1e9,
  canReadData: true,
};

const id = (letter: string) => letter.repeat(64);
const before = (hours: number) => new Date(NOW - hours * HOUR).toISOString();

interface UnitCase {
  /** One hex digit each: contents in it. */
  readonly items: string;
  readonly state?: UnitState;
  /** For how long it has been in that state. */
  readonly hours?: number;
  readonly isLost?: boolean;
  /** No index lists it. */
  readonly isOrphan?: boolean;
}

/** @param units by one letter, their name */
async function decided(units: Readonly<Record<string, UnitCase>>, needed: string, pace: Partial<DecisionOptions> = {}) {
  const names = Object.keys(units), of = new Map(names.map((name) => [id(name), units[name]!]));
  const itemsOf = (name: string): UnitItem[] =>
    [...of.get(name)?.items ?? ""].map((letter, at) => ({ id: id(letter), frame: 0, at, size: 100 }));
  const unit = (name: string): UnitFacts | undefined => {
    const { state = "live", hours = 0, isOrphan = false } = of.get(name) ?? { isOrphan: true };
    if (isOrphan || state === "gone") return undefined;
    const facts = { unit: name, unitClass: "data", size: 1000, head: new Uint8Array(), frames: [] } as const;
    return { ...facts, state, since: state === "live" ? undefined : before(hours) };
  };
  const marks: LedgerLine[] = [...of].flatMap(([unit, { state = "live", hours = 0 }]) =>
    state === "live" ? [] : [{ unit, mark: state, since: before(hours) }]
  );
  const view: UnitsView = {
    unitNames: () => [...of.keys()].filter((name) => unit(name) !== undefined),
    unit,
    itemsOf,
    countOf: (name) => itemsOf(name).length,
    homesOf: (wanted) =>
      [...of.keys()].flatMap((name) => {
        const facts = unit(name);
        return facts === undefined
          ? []
          : itemsOf(name).filter((item) => item.id === wanted).map((item) => ({ unit: facts, item }));
      }),
    marks: () => marks,
  };
  const items = new NeededItems();
  for (const letter of needed) items.add("data", id(letter));
  const seen = {
    nowMs: NOW,
    stored: new Map([...of].filter(([, { isLost = false }]) => !isLost).map(([name]) => [name, 1000])),
    lost: new Set([...of].filter(([, { isLost = false }]) => isLost).map(([name]) => name)),
    items,
  };
  const decision = await decide(view, seen, { ...PACE, ...pace });
  const states = names.map((name) => decision.marks.get(id(name))?.mark ?? "live");
  return {
    states,
    ...decision,
    repack: decision.repack.map((name) => name[0]),
    deleted: decision.deleted.map((name) => name[0]),
  };
}

const STATES: readonly [what: string, unit: UnitCase, needed: string, expected: Mark | "live"][] = [
  ["what is needed stays live", { items: "ab" }, "a", "live"],
  ["what nothing needs is unused", { items: "ab" }, "", "unused"],
  ["unused for less than seven days: it stays so", { items: "a", state: "unused", hours: 167 }, "", "unused"],
  ["unused for longer: doomed", { items: "a", state: "unused", hours: 168 }, "", "doomed"],
  ["unused, and needed again", { items: "a", state: "unused", hours: 500 }, "a", "live"],
  ["doomed for less than the grace", { items: "a", state: "doomed", hours: 23 }, "", "doomed"],
  ["doomed for less than the grace, and needed", { items: "a", state: "doomed", hours: 23 }, "a", "doomed"],
  ["doomed for longer", { items: "a", state: "doomed", hours: 24 }, "", "gone"],
  ["doomed for longer, and needed", { items: "a", state: "doomed", hours: 24 }, "a", "live"],
  ["gone is gone", { items: "a", state: "gone", hours: 10_000 }, "", "gone"],
  ["lost is gone", { items: "a", isLost: true }, "", "gone"],
  ["an orphan is unused", { items: "", isOrphan: true }, "", "unused"],
  ["an orphan that has been unused", { items: "", isOrphan: true, state: "unused", hours: 168 }, "", "doomed"],
  ["an orphan that has been doomed", { items: "", isOrphan: true, state: "doomed", hours: 24 }, "", "gone"],
  ["doomed by a clock that was ahead", { items: "a", state: "doomed", hours: -100 }, "", "doomed"],
];

for (const [what, unit, needed, expected] of STATES) {
  Deno.test(`states of units: ${what}`, async () =>
    deepStrictEqual((await decided({ c: unit }, needed)).states, [expected]));
}

Deno.test("of an item in several units, that with the smallest name is used", async () => {
  deepStrictEqual((await decided({ a: { items: "1" }, b: { items: "1" }, c: { items: "12" } }, "12")).states, [
    "live",
    "unused",
    "live",
  ]);
  const doomed = { items: "1", state: "doomed", hours: 100 } as const;
  deepStrictEqual((await decided({ a: doomed, b: { items: "1" } }, "1")).states, ["gone", "live"]);
  deepStrictEqual((await decided({ a: { items: "1", isLost: true }, b: { items: "1" } }, "1")).states, [
    "gone",
    "live",
  ]);
});

Deno.test("a time that lies ahead of the clock is put right", async () => {
  const { marks } = await decided({ c: { items: "a", state: "doomed", hours: -100 } }, "");
  deepStrictEqual(marks.get(id("c"))?.since, before(0));
});

Deno.test("with no time to keep it, what nothing needs is doomed at once; gone it is in the next run", async () => {
  const pace = { keepUnusedMs: 0, graceMs: 0 };
  deepStrictEqual((await decided({ c: { items: "a" } }, "", pace)).states, ["doomed"]);
  deepStrictEqual((await decided({ c: { items: "a", state: "doomed" } }, "", pace)).states, ["gone"]);
});

Deno.test("every unit that is there and has a tombstone is deleted, also one that an earlier run has left", async () => {
  const units = {
    a: { items: "1", state: "gone" },
    b: { items: "2", state: "doomed", hours: 25 },
    c: { items: "3" },
  } as const;
  deepStrictEqual((await decided(units, "3")).deleted, ["a", "b"]);
});

Deno.test("units are packed anew, the worst first, until little enough lies unused, and not too much at once", () => {
  const unit = (name: string, unusedBytes: number, unitClass: "data" | "meta" = "data") => {
    return { name, unitClass, bytes: 1000, unusedBytes };
  };
  const units = [unit("a", 100), unit("b", 900), unit("c", 500, "meta"), unit("d", 20)];
  const limits = { liveBytes: 4000, maxUnused: 0.05, maxRepackBytes: 1e9, canReadData: true };
  deepStrictEqual(chooseRepack(units, limits), ["b", "c"]);
  deepStrictEqual(chooseRepack(units, { ...limits, maxUnused: 0.4 }), []);
  deepStrictEqual(chooseRepack(units, { ...limits, maxUnused: 0 }), ["b", "c", "a", "d"]);
  deepStrictEqual(chooseRepack(units, { ...limits, maxUnused: 0, maxRepackBytes: 2500 }), ["b", "c"]);
  deepStrictEqual(chooseRepack(units, { ...limits, maxUnused: 0, canReadData: false }), ["c"]);
});

Deno.test("index objects are written anew when a third of their units is gone, or 64 small ones can become one", () => {
  const isGone = (unit: string) => unit.startsWith("gone");
  const itemsOf = (unit: string) => unit.startsWith("wrong") ? undefined : unit.startsWith("large") ? 200_000 : 10;
  const chosen = (objects: readonly string[][]) => {
    const named = objects.map((units, index) => ({ name: String(index), units }));
    return chooseCompaction(named, { isGone, itemsOf }).map(({ name }) => Number(name));
  };
  deepStrictEqual(chosen([["a", "b", "gone"], ["a", "b", "c", "gone"], ["gone"], ["gone", "wrong"]]), [0, 2]);
  deepStrictEqual(chosen(Array.from({ length: 63 }, () => ["a", "b"])), []);
  const many = [["large"], ...Array.from({ length: 64 }, () => ["a", "b"])];
  deepStrictEqual(chosen(many).sort((a, b) => a - b), Array.from({ length: 64 }, (_, i) => i + 1));
});

Deno.test("more lines than one ledger holds: those before the last have tombstones alone", () => {
  const line = (unit: string, mark: Mark): LedgerLine => ({ unit, mark, since: before(1) });
  const lines = [line("a", "unused"), ...["b", "c", "d", "e"].map((unit) => line(unit, "gone")), line("f", "doomed")];
  const portions = ledgerPortions(lines, 3).map((portion) => portion.map(({ unit }) => unit).join(""));
  deepStrictEqual(portions, ["bcd", "efa"]);
  deepStrictEqual(ledgerPortions([], 3), [[]]);
});

Deno.test("a ledger takes the place of all before it, and names what was superseded and is still there", () => {
  const object = (name: string, kind: "units" | "ledger", supersedes: string[] = []) =>
    [name, { name, kind, supersedes, written: before(1) }] as const;
  const objects = new Map([
    object("old units", "units"),
    object("units", "units"),
    object("old ledger", "ledger", ["gone already"]),
    object("ledger", "ledger", ["old units", "old ledger"]),
  ]);
  const names = (keepsSuperseded: boolean) => supersededNow(objects, { rewritten: ["units"], keepsSuperseded });
  deepStrictEqual(names(true), ["ledger", "old ledger", "old units", "units"]);
  deepStrictEqual(names(false), ["ledger", "units"]);
});
