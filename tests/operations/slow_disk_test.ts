/** Work in the main thread on a slow disk: it is told how far it is within a file, and a wish to stop is heard there. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Counter } from "../../src/core/monitor.ts";
import { rawOf } from "../../src/core/raw.ts";
import { Interrupted } from "../../src/core/fault.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { check } from "../../src/operations/check/check.ts";
import { dump } from "../../src/operations/browse/dump/dump.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { buildTree, removeTree } from "../../src/storage/tree/build_tree.ts";
import { TOP } from "../../src/core/apath.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { type Hook, hookedDisk } from "../support/hooked_disk.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const BLOCK = 256 * 1024, BLOCKS = 64;
/** A block takes as long as on a disk of 1 MB/s. */
const MS_OF_BLOCK = 250;

const LARGE = new Uint8Array(BLOCKS * BLOCK);
for (let i = 0; i < LARGE.length; i++) LARGE[i] = (i * 31 >> 8) % 251;

interface Doing {
  readonly storage: Storage;
  readonly world: World;
  readonly signal: AbortSignal;
  readonly monitor: TestMonitor;
}

const OPERATIONS: Readonly<Record<string, { counter: Counter; act(doing: Doing): Promise<unknown> }>> = {
  backup: {
    counter: "readBytes",
    act: ({ storage, world, signal, monitor }) => backup(storage, { ...world.request(), signal }, monitor),
  },
  restore: {
    counter: "restoredBytes",
    act: ({ storage, world, signal, monitor }) => {
      const request = world.restoreRequest(storage.resolve("latest"), `${world.base}/restored`);
      return restore(storage, { ...request, signal }, monitor);
    },
  },
  "restore over what is there": {
    counter: "restoredBytes",
    act: ({ storage, world, signal, monitor }) => {
      Deno.mkdirSync(`${world.base}/there`);
      Deno.writeTextFileSync(`${world.base}/there/large`, "other");
      const request = world.restoreRequest(storage.resolve("latest"), `${world.base}/there`);
      return restore(storage, { ...request, overwrite: "always", signal }, monitor);
    },
  },
  check: {
    counter: "checkedBytes",
    act: ({ storage, signal, monitor }) => check(storage, { readData: true, workers: 0, signal }, () => {}, monitor),
  },
  dump: {
    counter: "restoredBytes",
    act: ({ storage, signal, monitor }) => {
      const request = { snapshot: storage.resolve("latest"), path: TOP, format: "tar", signal } as const;
      return dump(storage, request, () => {}, monitor);
    },
  },
};

for (const [what, { counter, act }] of Object.entries(OPERATIONS)) {
  for (const algorithm of ["sha256", "md5"] as const) {
    Deno.test(`${what} in the main thread, ${algorithm}: hears of a wish to stop, and tells bytes, in the middle of a file`, async () => {
      using world = new World({ inMemory: true, algorithm });
      world.write("large", LARGE);
      // With md5, what is known already is compared byte for byte as well.
      if (what !== "backup" || algorithm === "md5") await world.backup();
      if (algorithm === "md5" && what === "backup") run("cp", `${world.source}/large`, `${world.source}/second`);
      const controller = new AbortController(), monitor = new TestMonitor();
      let blocks = 0, askedAt = 0, heardAt = 0, told = 0;
      controller.signal.addEventListener("abort", () => heardAt = blocks);
      const disk = hookedDisk(world.machine.disk, ({ operation, path }, proceed) => {
        if (operation !== "read" || path.startsWith(`${world.storagePath}/db`)) return proceed();
        world.clock.ms += MS_OF_BLOCK;
        if (++blocks === BLOCKS / 2) {
          askedAt = blocks;
          told = monitor.followed.get(counter)?.() ?? monitor.of(counter);
          setTimeout(() => controller.abort());
        }
        return proceed();
      });
      using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
      await act({ storage, world, signal: controller.signal, monitor }).catch((error) => {
        if (!(error instanceof Interrupted)) throw error;
      });
      ok(heardAt > 0 && heardAt - askedAt <= 4, `asked at block ${askedAt}, heard at ${heardAt} of ${blocks}`);
      ok(told >= (BLOCKS / 2 - 4) * BLOCK && told <= BLOCKS * BLOCK, `${told} bytes told after ${askedAt} blocks`);
    });
  }
}

