/** Trees: they show what the source was, to nobody who couldn't see the source, and come back byte for byte. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { buildTree, removeTree } from "../../../src/storage/tree/build_tree.ts";
import { type Raw, rawOf } from "../../../src/core/raw.ts";
import { type Disk, DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openPortableDisk } from "../../../src/platform/portable_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { CuttingDisk, PowerCut } from "../../support/cutting_disk.ts";
import { foldingDisk } from "../../support/folding_disk.ts";
import { type Hook, hookedDisk } from "../../support/hooked_disk.ts";
import { run, TestMonitor, World } from "../../support/world.ts";

const IS_ROOT = Deno.uid() === 0;

/** Everything `find` can say of a tree; of files the inode number too, so that a link and a copy differ. */
function listing(tree: string): string[] {
  const files = run("find", tree, "-type", "f", "-printf", "%y %m %U %G %i %T@ %P\\0");
  const others = run("find", tree, "-not", "-type", "f", "-printf", "%y %m %U %G %T@ [%l] %P\\0");
  return [...files.split("\0"), ...others.split("\0")].filter((line) => line !== "").sort();
}

async function build(world: World, name = "latest"): Promise<{ tree: string; monitor: TestMonitor }> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const tree = await buildTree(
    storage,
    storage.resolve(name),
    { workers: 0, signal: new AbortController().signal },
    monitor,
  );
  return { tree: `${world.storagePath}/${tree}`, monitor };
}

function remove(world: World, name = "latest"): void {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  removeTree(storage, storage.resolve(name), monitor);
}

function modeOf(path: string): number {
  return Deno.lstatSync(path).mode! & 0o7777;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Temporary directories are private, and so would the trees be. */
function openToAll(world: World): void {
  run("chmod", "755", world.base, world.source);
}

/** A source with something of everything. */
function fill(world: World): void {
  openToAll(world);
  for (const name of ["a", "dir/b", "dir/deep/c", "read-only/d"]) world.write(name, `content of ${name}`);
  world.write("new\nline", "content of a");
  Deno.mkdirSync(`${world.source}/empty`);
  Deno.symlinkSync("../nowhere", `${world.source}/dir/link`);
  run("touch", "-h", "-d", "2001-02-03 04:05:06.123456789Z", `${world.source}/dir/link`);
  run("touch", "-d", "1999-02-03 04:05:06.123456789Z", `${world.source}/dir`, `${world.source}/dir/b`);
  run("chmod", "555", `${world.source}/read-only`);
  run("chmod", "2771", `${world.source}/dir/deep`);
  run("mkfifo", `${world.source}/pipe`);
  run("touch", "-d", "2002-02-03 04:05:06.5Z", world.source);
}

Deno.test("a tree is a plain copy of the source whose files are links to content items; special files are left out", async () => {
  using world = new World();
  fill(world);
  const { snapshot, monitor } = await world.backup();
  const tree = `${world.storagePath}/${snapshot.tree}`;
  strictEqual(monitor.of("linkedFiles"), 5);
  const items = new Set([...world.items().values()].map((path) => Deno.statSync(path).ino));
  for (const name of ["a", "dir/b", "dir/deep/c", "read-only/d", "new\nline"]) {
    strictEqual(Deno.readTextFileSync(`${tree}/${name}`), Deno.readTextFileSync(`${world.source}/${name}`));
    ok(items.has(Deno.statSync(`${tree}/${name}`).ino), name);
  }
  const directories = (at: string) => run("find", at, "-type", "d,l", "-printf", "%y %m %U %G %T@ [%l] %P\n");
  strictEqual(directories(tree).split("\n").sort().join(), directories(world.source).split("\n").sort().join());
  ok(!exists(`${tree}/pipe`));
});

Deno.test("a backup, its tree and a restore need nothing but the runtime's own calls", async () => {
  using world = new World({ disk: openPortableDisk() });
  for (const name of ["a", "dir/b"]) world.write(name, name);
  Deno.symlinkSync("a", `${world.source}/link`);
  const { snapshot, monitor } = await world.backup();
  deepStrictEqual(monitor.problems, []);
  const { target, monitor: restoring } = await world.restore("latest");
  deepStrictEqual(restoring.problems, []);
  for (const copy of [target, `${world.storagePath}/${snapshot.tree}`]) {
    strictEqual(run("diff", "-r", "--no-dereference", world.source, copy), "");
  }
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("buildTree() makes a removed tree again, byte for byte and with the same attributes", async () => {
  using world = new World();
  fill(world);
  const { snapshot } = await world.backup();
  const tree = `${world.storagePath}/${snapshot.tree}`;
  const before = listing(tree);
  remove(world);
  ok(!exists(tree));
  ok(!exists(`${world.storagePath}/2026`), "a year without trees goes too");
  strictEqual((await world.check()).damaged, 0);
  deepStrictEqual((await build(world)).monitor.problems, []);
  deepStrictEqual(listing(tree), before);
  strictEqual(Deno.readLinkSync(`${world.storagePath}/latest/source`), `../${snapshot.tree}`);
});

Deno.test("buildTree() refuses to touch a tree that is there, and removeTree() says if there is none", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  await rejects(build(world), { code: "tree-exists" });
  remove(world);
  throws(() => remove(world), { code: "no-tree" });
});

Deno.test("buildTree() gives a snapshot that was made without a tree one with a name of its own", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot } = await world.backup({ tree: false });
  strictEqual(snapshot.tree, null);
  ok(!exists(`${world.storagePath}/2026`));
  const { tree } = await build(world);
  strictEqual(tree, `${world.storagePath}/2026/11-20T23:06-${snapshot.id.slice(0, 8)}`);
  strictEqual(Deno.readTextFileSync(`${tree}/a`), "1");
  remove(world);
  ok(!exists(tree));
});

