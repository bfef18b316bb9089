/** Uploads of units and the index of them, while threads hand over more. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Backend, partsOf } from "../../src/backend/backend.ts";
import { around } from "../../src/backend/decorator.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";
import { inTurn } from "../../src/core/steps.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { UnitPacker } from "../../src/vault/write/unit_packer.ts";
import { UnitUploads } from "../../src/vault/write/unit_uploads.ts";
import { fileItem, noise } from "../support/units.ts";
import { TestMonitor, World } from "../support/world.ts";

/** A place with an unencrypted vault, whose next object of the index waits until somebody lets it go on. */
class Place implements Disposable {
  readonly world = new World({ inMemory: true });
  readonly objects = new MemoryObjects();
  readonly begun = Promise.withResolvers<void>();
  readonly goOn = Promise.withResolvers<void>();

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  #backend(): Backend {
    return openMemory(this.objects, () => this.world.clock.ms);
  }

  async open(): Promise<Vault> {
    const { machine } = this.world;
    if (this.objects.map.size === 0) await initVault(this.#backend(), machine, {});
    const backend = around(this.#backend(), {
      put: async (key, body, options) => {
        if (partsOf(key)?.kind === "index") {
          this.begun.resolve();
          await this.goOn.promise;
        }
        return await this.#backend().put(key, body, options);
      },
    });
    const access = await unlockVault(backend, { kind: "unencrypted" });
    return await openVault(backend, access, { machine, monitor: new TestMonitor(), host: "test" });
  }

  /** Names of the units that everybody sees. */
  async listed(): Promise<string[]> {
    await using vault = await this.open();
    return [...vault.index.unitNames()].toSorted();
  }

  get stored(): string[] {
    return [...this.objects.map.keys()].map((key) => partsOf(key)).filter((parts) => parts?.kind === "data")
      .map((parts) => parts!.name).toSorted();
  }
}

function uploadsOf({ objects, index }: Vault, mostUnlisted = Infinity) {
  const options = { host: "test", unitBytes: 1 << 20, mostUnitInMemory: Infinity, mostUploads: 2, spool: undefined };
  const listed: string[] = [], note = ({ unit }: { unit: string }) => void listed.push(unit);
  const uploads = new UnitUploads(objects, index, { ...options, disk: openDisk(), mostUnlisted, listed: note });
  return { uploads, listed };
}

/** Packs and hands over a unit with so many items. */
async function pack({ objects }: Vault, uploads: UnitUploads, seed: number, items = 1): Promise<void> {
  const desk = {
    begin: () => uploads.begin("data"),
    hand: (unit: Parameters<UnitUploads["hand"]>[0]) => uploads.hand(unit),
    claim: (ids: readonly string[]) => Promise.resolve(ids.map(() => true)),
    keepLists: () => Promise.resolve(true),
  };
  const vault = objects.access.config.id;
  using packer = new UnitPacker(desk, openDisk(), { vault, unitClass: "data", unitBytes: 1 << 20, level: 3 });
  for (let i = 0; i < items; i++) await inTurn(packer.add(fileItem(`file ${i}`, noise(100, seed * 1000 + i))));
  await inTurn(packer.finish());
}

Deno.test("a unit that is stored while the index of others is being written gets into the next object of the index", async () => {
  using place = new Place();
  await using vault = await place.open();
  const { uploads, listed } = uploadsOf(vault);
  await using _ = uploads;
  await pack(vault, uploads, 1);
  const flushed = uploads.flush();
  await place.begun.promise;
  await pack(vault, uploads, 2);
  while (place.stored.length < 2) await Promise.resolve();
  place.goOn.resolve();
  await flushed;
  strictEqual(place.stored.length, 2);
  deepStrictEqual(await place.listed(), place.stored, "everybody sees both");
  deepStrictEqual(listed.toSorted(), place.stored);
});

Deno.test("units of many items are listed before anybody flushes, in one object at a time", async () => {
  using place = new Place();
  await using vault = await place.open();
  const { uploads, listed } = uploadsOf(vault, 10);
  await using _ = uploads;
  place.goOn.resolve();
  for (let seed = 0; seed < 9; seed++) await pack(vault, uploads, seed, 4);
  const early = [...listed];
  ok(early.length >= 3 && early.length < 9, `${early.length} units were listed on the way`);
  deepStrictEqual(await place.listed(), early.toSorted());
  await uploads.flush();
  deepStrictEqual([await place.listed(), listed.toSorted()], [place.stored, place.stored]);
});

Deno.test("what a writer knows of its units is what everybody else reads of them", async () => {
  using place = new Place();
  await using vault = await place.open();
  const { uploads } = uploadsOf(vault);
  await using _ = uploads;
  place.goOn.resolve();
  for (let seed = 0; seed < 3; seed++) await pack(vault, uploads, seed, 40);
  await uploads.flush();
  await using other = await place.open();
  const seenIn = ({ index }: Vault) =>
    [...index.unitNames()].map((name) => ({ facts: index.unit(name), items: index.itemsOf(name) }));
  strictEqual(seenIn(vault).flatMap(({ items }) => items).length, 3 * 40);
  deepStrictEqual(seenIn(vault), seenIn(other));
});
