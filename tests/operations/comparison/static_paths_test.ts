/** Files that were named as ones that never change. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { plan } from "../../../src/operations/plan/plan.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

const STATICS = { statics: ["photos/"] };

function changed(monitor: TestMonitor): string[] {
  for (const { name } of monitor.problems) strictEqual(name, "static-changed");
  return monitor.problems.map(({ message }) => message);
}

/** A file's bytes in the newest snapshot, and in its tree. */
async function kept(world: World, path: string): Promise<string[]> {
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual(monitor.problems, []);
  const tree = `${world.storagePath}/latest/source`;
  return [Deno.readTextFileSync(`${target}/${path}`), Deno.readTextFileSync(`${tree}/${path}`)];
}

/** Changes bytes of a file, and nothing that a look would show but the ctime. */
function rot(path: string, text: string): void {
  const { mtime } = Deno.statSync(path);
  const stamp = run("stat", "-c", "%y", path).trim();
  Deno.writeTextFileSync(path, text);
  run("touch", "-d", stamp, path);
  strictEqual(Deno.statSync(path).mtime!.getTime(), mtime!.getTime());
}

for (const workers of [0, 2]) {
  Deno.test(`a static file that changes is told of, and its old content kept, with ${workers} workers`, async () => {
    using world = new World({ workers });
    for (const name of ["photos/1", "photos/2", "photos/deep/3", "letters/1"]) world.write(name, `old ${name}`);
    await world.backup(STATICS);
    world.write("photos/2", "rewritten and longer");
    world.write("photos/new", "new");
    world.write("letters/1", "new letter");
    for (let i = 0; i < 2; i++) {
      const { monitor, snapshot } = await world.backup(STATICS);
      const [message, ...others] = changed(monitor);
      match(
        message!,
        /^"\/photos\/2" is marked static, but it has another size or time; the previous version is kept$/,
      );
      deepStrictEqual([others.length, snapshot.files, snapshot.problems], [0, 5, 1]);
      deepStrictEqual(await kept(world, "photos/2"), ["old photos/2", "old photos/2"]);
      deepStrictEqual(await kept(world, "photos/new"), ["new", "new"]);
      deepStrictEqual(await kept(world, "letters/1"), ["new letter", "new letter"]);
    }
    const { monitor } = await world.backup();
    deepStrictEqual(monitor.problems, [], "once without it, and the change is taken");
    deepStrictEqual(await kept(world, "photos/2"), ["rewritten and longer", "rewritten and longer"]);
    strictEqual((await world.check()).damaged, 0);
  });
}

Deno.test("static files and directories that vanish are told of, and kept, wherever they come in the order", async () => {
  using world = new World();
  const names = ["a/photos/1", "photos/1", "photos/m/2", "photos/m/n/3", "photos/z", "x/y/other", "z/photos/9"];
  for (const name of names) world.write(name, `old ${name}`);
  const statics = ["photos/"];
  await world.backup({ statics });
  for (const gone of ["a/photos", "photos/1", "photos/m", "photos/z", "x", "z"]) {
    run("rm", "-r", `${world.source}/${gone}`);
  }
  world.write("photos/k", "new");
  for (let i = 0; i < 2; i++) {
    const { monitor, snapshot } = await world.backup({ statics });
    deepStrictEqual(
      changed(monitor).map((message) => message.split('"')[1]).sort(),
      names.filter((name) => name.includes("photos")).map((name) => `/${name}`).sort(),
    );
    ok(monitor.problems[0]!.message.includes("it is gone"));
    for (const name of names.filter((name) => name.includes("photos"))) {
      deepStrictEqual(await kept(world, name), [`old ${name}`, `old ${name}`]);
    }
    const { target } = await world.restore("latest");
    const tree = `${world.storagePath}/${snapshot.tree}`;
    strictEqual(run("diff", "-r", target, tree), "");
    deepStrictEqual([...Deno.readDirSync(tree)].map(({ name }) => name).sort(), ["a", "photos", "z"]);
    strictEqual((await world.check()).damaged, 0);
  }
});

Deno.test("a static file whose bytes have changed behind the same size and time is found when something else has changed", async () => {
  using world = new World();
  world.write("photos/1", "good content");
  await world.backup(STATICS);
  rot(`${world.source}/photos/1`, "b@d content!");
  for (let i = 0; i < 2; i++) {
    const { monitor } = await world.backup(STATICS);
    match(changed(monitor).join(), /its bytes have, while its size and time have not/);
    deepStrictEqual(await kept(world, "photos/1"), ["good content", "good content"]);
    for (const path of world.items().values()) ok(!Deno.readTextFileSync(path).includes("b@d"));
  }
  rot(`${world.source}/photos/1`, "good content");
  deepStrictEqual((await world.backup(STATICS)).monitor.problems, [], "it is what it was");
});

