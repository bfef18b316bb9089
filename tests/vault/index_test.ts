/** Objects of index/ and snapshots/: what they say is judged, and joined alike in any order. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { hash } from "node:crypto";
import fc from "fast-check";
import { rootIdOf } from "../../src/core/content_id.ts";
import { Fault } from "../../src/core/fault.ts";
import { DamagedObject, ForeignObject, NewerObject, NotSigned, WrongKey } from "../../src/vault/format/faults.ts";
import {
  encodeIndex,
  type IndexObject,
  type LedgerLine,
  lineOf,
  MARKS,
  parseIndex,
  type UnitLine,
} from "../../src/vault/index/index_object.ts";
import { isReliable, joinIndex, type NamedIndex } from "../../src/vault/index/join.ts";
import { makeObject, openObject } from "../../src/vault/index/small_object.ts";
import { encodeSnapshot, parseSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { identitiesOf } from "../../src/vault/seal/keys.ts";
import { fileItem, makeUnit, noise, random, sha256, testKey, VAULT } from "../support/units.ts";

const HEADER = { vault: VAULT, host: "nas", written: "2026-11-20T22:06:02Z", supersedes: [] as string[] };
const id = (seed: number) => sha256(noise(4, seed));

function unitLine(seed: number, count = 3): UnitLine {
  return {
    unit: id(1000 + seed),
    unitClass: seed % 2 === 0 ? "data" : "meta",
    size: 5000,
    head: noise(184, seed),
    frames: [{ from: 0, length: 100, plainBytes: 4096 }, { from: 100, length: 77, plainBytes: 4096 }],
    items: Array.from(
      { length: count },
      (_, i) => ({
        id: seed % 2 === 0 ? id(seed * 10 + i) : `${id(seed * 10 + i)}f1`,
        frame: i % 2,
        at: 512 * (i + 1),
        size: 7,
      }),
    ),
  };
}

const unitsObject = (units: readonly UnitLine[], more: Partial<IndexObject> = {}): IndexObject => ({
  ...HEADER,
  ...more,
  kind: "units",
  units,
});
const ledger = (marks: readonly LedgerLine[], supersedes: readonly string[] = []): IndexObject => ({
  ...HEADER,
  supersedes,
  kind: "ledger",
  marks,
});

Deno.test("Index objects are read again, sealed and not", async () => {
  const key = await testKey();
  const made = await makeUnit([fileItem("a", noise(100, 1), { part: { of: id(1), from: 5 } })]);
  const list = { ...unitLine(1), items: [{ id: `${id(1)}f2`, frame: 0, at: 0, size: 1, digest: id(2) }] };
  const objects = [
    unitsObject([unitLine(2), list, lineOf(made.unit)], { supersedes: [id(9)] }),
    unitsObject([]),
    ledger(MARKS.map((mark, i) => ({ unit: id(i), mark, since: "2026-12-02T03:00:00Z" })), [id(7), id(8)]),
  ];
  strictEqual(lineOf(made.unit).items[0]!.part, undefined);
  for (const object of objects) {
    for (const sealed of [true, false]) {
      const auth = sealed ? key.auth : undefined;
      const stored = await makeObject(encodeIndex(object, auth), sealed ? key.metaRecipient : undefined, random);
      strictEqual(stored.name, sha256(stored.bytes));
      const plain = await openObject(stored.bytes, sealed ? identitiesOf(key) : undefined, "index/x");
      deepStrictEqual(parseIndex(plain, "index/x", { vault: VAULT, auth }), object);
    }
  }
});

Deno.test("An index object that is not signed, signed by others or as something else, of another vault or newer, is refused", async () => {
  const { auth } = await testKey(), object = ledger([{ unit: id(1), mark: "gone", since: "2026-12-02T03:00:00Z" }]);
  const good = encodeIndex(object, auth),
    parse = (bytes: Uint8Array<ArrayBuffer>) => parseIndex(bytes, "index/x", { vault: VAULT, auth });
  deepStrictEqual(parse(good), object);
  throws(() => parse(encodeIndex(object, undefined)), NotSigned);
  throws(() => parse(encodeIndex(object, noise(32, 1))), NotSigned);
  throws(() => parse(encodeSnapshot(encodeIndex(object, undefined), auth)), NotSigned);
  throws(() => parse(new Uint8Array(0)), NotSigned);
  throws(() => parse(encodeIndex({ ...object, vault: "00000000-0000-0000-0000-000000000000" }, auth)), ForeignObject);
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice();
    changed[at]! ^= 1;
    throws(() => parse(changed), NotSigned);
  }
});

Deno.test("What a signed index object says is judged all the same", () => {
  const text = new TextDecoder().decode(encodeIndex(unitsObject([unitLine(2)]), undefined));
  const marks = new TextDecoder().decode(
    encodeIndex(ledger([{ unit: id(1), mark: "doomed", since: "2026-12-02T03:00:00Z" }]), undefined),
  );
  const parse = (text: string) =>
    parseIndex(new TextEncoder().encode(text), "index/x", { vault: VAULT, auth: undefined });
  parse(text);
  parse(marks);
  strictEqual(parse(text.replace('"class"', '"parity":1,"class"')).kind, "units");
  throws(() => parse(text.replace('"version":1', '"version":3')), NewerObject);
  const bad = [
    text.slice(0, -1),
    text.replace('"units"', '"other"'),
    text.replace('"written":"2026', '"written":"26'),
    text.replace('"host":"nas"', '"host":5'),
    text.replace('"size":5000', '"size":176'),
    text.replace('"size":5000', '"size":99999999999'),
    text.replace('"head":"', '"head":"*'),
    text.replace('"head":"', `"head":"${"A".repeat(9000)}`),
    text.replace("[0,100,4096]", "[50,100,4096]"),
    text.replace('"class":"data"', '"class":"meta","items2"').replace('"items":[[', '"items":[["x",0,0,0],['),
    text.replace(id(1002), "x"),
    text.replace('"supersedes"', '"s"').replace('"host"', '"supersedes":["x"],"host"'),
    marks.replace('"doomed":"2026', '"doomed":"x'),
    marks.replace("doomed", "blessed"),
    marks.replace(id(1), "../config"),
    "",
    "\n",
    "[]\n",
    text + "null\n",
  ];
  for (const each of bad) throws(() => parse(each), Fault, each.slice(0, 300));
});

Deno.test("Small objects that were damaged or belong to others are refused", async () => {
  const key = await testKey(), { bytes } = await makeObject(noise(5000, 1, 20), key.metaRecipient, random);
  const open = (bytes: Uint8Array<ArrayBuffer>) => openObject(bytes, identitiesOf(key), "index/x");
  deepStrictEqual(await open(bytes), noise(5000, 1, 20));
  for (let at = 0; at < bytes.length; at += 61) {
    const changed = bytes.slice();
    changed[at]! ^= 4;
    await rejects(() => open(changed), Fault, `byte ${at}`);
    await rejects(() => open(bytes.slice(0, at)), Fault, `cut at ${at}`);
  }
  const { bytes: ofData } = await makeObject(noise(10, 1), key.dataRecipient, random);
  await rejects(() => openObject(ofData, [key.metaIdentity], "index/x"), WrongKey);
  await rejects(() => openObject(bytes, undefined, "index/x"), DamagedObject);
});

Deno.test("A snapshot object gives its root byte for byte, and the id that the root has everywhere", async () => {
  const { auth } = await testKey();
  for (
    const root of [new TextEncoder().encode("{}\n"), noise(1000, 1), new TextEncoder().encode('{"hmac":""}\n\n\n')]
  ) {
    for (const key of [auth, undefined]) {
      const { id, bytes } = parseSnapshot(encodeSnapshot(root, key), "snapshots/x", key);
      deepStrictEqual(bytes, root);
      strictEqual(id, `${sha256(root)}f0`);
      strictEqual(rootIdOf(hash("sha256", root)), id);
    }
    throws(() => parseSnapshot(encodeSnapshot(root, noise(32, 2)), "snapshots/x", auth), NotSigned);
    throws(() => parseSnapshot(new Uint8Array(root), "snapshots/x", auth), NotSigned);
  }
  throws(() => parseSnapshot(new Uint8Array(0), "snapshots/x", undefined), DamagedObject);
});

/** Random objects about few units, with some that supersede others. */
const objects: fc.Arbitrary<NamedIndex[]> = fc.array(
  fc.record({
    units: fc.uniqueArray(fc.nat(5), { maxLength: 4 }),
    counts: fc.infiniteStream(fc.nat(4)),
    marks: fc.array(
      fc.record({ unit: fc.nat(6), mark: fc.constantFrom(...MARKS), day: fc.integer({ min: 1, max: 9 }) }),
      { maxLength: 3 },
    ),
    isLedger: fc.boolean(),
    supersedes: fc.array(fc.nat(9), { maxLength: 2 }),
  }),
  { maxLength: 10 },
).map((list) =>
  list.map(({ units, counts, marks, isLedger, supersedes }, i) => {
    const names = supersedes.filter((other) => other !== i).map((other) => `object ${other}`);
    const object = isLedger
      ? ledger(
        marks.map(({ unit, mark, day }) => ({ unit: id(1000 + unit), mark, since: `2026-12-0${day}T03:00:00Z` })),
        names,
      )
      : unitsObject(units.map((unit) => unitLine(unit, counts.next().value)), { supersedes: names });
    return { name: `object ${i}`, object };
  })
);

