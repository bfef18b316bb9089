import { existsSync } from "node:fs";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { forget } from "../../../src/operations/forget/forget.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { CAN_MOUNT } from "../../support/mounts.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

const DIRECTORIES = 80, FILES = 1600;

/** Two snapshots of as many files, in two levels of directories, one of which is read-only. */
async function withTwoTrees(): Promise<{ world: World; trees: string[] }> {
  const world = new World({ inMemory: true });
  for (let i = 0; i < FILES; i++) world.write(`a/d${i % DIRECTORIES}/f${i}`, `content ${i % 9}`);
  world.write("top", "at the top");
  Deno.chmodSync(`${world.source}/a/d7`, 0o500);
  const trees: string[] = [];
  for (let n = 0; n < 2; n++) {
    trees.push((await world.backup()).snapshot.tree!);
    world.clock.pass(60);
  }
  Deno.chmodSync(`${world.source}/a/d7`, 0o700);
  return { world, trees };
}

async function forgetOldest(world: World, workers: number) {
  let unlinked = 0;
  const disk = hookedDisk(openDisk(), ({ operation }, proceed) => {
    if (operation === "unlink") unlinked++;
    return proceed();
  });
  const monitor = new TestMonitor();
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
  const { removed } = await forget(storage, { snapshots: ["latest~1"], dryRun: false, workers }, monitor);
  deepStrictEqual(monitor.problems, []);
  return { removed, unlinked, notices: monitor.notices };
}

/** Mounts a directory at the first place. It may be moved to the other one until it is unmounted. */
function bound(directory: string, [place, moved]: readonly [string, string]): Disposable {
  run("mount", "--bind", directory, place);
  return { [Symbol.dispose]: () => run("umount", "-l", existsSync(moved) ? moved : place) };
}

const inTmp = (world: World) => [...Deno.readDirSync(`${world.storagePath}/tmp`)].map(({ name }) => name);

for (const workers of [0, 2]) {
  Deno.test(`forget() with ${workers} threads removes the tree of a snapshot, and no other`, async () => {
    const { world: made, trees } = await withTwoTrees();
    using world = made;
    const { removed, unlinked, notices } = await forgetOldest(world, workers);
    deepStrictEqual([removed.length, notices, inTmp(world)], [1, [], []]);
    // The threads that share the work unlink by themselves.
    ok(workers === 0 ? unlinked >= FILES : unlinked < FILES / 2, `${unlinked}`);
    const kept = `${world.storagePath}/${trees[1]}`;
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/2026`)].length, 1);
    strictEqual([...Deno.readDirSync(`${kept}/a`)].length, DIRECTORIES);
    strictEqual(Deno.readTextFileSync(`${kept}/a/d7/f87`), "content 6");
  });

  Deno.test(`forget() with ${workers} threads leaves alone what is mounted in a tree`, {
    ignore: !CAN_MOUNT,
  }, async () => {
    const { world: made, trees } = await withTwoTrees();
    using world = made;
    const other = `${world.source}-other`, inside = `${other}/e`;
    Deno.mkdirSync(inside, { recursive: true });
    for (let i = 0; i < 100; i++) Deno.writeTextFileSync(`${i % 2 === 0 ? other : inside}/own${i}`, "not ours");
    using _mounted = bound(other, [
      `${world.storagePath}/${trees[0]}/a/d3`,
      `${world.storagePath}/tmp/removed-tree-0/a/d3`,
    ]);
    const { removed, notices } = await forgetOldest(world, workers);
    deepStrictEqual([removed.length, inTmp(world)], [1, ["removed-tree-0"]]);
    match(notices.join(), /stays in tmp/);
    deepStrictEqual([...Deno.readDirSync(other)].length, 51);
    deepStrictEqual([...Deno.readDirSync(inside)].length, 50);
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp/removed-tree-0/a`)].map(({ name }) => name), ["d3"]);
  });
}
