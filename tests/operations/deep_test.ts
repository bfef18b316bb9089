/** Sources thousands of directories deep, and what they leave behind: nothing runs out of descriptors, paths or stack. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { forget } from "../../src/operations/forget/forget.ts";
import { buildTree, removeTree } from "../../src/storage/tree/build_tree.ts";
import { Descent } from "../../src/platform/descent.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { removeRecursively } from "../../src/platform/remove_recursively.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const LEVELS = 3000;

/** Directories one in the other, with a file in each hundredth. */
function makeDeep(path: string, levels = LEVELS): void {
  const disk = openDisk();
  Deno.mkdirSync(path, { recursive: true });
  let directory = disk.openDir(rawOf(path));
  for (let level = 0; level < levels; level++) {
    directory.mkdir(rawOf("d"), 0o755);
    if (level % 100 === 0) directory.create(rawOf("f"), 0o644)?.[Symbol.dispose]();
    const below = directory.openDir(rawOf("d"));
    directory[Symbol.dispose]();
    directory = below;
  }
  directory.create(rawOf("leaf"), 0o644)?.[Symbol.dispose]();
  directory[Symbol.dispose]();
}

/** Levels of directories called "d". */
function depthOf(path: string): number {
  let directory = openDisk().openDir(rawOf(path)), levels = 0;
  while (directory.stat(rawOf("d")) !== undefined) {
    const below = directory.openDir(rawOf("d"));
    directory[Symbol.dispose]();
    directory = below;
    levels++;
  }
  strictEqual(directory.stat(rawOf("leaf"))?.kind, "file");
  directory[Symbol.dispose]();
  return levels;
}

/** What `Deno.removeSync` can't. */
function remove(world: World): void {
  run("rm", "-rf", world.base);
  Deno.mkdirSync(world.base);
}

Deno.test("a source 3000 directories deep is backed up, shown, restored, forgotten and pruned", async () => {
  using world = new World({ inMemory: true });
  makeDeep(world.source);
  const { snapshot, monitor } = await world.backup();
  deepStrictEqual(monitor.problems, []);
  strictEqual(depthOf(`${world.storagePath}/${snapshot.tree}`), LEVELS);
  strictEqual((await world.backup()).monitor.of("readFiles"), 0);
  const { target } = await world.restore("latest");
  strictEqual(depthOf(target), LEVELS);
  {
    using storage = world.open();
    const told = new TestMonitor();
    removeTree(storage, storage.resolve("latest"), told);
    await buildTree(storage, storage.resolve("latest"), { workers: 0, signal: new AbortController().signal }, told);
    strictEqual(depthOf(`${world.storagePath}/${storage.resolve("latest").tree}`), LEVELS);
    const ids = storage.snapshots().map(({ id }) => id);
    strictEqual((await forget(storage, { dryRun: false, snapshots: ids }, told)).removed.length, 2);
    deepStrictEqual([told.notices, told.problems], [[], []]);
  }
  deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
  remove(world);
});

Deno.test("a removal has few directories open, however deep, and follows no link", () => {
  using world = new World({ inMemory: true });
  let open = 0, most = 0;
  makeDeep(`${world.base}/rubbish`, 500);
  Deno.mkdirSync(`${world.base}/rubbish/wide/a/b`, { recursive: true });
  Deno.mkdirSync(`${world.base}/rubbish/deep-0`);
  Deno.mkdirSync(`${world.base}/outside`);
  Deno.writeTextFileSync(`${world.base}/outside/precious`, "x");
  Deno.symlinkSync(`${world.base}/outside`, `${world.base}/rubbish/wide/link`);
  run("chmod", "500", `${world.base}/rubbish/d/d/d`);
  const disk = hookedDisk(openDisk(), ({ operation }, proceed) => {
    const answer = proceed();
    if (operation !== "openDir" || typeof answer !== "object" || answer === null) return answer;
    most = Math.max(most, ++open);
    const dispose = (answer as Disposable)[Symbol.dispose].bind(answer);
    Object.assign(answer, { [Symbol.dispose]: () => (open--, dispose()) });
    return answer;
  });
  using base = disk.openDir(rawOf(world.base));
  strictEqual(removeRecursively(base, rawOf("rubbish")), true);
  strictEqual(removeRecursively(base, rawOf("rubbish")), false);
  ok(most > 10 && most < 20, `${most} directories open`);
  deepStrictEqual([...Deno.readDirSync(`${world.base}/outside`)].length, 1);
});

Deno.test("directories far below one are opened from near ones, in any order, and none stays open", () => {
  using world = new World({ inMemory: true });
  makeDeep(`${world.base}/deep`, 1500);
  let bytes = 0;
  const disk = hookedDisk(openDisk(), ({ operation, args }, proceed) => {
    if (operation === "openPath") bytes += String(args[0]).length;
    return proceed();
  });
  const pathOf = (level: number) => rawOf(Array(level).fill("d").join("/"));
  const inodeOf = (level: number) => run("stat", "-c", "%i", `${world.base}/deep/${pathOf(level)}`).trim();
  using top = disk.openDir(rawOf(`${world.base}/deep`));
  for (const step of [1, -1]) {
    using descent = new Descent(top);
    bytes = 0;
    for (let level = step > 0 ? 1 : 1499; level > 0 && level < 1500; level += step) {
      using directory = descent.open(pathOf(level));
      if (level % 250 === 1) strictEqual(directory.statSelf().inode, inodeOf(level));
    }
    ok(bytes < 1500 * 1000, `${bytes} bytes of paths`);
  }
  {
    using descent = new Descent(top);
    for (const level of [1400, 3, 900, 899, 1300, 0, 600]) {
      using directory = descent.open(pathOf(level));
      strictEqual(directory.statSelf().inode, inodeOf(level));
    }
  }
  remove(world);
});