Deno.test("static files are read again, some in each run, all in 32", async () => {
  using world = new World();
  for (let i = 0; i < 200; i++) world.write(`photos/${i}`, `content ${i}`);
  world.write("other", "1");
  await world.backup(STATICS);
  const reads: number[] = [];
  for (let i = 0; i < 32; i++) {
    const { monitor } = await world.backup({ ...STATICS, tree: false });
    deepStrictEqual(monitor.problems, []);
    strictEqual(monitor.of("writtenHunks"), 0);
    reads.push(monitor.of("readFiles"));
  }
  strictEqual(reads.reduce((sum, read) => sum + read), 200);
  ok(Math.max(...reads) < 25, reads.join());
});

Deno.test("a large static file is compared without storing it again", async () => {
  using world = new World();
  const bytes = new Uint8Array(1_500_000).map((_, i) => i * 7 % 251);
  world.write("photos/large", bytes);
  await world.backup(STATICS);
  Deno.chmodSync(`${world.source}/photos/large`, 0o600);
  const { monitor } = await world.backup(STATICS);
  deepStrictEqual([monitor.of("readFiles"), monitor.of("storedItems"), monitor.of("reusedItems")], [1, 0, 1]);
  deepStrictEqual(monitor.problems, []);
  const [, item] = [...world.items()].find(([, path]) => Deno.statSync(path).size === bytes.length)!;
  strictEqual(Deno.statSync(item).mode! & 0o777, 0o400, "nor does it show itself to more people than before");
});

Deno.test("a static file that can't be read any more keeps its content", async () => {
  using world = new World();
  world.write("photos/1", "good");
  await world.backup(STATICS);
  Deno.removeSync(`${world.source}/photos/1`);
  Deno.symlinkSync("nowhere", `${world.source}/photos/1`);
  const { monitor } = await world.backup(STATICS);
  match(changed(monitor).join(), /it has become a symlink/);
  deepStrictEqual(await kept(world, "photos/1"), ["good", "good"]);
});

Deno.test("a static file that becomes a directory makes room for it", async () => {
  using world = new World();
  world.write("photos/1", "good");
  await world.backup(STATICS);
  Deno.removeSync(`${world.source}/photos/1`);
  world.write("photos/1/inside", "new");
  const { monitor } = await world.backup(STATICS);
  strictEqual(changed(monitor).length, 1);
  deepStrictEqual(await kept(world, "photos/1/inside"), ["new", "new"]);
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("a static file that is excluded now is no change", async () => {
  using world = new World();
  for (const name of ["photos/1", "photos/2.tmp", "photos/cache/3"]) world.write(name, name);
  await world.backup(STATICS);
  const { monitor, snapshot } = await world.backup({ ...STATICS, excludes: ["*.tmp", "cache/"] });
  deepStrictEqual([monitor.problems.length, snapshot.files], [0, 1]);
});

Deno.test("static files are not kept in what is no directory any more, nor in one that is left out now", async () => {
  using world = new World();
  for (const name of ["photos/a/1", "photos/b/2", "photos/c/3", "photos/d/4", "photos/e"]) world.write(name, name);
  await world.backup(STATICS);
  for (const gone of ["photos/a", "photos/b", "photos/c", "photos/d/4"]) run("rm", "-r", `${world.source}/${gone}`);
  Deno.symlinkSync("nowhere", `${world.source}/photos/a`);
  world.write("photos/b", "a file");
  for (let i = 0; i < 2; i++) {
    const { monitor, snapshot } = await world.backup({ ...STATICS, excludes: ["d/"] });
    deepStrictEqual(changed(monitor).map((message) => message.split('"')[1]), ["/photos/c/3"]);
    strictEqual(snapshot.files, 3);
    deepStrictEqual(await kept(world, "photos/c/3"), ["photos/c/3", "photos/c/3"]);
    strictEqual((await world.check()).damaged, 0);
  }
});

Deno.test("a content that the storage has lost is taken from a static file, whatever that holds", async () => {
  using world = new World();
  world.write("photos/1", "good");
  await world.backup(STATICS);
  for (const [id, path] of world.items()) if (id.length === 64) Deno.removeSync(path);
  world.write("photos/1", "new and longer");
  await world.backup(STATICS);
  deepStrictEqual(await kept(world, "photos/1"), ["new and longer", "new and longer"]);
  const { findings } = await world.check();
  strictEqual(findings.length, 1, "what the first snapshot held is lost");
});

Deno.test("plan() says of static files what a backup does", async () => {
  using world = new World();
  for (const name of ["photos/1", "photos/2", "photos/3"]) world.write(name, name);
  await world.backup(STATICS);
  world.write("photos/1", "changed");
  Deno.removeSync(`${world.source}/photos/2`);
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const planned = await plan(storage, { ...world.request(), ...STATICS }, monitor);
  strictEqual(changed(monitor).length, 2);
  deepStrictEqual([planned.changed.files, planned.gone.files, planned.readFiles], [0, 0, 0]);
  ok(storage.manifest(storage.resolve("latest").id).entry(parseApath("/photos/2")));
});
