import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { JobWorld } from "../../support/job_world.ts";

Deno.test("a backup job does what the options of the command do", async () => {
  using world = new JobWorld();
  for (
    const path of [
      "photos/a",
      "photos/b.tmp",
      "photos/@eaDir/x",
      "photos/listed",
      "photos/c.BAK",
      "photos/own/x",
      "photos/own/.nobackup",
      "docs/letter",
    ]
  ) {
    world.write(path, path);
  }
  world.write("photos/big", new Uint8Array(2000));
  Deno.writeTextFileSync(`${world.base}/excludes`, "# a comment\nlisted\n");
  world.put("a.json", {
    kind: "backup",
    name: "things",
    sources: [`${world.source}/photos`, { path: `${world.source}/docs`, as: "papers" }],
    exclude: ["*.tmp"],
    iexclude: ["*.bak"],
    excludeIfPresent: [".nobackup"],
    excludeFrom: [`${world.base}/excludes`],
    presets: ["nas"],
    tags: ["nightly"],
    maxSize: "1K",
    tree: false,
    host: "nas",
  });
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.outcome, entry?.counts["readFiles"]], ["done", 3]);
  using storage = world.open();
  const { name, host, tags, tree, id } = storage.resolve("latest");
  deepStrictEqual({ name, host, tags, tree }, { name: "things", host: "nas", tags: ["nightly"], tree: null });
  const paths = [...storage.manifest(id).entries(parseApath("/"))].map(({ path }) => String(path));
  deepStrictEqual(paths, ["/papers", "/photos", "/papers/letter", "/photos/a", "/photos/own", "/photos/own/.nobackup"]);
});

Deno.test("a backup job that says what to keep forgets the other snapshots of its series, and only those", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  await world.backup({ name: "other", host: "testhost" });
  for (let i = 0; i < 4; i++) {
    world.put("a.json", { kind: "backup", sources: [world.source], name: "x", keep: { last: 2 } });
    strictEqual((await world.perform("a.json"))?.outcome, "done");
  }
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ name }) => name), ["other", "x", "x"]);
});

Deno.test("a prune job forgets by the policy of the storage, and frees what nothing needs", async () => {
  using world = new JobWorld();
  for (const text of ["first", "second", "third"]) {
    world.write("a", text);
    await world.backup({ name: "x" });
  }
  {
    using storage = world.open();
    using writer = storage.write("test");
    writer.setPolicy({ last: 1 });
  }
  const before = world.items().size;
  world.put("a.json", { kind: "prune", keep: "policy" });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  using storage = world.open();
  strictEqual(storage.snapshots().length, 1);
  ok(world.items().size < before);
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("a prune job without rules forgets nothing", async () => {
  using world = new JobWorld();
  for (let i = 0; i < 3; i++) await world.backup();
  world.put("a.json", { kind: "prune" });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  using storage = world.open();
  strictEqual(storage.snapshots().length, 3);
});

Deno.test("a restore job takes the newest snapshot of the series that it names", async () => {
  using world = new JobWorld();
  world.write("2024/a.jpg", "old");
  world.write("2025/b.jpg", "new");
  await world.backup({ name: "photos" });
  world.write("2024/a.jpg", "of another series");
  await world.backup({ name: "other" });
  const target = `${world.base}/restored`;
  world.put("a.json", { kind: "restore", name: "photos", snapshot: "latest", include: ["2024/**"], target });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  strictEqual(Deno.readTextFileSync(`${target}/2024/a.jpg`), "old");
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["2024"]);
});

Deno.test("a restore job doesn't write into a directory that holds something, unless it is told to", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/mine`, "mine");
  world.put("a.json", { kind: "restore", target });
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", "target-not-empty"]);
  world.put("a.json", { kind: "restore", target, overwrite: "never" });
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name).sort(), ["a", "mine"]);
});

Deno.test("a check job has a problem for each damage it finds", async () => {
  using world = new JobWorld();
  world.write("a", "precious");
  await world.backup();
  const [, path] = [...world.items()].find(([id]) => id.length === 64)!;
  Deno.chmodSync(path, 0o644);
  Deno.writeTextFileSync(path, "PRECIOUS");
  world.put("a.json", { kind: "check", readData: true });
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.outcome, entry?.problems.map(({ code }) => code)], ["problems", ["damage-found"]]);
});

Deno.test("the same job file put in again is a new job", async () => {
  using world = new JobWorld();
  const job = { kind: "import", source: world.source, destination: "x" };
  const runs = new Set<string>();
  for (const text of ["first", "second"]) {
    world.write("a", text);
    world.put("a.json", job);
    runs.add((await world.perform("a.json"))!.run);
    strictEqual(Deno.readTextFileSync(`${world.archive}/x/a`), text);
  }
  strictEqual(runs.size, 2);
  strictEqual(world.history().length, 2);
});

Deno.test("a job file that is replaced while its job is being done is a job of its own", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", { kind: "backup", sources: [world.source] });
  const { hookedDisk } = await import("../../support/hooked_disk.ts");
  const { openDisk } = await import("../../../src/platform/open_disk.ts");
  let isReplaced = false;
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (!isReplaced && operation === "open" && path.endsWith("/source/a")) {
      isReplaced = true;
      world.put("a.json", { kind: "check" });
    }
    return proceed();
  });
  strictEqual((await world.perform("a.json", disk))?.kind, "backup");
  strictEqual((await world.perform("a.json"))?.kind, "check");
  deepStrictEqual(world.remains(), []);
});

Deno.test("a backup job holds its sources still, watches what is static, and reads all if it is told to", async () => {
  using world = new JobWorld();
  for (const path of ["photos/a", "letter"]) world.write(path, "live");
  const copy = `${world.base}/copy`;
  const job = {
    kind: "backup",
    sources: [world.source],
    static: ["photos/"],
    force: true,
    lock: {
      before: `cp -a ${world.source} ${copy} && echo frozen > ${copy}/letter`,
      after: `rm -r ${copy}`,
      readFrom: copy,
    },
  };
  for (const [outcome, read] of [["done", 2], ["problems", 1]] as const) {
    world.put("a.json", job);
    const entry = await world.perform("a.json");
    deepStrictEqual([entry?.outcome, entry?.counts["readFiles"]], [outcome, read]);
    world.write("photos/a", "changed");
  }
  using storage = world.open();
  const { sources, id } = storage.resolve("latest");
  deepStrictEqual(sources, [world.source]);
  strictEqual(storage.manifest(id).entry(parseApath("/letter"))?.size, 7);
  strictEqual(storage.manifest(id).entry(parseApath("/photos/a"))?.size, 4);
});

Deno.test("a restore job in place brings back what was lost, and leaves what is newer", async () => {
  using world = new JobWorld();
  world.write("lost", "1");
  world.write("changed", "2");
  await world.backup();
  Deno.removeSync(`${world.source}/lost`);
  world.write("changed", "later");
  Deno.utimeSync(`${world.source}/changed`, 4e9, 4e9);
  world.put("a.json", { kind: "restore", inPlace: true });
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.outcome, entry?.problems.map(({ code }) => code)], ["problems", ["target-newer"]]);
  strictEqual(Deno.readTextFileSync(`${world.source}/lost`), "1");
  strictEqual(Deno.readTextFileSync(`${world.source}/changed`), "later");
});
