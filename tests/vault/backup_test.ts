/** Backups straight into a vault, by the same chain as into a storage. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { decompress } from "../../src/vault/pack/zstd.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { around } from "../../src/backend/decorator.ts";
import type { Backend } from "../../src/backend/backend.ts";
import { uploadsFor } from "../../src/vault/write/unit_uploads.ts";
import { noise } from "../support/units.ts";
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

Deno.test("as many units are on their way at once as the place takes", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 16; i++) world.write(`file${i}`, noise(700_000, i + 1));
  const place = await VaultPlace.make(world, KINDS[0]);
  let waiting = 0, most = 0;
  const { promise: enough, resolve: go } = Promise.withResolvers<void>();
  const through = (inner: Backend) =>
    around(inner, {
      put: async (key, body, options) => {
        if (!key.startsWith("data/")) return await inner.put(key, body, options);
        most = Math.max(most, ++waiting);
        if (waiting === 5) go();
        await enough;
        waiting--;
        return await inner.put(key, body, options);
      },
    });
  await using vault = await place.open(new TestMonitor(), 100_000, { through, connections: 5 });
  await backedUp(world, vault, { workers: 0 });
  strictEqual(most, 5);
  deepStrictEqual(await findings(vault), []);
});

Deno.test("uploadsFor() keeps what is on its way within the memory", () => {
  const MIB = 1024 ** 2;
  deepStrictEqual([uploadsFor(16 * MIB), uploadsFor(16 * MIB, 8), uploadsFor(16 * MIB, 64)], [2, 8, 16]);
  deepStrictEqual([uploadsFor(1024 * MIB, 8), uploadsFor(4 * MIB, 1)], [2, 1]);
});

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

Deno.test("units that are too large for the memory are made in files, of which none stays", async () => {
  for (const workers of [0, 2]) {
    using world = new World({ inMemory: true });
    for (let i = 0; i < 700; i++) world.write(`dir/file${i}`, LARGE.subarray(i, 2000 + i));
    world.write("large", LARGE);
    const place = await VaultPlace.make(world, KINDS[0]), state = `${world.base}/state`;
    await using vault = await place.open(new TestMonitor(), 200_000, { state, mostUnitInMemory: 100_000 });
    const units = `${state}/vaults/${vault.id}/units`;
    Deno.writeTextFileSync(`${units}/left`, "by a run that was killed");
    const { snapshot, monitor } = await backedUp(world, vault, { workers });
    deepStrictEqual(monitor.problems, []);
    deepStrictEqual([...Deno.readDirSync(units)], []);
    strictEqual(differences(world.source, await restored(world, vault, snapshot)), "");
    deepStrictEqual(await findings(vault), []);
  }
});

for (const kind of [KINDS[2], KINDS[3]]) {
  Deno.test(`units of a directory are made there, and nothing else stays (encrypted: ${kind.encrypted})`, async () => {
    for (const workers of [0, 2]) {
      using world = new World({ inMemory: true });
      for (let i = 0; i < 700; i++) world.write(`dir/file${i}`, LARGE.subarray(i, 2000 + i));
      world.write("large", LARGE);
      const place = await VaultPlace.make(world, kind);
      let staged = 0;
      const through = (inner: Backend) => around(inner, { put: (...args) => inner.put(...noted(args)) });
      const noted = (args: Parameters<Backend["put"]>): Parameters<Backend["put"]> => {
        if ("staged" in args[1]) staged++;
        return args;
      };
      await using vault = await place.open(new TestMonitor(), 200_000, { through });
      const { snapshot, monitor } = await backedUp(world, vault, { workers });
      deepStrictEqual(monitor.problems, []);
      const units = [...vault.index.unitNames()].map((unit) => vault.index.unit(unit)!);
      strictEqual(staged, units.length);
      deepStrictEqual([...Deno.readDirSync(place.path)].filter(({ name }) => name.startsWith(".")), []);
      for (const { unit, size } of units) {
        const found = Deno.statSync(`${place.path}/data/${unit.slice(0, 2)}/${unit}`);
        deepStrictEqual([found.size, found.mode! & 0o777, found.nlink], [size, 0o400, 1]);
      }
      strictEqual(differences(world.source, await restored(world, vault, snapshot)), "");
      deepStrictEqual(await findings(vault), []);
    }
  });
}

Deno.test("how much is compressed is a matter of choice, and without it contents stay as they are", async () => {
  using world = new World({ inMemory: true });
  const text = Array.from({ length: 60_000 }, (_, i) => `${i * 7919} words of a text\n`).join("");
  world.write("text", text);
  world.write("noise", LARGE);
  const sizes: number[] = [];
  for (const [i, compression] of (["best", "default", "fast", "off"] as const).entries()) {
    const place = await VaultPlace.make(world, KINDS[1], `vault${i}`);
    await using vault = await place.open(new TestMonitor(), undefined, { compression });
    const { snapshot } = await backedUp(world, vault);
    strictEqual(differences(world.source, await restored(world, vault, snapshot)), "");
    const data = [...vault.index.unitNames()].map((unit) => vault.index.unit(unit)!);
    sizes.push(data.reduce((sum, { unitClass, size }) => sum + (unitClass === "data" ? size : 0), 0));
  }
  strictEqual(new Set(sizes).size, 4, sizes.join(" "));
  ok(sizes.at(-1)! > text.length + LARGE.length, `${sizes.at(-1)} of ${text.length + LARGE.length}`);
});

Deno.test("a backup that is stopped keeps what it has done, and the next one goes on from there", async () => {
  for (const workers of Deno.env.get("SLOW") ? [0, 2] : [2]) {
    using world = new World({ inMemory: true });
    for (let i = 0; i < 1500; i++) world.write(`dir${i % 15}/file${i}`, LARGE.subarray(i, 800 + i));
    const place = await VaultPlace.make(world, KINDS[0]);
    const controller = new AbortController(), stopped = new TestMonitor();
    stopped.count = (counter) => void (counter === "readFiles" && stopped.notices.push("") > 50 && controller.abort());
    {
      await using vault = await place.open();
      const request = { ...world.request(), tree: false, workers, signal: controller.signal };
      await rejects(backup(vault, request, stopped), { code: "interrupted" });
      const [partial, ...others] = await vault.snapshots();
      deepStrictEqual([partial?.complete, others], [false, []]);
    }
    await using vault = await place.open();
    const { snapshot, monitor } = await backedUp(world, vault);
    ok(monitor.of("readFiles") < 1400, `${monitor.of("readFiles")} files were read again`);
    strictEqual(differences(world.source, await restored(world, vault, snapshot)), "");
    deepStrictEqual((await vault.snapshots()).map(({ id }) => id), [snapshot.id]);
  }
});

Deno.test("in units, files have the names of the snapshot that had them first", async () => {
  using world = new World({ inMemory: true });
  world.write("top.txt", "top");
  world.write("dir/below.txt", "below");
  const place = await VaultPlace.make(world, KINDS[3]);
  await using vault = await place.open();
  await backedUp(world, vault);
  const names: string[] = [];
  for (const unit of vault.index.unitNames()) {
    const bytes = Deno.readFileSync(`${place.path}/data/${unit.slice(0, 2)}/${unit}`);
    if (vault.index.unit(unit)?.unitClass !== "data") continue;
    for (const { from, length, plainBytes } of vault.index.unit(unit)!.frames) {
      const text = new TextDecoder("latin1").decode(decompress(bytes.subarray(from, from + length), plainBytes, unit));
      names.push(...text.match(/testhost[ -~]*\.txt/g) ?? []);
    }
  }
  const directory = "testhost/source/2026-11-20T22.06.11Z";
  deepStrictEqual([...new Set(names)].sort(), [`${directory}/dir/below.txt`, `${directory}/top.txt`]);
});
