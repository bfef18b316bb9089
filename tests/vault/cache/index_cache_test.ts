/** What a vault's index says is the same from the cache as from the objects themselves, whatever became of the cache. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { MemoryObjects, openMemory } from "../../../src/backend/memory.ts";
import { objectKey } from "../../../src/backend/backend.ts";
import { rawOf } from "../../../src/core/raw.ts";
import type { Machine } from "../../../src/platform/machine.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { systemClock } from "../../../src/platform/system_clock.ts";
import { CachePlace } from "../../../src/vault/cache/cache_place.ts";
import { IndexCache } from "../../../src/vault/cache/index_cache.ts";
import { encodeIndex, type IndexObject, MARKS, type UnitLine } from "../../../src/vault/index/index_object.ts";
import { isReliable, type JoinedUnit, joinIndex } from "../../../src/vault/index/join.ts";
import type { UnitItem } from "../../../src/vault/pack/items.ts";
import { DEFAULT_CHUNKING } from "../../../src/vault/store/config.ts";
import { NearHomes } from "../../../src/vault/store/near_homes.ts";
import { SealedObjects } from "../../../src/vault/store/sealed_objects.ts";
import { type Home, UnitIndex } from "../../../src/vault/store/unit_index.ts";
import { indexRows } from "../../support/cache_rows.ts";
import { Chance, fuzz, fuzzRounds, mutateBytes } from "../../support/mutate.ts";
import { noise, random, sha256, VAULT } from "../../support/units.ts";
import { TestMonitor } from "../../support/world.ts";

const UNITS = 8, ITEMS = 40;
const name = (seed: number) => sha256(noise(4, seed));
/** Few first digits, so that many items have the same key. */
const itemId = (n: number) => name(1 + (n >> 2)).slice(0, 12) + name(500 + n).slice(12);

