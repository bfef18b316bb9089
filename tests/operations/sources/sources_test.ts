import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import type { Stat } from "../../../src/core/stat.ts";
import { type Disk, DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, World } from "../../support/world.ts";

/** Text of all paths of the newest snapshot. */
function backedUp(world: World): string[] {
  using storage = world.open();
  const { id } = storage.snapshots().at(-1)!;
  return [...storage.manifest(id).entries()].map(({ path }) => textOf(path));
}

for (const inside of ["", "/", "/content", "/content/ab", "/db", "/db/main", "/tmp", "/2026", "/latest"]) {
  Deno.test(`backup() refuses the storage${inside} as a source of itself`, async () => {
    using world = new World();
    world.write("a", "1");
    await world.backup();
    Deno.mkdirSync(`${world.storagePath}/content/ab`, { recursive: true });
    const before = world.items().size;
    const sources = [rawOf(world.source), rawOf(world.storagePath + inside)];
    await rejects(world.backup({ sources }), { code: "source-in-storage" });
    strictEqual(world.items().size, before);
  });
}

Deno.test("backup() refuses the storage as a source also through a symlink", async () => {
  using world = new World();
  Deno.symlinkSync(world.storagePath, `${world.base}/link`);
  await rejects(world.backup({ sources: [rawOf(`${world.base}/link`)] }), { code: "source-in-storage" });
  await rejects(world.backup({ sources: [rawOf(`${world.base}/link/db`)] }), { code: "source-in-storage" });
});

Deno.test("backup() takes what lies in a storage's archive, which is no part of it", async () => {
  using world = new World();
  Deno.mkdirSync(`${world.storagePath}/archive/photos`, { recursive: true });
  Deno.writeTextFileSync(`${world.storagePath}/archive/photos/1.jpg`, "1");
  const { snapshot } = await world.backup({ sources: [rawOf(`${world.storagePath}/archive/photos`)] });
  strictEqual(snapshot.files, 1);
});

Deno.test("backup() never backs up the storage into itself, wherever it lies and whatever it is called by", async () => {
  using world = new World();
  world.write("a", "1");
  Deno.mkdirSync(`${world.source}/deep/down`, { recursive: true });
  Deno.renameSync(world.storagePath, `${world.source}/deep/down/storage`);
  Deno.symlinkSync(`${world.source}/deep/down/storage`, world.storagePath);
  for (let i = 0; i < 2; i++) {
    const { monitor } = await world.backup();
    deepStrictEqual(backedUp(world), ["/", "/a", "/deep", "/deep/down"]);
    deepStrictEqual(monitor.notices, [`Skipped ${world.source}/deep/down/storage: it is the storage itself`]);
  }
});

Deno.test("backup() leaves out no directory but the storage on a platform without inode numbers", async () => {
  const disk: Disk = hookedDisk(openDisk(), (call, proceed) => {
    const answer = proceed();
    const isStat = call.operation === "stat" || call.operation === "statSelf";
    return isStat && answer !== undefined ? { ...answer as Stat, inode: "0" } : answer;
  });
  using world = new World({ disk });
  world.write("dir/a", "1");
  await world.backup({ sources: [rawOf(world.base)] });
  deepStrictEqual(backedUp(world), ["/", "/source", "/source/dir", "/source/dir/a"]);
});

Deno.test("backup() says that a source isn't there, and makes no snapshot", async () => {
  using world = new World();
  world.write("a", "1");
  Deno.symlinkSync("nowhere", `${world.base}/dangling`);
  for (const missing of ["missing", "source/a/b/c", "dangling", "missing/deep"]) {
    const sources = [rawOf(world.source), rawOf(`${world.base}/${missing}`)];
    await rejects(world.backup({ sources }), { code: "no-source" });
  }
  using storage = world.open();
  deepStrictEqual(storage.snapshots(), []);
});

Deno.test("backup() follows a symlink that is given as the source, and no other", async () => {
  using world = new World();
  world.write("real/a", "1");
  Deno.symlinkSync("real", `${world.source}/link`);
  const { snapshot } = await world.backup({ sources: [rawOf(`${world.source}/link`)] });
  deepStrictEqual(backedUp(world), ["/", "/a"]);
  strictEqual(snapshot.name, "real");
  await world.backup();
  deepStrictEqual(backedUp(world), ["/", "/link", "/real", "/real/a"]);
});