Deno.test("Objects are joined alike in any order, and one that comes twice changes nothing", () => {
  fc.assert(fc.property(objects, fc.infiniteStream(fc.nat()), (list, chance) => {
    const joined = joinIndex(list);
    const shuffled = [...list, ...list].map((each) => ({ each, at: chance.next().value })).sort((a, b) => a.at - b.at)
      .map(({ each }) => each);
    const again = joinIndex(shuffled);
    deepStrictEqual(new Map([...again.units].sort()), new Map([...joined.units].sort()));
    const states = ({ marks }: typeof joined) =>
      [...marks.values()].map(({ unit, mark, since }) => `${unit} ${mark} ${since}`).sort();
    deepStrictEqual(states(again), states(joined));
    deepStrictEqual([...again.superseded].sort(), [...joined.superseded].sort());
  }));
});

Deno.test("Joining follows the rules: superseded objects don't count, the gravest and earliest mark does, lines add up", () => {
  fc.assert(fc.property(objects, (list) => {
    const { units, contradictions } = joinIndex(list), out = new Set(list.flatMap(({ object }) => object.supersedes));
    const inForce = list.filter(({ name }) => !out.has(name)).map(({ object }) => object);
    const marks = inForce.flatMap((object) => object.kind === "ledger" ? object.marks : []);
    for (let seed = 0; seed <= 6; seed++) {
      const name = id(1000 + seed), mine = marks.filter(({ unit }) => unit === name);
      const lines = inForce.flatMap((object) => object.kind === "units" ? object.units : []).filter(({ unit }) =>
        unit === name
      );
      const worst = ["gone", "doomed", "unused"].find((mark) => mine.some((line) => line.mark === mark)) ?? "live";
      const unit = units.get(name);
      strictEqual(unit !== undefined, lines.length > 0 && worst !== "gone");
      if (unit === undefined) continue;
      strictEqual(unit.state, worst);
      strictEqual(isReliable(unit.state), worst !== "doomed");
      strictEqual(unit.since, mine.filter(({ mark }) => mark === worst).map(({ since }) => since).sort()[0]);
      strictEqual(unit.items.length, Math.max(...lines.map(({ items }) => items.length)));
    }
    deepStrictEqual(contradictions, []);
  }));
});