Deno.test("removeTree() moves latest to the newest tree that is left, and removes it with the last", async () => {
  using world = new World();
  world.write("a", "1");
  const first = (await world.backup()).snapshot, second = (await world.backup()).snapshot;
  const latest = `${world.storagePath}/latest/source`;
  strictEqual(Deno.readLinkSync(latest), `../${second.tree}`);
  remove(world, second.id);
  strictEqual(Deno.readLinkSync(latest), `../${first.tree}`);
  remove(world, first.id);
  ok(!exists(latest));
  await build(world, first.id);
  strictEqual(Deno.readLinkSync(latest), `../${first.tree}`);
  await build(world, second.id);
  strictEqual(Deno.readLinkSync(latest), `../${second.tree}`);
});

Deno.test("trees of one minute are numbered, whether their trees are still there or not", async () => {
  using world = new World();
  world.write("a", "1");
  const names: (string | null)[] = [];
  for (let n = 0; n < 4; n++) {
    names.push((await world.backup()).snapshot.tree);
    world.clock.pass(-1);
    if (n === 1) remove(world);
  }
  const start = "2026/11-20T23:06";
  deepStrictEqual(names, [start, `${start}-2`, `${start}-3`, `${start}-4`]);
});

Deno.test("the name of a tree is local time, also across the end of a year", async () => {
  using world = new World();
  world.clock.ms = Date.UTC(2026, 11, 31, 23, 30);
  world.write("a", "1");
  strictEqual((await world.backup()).snapshot.tree, "2027/01-01T00:31");
});

Deno.test("buildTree() and removeTree() cut before any change never leave half a tree under its name", async () => {
  using world = new World();
  fill(world);
  const { snapshot } = await world.backup();
  const tree = `${world.storagePath}/${snapshot.tree}`;
  const whole = listing(tree);
  const attempt = (cut: number, action: (storage: ReturnType<typeof openStorage>) => unknown): boolean => {
    try {
      const disk = new CuttingDisk(openDisk(), cut).disk;
      using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
      action(storage);
      return true;
    } catch (error) {
      ok(error instanceof PowerCut, String(error));
      return false;
    }
  };
  const monitor = new TestMonitor();
  let cuts = 0;
  for (let cut = 0, removed = false; !removed; cut++, cuts++) {
    removed = attempt(cut, (storage) => removeTree(storage, storage.resolve("latest"), monitor));
    if (exists(tree)) deepStrictEqual(listing(tree), whole);
    else removed = true;
  }
  const latest = `${world.storagePath}/latest/source`;
  for (let cut = 0;; cut++, cuts++) {
    using storage = openStorage(
      { ...world.machine, disk: new CuttingDisk(openDisk(), cut).disk },
      rawOf(world.storagePath),
      monitor,
    );
    const building = (async () =>
      await buildTree(
        storage,
        storage.resolve("latest"),
        { workers: 0, signal: new AbortController().signal },
        monitor,
      ))();
    const failure = await building.then(() => undefined, (error) => error);
    ok(failure === undefined || failure instanceof PowerCut, String(failure));
    if (!exists(tree)) continue;
    // The attributes of the top come after the renaming.
    const below = (lines: string[]) => lines.filter((line) => !line.endsWith("[] "));
    deepStrictEqual(below(listing(tree)), below(whole));
    if (failure === undefined) break;
    remove(world);
  }
  strictEqual(Deno.readLinkSync(latest), `../${snapshot.tree}`);
  ok(cuts > 20, `${cuts} cuts`);
});

