/** Random lives of a storage: backups, forgetting, pruning, rebuilding and crashes in any order. SLOW=1 runs many more. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Fault } from "../../src/core/fault.ts";
import type { Policy } from "../../src/core/policy.ts";
import { rawOf } from "../../src/core/raw.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { forget } from "../../src/operations/forget/forget.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { repair } from "../../src/operations/repair/repair.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { tag } from "../../src/operations/forget/tag.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { rounds } from "../support/effort.ts";
import { CuttingDisk, PowerCut } from "../support/cutting_disk.ts";
import { neededItems } from "../support/needed_items.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

const RUNS = rounds(15, 300);

const file = fc.constantFrom("a", "b", "sub/a", "sub/deep/x", "ü");
/** Number of the first change of the disk that fails; undefined: none does. */
const cut = fc.option(fc.nat(120), { nil: undefined, freq: 2 });
const policy: fc.Arbitrary<Policy> = fc.oneof(
  fc.record({ last: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ hourly: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ tag: fc.constant(["x"]) }),
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("write" as const), file, text: fc.constantFrom("1", "2", "3") }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), file }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("backup" as const),
      cut,
      name: fc.constantFrom("photos", "music"),
      tags: fc.subarray(["x"]),
      tree: fc.boolean(),
      minutes: fc.constantFrom(1, 40),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("forget" as const), cut, policy }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget one" as const), cut, which: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("tag" as const),
      cut,
      which: fc.nat(9),
      add: fc.subarray(["x", "y"], { minLength: 1 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("prune" as const), cut }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rebuild" as const), cut }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose the catalog" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("damage" as const),
      cut,
      which: fc.nat(),
      how: fc.constantFrom("flip", "cut", "delete"),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Life implements Disposable {
  readonly world = new World({ inMemory: true, hexSplit: [1] });
  /** Snapshots that must be there, and what the source was then. */
  readonly copies = new Map<string, string>();
  #copies = 0;

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  async apply(step: Step): Promise<void> {
    const { world } = this;
    switch (step.do) {
      case "write":
        return world.write(step.file, step.text);
      case "remove":
        return Deno.removeSync(`${world.source}/${step.file}`, { recursive: true });
      case "backup":
        world.clock.pass(step.minutes);
        await this.#working(step.cut, async (storage, monitor) => {
          await backup(storage, { ...world.request(), ...step }, monitor);
        });
        return this.#copyNewest();
      case "forget":
        await this.#working(step.cut, async (storage, monitor) => {
          await forget(storage, { policy: step.policy, among: {}, dryRun: false }, monitor);
        });
        return this.#dropForgotten();
      case "forget one": {
        const id = [...this.copies.keys()][step.which];
        if (id === undefined) return;
        await this.#working(step.cut, async (storage, monitor) => {
          await forget(storage, { snapshots: [id], dryRun: false }, monitor);
        });
        return this.#dropForgotten();
      }
      case "tag": {
        const id = [...this.copies.keys()][step.which];
        if (id === undefined) return;
        using before = world.open();
        const { sequence } = before.resolve(id);
        await this.#working(step.cut, async (storage) => {
          await tag(storage, { snapshots: [id], set: undefined, add: step.add, remove: [] });
        });
        return this.#rename(id, sequence);
      }
      case "prune":
        if (await this.#working(step.cut, prunes)) {
          deepStrictEqual([...world.items().keys()].sort(), neededItems(world));
        }
        return;
      case "rebuild":
        return void await this.#working(step.cut, (storage, monitor) => {
          rebuildCatalog(storage, monitor);
        });
      case "lose the catalog":
        return run("rm", "-f", `${world.storagePath}/db/catalog.sqlite`) as unknown as void;
      case "damage":
        return await this.#damageAndRepair(step);
    }
  }

  /** Any item, whatever it is; a copy of the storage has it still. A repair that was cut short is simply made again. */
  async #damageAndRepair({ which, how, cut }: { which: number; how: string; cut: number | undefined }): Promise<void> {
    const { world } = this, copy = `${world.base}/copy-of-storage`;
    const items = [...world.items().values()].sort();
    if (items.length === 0) return;
    run("rm", "-rf", copy);
    run("cp", "-a", world.storagePath, copy);
    const item = items[which % items.length]!;
    // A snapshot whose root is not there was forgotten, as far as anybody can tell.
    damage(item, item.endsWith("f0") ? "flip" : how);
    if (cut !== undefined) await this.#repair(copy, new CuttingDisk(openDisk(), cut).disk);
    ok(await this.#repair(copy, openDisk()));
    strictEqual((await world.check()).damaged, 0);
  }

  /** @returns false if it was cut */
  async #repair(copy: string, disk: Disk): Promise<boolean> {
    const monitor = new TestMonitor(), machine = { ...this.world.machine, disk };
    const signal = new AbortController().signal;
    try {
      using storage = openStorage(machine, rawOf(this.world.storagePath), monitor);
      using other = openStorage(this.world.machine, rawOf(copy), monitor);
      const request = { readData: true, from: [other], dryRun: false, workers: 0, signal };
      strictEqual((await repair(storage, request, () => {}, monitor)).lost, 0);
      return true;
    } catch (error) {
      if (error instanceof PowerCut) return false;
      throw error;
    }
  }

  /** @returns false if it was cut */
  async #working(
    cut: number | undefined,
    work: (storage: Storage, monitor: TestMonitor) => Promise<void> | void,
  ): Promise<boolean> {
    const disk = cut === undefined ? openDisk() : new CuttingDisk(openDisk(), cut).disk;
    const monitor = new TestMonitor();
    try {
      using storage = openStorage({ ...this.world.machine, disk }, rawOf(this.world.storagePath), monitor);
      await work(storage, monitor);
      deepStrictEqual(monitor.problems, []);
      return true;
    } catch (error) {
      ok(cut !== undefined && !(error instanceof Fault) && error instanceof PowerCut, String((error as Error).stack));
      return false;
    }
  }

  /** A backup that was cut may have made its snapshot all the same. */
  #copyNewest(): void {
    using storage = this.world.open();
    const newest = storage.snapshots().at(-1);
    if (newest === undefined || !newest.complete || this.copies.has(newest.id)) return;
    const copy = `${this.world.base}/copy-${this.#copies++}`;
    run("cp", "-a", this.world.source, copy);
    this.copies.set(newest.id, copy);
  }

  /** A snapshot with other tags has another id, and is the same snapshot. */
  #rename(former: string, sequence: number): void {
    using storage = this.world.open();
    const [snapshot, ...others] = storage.snapshots().filter((one) => one.sequence === sequence);
    deepStrictEqual(others, []);
    const entries = [...this.copies].map(([id, copy]) => [id === former ? snapshot!.id : id, copy] as const);
    this.copies.clear();
    for (const [id, copy] of entries) this.copies.set(id, copy);
  }

  /** Forgetting goes snapshot by snapshot: one that was cut may have removed some. */
  #dropForgotten(): void {
    using storage = this.world.open();
    const there = new Set<string>(storage.snapshots().map(({ id }) => id));
    for (const id of this.copies.keys()) if (!there.has(id)) this.copies.delete(id);
  }
}

