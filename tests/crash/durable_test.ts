/** A snapshot exists only once the disk has said that everything it refers to is there. */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { type Hook, hookedDisk } from "../support/hooked_disk.ts";
import { TestMonitor, World } from "../support/world.ts";

const SLOW_SYNC_MS = 60;

async function backupHooked(world: World, hook: Hook): Promise<void> {
  const machine = { ...world.machine, disk: hookedDisk(openDisk(), hook) };
  const monitor = new TestMonitor();
  using storage = openStorage(machine, rawOf(world.storagePath), monitor);
  await backup(storage, world.request(), monitor);
}

const isRoot = (name: string) => /[0-9a-f]{62}f0$/.test(name);

Deno.test("a backup makes its root after a sync that began after its last content, hunk and link, and has ended", async () => {
  using world = new World();
  for (let i = 0; i < 20; i++) world.write(`d${i % 3}/f${i}`, `content ${i}`);
  const order: string[] = [];
  await backupHooked(world, ({ operation, path, args }, proceed) => {
    if (operation === "syncFileSystem") {
      order.push("sync");
      return new Promise((wake) => setTimeout(wake, SLOW_SYNC_MS)).then(proceed).then(() => void order.push("synced"));
    }
    const to = String(args.at(-1));
    if (operation === "rename" && isRoot(to)) order.push("root");
    else if (operation === "rename" && to.endsWith("f1")) order.push("hunk");
    else if (operation === "create" && path.includes("/content/")) order.push("content");
    else if (operation === "link") order.push("link");
    return proceed();
  });
  const last = order.slice(order.findLastIndex((what) => ["content", "hunk", "link"].includes(what)) + 1);
  deepStrictEqual(last, ["sync", "synced", "root"]);
  deepStrictEqual([...new Set(order)].sort(), ["content", "hunk", "link", "root", "sync", "synced"]);
});

Deno.test("a backup that can't be made durable makes no snapshot", async () => {
  using world = new World();
  world.write("a", "1");
  const first = (await world.backup()).snapshot;
  world.write("a", "2");
  world.clock.pass(1);
  await rejects(
    backupHooked(world, ({ operation, path }, proceed) => {
      if (operation !== "syncFileSystem") return proceed();
      return Promise.reject(new DiskFault("EIO", "sync the file system of", rawOf(path)));
    }),
    DiskFault,
  );
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ id }) => id), [first.id]);
  ok((await world.check()).damaged === 0);
});
