/** What a repair finds copies in, what it believes, and what it says of what nobody can heal. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { TOP } from "../../../src/core/apath.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { check, type Finding } from "../../../src/operations/check/check.ts";
import { repair, type RepairRequest } from "../../../src/operations/repair/repair.ts";
import type { Repaired, RepairResult } from "../../../src/operations/repair/repaired.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { collidingPair } from "../../support/collision.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

interface Done extends RepairResult {
  readonly items: readonly Repaired[];
  readonly monitor: TestMonitor;
}

async function repaired(world: World, changes: Partial<RepairRequest> = {}): Promise<Done> {
  const monitor = new TestMonitor(), items: Repaired[] = [];
  using storage = world.open(monitor);
  const signal = new AbortController().signal;
  const request = { readData: true, from: [] as Storage[], dryRun: false, workers: 0, signal, ...changes };
  return { ...await repair(storage, request, (item) => items.push(item), monitor), items, monitor };
}

function itemOf(world: World, text: string): string {
  return [...world.items().values()].find((path) => Deno.readTextFileSync(path) === text)!;
}

/** Damages an item in its place, so that every name of it is damaged. */
function damage(path: string): void {
  Deno.chmodSync(path, 0o600);
  const bytes = Deno.readFileSync(path);
  bytes[0]! ^= 1;
  Deno.writeFileSync(path, bytes);
  Deno.chmodSync(path, 0o400);
}

async function assertSound(world: World): Promise<void> {
  deepStrictEqual((await world.check()).findings, []);
}

Deno.test("repair() of a storage without damage finds nothing and changes nothing", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  const { damaged, items } = await repaired(world);
  deepStrictEqual([damaged, items], [0, []]);
  ok(![...Deno.readDirSync(world.storagePath)].some(({ name }) => name === "quarantine"));
});

Deno.test("repair() takes a copy from the source, and the trees of all snapshots show the whole content again", async () => {
  using world = new World();
  world.write("dir/a", "precious");
  world.write("dir/b", "precious");
  const first = (await world.backup()).snapshot, second = (await world.backup()).snapshot;
  damage(itemOf(world, "precious"));
  const times = () => run("stat", "-c", "%y", `${world.storagePath}/${first.tree}/dir`);
  const before = times();
  const { healed, lost, items } = await repaired(world);
  deepStrictEqual([healed, lost, items[0]!.from], [1, 0, `${world.source}/dir/a`]);
  await assertSound(world);
  for (const { tree } of [first, second]) {
    for (const name of ["a", "b"]) {
      const path = `${world.storagePath}/${tree}/dir/${name}`;
      strictEqual(Deno.readTextFileSync(path), "precious");
      strictEqual(Deno.statSync(path).ino, Deno.statSync(itemOf(world, "precious")).ino);
    }
  }
  strictEqual(times(), before);
});

Deno.test("repair() takes a copy from where a file lay in an older snapshot", async () => {
  using world = new World();
  world.write("now", "precious");
  await world.backup();
  Deno.renameSync(`${world.source}/now`, `${world.source}/elsewhere`);
  await world.backup();
  Deno.renameSync(`${world.source}/elsewhere`, `${world.source}/now`);
  Deno.removeSync(itemOf(world, "precious"));
  run("sh", "-c", `rm -rf ${world.storagePath}/2026`);
  strictEqual((await repaired(world)).items[0]!.from, `${world.source}/now`);
  await assertSound(world);
});

Deno.test("repair() gives an item its name back from a tree, without new bytes", async () => {
  using world = new World();
  world.write("a", "precious");
  const { snapshot } = await world.backup();
  Deno.removeSync(`${world.source}/a`);
  const item = itemOf(world, "precious");
  Deno.removeSync(item);
  const { items } = await repaired(world, { readData: false });
  strictEqual(items[0]!.from, `${snapshot.tree}/a`);
  strictEqual(Deno.statSync(item).ino, Deno.statSync(`${world.storagePath}/${snapshot.tree}/a`).ino);
  await assertSound(world);
});

Deno.test("repair() takes a copy from a tree that has one of its own", async () => {
  using world = new World();
  world.write("a", "precious");
  const { snapshot } = await world.backup();
  Deno.removeSync(`${world.source}/a`);
  const shown = `${world.storagePath}/${snapshot.tree}/a`;
  run("sh", "-c", `cp -p ${shown} ${shown}.copy && mv ${shown}.copy ${shown}`);
  damage(itemOf(world, "precious"));
  strictEqual((await repaired(world)).items[0]!.from, `${snapshot.tree}/a`);
  await assertSound(world);
});