/** Changes an item without changing its name, or takes it away. */
function damage(path: string, how: string): void {
  if (how === "delete") return Deno.removeSync(path);
  Deno.chmodSync(path, 0o600);
  const bytes = Deno.readFileSync(path);
  if (how === "flip" && bytes.length > 0) bytes[bytes.length >> 1]! ^= 4;
  Deno.writeFileSync(path, how === "cut" ? bytes.subarray(0, bytes.length >> 1) : bytes);
  Deno.chmodSync(path, 0o400);
}

async function prunes(storage: Storage, monitor: TestMonitor): Promise<void> {
  await prune(storage, { dryRun: false, workers: 0, signal: new AbortController().signal }, () => {}, monitor);
}

Deno.test("whatever is backed up, forgotten, pruned, rebuilt and cut short: what is kept restores exactly", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      using life = new Life();
      for (const one of steps) {
        try {
          await life.apply(one);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound && one.do === "remove")) throw error;
        }
      }
      for (const [id, copy] of life.copies) {
        strictEqual(differences(copy, (await life.world.restore(id)).target), "");
      }
      strictEqual((await life.world.check()).damaged, 0);
      await life.apply({ do: "prune", cut: undefined });
      for (const [id, copy] of life.copies) {
        strictEqual(differences(copy, (await life.world.restore(id)).target), "");
      }
      strictEqual((await life.world.check()).damaged, 0);
      using storage = life.world.open();
      deepStrictEqual(storage.snapshots().filter(({ complete }) => complete).map(({ id }) => id), [
        ...life.copies.keys(),
      ]);
      const live = [...storage.catalog().dump()];
      rebuildCatalog(storage, new TestMonitor());
      deepStrictEqual([...storage.catalog().dump()], live);
    }),
    { numRuns: RUNS },
  );
});
