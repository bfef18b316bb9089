/** Everything is lost but the vault and its passphrase; everything comes back. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { Repository } from "../../src/snapshot/repository.ts";
import { initStorage } from "../../src/storage/layout/init.ts";
import { buildTree } from "../../src/storage/tree/build_tree.ts";
import { has, IS_ROOT } from "../support/needs.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();

/** What a home directory may hold. */
const FILL = `
import os, socket
def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    open(path, "wb").write(data)
    os.chmod(path, mode)
for i in range(40): write("many/%d/%d" % (i % 7, i), b"file %d\\n" % i * (i * 30), 0o600 + i % 8)
write(b"odd/\\xff\\xfe name\\n", b"bytes in its name")
write("odd/.hidden", b"")
write("same/a", b"twice" * 1000)
write("same/b", b"twice" * 1000)
os.link("same/a", "odd/linked"); os.link("same/a", "linked too")
os.symlink("nowhere at all", "odd/dangling"); os.symlink("../same", "odd/up")
os.mkfifo("odd/pipe", 0o640)
os.makedirs("empty/deeper", 0o711)
with open("sparse", "wb") as f: f.truncate(3_000_000); f.seek(1_500_000); f.write(b"in the middle")
os.setxattr("same/b", "user.note", b"\\0\\1kept")
os.setxattr("empty", "user.of-directory", b"kept")
for at, (top, dirs, files) in enumerate(os.walk(".", topdown=False)):
    for name in files + dirs:
        path = os.path.join(top, name)
        os.utime(path, ns=(0, 10**18 + at * 10**9 + 123456789), follow_symlinks=False)
        if os.geteuid() == 0 and name.endswith("1"): os.chown(path, 1234, 4321, follow_symlinks=False)
os.utime(".", ns=(0, 987654321))
`;

async function filledWorld(): Promise<{ world: World; copies: string[] }> {
  const world = new World({ inMemory: true }), copies: string[] = [];
  const keep = async () => {
    await world.backup();
    copies.push(`${world.base}/copy-${copies.length}`);
    run("cp", "-a", world.source, copies.at(-1)!);
  };
  run("sh", "-c", 'cd "$1" && python3 -c "$2"', "sh", world.source, FILL);
  const image = noise(400_000, 1);
  world.write("image", image);
  await keep();
  image.set(noise(50, 2), 200_000);
  world.write("image", image);
  Deno.renameSync(`${world.source}/many/1`, `${world.source}/moved`);
  Deno.removeSync(`${world.source}/same/a`);
  await keep();
  return { world, copies };
}

/** All roots and hunks, by id. */
async function objectsOf(repository: Repository): Promise<Record<string, Uint8Array>> {
  const objects: Record<string, Uint8Array> = {};
  for (const id of [...await repository.rootIds()].sort()) {
    objects[id] = await repository.object(id);
    for (const { id: hunk } of (await repository.manifest(id)).root.hunks) {
      objects[hunk] = await repository.object(hunk);
    }
  }
  return objects;
}

const ready = { ignore: !has("python3", "rsync") };

Deno.test(`with a vault and its passphrase everything comes back${IS_ROOT ? ", owners too" : ""}`, ready, async () => {
  const { world, copies } = await filledWorld();
  using _gone = world;
  const place = await VaultPlace.make(world, KINDS[2]), state = `${world.base}/state`, monitor = new TestMonitor();
  let before: Record<string, Uint8Array>;
  {
    using storage = world.open();
    before = await objectsOf(storage);
    await using vault = await place.open(monitor, 300_000, { state });
    await copy(storage, vault, { workers: 2, signal, clock: world.clock }, monitor);
  }
  for (const path of [world.storagePath, state]) Deno.removeSync(path, { recursive: true });

  {
    await using vault = await place.open(monitor);
    for (const [i, snapshot] of (await vault.snapshots()).entries()) {
      const target = Deno.makeTempDirSync({ dir: world.base });
      await restore(vault, { ...world.restoreRequest(snapshot, target), workers: 2 }, monitor);
      strictEqual(differences(copies[i]!, target), "");
    }
    initStorage(world.machine, rawOf(world.storagePath), { algorithm: "sha256", hexSplit: [2] });
    using storage = world.open(monitor);
    const { copied } = await copy(vault, storage, { workers: 2, signal, clock: world.clock }, monitor);
    strictEqual(copied.length, 2);
  }
  deepStrictEqual(monitor.problems, []);
  using storage = world.open();
  deepStrictEqual(await objectsOf(storage), before);
  const { findings, damaged } = await world.check(true);
  deepStrictEqual([findings, damaged], [[], 0]);
  for (const [i, snapshot] of storage.snapshots().entries()) {
    const tree = await buildTree(storage, snapshot, { workers: 0, signal }, monitor);
    const contents = (path: string) =>
      run("sh", "-c", 'cd "$1" && find . -type f -exec sha256sum {} + | sort', "sh", path);
    strictEqual(contents(`${world.storagePath}/${tree}`), contents(copies[i]!));
  }
});