Deno.test("repair() believes nothing but the checksum", async () => {
  using world = new World();
  world.write("a", "precious");
  const { snapshot } = await world.backup();
  damage(itemOf(world, "precious"));
  const { mtime } = Deno.statSync(`${world.source}/a`);
  world.write("a", "PRECIOUS");
  Deno.utimeSync(`${world.source}/a`, mtime!, mtime!);
  const shown = `${world.storagePath}/${snapshot.tree}/a`;
  Deno.removeSync(shown);
  Deno.writeTextFileSync(shown, "preciouS");
  deepStrictEqual((await repaired(world)).lost, 1);
});

Deno.test("repair() names every path of every snapshot that needs what is lost, and keeps its bytes", async () => {
  using world = new World();
  for (let i = 0; i < 20; i++) world.write(`d${i}/file`, "precious");
  const first = (await world.backup()).snapshot.id, second = (await world.backup()).snapshot.id;
  Deno.removeSync(world.source, { recursive: true });
  const item = itemOf(world, "precious");
  damage(item);
  const bytes = Deno.readTextFileSync(item);
  const { lost, healed, items } = await repaired(world);
  deepStrictEqual([lost, healed, items.length], [1, 0, 1]);
  const [{ id, affected, quarantine, from, what }] = items as [Repaired];
  deepStrictEqual([from, what, quarantine], [undefined, "its bytes don't match its checksum", `quarantine/${id}`]);
  deepStrictEqual(affected.map(({ path }) => path).sort(), Array.from({ length: 20 }, (_, i) => `/d${i}/file`).sort());
  for (const { snapshots } of affected) deepStrictEqual(snapshots, [second, first]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/${quarantine}`), bytes);
  ok(!world.items().has(id));
  const again = await repaired(world);
  deepStrictEqual([again.lost, again.items[0]!.what, again.items[0]!.quarantine], [1, "it is missing", undefined]);
});

Deno.test("repair() as a dry run says the same and changes nothing", async () => {
  using world = new World();
  for (const name of ["kept", "lost"]) world.write(name, `content ${name}`);
  await world.backup({ tree: false });
  Deno.removeSync(`${world.source}/lost`);
  for (const name of ["kept", "lost"]) damage(itemOf(world, `content ${name}`));
  const state = () => run("find", world.storagePath, "-not", "-path", "*/db*", "-printf", "%p %i %s %T@ %m\n");
  const before = state();
  const { healed, lost, items } = await repaired(world, { dryRun: true });
  deepStrictEqual([healed, lost], [1, 1]);
  strictEqual(state(), before);
  const done = await repaired(world);
  const summary = (all: readonly Repaired[]) => all.map(({ id, from, what }) => `${id} ${from} ${what}`).sort();
  deepStrictEqual(summary(done.items), summary(items));
});

for (const algorithm of ["sha256", "md5", "blake3"] as const) {
  Deno.test(`repair() from a second storage with ${algorithm} finds contents by name, size and checksum`, async () => {
    using world = new World(), other = new World({ algorithm });
    const texts = ["one", "two", "six"].map((word) => `content ${word}`);
    for (const [i, text] of texts.entries()) {
      world.write(`d${i}/file`, text);
      other.write(`elsewhere${i}/file`, text);
    }
    await world.backup();
    await other.backup();
    Deno.removeSync(world.source, { recursive: true });
    for (const text of texts) damage(itemOf(world, text));
    // SQLite has one directory for temporary files in a process: those of another test may come and go in this one.
    const look = ["find", other.storagePath, "-not", "-path", `${other.storagePath}/tmp`] as const;
    const before = run(...look, "-printf", "%p %i %s %T@ %C@\n");
    using second = other.open();
    const { healed, items } = await repaired(world, { from: [second] });
    deepStrictEqual([healed, new Set(items.map(({ from }) => from))], [3, new Set([other.storagePath])]);
    strictEqual(run(...look, "-printf", "%p %i %s %T@ %C@\n"), before, "it is only read");
    await assertSound(world);
  });
}

Deno.test("repair() from a copy of the storage heals roots, hunks, and what then turns out to be missing", async () => {
  using world = new World();
  for (let i = 0; i < 3000; i++) world.write(`d${i % 9}/${i}`, `content ${i}`);
  const { snapshot } = await world.backup({ tree: false });
  const copy = `${world.base}/copy`;
  run("cp", "-a", world.storagePath, copy);
  Deno.removeSync(world.source, { recursive: true });
  {
    using storage = world.open();
    for (const { id } of storage.manifest(snapshot.id).root.hunks) Deno.removeSync(world.items().get(id)!);
  }
  damage(world.items().get(snapshot.id)!);
  Deno.removeSync(itemOf(world, "content 77"));
  const { openStorage } = await import("../../../src/storage/storage.ts");
  using second = openStorage(world.machine, rawOf(copy), new TestMonitor());
  const { lost, items } = await repaired(world, { from: [second] });
  strictEqual(lost, 0);
  deepStrictEqual([...new Set(items.map(({ kind }) => kind))], ["root", "hunk", "content"]);
  await assertSound(world);
});

Deno.test("repair() leaves a root that nothing can heal where it is, so that a prune removes nothing", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot } = await world.backup();
  const root = world.items().get(snapshot.id)!;
  damage(root);
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  const { lost, items } = await repaired(world);
  deepStrictEqual([lost, items[0]!.kind, items[0]!.quarantine], [1, "root", undefined]);
  ok(Deno.statSync(root).isFile);
});

Deno.test("repair() makes a snapshot again whose root is lost, from the catalog and from its neighbours", async () => {
  using world = new World();
  for (let i = 0; i < 2000; i++) world.write(`d${i % 7}/f${i}`, `content ${i}`);
  Deno.linkSync(`${world.source}/d0/f0`, `${world.source}/d0/hard`);
  run("setfattr", "-n", "user.note", "-v", "1", `${world.source}/d1/f1`);
  await world.backup();
  world.write("d3/f3", "second");
  const copy = `${world.base}/copy`;
  run("cp", "-a", world.source, copy);
  const { snapshot } = await world.backup({ tags: ["kept"], excludes: ["*.tmp"] });
  const hunks = hunksOf(world, snapshot.id);
  world.write("d5/f5", "third");
  await world.backup();
  damage(world.items().get(snapshot.id)!);
  const dry = await repaired(world, { dryRun: true });
  const { lost, items } = await repaired(world);
  const found = [["root", snapshot.id, "the catalog"]];
  deepStrictEqual([lost, items.map(({ kind, id, from }) => [kind, id, from])], [0, found]);
  deepStrictEqual(dry.items.map(({ kind, id, from }) => [kind, id, from]), found);
  await assertSound(world);
  using storage = world.open();
  const [, made, ...others] = storage.snapshots();
  const { root } = storage.manifest(made!.id);
  deepStrictEqual([others.length, made!.tags, made!.time, made!.tree, root.recovered], [
    1,
    ["kept"],
    snapshot.time,
    snapshot.tree,
    true,
  ]);
  deepStrictEqual(root.totals, { entries: 2009, files: 2001, dirs: 8, bytes: snapshot.bytes, problems: 0 });
  deepStrictEqual(root.sources, [{ path: world.source, at: "/" }]);
  deepStrictEqual(root.hunks.map(({ id }) => world.items().get(id)), hunks, "all lines were found");
  const { target } = await world.restore(made!.id);
  strictEqual(differences(copy, target), "");
});

Deno.test("repair() doesn't put one content in the place of another that has the same checksum", async () => {
  const [a, b] = collidingPair();
  using world = new World({ algorithm: "md5" });
  world.write("1-first", a);
  world.write("2-second", b);
  await world.backup({ tree: false });
  const items = [...world.items()].filter(([id]) => id.length === 32 || id.endsWith("00"));
  strictEqual(items.length, 2);
  // The file that had the first content has the second one now: same size, same checksum.
  Deno.removeSync(items.find(([id]) => id.length === 32)![1]);
  world.write("1-first", b);
  const { lost, healed } = await repaired(world);
  deepStrictEqual([lost, healed], [1, 0]);
  world.write("1-first", a);
  deepStrictEqual((await repaired(world)).healed, 1);
  await assertSound(world);
});

Deno.test("repair() waits for nobody: a storage that is being written to is not repaired", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  using storage = world.open();
  using _writer = storage.write("somebody else");
  await rejects(repaired(world), { code: "locked" });
});

/** Hunks of a snapshot, as files. */
function hunksOf(world: World, snapshot: string): string[] {
  using storage = world.open();
  const { hunks } = storage.manifest(storage.resolve(snapshot).id).root;
  return hunks.map(({ id }) => world.items().get(id)!);
}

Deno.test("repair() makes a lost hunk again, byte by byte, from the lines of other snapshots", async () => {
  using world = new World();
  for (const name of ["a", "b", "c"]) world.write(name, "then");
  Deno.linkSync(`${world.source}/c`, `${world.source}/d`);
  run("setfattr", "-n", "user.note", "-v", "1", `${world.source}/c`);
  const first = (await world.backup()).snapshot;
  world.write("a", "changed in the second");
  const second = (await world.backup()).snapshot;
  world.write("b", "changed in the third");
  const third = (await world.backup()).snapshot;
  const [hunk] = hunksOf(world, second.id);
  const bytes = Deno.readFileSync(hunk!);
  damage(hunk!);
  const { lost, items, monitor } = await repaired(world);
  deepStrictEqual([lost, items.map(({ kind, from }) => [kind, from])], [0, [["hunk", "other snapshots"]]]);
  deepStrictEqual(Deno.readFileSync(hunk!), bytes);
  deepStrictEqual(monitor.notices, []);
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ id }) => id), [first.id, second.id, third.id]);
  await assertSound(world);
});

Deno.test("repair() makes the files of a lost hunk again from the catalog, in a snapshot that says so", async () => {
  using world = new World();
  for (let i = 0; i < 600; i++) world.write(`d${i % 5}/f${i}`, `content ${i}`);
  Deno.symlinkSync("f0", `${world.source}/d0/link`);
  run(
    "sh",
    "-c",
    `chmod 640 ${world.source}/d*/f*3 && touch -d '2001-02-03 04:05:06.123456789Z' ${world.source}/d*/f*4`,
  );
  const { snapshot } = await world.backup({ tags: ["kept"] });
  const hunks = hunksOf(world, snapshot.id);
  for (const hunk of hunks) damage(hunk);
  const dry = await repaired(world, { dryRun: true });
  deepStrictEqual([dry.lost, dry.healed, hunksOf(world, "latest").length], [0, hunks.length, hunks.length]);
  const { lost, healed, monitor } = await repaired(world);
  deepStrictEqual([lost, healed, monitor.problems], [0, hunks.length, []]);
  ok(monitor.notices.join().includes(`The snapshot ${snapshot.id.slice(0, 12)} was rebuilt as `));
  await assertSound(world);
  {
    using storage = world.open();
    const [made, ...others] = storage.snapshots();
    deepStrictEqual([others.length, made!.tags, made!.time, made!.tree], [0, ["kept"], snapshot.time, snapshot.tree]);
    strictEqual(storage.manifest(made!.id).root.recovered, true);
  }
  const { target } = await world.restore("latest");
  strictEqual(differences(world.source, target), "");
  const { monitor: next } = await world.backup();
  deepStrictEqual([next.of("readFiles"), next.of("storedItems")], [600, 0]);
});

Deno.test("repair() of a lost root and lost hunks of its neighbours makes all of them again", async () => {
  using world = new World();
  const snapshots: { id: string; copy: string }[] = [];
  for (const round of ["1", "2", "3"]) {
    for (let i = 0; i < 300; i++) {
      if (i % 3 === Number(round) - 1 || round === "1") world.write(`d/f${i}`, `${round} ${i}`);
    }
    const copy = `${world.base}/copy-${round}`;
    run("cp", "-a", world.source, copy);
    snapshots.push({ id: (await world.backup({ tree: false })).snapshot.id, copy });
  }
  const [first, second, third] = snapshots as [typeof snapshots[0], typeof snapshots[0], typeof snapshots[0]];
  const hunks = [...hunksOf(world, first.id), ...hunksOf(world, third.id)];
  for (const hunk of new Set(hunks)) damage(hunk);
  damage(world.items().get(second.id)!);
  const { lost, monitor } = await repaired(world);
  deepStrictEqual([lost, monitor.problems], [0, []]);
  await assertSound(world);
  using storage = world.open();
  const made = storage.snapshots();
  strictEqual(made.length, 3);
  for (const [i, { copy }] of snapshots.entries()) {
    const { target } = await world.restore(made[i]!.id);
    strictEqual(differences(copy, target), "", `snapshot ${i + 1}`);
  }
});

Deno.test("repair() can't make a hunk again without a catalog that knows it, and names what it held", async () => {
  using world = new World();
  world.write("dir/a", "1");
  const { snapshot } = await world.backup();
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  const [hunk] = hunksOf(world, snapshot.id);
  damage(hunk!);
  const { lost, items } = await repaired(world);
  deepStrictEqual([lost, items[0]!.kind, items[0]!.affected], [1, "hunk", [{
    path: "/ and 2 entries after it",
    snapshots: [snapshot.id],
  }]]);
  strictEqual(items[0]!.quarantine, `quarantine/${items[0]!.id}`);
  const { findings } = await world.check();
  ok(findings.some(({ severity }) => severity === "damage"));
});

function treesOf(world: World): string[] {
  using storage = world.open();
  return storage.snapshots().map(({ tree }) => `${world.storagePath}/${tree}`);
}

/** Deletes whatever is in content/, but not the directory. */
function emptyContent({ storagePath }: World): void {
  run("chmod", "-R", "u+w", `${storagePath}/content`);
  run("find", `${storagePath}/content`, "-mindepth", "1", "-delete");
}

Deno.test("repair() makes all of content/ again from the trees and the catalog", async () => {
  using world = new World();
  world.write("dir/a", "precious");
  world.write("b", "first");
  await world.backup();
  world.write("b", "second");
  await world.backup();
  const copies = ["first", "second"].map((name) => `${world.base}/${name}`);
  const trees = treesOf(world);
  for (const [i, copy] of copies.entries()) run("cp", "-a", trees[i]!, copy);
  Deno.removeSync(world.source, { recursive: true });
  emptyContent(world);
  const rootsOf = ({ items }: Done) => items.filter(({ kind }) => kind === "root").map(({ from }) => from);
  deepStrictEqual(rootsOf(await repaired(world, { dryRun: true })), ["the catalog", "the catalog"]);
  const done = await repaired(world);
  deepStrictEqual([done.lost, rootsOf(done)], [0, ["the catalog", "the catalog"]]);
  await assertSound(world);
  using storage = world.open();
  const ids = storage.snapshots().map(({ id }) => id);
  strictEqual(ids.length, 2);
  for (const [i, id] of ids.entries()) {
    const { target, monitor } = await world.restore(id);
    deepStrictEqual([monitor.problems, run("diff", "-r", copies[i]!, target)], [[], ""]);
  }
});

Deno.test("a snapshot that was labelled twice since the catalog was written comes back once", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot } = await world.backup();
  const catalog = `${world.storagePath}/db/catalog.sqlite`, old = `${world.base}/old.sqlite`;
  Deno.copyFileSync(catalog, old);
  {
    using storage = world.open();
    using writer = storage.write("test");
    const once = writer.replaceRoot(snapshot.id, { tags: ["one"] })!;
    ok(writer.replaceRoot(once, { tags: ["one", "two"] }));
  }
  Deno.copyFileSync(old, catalog);
  await world.backup();
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ tags }) => tags), [["one", "two"], []]);
});

Deno.test("a tree whose snapshot nobody remembers is found by a check, and not touched", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot: { id, tree } } = await world.backup();
  await world.backup();
  Deno.removeSync(world.items().get(id)!);
  Deno.removeSync(`${world.storagePath}/db`, { recursive: true });
  const found = async () => (await world.check(false)).findings.map(({ severity, where }) => `${severity}: ${where}`);
  deepStrictEqual(await found(), [`damage: ${tree}`]);
  for (const dryRun of [true, false]) {
    const { lost, healed, items } = await repaired(world, { dryRun });
    deepStrictEqual([lost, healed, items.map(({ kind, id }) => `${kind} ${id}`)], [1, 0, [`root ${tree}`]]);
  }
  deepStrictEqual(await found(), [`damage: ${tree}`]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/${tree}/a`), "1");
});