Deno.test("A tombstone wins over everything, whenever the lines come", () => {
  const line = unitLine(2), gone = { unit: line.unit, mark: "gone", since: "2026-12-02T03:00:00Z" } as const;
  const { units, marks } = joinIndex([
    { name: "a", object: ledger([gone]) },
    { name: "b", object: ledger([{ ...gone, mark: "unused" }]) },
    { name: "c", object: unitsObject([line]) },
  ]);
  deepStrictEqual([units.size, marks.get(line.unit)?.mark], [0, "gone"]);
});

Deno.test("Lines that contradict each other are not believed, neither of them", () => {
  const line = unitLine(2), other = { ...line, size: 6000 };
  const list = [line, other].map((each, i) => ({ name: String(i), object: unitsObject([each]) }));
  for (const each of [list, list.toReversed()]) {
    const { units, contradictions } = joinIndex(each);
    deepStrictEqual([units.size, contradictions], [0, [line.unit]]);
  }
});

Deno.test("An index of many items takes at most 45 bytes each", async () => {
  const key = await testKey(), items = 20_000;
  const units = Array.from({ length: 25 }, (_, u) => ({
    ...unitLine(0),
    unit: id(u),
    frames: Array.from(
      { length: 40 },
      (_, f) => ({ from: f * 300_000 + u, length: 260_000 + (f * 977) % 9000, plainBytes: 524_800 }),
    ),
    size: 17_000_000,
    items: Array.from(
      { length: items / 25 },
      (_, i) => ({ id: id(u * 1000 + i), frame: i % 40, at: 1536 * (i % 300), size: (i * 7919) % 30_000 }),
    ),
  }));
  const { bytes } = await makeObject(encodeIndex(unitsObject(units), key.auth), key.metaRecipient, random);
  ok(bytes.length / items <= 45, String(bytes.length / items));
});