Deno.test("backup() of a single file gives it back, alone and beside others of its name", async () => {
  using world = new World();
  for (const path of ["letter", "one/letter", "two/letter/inside"]) world.write(path, path);
  const { snapshot } = await world.backup({ sources: [rawOf(`${world.source}/letter`)] });
  deepStrictEqual(backedUp(world), ["/letter"]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/${snapshot.tree}/letter`), "letter");
  const sources = ["one/letter", "letter", "two/letter"].map((path) => rawOf(`${world.source}/${path}`));
  await world.backup({ sources, name: "three" });
  deepStrictEqual(backedUp(world), ["/letter", "/letter-2", "/letter-3", "/letter-3/inside"]);
  const { target } = await world.restore("latest");
  strictEqual(Deno.readTextFileSync(`${target}/letter`), "one/letter");
  strictEqual(Deno.readTextFileSync(`${target}/letter-2`), "letter");
  strictEqual(differences(`${world.source}/two/letter`, `${target}/letter-3`), "");
});

Deno.test("backup() says of a source inside another whether it is backed up with it", async () => {
  using world = new World();
  world.write("photos/2026/a", "1");
  world.write("photos/cache/b", "2");
  const sources = ["", "/photos/2026", "/photos/cache"].map((path) => rawOf(world.source + path));
  const { monitor } = await world.backup({ sources, excludes: ["cache"] });
  deepStrictEqual(monitor.notices, [
    `${world.source}/photos/2026 lies inside the source ${world.source}, and is backed up with it`,
    `${world.source}/photos/cache lies inside the source ${world.source}, and is excluded by the pattern cache`,
  ]);
  deepStrictEqual(backedUp(world), ["/", "/photos", "/photos/2026", "/photos/2026/a"]);
});

Deno.test("backup() with a pattern that can't be understood does nothing", async () => {
  using world = new World();
  world.write("a", "1");
  await rejects(world.backup({ excludes: ["["] }), { code: "bad-pattern" });
  using storage = world.open();
  deepStrictEqual(storage.snapshots(), []);
});

Deno.test("backup() of a directory below one that may only be passed through makes a private tree", async () => {
  let refused = 0;
  let base = "";
  const disk: Disk = hookedDisk(openDisk(), (call, proceed) => {
    if (call.operation === "openDir" && call.args[0] === base) {
      refused++;
      throw new DiskFault("EACCES", "open", rawOf(base));
    }
    return proceed();
  });
  using world = new World({ disk });
  world.write("a", "1");
  base = Deno.realPathSync(world.base);
  const { snapshot } = await world.backup();
  ok(refused > 0);
  strictEqual(Deno.statSync(`${world.storagePath}/${snapshot.tree}`).mode! & 0o777, 0o700);
});

Deno.test("backup() that loses its source makes no snapshot, and leaves the last one as it was", async () => {
  let armed = false;
  let source = "";
  const disk: Disk = hookedDisk(openDisk(), (call, proceed) => {
    if (armed && call.operation === "openPath" && call.path.endsWith("/source/b")) {
      armed = false;
      Deno.renameSync(source, `${source}-gone`);
    }
    return proceed();
  });
  using world = new World({ disk });
  source = world.source;
  for (const path of ["a/1", "b/2", "c/3"]) world.write(path, path);
  const { snapshot } = await world.backup();
  armed = true;
  await rejects(world.backup(), { code: "source-gone" });
  {
    using storage = world.open();
    deepStrictEqual(storage.snapshots().map(({ id }) => id), [snapshot.id]);
  }
  Deno.renameSync(`${source}-gone`, source);
  const { monitor } = await world.backup();
  deepStrictEqual([monitor.of("unchangedFiles"), monitor.of("readFiles")], [3, 0]);
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("backup() leaves out what .backupignore files say, and counts it", async () => {
  using world = new World();
  world.write("src/a.ts", "1");
  world.write("src/a.o", "2");
  world.write("src/build/x", "3");
  world.write("src/.backupignore", "*.o\n/build/\n");
  const { monitor } = await world.backup();
  deepStrictEqual(backedUp(world), ["/", "/src", "/src/.backupignore", "/src/a.ts"]);
  strictEqual(monitor.of("excludedEntries"), 2);
  await world.backup({ ignoreFiles: false });
  strictEqual(backedUp(world).length, 7);
  run("rm", `${world.source}/src/.backupignore`);
  await world.backup();
  strictEqual(backedUp(world).length, 6);
});