Deno.test("a storage without content/ is refused, and healed once there is one", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  Deno.renameSync(`${world.storagePath}/content`, `${world.base}/away`);
  throws(() => world.open(), { code: "lost-content" });
  Deno.mkdirSync(`${world.storagePath}/content`);
  strictEqual((await repaired(world)).lost, 0);
  await assertSound(world);
});

Deno.test("a snapshot that comes back keeps its tags, its description and its alarm; a check of another one is silent", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot } = await world.backup();
  const other = (await world.backup()).snapshot;
  const labels = {
    tags: ["one"],
    description: "the last one of the old flat",
    alarm: { reasons: ["gone"], sampled: 1, scrambled: 0, usualChanged: 1, usualGone: 0, acknowledged: false },
  } as const;
  let labelled: string | undefined;
  {
    using storage = world.open();
    using writer = storage.write("test");
    labelled = writer.replaceRoot(snapshot.id, labels);
  }
  Deno.removeSync(world.items().get(labelled!)!);
  const findings: Finding[] = [];
  {
    using storage = world.open();
    const only = { snapshot: other.id, path: TOP }, signal = new AbortController().signal;
    const request = { readData: false, only, onlyLooks: true, workers: 0, signal };
    await check(storage, request, (finding) => findings.push(finding), new TestMonitor());
  }
  deepStrictEqual(findings, []);
  await repaired(world);
  using storage = world.open();
  const { tags, description, alarm } = storage.snapshots()[0]!;
  deepStrictEqual({ tags, description, alarm }, labels);
});
