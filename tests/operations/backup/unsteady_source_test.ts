/** A backup whose source won't hold still, or can't be read. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Apath, parseApath } from "../../../src/core/apath.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { type Disk, DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { type Call, hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

/** Bytes that no file system and no checksum finds easy. */
function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 0x7fffffff) & 0xff);
}

/** A world in which something happens on the way to one file. */
function meddled(hook: (call: Call, world: World) => void): World {
  const holder: { world?: World } = {};
  const disk: Disk = hookedDisk(openDisk(), (call, proceed) => {
    if (holder.world !== undefined && call.path.startsWith(holder.world.source)) hook(call, holder.world);
    return proceed();
  });
  return holder.world = new World({ disk, inMemory: true });
}

/** Calls back at the n-th call of an operation on a path that ends like this. */
function atCall(operation: string, end: string, action: (world: World, path: string) => void, nth = 1) {
  let calls = 0;
  return (call: Call, world: World): void => {
    if (call.operation === operation && call.path.endsWith(end) && ++calls === nth) action(world, call.path);
  };
}

async function entryOf(world: World, path: string) {
  using storage = world.open();
  const { id } = storage.resolve("latest");
  return await Promise.resolve(storage.manifest(id).entry(parseApath(path)));
}

function codes(monitor: TestMonitor): string[] {
  return monitor.problems.map(({ name }) => name);
}

const SIZES = { "a small file": 1000, "a file just below the buffer": 256 * 1024 - 1, "a large file": 900_000 };
const CHANGES: Readonly<Record<string, (path: string, world: World) => void>> = {
  "grows": (path) => Deno.writeTextFileSync(path, "more", { append: true }),
  "grows beyond the buffer": (path) => Deno.writeFileSync(path, noise(400_000, 9), { append: true }),
  "shrinks": (path) => Deno.truncateSync(path, 10),
  "is emptied": (path) => Deno.truncateSync(path, 0),
  "is overwritten with the same size": (path) => Deno.writeFileSync(path, noise(Deno.statSync(path).size, 8)),
};

for (const [what, size] of Object.entries(SIZES)) {
  for (const [how, change] of Object.entries(CHANGES)) {
    Deno.test(`${what} that ${how} while it is read is read again`, async () => {
      using world = meddled(atCall("read", "/f", (world, path) => {
        // Clocks of file systems tick every few milliseconds.
        run("sleep", "0.01");
        change(path, world);
      }));
      world.write("f", noise(size, 5));
      world.write("other", "other");
      const { snapshot, monitor } = await world.backup();
      deepStrictEqual(codes(monitor), []);
      strictEqual(snapshot.problems, 0);
      const { target } = await world.restore("latest");
      strictEqual(differences(world.source, target), "");
      strictEqual((await world.check()).damaged, 0);
      strictEqual((await world.backup()).monitor.of("readFiles"), 0);
    });
  }
}

