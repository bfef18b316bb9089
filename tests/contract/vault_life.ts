/** What a vault must do on whatever place it is: the short of it. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { faulty } from "../../src/backend/faulty.ts";
import type { Repository } from "../../src/snapshot/repository.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import type { OpenedRepository } from "../../src/operations/opened.ts";
import { repairVault } from "../../src/operations/repair/repair_vault.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { type ServerVaultKind, VaultPlace } from "../support/vault_place.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const UNIT_BYTES = 200_000;
const WORK = { workers: 0, signal };

interface Scene {
  readonly world: World;
  readonly place: VaultPlace;
}

export function vaultLife(kind: ServerVaultKind, { ignore = false }: { readonly ignore?: boolean } = {}): void {
  const rule = (title: string, body: (scene: Scene) => Promise<void>) =>
    Deno.test({
      name: `vault on ${kind.server}: ${title}`,
      ignore,
      sanitizeResources: !kind.leaks,
      async fn() {
        using world = new World({ inMemory: true });
        const place = await VaultPlace.make(world, kind);
        try {
          await body({ world, place });
        } finally {
          await place.close();
        }
      },
    });

  rule("what is backed up comes back, with the passphrase alone; unchanged files are stored once", async (scene) => {
    const { world } = scene;
    fill(world, 1);
    await backedUp(scene, 2);
    const before = await unitsOf(scene), unchanged = await backedUp(scene);
    deepStrictEqual(await unitsOf(scene), before);
    strictEqual(await restored(scene, unchanged), "");
    fill(world, 2);
    strictEqual(await restored(scene, await backedUp(scene)), "");
    deepStrictEqual(await damages(scene), []);
  });

  rule("copies go there and back, and are the same snapshots", async (scene) => {
    const { world } = scene;
    for (const version of [1, 2]) {
      fill(world, version);
      await world.backup();
    }
    {
      using storage = world.open();
      await using vault = await open(scene);
      await copied(storage, vault);
      deepStrictEqual((await vault.rootIds()).toSorted(), storage.rootIds().toSorted());
    }
    using other = new World({ inMemory: true });
    using storage = other.open();
    await using vault = await open(scene);
    await copied(vault, storage);
    deepStrictEqual(storage.rootIds().toSorted(), (await vault.rootIds()).toSorted());
    deepStrictEqual((await other.check()).findings, []);
  });

  rule("a backup that is cut off at any moment goes on, and nothing that was saved is lost", async (scene) => {
    const { world } = scene;
    fill(world, 1);
    const first = await backedUp(scene);
    fill(world, 2);
    let cuts = 0;
    for (const last of [1, 2, 3, 4]) {
      await using vault = await scene.place.open(new TestMonitor(), UNIT_BYTES, { through: dyingAfter(last) });
      await backup(vault, { ...world.request(), tree: false }, new TestMonitor()).catch(() => cuts++);
    }
    ok(cuts > 0);
    strictEqual(await restored(scene, await backedUp(scene)), "");
    fill(world, 1);
    strictEqual(await restored(scene, first), "");
    deepStrictEqual(await damages(scene), []);
  });

  rule("what is lost is found and named, and comes back from a storage", async (scene) => {
    const { world } = scene;
    fill(world, 1);
    await world.backup();
    using storage = world.open();
    {
      await using vault = await open(scene);
      await copied(storage, vault);
    }
    const [unit = ""] = await unitsOf(scene);
    {
      await using backend = await scene.place.openBackend();
      await backend.remove(objectKey("data", unit));
    }
    const found = await findingsOf(scene), lost = found.filter(({ severity }) => severity === "damage");
    ok(found.some(({ where }) => where === `data/${unit}`));
    ok(lost.length > 0 && lost.every(({ paths }) => paths.length > 0));
    {
      await using vault = await open(scene);
      const request = { readData: true, from: [storage], dryRun: false, host: "testhost", ...WORK };
      const { healed, lost } = await repairVault(vault, request, () => {}, new TestMonitor());
      ok(healed > 0);
      strictEqual(lost, 0);
    }
    deepStrictEqual(await damages(scene), []);
  });

  rule("what nobody needs any more is removed, and what is needed stays", async (scene) => {
    const { world } = scene;
    fill(world, 1);
    const first = await backedUp(scene);
    fill(world, 2);
    const second = await backedUp(scene), before = await objectsOf(scene, "data");
    {
      await using vault = await open(scene);
      await using writer = await vault.write();
      deepStrictEqual(await writer.forget([first.id]), [first.id]);
    }
    const pace = { graceMs: 0, keepUnusedMs: 0, unsafe: true };
    for (let i = 0; i < 3; i++) {
      await using vault = await open(scene);
      await prune(vault, { dryRun: false, pace, ...WORK }, () => {}, new TestMonitor());
    }
    ok((await objectsOf(scene, "data")).length < before.length);
    deepStrictEqual(await objectsOf(scene, "locks"), []);
    strictEqual(await restored(scene, second), "");
    deepStrictEqual(await damages(scene), []);
    await using vault = await open(scene);
    await rejects(restoredFrom(vault, scene, first), { code: "no-snapshot" });
  });
}

/** Nobody hears what became of an object that was stored, nor of anything behind it. @param last its number */
function dyingAfter(last: number): (inner: Backend) => Backend {
  let puts = 0;
  return (inner) =>
    faulty(inner, ({ verb }) => {
      if (puts >= last) return "before";
      return verb === "put" && ++puts === last ? "after" : undefined;
    });
}