/** A directory for state, and a place with objects that random histories are made of. */
class Scene implements Disposable {
  readonly base = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "backup-tool-test-" });
  readonly objects: SealedObjects;
  readonly stored = new Map<string, IndexObject>();
  readonly chance: Chance;

  constructor(seed: number) {
    this.chance = new Chance(seed);
    const config = { id: VAULT, created: "2026-11-20T22:05:11Z", encrypted: false, chunker: DEFAULT_CHUNKING };
    this.objects = new SealedObjects(openMemory(new MemoryObjects(), () => 0), { config, key: undefined }, random);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  machine(state: string): Pick<Machine, "disk" | "clock" | "state"> {
    return { disk: openDisk(), clock: systemClock, state: [rawOf(`${this.base}/${state}`)] };
  }

  file(state: string): string {
    return `${this.base}/${state}/vaults/${VAULT}/db/index.sqlite`;
  }

  open(state: string): OpenIndex {
    return new OpenIndex(this, state);
  }

  async put(object: IndexObject): Promise<string> {
    const name = await this.objects.put("index", encodeIndex(object, undefined));
    this.stored.set(name, object);
    return name;
  }

  randomObject(): IndexObject {
    const { chance } = this, names = [...this.stored.keys()];
    const supersedes = chance.below(4) === 0 && names.length > 0 ? [chance.pick(names)] : [];
    const written = new Date(Date.UTC(2026, 10, 20) + this.stored.size * 1000).toISOString();
    const header = { vault: VAULT, host: `h${chance.below(1000)}`, written, supersedes };
    const some = (most: number) => Array.from({ length: 1 + chance.below(most) }, () => chance.below(UNITS));
    if (chance.below(3) > 0) return { ...header, kind: "units", units: some(3).map((unit) => this.#line(unit)) };
    const marks = some(4).map((unit) => {
      const since = `2026-12-0${1 + chance.below(9)}T03:00:00Z`;
      return { unit: name(1000 + unit), mark: chance.pick(MARKS), since };
    });
    return { ...header, kind: "ledger", marks };
  }

  #line(n: number): UnitLine {
    const { chance } = this, unitClass = n % 3 === 0 ? "meta" : "data", isOdd = chance.below(12) === 0;
    const frames = [{ from: 0, length: 100, plainBytes: 9999 }, { from: 100, length: 77, plainBytes: 9999 }];
    const items = Array.from({ length: chance.below(6) }, (): UnitItem => {
      const item = chance.below(ITEMS), place = { frame: chance.below(2), at: chance.below(3) * 512, size: item };
      if (unitClass === "data" || item % 3 === 0) return { id: itemId(item), ...place };
      if (item % 3 === 1) return { id: `${itemId(item)}f1`, ...place };
      return { id: `${itemId(item)}f2`, ...place, digest: name(chance.below(3)) };
    });
    return { unit: name(1000 + n), unitClass, size: isOdd ? 5001 : 5000, head: noise(184, n), frames, items };
  }

  async step(): Promise<void> {
    if (this.chance.below(5) > 0 || this.stored.size === 0) return void await this.put(this.randomObject());
    const gone = this.chance.pick([...this.stored.keys()]);
    this.stored.delete(gone);
    await this.objects.backend.remove(objectKey("index", gone));
  }
}

class OpenIndex implements Disposable {
  readonly monitor = new TestMonitor();
  readonly index: UnitIndex;
  readonly cache: IndexCache;
  readonly #place: CachePlace | undefined;

  constructor(scene: Scene, state: string) {
    this.#place = CachePlace.open(scene.machine(state), VAULT);
    this.cache = new IndexCache(this.#place, VAULT, undefined);
    this.index = new UnitIndex(scene.objects, this.cache, this.monitor);
  }

  [Symbol.dispose](): void {
    this.cache[Symbol.dispose]();
    this.#place?.[Symbol.dispose]();
  }
}

/** Everything that is asked of an index, against what the objects say together. */
function assertSays({ index, monitor }: OpenIndex, { stored }: Scene): void {
  const { units, marks } = joinIndex(Array.from(stored, ([name, object]) => ({ name, object })));
  deepStrictEqual([...index.unitNames()], [...units.keys()].sort());
  for (let n = 0; n < UNITS; n++) {
    const unit = name(1000 + n), expected = units.get(unit), facts = index.unit(unit);
    deepStrictEqual(facts && { ...facts, items: index.itemsOf(unit) }, expected);
    strictEqual(index.isReliable(unit), expected !== undefined && isReliable(expected.state));
  }
  const places = homesIn(units.values());
  for (let n = 0; n < ITEMS; n++) {
    for (const id of [itemId(n), `${itemId(n)}f1`, `${itemId(n)}f2`]) {
      for (const unitClass of ["data", "meta"] as const) {
        const homes = index.homesOf(id, unitClass).map(({ unit, item }) => JSON.stringify([unit.unit, item]));
        deepStrictEqual(homes.sort(), places.get(`${id} ${unitClass}`)?.sort() ?? []);
        const isRelied = index.reliableHome(id, unitClass)?.unit.state;
        if (isRelied !== undefined) ok(isReliable(isRelied));
      }
    }
  }
  const byUnit = (a: { unit: string }, b: { unit: string }) => a.unit < b.unit ? -1 : 1;
  deepStrictEqual([...index.marks()], [...marks.values()].sort(byUnit));
  const known = Array.from(index.objects(), ({ name }) => name);
  deepStrictEqual(known.sort(), [...stored.keys()].sort());
  deepStrictEqual(monitor.problems, []);
  assertFindsNear(index, stored.size);
}

/** Whoever looks at units at hand first finds no other homes. */
function assertFindsNear(index: UnitIndex, seed: number): void {
  const near = new NearHomes(index), chance = new Chance(seed);
  const textOf = ({ unit, item }: Home) => JSON.stringify([unit.unit, item]);
  for (let n = 0; n < 3 * ITEMS; n++) {
    const id = itemId(chance.below(ITEMS)), hasToBeReliable = chance.below(3) === 0;
    const isGood = ({ unit }: Home) => !hasToBeReliable || isReliable(unit.state);
    const found = near.find(id, isGood), homes = index.homesOf(id, "data").filter(isGood).map(textOf);
    if (found === undefined) deepStrictEqual(homes, []);
    else ok(homes.includes(textOf(found)), `${textOf(found)} is none of ${homes.join(", ")}`);
    if (chance.below(20) === 0) near.forget();
  }
}

function homesIn(units: Iterable<JoinedUnit>): Map<string, string[]> {
  const homes = new Map<string, string[]>();
  for (const { unit, unitClass, items } of units) {
    for (const item of items) {
      const key = `${item.id} ${unitClass}`, known = homes.get(key) ?? [];
      homes.set(key, [...known, JSON.stringify([unit, item])]);
    }
  }
  return homes;
}

Deno.test("the cache says what the objects of an index say together, and has the same rows as one that is made anew", async () => {
  await fuzz(fuzzRounds(2, 2000), async (seed) => {
    using scene = new Scene(seed);
    let live = scene.open("live");
    for (let n = 0; n < 12; n++) {
      await scene.step();
      if (scene.chance.below(4) === 0) {
        const object = scene.randomObject();
        live.index.add(await scene.put(object), object);
      }
      if (scene.chance.below(3) === 0) continue;
      if (scene.chance.below(4) === 0) {
        live[Symbol.dispose]();
        live = scene.open("live");
      }
      if (scene.chance.below(4) === 0) {
        using other = scene.open("live");
        await other.index.refresh();
        assertSays(other, scene);
      }
      await live.index.refresh();
      assertSays(live, scene);
    }
    await live.index.refresh();
    await live.index.recheck();
    live[Symbol.dispose]();
    {
      using again = scene.open("live");
      await again.index.refresh();
      using anew = scene.open("anew");
      await anew.index.refresh();
    }
    deepStrictEqual(indexRows(scene.file("live")), indexRows(scene.file("anew")));
  });
});

Deno.test("a damaged cache costs time, and never makes an index say something else", async () => {
  using scene = new Scene(7);
  for (let n = 0; n < 12; n++) await scene.step();
  {
    using made = scene.open("state");
    await made.index.refresh();
  }
  const path = scene.file("state"), whole = Deno.readFileSync(path);
  await fuzz(fuzzRounds(6, 20_000), async (seed) => {
    Deno.writeFileSync(path, mutateBytes(whole, seed));
    for (const _ of ["damaged", "mended"]) {
      using opened = scene.open("state");
      await opened.index.refresh();
      assertSays(opened, scene);
    }
  });
});

Deno.test("several programs fill one cache at once, and each has what it needs", async () => {
  using scene = new Scene(11);
  for (let n = 0; n < 20; n++) await scene.step();
  {
    using first = scene.open("state");
    using second = scene.open("state");
    using third = scene.open("state");
    const all = [first, second, third];
    await Promise.all(all.map(({ index }) => index.refresh()));
    for (const each of all) assertSays(each, scene);
    for (let n = 0; n < 6; n++) await scene.step();
    await Promise.all(all.map(({ index }) => index.refresh()));
    for (const each of all) assertSays(each, scene);
  }
  {
    // Nobody was alone, so rows of what is gone have stayed.
    using again = scene.open("state");
    await again.index.refresh();
    await again.index.recheck();
    using anew = scene.open("anew");
    await anew.index.refresh();
  }
  deepStrictEqual(indexRows(scene.file("state")), indexRows(scene.file("anew")));
});

Deno.test("who opens the cache while another one is at work on it finds it as it should be", async () => {
  using scene = new Scene(17);
  using first = scene.open("state");
  for (let n = 0; n < 4; n++) {
    await scene.put(scene.randomObject());
    await first.index.refresh();
    using second = scene.open("state");
    ok(second.cache.isTrusted);
    await second.index.refresh();
    assertSays(second, scene);
  }
});

Deno.test("who asks for very much that isn't there is answered without the tables, and finds what is there all the same", async () => {
  using scene = new Scene(13);
  const items = Array.from({ length: 200 }, (_, i) => ({ id: name(5000 + i), frame: 0, at: i * 8, size: 7 }));
  const frames = [{ from: 0, length: 100, plainBytes: 9999 }];
  const put = async (n: number, some: UnitItem[]) => {
    const unit = { unit: name(n), unitClass: "data", size: 5000, head: noise(184, n), frames, items: some } as const;
    const written = "2026-11-20T22:05:11Z";
    await scene.put({ kind: "units", vault: VAULT, host: "h", written, supersedes: [], units: [unit] });
  };
  await put(1, items.slice(0, 100));
  using opened = scene.open("state");
  await opened.index.refresh();
  const homes = (list: readonly UnitItem[]) =>
    list.filter(({ id }) => opened.index.homesOf(id, "data").length === 1).length;
  const tables = opened.cache.tables, asked = tables.rowsWith.bind(tables);
  let count = 0;
  tables.rowsWith = (key) => (count++, asked(key));
  for (let n = 0; n < 20_100; n++) opened.index.homesOf(noise(32, n).toHex(), "data");
  count = 0;
  for (let n = 0; n < 1000; n++) opened.index.homesOf(noise(32, 50_000 + n).toHex(), "data");
  ok(count < 20, String(count));
  deepStrictEqual([homes(items.slice(0, 100)), homes(items.slice(100))], [100, 0]);
  await put(2, items.slice(100));
  await opened.index.refresh();
  strictEqual(homes(items), 200);
});

Deno.test("An object with a damaged line is unusable as a whole: none of the lines before it are kept", async () => {
  using scene = new Scene(1);
  const header = { vault: VAULT, host: "h", written: "2026-11-20T22:05:11Z", supersedes: [], kind: "units" as const };
  const line = (n: number): UnitLine => ({
    unit: name(2000 + n),
    unitClass: "data",
    size: n === 2 ? -1 : 5000,
    head: noise(184, n),
    frames: [],
    items: [],
  });
  const damaged = await scene.put({ ...header, units: [0, 1, 2].map(line) });
  const whole = await scene.put({ ...header, units: [3, 4].map(line) });
  using open = scene.open("state");
  await open.index.refresh();
  deepStrictEqual([...open.index.unusable.keys()], [damaged]);
  deepStrictEqual(open.cache.tables.names(), [whole]);
  deepStrictEqual([...open.index.unitNames()], [name(2003), name(2004)].sort());
});

Deno.test("who asks for what lies in the same few units is answered from the tables once for each of them", async () => {
  using scene = new Scene(19);
  const frames = [{ from: 0, length: 100, plainBytes: 9999 }], written = "2026-11-20T22:05:11Z";
  for (let n = 0; n < 4; n++) {
    const items = Array.from({ length: 50 }, (_, i) => ({ id: name(6000 + i * 4 + n), frame: 0, at: i * 8, size: 7 }));
    const unit = { unit: name(n), unitClass: "data", size: 5000, head: noise(184, n), frames, items } as const;
    await scene.put({ kind: "units", vault: VAULT, host: "h", written, supersedes: [], units: [unit] });
  }
  using opened = scene.open("state");
  await opened.index.refresh();
  const tables = opened.cache.tables, asked = tables.rowsWith.bind(tables), near = new NearHomes(opened.index);
  let count = 0;
  tables.rowsWith = (key) => (count++, asked(key));
  // By turns, as several threads pack files.
  for (let i = 0; i < 200; i++) strictEqual(near.find(name(6000 + i), () => true)?.unit.unit, name(i % 4));
  strictEqual(count, 4);
  near.forget();
  ok(near.find(name(6000), () => true) !== undefined);
  strictEqual(count, 5);
  for (const short of [name(6000).slice(0, 40), name(6000).slice(0, 8)]) {
    ok(near.find(name(6000), () => true) !== undefined);
    strictEqual(near.find(short, () => true), undefined);
    deepStrictEqual(opened.index.homesOf(short, "data"), []);
  }
});