Deno.test("a file that never holds still is kept as it was read last, marked, and read again by the next backup", async () => {
  let times = 0, busy = true;
  using world = meddled(({ operation, path }) => {
    if (!busy || operation !== "read" || !path.endsWith("/busy")) return;
    run("sleep", "0.01");
    Deno.writeTextFileSync(path, `line ${times++}\n`, { append: true });
  });
  world.write("busy", "start\n");
  world.write("other", "other");
  const { snapshot, monitor } = await world.backup();
  deepStrictEqual(codes(monitor), ["source-changing"]);
  match(monitor.problems[0]!.message, /\/source\/busy"/);
  strictEqual(snapshot.problems, 1);
  strictEqual(snapshot.files, 2);
  ok(times >= 3 && times < 10, `read ${times} times`);
  match((await entryOf(world, "/busy"))!.problems!.join(), /changed each time/);
  strictEqual((await world.check()).damaged, 0);
  busy = false;
  const next = await world.backup();
  strictEqual(next.monitor.of("readFiles"), 1);
  deepStrictEqual(codes(next.monitor), []);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
});

/** What a file can turn into between the look at it and its opening, and the code of the problem that this is. */
const SWAPS: Readonly<Record<string, readonly [(path: string, world: World) => void, string]>> = {
  "vanishes": [(path) => Deno.removeSync(path), "source-vanished"],
  "becomes a symlink to a secret": [
    (path, world) => {
      Deno.removeSync(path);
      Deno.symlinkSync(`${world.base}/secret`, path);
    },
    "disk",
  ],
  "becomes a directory": [
    (path) => {
      Deno.removeSync(path);
      Deno.mkdirSync(path);
    },
    "disk",
  ],
  "becomes a pipe": [
    (path) => {
      Deno.removeSync(path);
      run("mkfifo", path);
    },
    "disk",
  ],
};

for (const [how, [swap, code]] of Object.entries(SWAPS)) {
  Deno.test(`a file that ${how} before it is opened is reported, and the others are kept`, async () => {
    using world = meddled(atCall("open", "/d/f", (world, path) => swap(path, world)));
    Deno.writeTextFileSync(`${world.base}/secret`, "TOP SECRET");
    for (const name of ["d/e", "d/f", "d/g", "h"]) world.write(name, `content of ${name}`);
    const { snapshot, monitor } = await world.backup();
    deepStrictEqual(codes(monitor), [code]);
    match(monitor.problems[0]!.message, /\/d\/f"/);
    deepStrictEqual([snapshot.files, snapshot.problems], [3, 1]);
    const entry = await entryOf(world, "/d/f");
    strictEqual(entry!.content, undefined);
    strictEqual(entry!.problems!.length, 1);
    for (const path of world.items().values()) ok(!Deno.readTextFileSync(path).includes("SECRET"));
    strictEqual((await world.check()).damaged, 0);
    run("rm", "-rf", `${world.source}/d/f`);
    world.write("d/f", "back again");
    deepStrictEqual(codes((await world.backup()).monitor), []);
    strictEqual(differences(world.source, (await world.restore("latest")).target), "");
  });
}

Deno.test("a directory that becomes a symlink is not followed, whenever it happens", async () => {
  for (const operation of ["list", "open", "openPath"]) {
    for (const nth of [1, 2]) {
      using world = meddled(atCall(operation, operation === "open" ? "/d/f" : "/d", (world) => {
        Deno.renameSync(`${world.source}/d`, `${world.base}/away`);
        Deno.symlinkSync(`${world.base}/outside`, `${world.source}/d`);
      }, nth));
      Deno.mkdirSync(`${world.base}/outside`);
      for (const name of ["f", "g"]) Deno.writeTextFileSync(`${world.base}/outside/${name}`, "TOP SECRET");
      for (const name of ["a", "d/f", "d/g", "z"]) world.write(name, `content of ${name}`);
      await world.backup();
      for (const path of world.items().values()) ok(!Deno.readTextFileSync(path).includes("SECRET"), operation);
      strictEqual((await world.check()).damaged, 0);
    }
  }
});

/** Read in several steps. */
const LARGE = 600_000;

/** Failures of the source that concern one object. */
const UNREADABLE: Readonly<Record<string, readonly [operation: string, errno: string, end: string, files: number]>> = {
  "a file that may not be read": ["open", "EACCES", "/d/f", 3],
  "a file on a bad sector": ["read", "EIO", "/d/f", 3],
  "a directory that may not be listed": ["list", "EACCES", "/d", 1],
  "a directory on a bad sector": ["list", "EIO", "/d", 1],
  "a symlink that can't be read": ["readlink", "EIO", "/link", 4],
};

for (const [what, [operation, errno, end, files]] of Object.entries(UNREADABLE)) {
  for (const size of [100, LARGE]) {
    Deno.test(`${what} (files of ${size} bytes) is reported, the others go on, and it is read when it can be`, async () => {
      let broken = true, reads = 0;
      using world = meddled(({ operation: done, path }) => {
        const late = operation !== "read" || size < 1000 || ++reads > 1;
        if (broken && done === operation && path.endsWith(end) && late) throw new DiskFault(errno, done, rawOf(path));
      });
      for (const name of ["d/e", "d/f", "d/g", "h"]) world.write(name, noise(size, name.length + name.charCodeAt(2)));
      Deno.symlinkSync("h", `${world.source}/link`);
      const { snapshot, monitor } = await world.backup();
      deepStrictEqual(codes(monitor), ["disk"]);
      ok(monitor.problems[0]!.message.includes(`${end}"`), monitor.problems[0]!.message);
      ok(monitor.problems[0]!.message.includes(errno));
      deepStrictEqual([snapshot.files, snapshot.problems, snapshot.complete], [files, 1, true]);
      deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
      strictEqual((await world.check()).damaged, 0);
      broken = false;
      const next = await world.backup();
      deepStrictEqual(codes(next.monitor), []);
      strictEqual(next.snapshot.problems, 0);
      strictEqual(differences(world.source, (await world.restore("latest")).target), "");
    });
  }
}

Deno.test("a storage that can't be written is the storage's failure, not that of a file", async () => {
  for (const errno of ["EIO", "EROFS", "EDQUOT"]) {
    using world = new World({ inMemory: true });
    world.write("a", "1");
    await world.backup();
    world.write("a", "2");
    const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "write" && path.includes("/content/")) throw new DiskFault(errno, "write", rawOf(path));
      return proceed();
    });
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
    await rejects(backup(storage, world.request(), new TestMonitor()), { code: "disk", errno });
    strictEqual(storage.snapshots().length, 1);
  }
});

Deno.test("apaths of the source's problems are those of the snapshot", async () => {
  using world = meddled(atCall("open", "/f", (_, path) => Deno.removeSync(path)));
  world.write("x/f", "1");
  await world.backup();
  using storage = world.open();
  const entries = [...storage.manifest(storage.resolve("latest").id).entries()];
  deepStrictEqual(entries.filter(({ problems }) => problems).map(({ path }) => path), ["/x/f" as Apath]);
});
