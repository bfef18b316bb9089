/** Something else where a part of a storage should be: it is set aside, told, and the part is there again. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { Fault } from "../../src/core/fault.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { forget } from "../../src/operations/forget/forget.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { repair } from "../../src/operations/repair/repair.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import type { Policy } from "../../src/core/policy.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

/** Shell commands that put something at "$1". */
const THINGS = {
  directory: 'mkdir "$1" && echo x >"$1/in it" && chmod 555 "$1"',
  symlink: 'ln -s /etc/passwd "$1"',
  pipe: 'mkfifo "$1"',
} as const;
type Thing = keyof typeof THINGS;

function replaceBy(thing: Thing, path: string): void {
  run("rm", "-rf", path);
  run("sh", "-c", THINGS[thing], "sh", path);
}

async function makeWorld(): Promise<World> {
  const world = new World({ inMemory: true });
  for (const name of ["a", "b", "sub/c"]) world.write(name, `content of ${name}`);
  await world.backup();
  return world;
}

function itemOf(world: World, isWanted: (id: string) => boolean): string {
  const id = [...world.items().keys()].find(isWanted)!;
  return `${world.storagePath}/content/${id.slice(0, 2)}/${id.slice(2)}`;
}

const isContent = (id: string) => id.length === 64;
const isRoot = (id: string) => id.endsWith("f0") && id.length === 66;
const isHunk = (id: string) => id.endsWith("f1") && id.length === 66;

function quarantined(world: World): string[] {
  return run("sh", "-c", `ls ${world.storagePath}/quarantine 2>/dev/null || true`).trim().split("\n").filter(Boolean);
}

async function repairAll(world: World): Promise<{ monitor: TestMonitor; lost: number }> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const request = { readData: false, from: [], dryRun: false, workers: 0, signal: new AbortController().signal };
  const { lost } = await repair(storage, request, () => {}, monitor);
  return { monitor, lost };
}

async function assertWhole(world: World): Promise<void> {
  deepStrictEqual((await world.check()).findings.filter(({ severity }) => severity === "damage"), []);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
}

for (const thing of ["directory", "symlink", "pipe"] as const) {
  Deno.test(`a ${thing} in the place of a content is found, and a repair stores the content again`, async () => {
    using world = await makeWorld();
    replaceBy(thing, itemOf(world, isContent));
    strictEqual((await world.check()).damaged, 1);
    strictEqual((await repairAll(world)).lost, 0);
    strictEqual(quarantined(world).length, 1);
    await assertWhole(world);
  });

  Deno.test(`a ${thing} in the place of a content is set aside by a backup that reads the file`, async () => {
    using world = await makeWorld();
    replaceBy(thing, itemOf(world, isContent));
    const { monitor } = await world.backup({ name: "another" });
    deepStrictEqual(monitor.problems, []);
    match(monitor.notices.join("\n"), /What had the place of a content is now in quarantine\//);
    strictEqual(quarantined(world).length, 1);
    await assertWhole(world);
  });

  Deno.test(`a ${thing} in the place of a hunk or root is set aside when there is a remedy`, async () => {
    using world = await makeWorld();
    replaceBy(thing, itemOf(world, isHunk));
    deepStrictEqual((await world.backup()).monitor.problems, []);
    await assertWhole(world);
    const root = itemOf(world, isRoot);
    replaceBy(thing, root);
    const { lost, monitor } = await repairAll(world);
    strictEqual(lost, 0, monitor.notices.join("\n"));
    ok(quarantined(world).length >= 2);
    strictEqual((await world.check()).damaged, 0);
  });

  Deno.test(`a ${thing} in the place of a root can be forgotten by its whole id`, async () => {
    using world = await makeWorld();
    const path = itemOf(world, isRoot), id = path.slice(-67).replace("/", "");
    world.write("d", "more");
    await world.backup();
    replaceBy(thing, path);
    {
      using storage = world.open();
      await forget(storage, { dryRun: false, snapshots: [id] }, new TestMonitor());
      strictEqual(storage.rootIds().length, 1);
    }
    await assertWhole(world);
  });

  Deno.test(`a ${thing} in the place of db/lock, the policy, or latest/ is no obstacle`, async () => {
    using world = await makeWorld();
    replaceBy(thing, `${world.storagePath}/db/lock`);
    if (thing !== "symlink") replaceBy(thing, `${world.storagePath}/latest/source`);
    replaceBy(thing, `${world.storagePath}/db/policy`);
    const { monitor } = await world.backup();
    deepStrictEqual(monitor.problems, []);
    strictEqual(Deno.lstatSync(`${world.storagePath}/latest/source`).isSymlink, true);
    using storage = world.open();
    const keep: Policy = { daily: 3 };
    {
      using writer = storage.write("policy");
      writer.setPolicy(keep);
    }
    deepStrictEqual(storage.policy(), keep);
    strictEqual(Deno.lstatSync(`${world.storagePath}/db/lock`).isFile, true);
  });

  Deno.test(`a ${thing} in the place of db/main or the catalog: both are made again`, async () => {
    using world = await makeWorld();
    replaceBy(thing, `${world.storagePath}/db/main`);
    await assertWhole(world);
    strictEqual(Deno.lstatSync(`${world.storagePath}/db/main`).isFile, true);
    replaceBy(thing, `${world.storagePath}/db/catalog.sqlite`);
    await assertWhole(world);
    using storage = world.open();
    rebuildCatalog(storage, new TestMonitor());
    strictEqual(Deno.lstatSync(`${world.storagePath}/db/catalog.sqlite`).isFile, true);
  });
}

for (const place of ["content", "db", "tmp", "latest", "2026"]) {
  Deno.test(`a file in the place of a directory: ${place}`, async () => {
    using world = await makeWorld();
    let path = `${world.storagePath}/${place}`;
    if (place === "content") path = itemOf(world, isContent).slice(0, -63);
    run("rm", "-rf", path);
    Deno.writeTextFileSync(path, "no directory");
    const { damaged } = await world.check();
    strictEqual(damaged > 0, place === "content");
    const { monitor } = await world.backup({ name: "another" });
    deepStrictEqual(monitor.problems, []);
    strictEqual(quarantined(world).length, 1, String(quarantined(world)));
    await assertWhole(world);
  });
}

Deno.test("what can't be removed from tmp/ is moved away with it, told, and in nobody's way", async () => {
  using world = await makeWorld();
  Deno.mkdirSync(`${world.storagePath}/tmp/manifest/stuck`, { recursive: true });
  const monitor = new TestMonitor();
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "rmdir" && path.endsWith("/stuck")) throw new DiskFault("EPERM", "remove", rawOf(path));
    return proceed();
  });
  {
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
    await backup(storage, { ...world.request(), name: "another" }, monitor);
  }
  deepStrictEqual(monitor.problems, []);
  match(monitor.notices.join("\n"), /tmp\/ can't be emptied: .*EPERM.*is now in quarantine\/tmp/);
  await assertWhole(world);
});

Deno.test("quarantine itself being a file is told in words", async () => {
  using world = await makeWorld();
  Deno.writeTextFileSync(`${world.storagePath}/quarantine`, "x");
  replaceBy("directory", itemOf(world, isContent));
  await rejects(world.backup({ name: "another" }), (error) => error instanceof Fault);
});