Deno.test("operations name their parts", async () => {
  using world = new World();
  world.write("a/b", "1");
  const { monitor: backingUp } = await world.backup();
  deepStrictEqual(backingUp.phases, [
    "reading the source",
    "updating the catalog",
    "making it durable",
    "updating the catalog",
    "finishing the tree",
  ]);
  deepStrictEqual((await world.restore("latest")).monitor.phases, ["restoring", "setting attributes"]);
});

Deno.test("a second backup expects the bytes of the snapshot before it, and counts those it needn't read", async () => {
  using world = new World();
  world.write("same", "x".repeat(1000));
  world.write("changing", "y".repeat(500));
  await world.backup();
  world.write("changing", "z".repeat(500));
  const { monitor } = await world.backup();
  strictEqual(monitor.expected.bytes, 1500);
  strictEqual(monitor.of("readBytes") + monitor.of("unchangedBytes"), 1500);
  const { target } = await world.restore("latest");
  const { monitor: again } = await world.restore("latest", { target: rawOf(target), overwrite: "if-changed" });
  deepStrictEqual([again.expected.bytes, again.of("keptBytes"), again.of("restoredBytes")], [1500, 1500, 0]);
});

/** Runs an operation on a hooked disk. */
async function withDisk<T>(world: World, hook: Hook, act: (storage: Storage) => Promise<T> | T): Promise<T> {
  const disk = hookedDisk(world.machine.disk, hook);
  using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
  return await act(storage);
}

Deno.test("a wish to stop that comes while the disk writes what was read costs the wait, not the snapshot", async () => {
  using world = new World();
  world.write("a", "1");
  const controller = new AbortController(), monitor = new TestMonitor();
  const stopping: Hook = async ({ operation }, proceed) => {
    if (operation !== "syncFileSystem") return proceed();
    controller.abort();
    return await proceed();
  };
  const hook: Hook = (call, proceed) => call.operation === "syncFileSystem" ? stopping(call, proceed) : proceed();
  const snapshot = await withDisk(world, hook, (storage) => {
    return backup(storage, { ...world.request(), signal: controller.signal }, monitor);
  });
  ok(snapshot.complete);
  deepStrictEqual(monitor.notices, [
    "Waiting for the disk to finish writing what it was given; the snapshot is made as soon as it has",
    "Everything had been read: the snapshot was made all the same",
  ]);
});

Deno.test("buildTree() leaves the links to its threads", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 3000; i++) world.write(`d${i % 7}/f${i}`, `content ${i}`);
  await world.backup();
  const signal = new AbortController().signal;
  const linked: number[] = [];
  for (const workers of [0, 2]) {
    let links = 0;
    const count: Hook = ({ operation }, proceed) => {
      if (operation !== "link") return proceed();
      links++;
      // As slow as that, threads are worth it soon.
      world.clock.ms += 1;
      return proceed();
    };
    await withDisk(world, count, async (storage) => {
      const snapshot = storage.resolve("latest"), monitor = new TestMonitor();
      removeTree(storage, snapshot, monitor);
      const tree = await buildTree(storage, snapshot, { workers, signal }, monitor);
      strictEqual(monitor.of("linkedFiles"), 3000);
      strictEqual(run("diff", "-r", world.source, `${world.storagePath}/${tree}`), "");
    });
    linked.push(links);
  }
  ok(linked[0]! >= 3000 && linked[1]! < 1500, `${linked} links were made in the main thread`);
});

Deno.test("buildTree() hears of a wish to stop in the middle of a directory, and leaves no tree", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 2000; i++) world.write(`f${i}`, `content ${i}`);
  const { snapshot } = await world.backup();
  const controller = new AbortController();
  let links = 0, heardAt = 0;
  controller.signal.addEventListener("abort", () => heardAt = links);
  const slow: Hook = ({ operation }, proceed) => {
    if (operation !== "link") return proceed();
    world.clock.ms += 10;
    if (++links === 700) setTimeout(() => controller.abort());
    return proceed();
  };
  await withDisk(world, slow, async (storage) => {
    removeTree(storage, storage.resolve("latest"), new TestMonitor());
    const request = { workers: 0, signal: controller.signal };
    await rejects(buildTree(storage, storage.resolve("latest"), request, new TestMonitor()), Interrupted);
  });
  ok(heardAt >= 700 && heardAt < 740, `heard after ${heardAt} links`);
  strictEqual(run("find", world.storagePath, "-path", `*/${snapshot.tree}`), "");
});
