/** Backups straight into a vault, by the same chain as into a storage. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { differences, TestMonitor, World } from "../support/world.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { check } from "../../src/operations/check/check.ts";

const { signal } = new AbortController();
const LARGE = new Uint8Array(300_000).map((_, i) => (i * i * 31 + (i >> 3) * 17) >> 3);

/** Backs up the source of a world a minute after the last backup. */
async function backedUp(
  world: World,
  vault: Vault,
  changes: Partial<BackupRequest> = {},
): Promise<{ snapshot: SnapshotInfo; monitor: TestMonitor }> {
  const monitor = new TestMonitor();
  world.clock.pass(1);
  const snapshot = await backup(vault, { ...world.request(), tree: false, ...changes }, monitor);
  return { snapshot, monitor };
}

async function restored(world: World, vault: Vault, snapshot: SnapshotInfo): Promise<string> {
  const target = Deno.makeTempDirSync({ dir: world.base }), monitor = new TestMonitor();
  await restore(vault, world.restoreRequest(snapshot, target), monitor);
  deepStrictEqual(monitor.problems, []);
  return target;
}

async function findings(vault: Vault): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  await check(vault, { readData: true, workers: 0, signal }, (finding) => found.push(finding), new TestMonitor());
  return found;
}

for (const kind of KINDS) {
  const name = `${kind.where}${kind.encrypted ? "" : ", not encrypted"}`;
  Deno.test(`a backup into a vault is restored as it was (${name})`, async () => {
    using world = new World({ inMemory: true });
    for (const [path, content] of [["a", "a"], ["same", "a"], ["dir/large", LARGE], ["empty", ""]] as const) {
      world.write(path, content);
    }
    const place = await VaultPlace.make(world, kind);
    await using vault = await place.open();
    const { snapshot, monitor } = await backedUp(world, vault);
    deepStrictEqual([monitor.problems, snapshot.files, snapshot.sequence], [[], 4, 1]);
    deepStrictEqual([monitor.of("storedItems"), monitor.of("reusedItems")], [3, 1]);
    strictEqual(differences(world.source, await restored(world, vault, snapshot)), "");
    const again = await backedUp(world, vault);
    deepStrictEqual([again.monitor.of("readFiles"), again.monitor.of("unchangedFiles")], [0, 4]);
    await using later = await place.open();
    deepStrictEqual((await later.snapshots()).map(({ sequence }) => sequence), [1, 2]);
    const { root } = await later.manifest(again.snapshot.id);
    deepStrictEqual([root.storage.id, root.previous, root.tree], [vault.id, snapshot.id, null]);
    deepStrictEqual(await findings(later), []);
  });
}

Deno.test("threads pack what they read, and no content twice", async () => {
  using world = new World({ inMemory: true });
  const bytes = (seed: number, length: number) => new Uint8Array(length).map((_, i) => i * (i + seed) * 31 >> 5);
  for (let i = 0; i < 900; i++) world.write(`dir${i % 7}/file${i}`, bytes(i % 300, 2000 + i % 300));
  for (let i = 0; i < 4; i++) world.write(`large${i}`, bytes(1000 + i % 2, 400_000));
  const place = await VaultPlace.make(world, KINDS[0]);
  await using vault = await place.open(new TestMonitor(), 300_000);
  const { snapshot, monitor } = await backedUp(world, vault, { workers: 2 });
  deepStrictEqual([monitor.problems, snapshot.files, monitor.of("readFiles")], [[], 904, 904]);
  strictEqual(differences(world.source, await restored(world, vault, snapshot)), "");
  const ids = [...vault.index.unitNames()].flatMap((unit) => vault.index.itemsOf(unit).map(({ id }) => id));
  strictEqual(ids.length, new Set(ids).size);
  deepStrictEqual(await findings(vault), []);
});