/** A file of the source, as who may read it. */
interface Shown {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** May this user read the file? Its owner always may: an owner can change the mode. */
function mayRead(file: Shown, uid: number, gids: readonly number[]): boolean {
  if (uid === file.uid) return true;
  return (file.mode & (gids.includes(file.gid) ? 0o040 : 0o004)) !== 0;
}

const GROUPS = [100, 200];
const shown = fc.record({
  uid: fc.constantFrom(1001, 1002),
  gid: fc.constantFrom(...GROUPS),
  mode: fc.constantFrom(0o600, 0o640, 0o604, 0o644, 0o660, 0o755, 0o004, 0o000),
});

Deno.test({
  name: "a content is readable to nobody who can't read every file that has it, whatever came first",
  ignore: !IS_ROOT,
  async fn() {
    const contents = fc.array(fc.array(shown, { minLength: 1, maxLength: 4 }), { minLength: 60, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(contents, async (sets) => {
        using world = new World();
        const give = (path: string, { uid, gid, mode }: Shown) => {
          Deno.chownSync(path, uid, gid);
          run("chmod", mode.toString(8), path);
        };
        const place = (set: number, file: number) => `${world.source}/${file}-${set}`;
        sets.forEach(([first], set) => {
          world.write(`0-${set}`, `content ${set}`);
          give(place(set, 0), first!);
        });
        await world.backup();
        sets.forEach((files, set) =>
          files.slice(1).forEach((shown, i) => {
            world.write(`${i + 1}-${set}`, `content ${set}`);
            give(place(set, i + 1), shown);
          })
        );
        const { snapshot } = await world.backup();
        for (const [set, files] of sets.entries()) {
          const { uid, gid, mode } = Deno.statSync(`${world.storagePath}/${snapshot.tree}/0-${set}`);
          const item = { uid: uid!, gid: gid!, mode: mode! };
          strictEqual(item.uid, 0);
          strictEqual(item.mode & 0o222, 0);
          for (const user of [1001, 1002, 1003]) {
            for (const gids of [[], [100], [200], GROUPS]) {
              if (!mayRead(item, user, gids)) continue;
              for (const file of files) {
                ok(mayRead(file, user, gids), `${user}(${gids}) reads ${JSON.stringify({ item, files })}`);
              }
            }
          }
        }
      }),
      { numRuns: 3 },
    );
  },
});

Deno.test("a file that became private is private in older trees too", async () => {
  using world = new World();
  world.write("a", "1");
  Deno.chmodSync(`${world.source}/a`, 0o644);
  const first = (await world.backup()).snapshot;
  strictEqual(modeOf(`${world.storagePath}/${first.tree}/a`), 0o444);
  Deno.chmodSync(`${world.source}/a`, 0o600);
  const second = (await world.backup()).snapshot;
  strictEqual(modeOf(`${world.storagePath}/${first.tree}/a`), 0o400);
  strictEqual(modeOf(`${world.storagePath}/${second.tree}/a`), 0o400);
});

Deno.test("an access control list opens nothing in a tree: its mask is not what the group may do", async () => {
  using world = new World();
  openToAll(world);
  world.write("file", "1");
  world.write("dir/inside", "2");
  run("chmod", "644", `${world.source}/dir/inside`);
  for (const name of ["file", "dir"]) run("setfacl", "-m", "g::-,u:1234:rwx,m::rwx,o::-", `${world.source}/${name}`);
  strictEqual(modeOf(`${world.source}/dir`) & 0o070, 0o070, "the mask stands where the group's bits are");
  const { snapshot } = await world.backup();
  const tree = `${world.storagePath}/${snapshot.tree}`;
  strictEqual(modeOf(`${tree}/file`), 0o400);
  strictEqual(modeOf(`${tree}/dir`) & 0o077, 0);
  const again = (await world.backup()).snapshot;
  strictEqual(modeOf(`${world.storagePath}/${again.tree}/dir`) & 0o077, 0, "also of a directory that didn't change");
  remove(world, snapshot.id);
  strictEqual(modeOf(`${(await build(world, snapshot.id)).tree}/dir`) & 0o077, 0);
});

for (const sources of [["photos"], ["photos", "docs"]]) {
  Deno.test(`a tree of ${sources.length} source(s) below a private directory is private`, async () => {
    using world = new World();
    const home = `${world.base}/home`;
    for (const name of sources) {
      Deno.mkdirSync(`${home}/${name}`, { recursive: true });
      Deno.writeTextFileSync(`${home}/${name}/a`, name);
      run("chmod", "755", `${home}/${name}`);
    }
    run("chmod", "755", world.base);
    const request = { sources: sources.map((name) => rawOf(`${home}/${name}`)), name: "series" };
    const modes = (tree: string | null) => modeOf(`${world.storagePath}/${tree}`) & 0o077;
    for (const [mode, expected] of [["755", 0o055], ["750", 0], ["700", 0], ["711", 0o055]] as const) {
      run("chmod", mode, home);
      const { snapshot } = await world.backup(request);
      strictEqual(modes(snapshot.tree), expected, mode);
      strictEqual(modeOf(`${world.storagePath}/${snapshot.tree}/a`.replace("/a", "")) & 0o077, expected);
      run("chmod", "755", home);
      remove(world, snapshot.id);
      await build(world, snapshot.id);
      strictEqual(modes(snapshot.tree), expected, `${mode}, built again`);
    }
  });
}

Deno.test("nothing but trees can be entered by others", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  for (const name of ["db", "content", "tmp"]) strictEqual(modeOf(`${world.storagePath}/${name}`), 0o700, name);
  for (const name of [".", "2026", "latest"]) strictEqual(modeOf(`${world.storagePath}/${name}`), 0o755, name);
});

/** A disk as an ordinary user has it: owners can't be given away. */
function ordinaryUser(uid: number, gid: number): Disk {
  const disk = hookedDisk(openDisk(), ({ operation, path, args }, proceed) => {
    const attributes = args.at(-1) as Record<string, unknown>;
    if (operation.endsWith("ttributes") && attributes["uid"] !== undefined && attributes["uid"] !== uid) {
      throw new DiskFault("EPERM", "change the owner of", rawOf(path));
    }
    return proceed();
  });
  return new Proxy(disk, {
    get: (target, key) => key === "uid" ? uid : key === "gid" ? gid : Reflect.get(target, key),
  });
}

Deno.test("a directory whose group can't be given to the tree opens to nobody whom its group kept out", async () => {
  using world = new World({ disk: ordinaryUser(4000, 4000) });
  openToAll(world);
  const modes = { "755": 0o705, "750": 0o700, "705": 0o700, "775": 0o705, "2770": 0o700, "711": 0o701 };
  for (const mode of Object.keys(modes)) {
    world.write(`${mode}/a`, mode);
    run("chmod", mode, `${world.source}/${mode}`);
  }
  const { snapshot } = await world.backup();
  for (const [mode, expected] of Object.entries(modes)) {
    strictEqual(modeOf(`${world.storagePath}/${snapshot.tree}/${mode}`), expected, mode);
  }
});

/** Refuses to link to content items after some links, as file systems do that have a limit. */
function limitedLinks(most: number): Hook {
  let links = 0;
  return ({ operation, path }, proceed) =>
    operation === "link" && path.includes("/content/") && links++ >= most ? "too-many-links" : proceed();
}

Deno.test("a tree on a file system that refuses more links holds independent copies in their place", async () => {
  using world = new World({ disk: hookedDisk(openDisk(), limitedLinks(3)) });
  for (const name of ["a", "b", "c", "d", "e"]) world.write(name, "one content");
  world.write("large", new Uint8Array(600_000).fill(5));
  run("touch", "-d", "2001-02-03 04:05:06.123456789Z", `${world.source}/a`);
  const { snapshot, monitor } = await world.backup();
  strictEqual(monitor.of("linkedFiles"), 4);
  strictEqual(monitor.of("copiedFiles"), 2);
  deepStrictEqual(monitor.problems, []);
  const tree = `${world.storagePath}/${snapshot.tree}`;
  strictEqual(run("diff", "-r", world.source, tree), "");
  const [item] = [...world.items().values()].filter((path) => Deno.statSync(path).size === "one content".length);
  for (const name of ["a", "b", "c", "d", "e"]) strictEqual(modeOf(`${tree}/${name}`), modeOf(item!));
  strictEqual((await world.check()).damaged, 0);
});

/** Lets no file have more than so many names. */
function limitedNames(most: number): Hook {
  const real = openDisk();
  return ({ operation, path, args }, proceed) => {
    if (operation !== "link") return proceed();
    using directory = real.openDir(rawOf(path.slice(0, path.lastIndexOf("/"))));
    return directory.stat(args[0] as Raw)!.links >= most ? "too-many-links" : proceed();
  };
}

/** How many names the files in a directory have, by inode. */
function linkCounts(directory: string): number[] {
  const inodes = run("find", directory, "-type", "f", "-printf", "%i %n\\n").trim().split("\n");
  return [...new Set(inodes)].map((line) => Number(line.split(" ")[1])).sort((a, b) => b - a);
}

Deno.test("one copy takes the links that a content can't get any more, in this tree and in the next", async () => {
  using world = new World({ disk: hookedDisk(openDisk(), limitedNames(10)) });
  for (let i = 10; i < 22; i++) world.write(`f${i}`, "one content");
  const copied: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { snapshot, monitor } = await world.backup();
    deepStrictEqual(monitor.problems, []);
    copied.push(monitor.of("copiedFiles"));
    const tree = `${world.storagePath}/${snapshot.tree}`;
    strictEqual(run("diff", "-r", world.source, tree), "");
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
  }
  // The item has nine names besides its own. The other three are those of a copy, which has room for those of the next trees.
  deepStrictEqual(copied, [1, 1, 1]);
  const years = [...Deno.readDirSync(world.storagePath)].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  deepStrictEqual(linkCounts(`${world.storagePath}/${years[0]}`), [10, 9, 9, 9]);
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("tree build links to a copy as well", async () => {
  using world = new World({ disk: hookedDisk(openDisk(), limitedNames(10)) });
  for (let i = 10; i < 35; i++) world.write(`f${i}`, "one content");
  await world.backup({ tree: false });
  const { tree, monitor } = await build(world);
  strictEqual(monitor.of("copiedFiles"), 2);
  deepStrictEqual(linkCounts(tree), [10, 9, 7]);
});

Deno.test("names that are one in a tree cost the second of them its place there, and nothing else", async () => {
  using world = new World({ disk: foldingDisk((path) => /\/storage\/tmp\/[^/]+\//.test(path)) });
  for (const path of ["Foo", "foo", "Dir/in", "dir/in", "dir/more"]) world.write(path, path);
  for (const name of ["Link", "link"]) Deno.symlinkSync(name, `${world.source}/${name}`);
  for (let i = 0; i < 2; i++) {
    const { snapshot, monitor } = await world.backup();
    deepStrictEqual([monitor.problems, monitor.of("copiedFiles")], [[], 0]);
    match(monitor.notices.join(), /^3 files and links are not in the tree/);
    const tree = `${world.storagePath}/${snapshot.tree}`;
    strictEqual(
      run("sh", "-c", `cd ${tree} && find . -type f -exec grep -H . {} + | sort`),
      "./dir/in:Dir/in\n./dir/more:dir/more\n./foo:Foo\n",
    );
    strictEqual(Deno.readLinkSync(`${tree}/link`), "Link");
    const { target } = await world.restore("latest");
    strictEqual(run("diff", "-r", "--no-dereference", world.source, target), "");
    remove(world);
    match((await build(world)).monitor.notices.join(), /^3 files and links/);
  }
  deepStrictEqual((await world.check()).findings, []);
});

Deno.test("a copy that was made for everybody's eyes is not linked for a file that has become private", async () => {
  using world = new World({ disk: hookedDisk(openDisk(), limitedNames(3)) });
  openToAll(world);
  for (const name of ["a", "b", "c", "d", "e"]) world.write(name, "one content");
  run("sh", "-c", `chmod 644 ${world.source}/[abc] && chmod 600 ${world.source}/[de]`);
  const { snapshot } = await world.backup();
  const mode = (name: string) => modeOf(`${world.storagePath}/${snapshot.tree}/${name}`);
  deepStrictEqual([mode("d"), mode("e")], [0o400, 0o400]);
});

Deno.test({
  name: "an independent copy in a tree is shown to no other group than its content",
  ignore: !IS_ROOT,
  async fn() {
    using world = new World({ disk: hookedDisk(openDisk(), limitedLinks(0)) });
    world.write("a", "1");
    Deno.chownSync(`${world.source}/a`, 1001, 100);
    run("chmod", "640", `${world.source}/a`);
    const { snapshot, monitor } = await world.backup();
    strictEqual(monitor.of("copiedFiles"), 1);
    const { gid, mode } = Deno.statSync(`${world.storagePath}/${snapshot.tree}/a`);
    deepStrictEqual({ gid, mode: mode! & 0o7777 }, { gid: 100, mode: 0o440 });
  },
});

Deno.test("a file system without hard links is told of once, and backed up to without trees", async () => {
  const refusing: Hook = ({ operation }, proceed) => operation === "link" ? "refused" : proceed();
  using world = new World({ disk: hookedDisk(openDisk(), refusing) });
  for (let i = 0; i < 20; i++) world.write(`f${i}`, `content ${i}`);
  const { snapshot, monitor } = await world.backup();
  strictEqual(snapshot.tree, null);
  strictEqual(snapshot.files, 20);
  strictEqual(monitor.notices.filter((text) => text.includes("no hard links")).length, 1);
  strictEqual(monitor.of("linkedFiles") + monitor.of("copiedFiles"), 0);
  ok(!exists(`${world.storagePath}/latest`));
  await rejects(build(world), { code: "no-hard-links" });
  const { target } = await world.restore("latest");
  strictEqual(run("diff", "-r", world.source, target), "");
});

Deno.test("names of trees have no colon where the file system allows none, also if the storage has moved there", async () => {
  const noColons: Hook = ({ operation, path, args }, proceed) => {
    const names = [path, ...args.filter((arg) => typeof arg === "string")];
    if (operation !== "symlink" && names.some((name) => name.includes(":"))) {
      throw new DiskFault("EINVAL", operation, rawOf(path));
    }
    return proceed();
  };
  using world = new World();
  world.write("a", "1");
  await world.backup();
  remove(world);
  const disk = hookedDisk(openDisk(), noColons);
  const monitor = new TestMonitor();
  {
    using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), monitor);
    const snapshot = storage.resolve("latest");
    strictEqual(
      await buildTree(storage, snapshot, { workers: 0, signal: new AbortController().signal }, monitor),
      "2026/11-20T23-06",
    );
    removeTree(storage, snapshot, monitor);
  }
  using other = new World({ disk });
  other.write("a", "1");
  const names = [(await other.backup()).snapshot.tree];
  other.clock.pass(-1);
  names.push((await other.backup()).snapshot.tree);
  deepStrictEqual(names, ["2026/11-20T23-06", "2026/11-20T23-06-2"]);
  deepStrictEqual(monitor.problems, []);
});

Deno.test("buildTree() builds what it can, and names the files whose content is missing", async () => {
  using world = new World();
  for (const name of ["a", "dir/b", "z"]) world.write(name, `content of ${name}`);
  await world.backup();
  remove(world);
  const [lost] = [...world.items().values()].filter((path) => Deno.readTextFileSync(path) === "content of dir/b");
  Deno.removeSync(lost!);
  const { tree, monitor } = await build(world);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["damaged-content"]);
  match(monitor.problems[0]!.message, /"\/dir\/b"/);
  deepStrictEqual([...Deno.readDirSync(tree)].map(({ name }) => name).sort(), ["a", "dir", "z"]);
});