/** Small files, one that is cut into parts, and another one in each version. */
function fill(world: World, version: number): void {
  const write = (path: string, bytes: Uint8Array<ArrayBuffer>, time: number) => {
    world.write(path, bytes);
    Deno.utimeSync(`${world.source}/${path}`, time, time);
  };
  for (let i = 0; i < 12; i++) write(`small/${i}`, noise(20_000, i + 1), 1_700_000_000);
  const large = noise(400_000, 100);
  large.set(noise(1000, version), 123_456);
  write("large", large, 1_700_000_000 + version);
  write("changes", noise(90_000, 200 + version), 1_700_000_000 + version);
}

async function open({ place }: Scene): Promise<Vault> {
  return await place.open(new TestMonitor(), UNIT_BYTES);
}

async function backedUp(scene: Scene, workers = 0): Promise<SnapshotInfo> {
  scene.world.clock.pass(60);
  await using vault = await open(scene);
  return await backup(vault, { ...scene.world.request(), tree: false, workers }, new TestMonitor());
}

async function copied(from: Repository & OpenedRepository, to: OpenedRepository): Promise<void> {
  await copy(from, to, { ...WORK, clock: from.machine.clock }, new TestMonitor());
}

/** @returns what differs from the source */
async function restored(scene: Scene, snapshot: SnapshotInfo): Promise<string> {
  await using vault = await open(scene);
  return await restoredFrom(vault, scene, snapshot);
}

async function restoredFrom(vault: Vault, { world }: Scene, snapshot: SnapshotInfo): Promise<string> {
  const into = Deno.makeTempDirSync({ dir: world.base }), monitor = new TestMonitor();
  await restore(vault, world.restoreRequest(snapshot, into), monitor);
  deepStrictEqual(monitor.problems, []);
  return differences(world.source, into);
}

async function damages(scene: Scene): Promise<Finding[]> {
  return (await findingsOf(scene)).filter(({ severity }) => severity === "damage");
}

async function findingsOf(scene: Scene): Promise<Finding[]> {
  await using vault = await open(scene);
  const findings: Finding[] = [];
  await check(vault, { readData: true, ...WORK }, (each) => findings.push(each), new TestMonitor());
  return findings;
}

async function objectsOf({ place }: Scene, kind: "data" | "locks"): Promise<string[]> {
  await using backend = await place.openBackend();
  const names: string[] = [];
  for await (const { name } of backend.list(kind, signal)) names.push(name);
  return names.sort();
}

/** Names of the units with contents. */
async function unitsOf(scene: Scene): Promise<string[]> {
  await using vault = await open(scene);
  const { index } = vault;
  return [...index.unitNames()].filter((name) => index.unit(name)?.unitClass === "data");
}
