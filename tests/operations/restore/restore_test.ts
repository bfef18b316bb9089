/** What comes back, and what a restore may do to what lies in its target. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, type TestMonitor, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

const IS_ROOT = Deno.uid() === 0;
const LARGE = 700_000;
const OVERWRITES = ["always", "if-changed", "never"] as const;
type Overwrite = typeof OVERWRITES[number];

/** Everything `find` can say of everything in a directory, but for inode numbers and ctimes. */
function listing(directory: string): string[] {
  const text = run("find", directory, "-mindepth", "1", "-printf", "%y %m %U %G %n %T@ [%l] %P\\0");
  const sizes = run("find", directory, "-type", "f", "-printf", "%s %P\\0");
  return [...text.split("\0"), ...sizes.split("\0")].sort();
}

/** Runs a Python script with the source's path as bytes in `top`. */
function python(world: World, script: string): void {
  run("python3", "-c", `import os\ntop = os.fsencode(${JSON.stringify(world.source)})\n${script}`);
}

async function assertRestoresExactly(world: World, workers?: number): Promise<string> {
  await world.backup();
  const { target, monitor } = await world.restore("latest", workers === undefined ? {} : { workers });
  deepStrictEqual(monitor.problems, []);
  deepStrictEqual(listing(target), listing(world.source));
  strictEqual(differences(world.source, target), "");
  return target;
}

/** The file in content/ that holds this text. */
function itemOf(world: World, text: string | Uint8Array<ArrayBuffer>): string {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const found = [...world.items().values()].find((path) => {
    const there = Deno.readFileSync(path);
    return there.length === bytes.length && there.every((byte, i) => byte === bytes[i]);
  });
  ok(found, "no such item");
  return found;
}

/** Changes one bit in the middle of a file without write permission, and leaves its times alone. */
function flipBit(path: string): void {
  const { mode, mtime } = Deno.statSync(path);
  Deno.chmodSync(path, 0o600);
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  Deno.writeFileSync(path, bytes);
  Deno.chmodSync(path, mode! & 0o7777);
  Deno.utimeSync(path, mtime!, mtime!);
}

function messages(monitor: TestMonitor): string[] {
  return monitor.problems.map(({ message }) => message);
}

Deno.test("restore() gives back modes, times in nanoseconds, symlinks, empty files and empty directories", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  using world = new World();
  for (const mode of [0o000, 0o400, 0o644, 0o755, 0o1777, 0o2755, 0o4755, 0o7777]) {
    const name = mode.toString(8);
    world.write(`files/${name}`, name);
    run("chmod", name, `${world.source}/files/${name}`);
    world.write(`dirs/${name}/inside`, name);
    run("chmod", name, `${world.source}/dirs/${name}`);
  }
  world.write("empty", "");
  Deno.mkdirSync(`${world.source}/hollow/hollow`, { recursive: true });
  for (const [name, to] of [["to-file", "empty"], ["to-dir", "dirs"], ["up", "../../.."], ["absolute", "/etc"]]) {
    Deno.symlinkSync(to!, `${world.source}/${name}`);
  }
  Deno.symlinkSync("x".repeat(4095), `${world.source}/long`);
  run("touch", "-h", "-d", "1969-12-31 23:59:58.999999999Z", `${world.source}/up`);
  run("touch", "-d", "2001-02-03 04:05:06.123456789Z", `${world.source}/empty`);
  run("touch", "-d", "2300-01-01 00:00:00.000000001Z", `${world.source}/files/644`);
  run("touch", "-d", "1901-12-14 00:00:00.5Z", `${world.source}/hollow/hollow`);
  run("touch", "-d", "1999-01-01 00:00:00.987654321Z", world.source);
  const target = await assertRestoresExactly(world);
  strictEqual(run("stat", "-c", "%y", target), run("stat", "-c", "%y", world.source));
});

Deno.test({
  name: "restore() gives back owners, pipes and devices",
  ignore: !HAS_LINUX_DISK || !IS_ROOT,
  async fn() {
    using world = new World();
    for (const [name, owner] of [["a", "1234:0"], ["b", "0:4321"], ["setuid", "4000000000:65534"]]) {
      world.write(name!, name!);
      run("chown", owner!, `${world.source}/${name}`);
    }
    run("chmod", "6755", `${world.source}/setuid`);
    world.write("dir/inside", "1");
    run("chown", "77:88", `${world.source}/dir`);
    Deno.symlinkSync("nowhere", `${world.source}/link`);
    run("chown", "-h", "5:6", `${world.source}/link`);
    run("mkfifo", "-m", "0620", `${world.source}/pipe`);
    run("mknod", "-m", "0640", `${world.source}/char`, "c", "1", "3");
    run("mknod", `${world.source}/block`, "b", "259", "1048575");
    run("chown", "9:9", `${world.source}/char`);
    run("touch", "-d", "2001-02-03 04:05:06.123456789Z", `${world.source}/pipe`, `${world.source}/char`);
    python(world, "import socket; s = socket.socket(socket.AF_UNIX); s.bind(top + b'/socket')");
    const target = await assertRestoresExactly(world);
    const devices = (at: string) => run("stat", "-c", "%F %t %T", `${at}/char`, `${at}/block`, `${at}/socket`);
    strictEqual(devices(target), devices(world.source));
  },
});

for (const workers of [0, 2]) {
  Deno.test(`restore() with ${workers} workers makes hard links again, also across directories`, {
    ignore: !HAS_LINUX_DISK,
  }, async () => {
    using world = new World({ workers });
    for (const name of ["z", "a/one", "b/c/one"]) world.write(name, name);
    const link = (from: string, to: string) => Deno.linkSync(`${world.source}/${from}`, `${world.source}/${to}`);
    link("z", "b/z-again");
    link("z", "b/c/z-again");
    link("a/one", "0");
    link("b/c/one", "a/from-below");
    Deno.symlinkSync("z", `${world.source}/symlink`);
    run("ln", "-P", `${world.source}/symlink`, `${world.source}/b/symlink-again`);
    run("mkfifo", `${world.source}/pipe`);
    run("ln", `${world.source}/pipe`, `${world.source}/b/pipe-again`);
    for (let i = 0; i < 700; i++) world.write(`many/${i}`, `content ${i}`);
    for (let i = 0; i < 300; i++) link(`many/${i * 2}`, `b/linked-${i}`);
    await assertRestoresExactly(world, workers);
  });
}

Deno.test("restore() of some names of a file with several links leaves the others away", async () => {
  using world = new World();
  world.write("a/one", "content");
  for (const name of ["a/two", "b", "c"]) Deno.linkSync(`${world.source}/a/one`, `${world.source}/${name}`);
  await world.backup();
  const { target, monitor } = await world.restore("latest", { include: ["two", "/c"] });
  deepStrictEqual(monitor.problems, []);
  strictEqual(Deno.statSync(`${target}/a/two`).nlink, 2);
  strictEqual(Deno.statSync(`${target}/a/two`).ino, Deno.statSync(`${target}/c`).ino);
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name).sort(), ["a", "c"]);
});

Deno.test("restore() makes the holes of sparse files again", { ignore: !HAS_LINUX_DISK }, async () => {
  using world = new World();
  const blocks = (path: string) => Number(run("stat", "-c", "%b", path));
  run("truncate", "-s", "64M", `${world.source}/all-hole`);
  run("truncate", "-s", "100K", `${world.source}/small-hole`);
  const data = new Uint8Array(128 * 1024).fill(7);
  {
    using file = Deno.openSync(`${world.source}/islands`, { write: true, create: true });
    for (const at of [0, 5 * 1024 * 1024, 39 * 1024 * 1024]) {
      file.seekSync(at, Deno.SeekMode.Start);
      file.writeSync(data);
    }
    file.truncateSync(40 * 1024 * 1024 + 5);
  }
  world.write("zeros", new Uint8Array(1024 * 1024));
  const target = await assertRestoresExactly(world);
  strictEqual(blocks(`${target}/all-hole`), blocks(`${world.source}/all-hole`));
  strictEqual(blocks(`${target}/small-hole`), blocks(`${world.source}/small-hole`));
  ok(blocks(`${target}/islands`) <= blocks(`${world.source}/islands`) + 8);
  ok(blocks(`${target}/zeros`) >= 2048, "what was written as zeros is not a hole");
});

Deno.test(
  "restore() gives back extended attributes of files and directories",
  { ignore: !HAS_LINUX_DISK },
  async () => {
    using world = new World();
    world.write("file", "1");
    world.write("read-only", "2");
    world.write("dir/inside", "3");
    for (const path of ["file", "read-only", "dir", "."]) {
      run("setfattr", "-n", "user.note", "-v", `of ${path} \u00e4 "quoted"`, `${world.source}/${path}`);
    }
    run("setfattr", "-n", "user.empty", `${world.source}/file`);
    run("setfattr", "-n", "user.bytes", "-v", "0x00ff0a80", `${world.source}/file`);
    Deno.chmodSync(`${world.source}/read-only`, 0o400);
    const target = await assertRestoresExactly(world);
    const all = (at: string) => run("sh", "-c", `cd ${at} && getfattr -R -d -m - -e hex .`).split("\n\n").sort();
    deepStrictEqual(all(target), all(world.source));
    match(all(target).join(), /user\.bytes=0x00ff0a80/);
  },
);

Deno.test("restore() gives back access control lists, default ones too", { ignore: !HAS_LINUX_DISK }, async () => {
  using world = new World();
  world.write("file", "1");
  world.write("dir/inside", "2");
  run("setfacl", "-m", "u:1234:rwx,g:4321:r,m::r", `${world.source}/file`);
  run("setfacl", "-m", "u:1234:rx,d:u:1234:rw,d:o::-", `${world.source}/dir`);
  const target = await assertRestoresExactly(world);
  const lists = (at: string) => run("sh", "-c", `cd ${at} && getfacl -R -n .`).split("\n\n").sort();
  deepStrictEqual(lists(target), lists(world.source));
  match(lists(target).join(), /default:user:1234:rw-/);
});

Deno.test(
  "restore() gives back names of 255 bytes, with newlines, and that are not UTF-8",
  { ignore: !HAS_LINUX_DISK },
  async () => {
    using world = new World();
    python(
      world,
      String.raw`
names = [b'\xff' * 255, '\u00fc'.encode() * 127 + b'x', b'new\nline', b'\xff\xfe bytes', b'\xc3', b'tab\t', b'\x1b[31m',
  b'"quoted"', b'back\\slash', b'-rf', b' ', b'*', b'\xed\xa0\x80', b'\xe2\x82', b'con', b'a.backup-tool-partial']
for name in names:
  open(top + b'/' + name, 'w').write(repr(name))
  os.mkdir(top + b'/d-' + name[:253])
  open(top + b'/d-' + name[:253] + b'/' + name, 'w').write('inside')
  os.symlink(name, top + b'/l-' + name[:253])
`,
    );
    await assertRestoresExactly(world);
  },
);

Deno.test(
  "restore() gives back paths that are longer than the system takes at once",
  { ignore: !HAS_LINUX_DISK },
  async () => {
    using world = new World();
    try {
      python(
        world,
        `
os.chdir(top)
for i in range(30):
  name = b'%02d' % i + b'x' * 198
  os.mkdir(name)
  os.chdir(name)
  open('file', 'w').write('depth %d' % i)
os.symlink('file', 'link')
os.link('file', 'hard')
`,
      );
      await world.backup();
      const { target, monitor } = await world.restore("latest");
      deepStrictEqual(monitor.problems, []);
      deepStrictEqual(listing(target), listing(world.source));
      const contents = run("find", target, "-type", "f", "-execdir", "sha256sum", "{}", ";").split("\n").sort();
      deepStrictEqual(
        contents,
        run("find", world.source, "-type", "f", "-execdir", "sha256sum", "{}", ";").split("\n").sort(),
      );
      strictEqual(contents.length, 32);
    } finally {
      run("sh", "-c", `rm -rf ${world.base}/*/[0-9]* ${world.storagePath}/[0-9]*`);
    }
  },
);

Deno.test("restore() refuses a target that is not empty, and touches nothing in it", async () => {
  using world = new World();
  world.write("a", "from the backup");
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/own`, "mine");
  const before = listing(target);
  await rejects(world.restore("latest", { target: rawOf(target) }), { code: "target-not-empty" });
  deepStrictEqual(listing(target), before);
});

Deno.test("restore() makes a target that is not there, with its parents", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  const target = `${world.base}/some/where/else`;
  await world.restore("latest", { target: rawOf(target) });
  strictEqual(differences(world.source, target), "");
});

/** A backup, and a target that holds a same, a changed, a touched, a foreign and no file in place of those in it. */
async function overwriteScene(world: World): Promise<string> {
  const target = `${world.base}/target`;
  for (const name of ["same", "changed", "touched", "missing", "dir/deep"]) world.write(name, `${name} then`);
  Deno.symlinkSync("then", `${world.source}/symlink`);
  Deno.chmodSync(`${world.source}/same`, 0o644);
  run("touch", "-d", "2001-02-03 04:05:06.5Z", ...["same", "changed", "touched"].map((n) => `${world.source}/${n}`));
  await world.backup();
  run("cp", "-a", world.source, target);
  Deno.removeSync(`${target}/missing`);
  Deno.writeTextFileSync(`${target}/changed`, "another size now");
  run("touch", "-d", "2001-02-03 04:05:06.5Z", `${target}/changed`);
  Deno.writeTextFileSync(`${target}/touched`, "touched NOW!");
  Deno.writeTextFileSync(`${target}/foreign`, "mine");
  Deno.chmodSync(`${target}/same`, 0o640);
  Deno.removeSync(`${target}/symlink`);
  Deno.symlinkSync("now", `${target}/symlink`);
  return target;
}

interface Expected {
  readonly restored: number;
  readonly kept: number;
  readonly texts: Readonly<Record<string, string>>;
  readonly symlink: string;
  /** Mode of "same", which the target had changed. */
  readonly mode: number;
}

const then = { "same": "same then", "missing": "missing then", "dir/deep": "dir/deep then", "foreign": "mine" };
const afterwards = { ...then, "changed": "changed then", "touched": "touched then" };
const EXPECTED: Readonly<Record<Overwrite, Expected>> = {
  "always": { restored: 6, kept: 0, texts: afterwards, symlink: "then", mode: 0o644 },
  "if-changed": { restored: 4, kept: 2, texts: afterwards, symlink: "then", mode: 0o644 },
  "never": {
    restored: 1,
    kept: 5,
    texts: { ...then, "changed": "another size now", "touched": "touched NOW!" },
    symlink: "now",
    mode: 0o640,
  },
};

for (const overwrite of OVERWRITES) {
  Deno.test(`restore() with --overwrite ${overwrite} does to what is there what it says, and counts it`, async () => {
    using world = new World();
    const target = await overwriteScene(world);
    const { restored, kept, texts, symlink, mode } = EXPECTED[overwrite];
    const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite });
    deepStrictEqual(monitor.problems, []);
    for (const [name, text] of Object.entries(texts)) strictEqual(Deno.readTextFileSync(`${target}/${name}`), text);
    strictEqual(Deno.readLinkSync(`${target}/symlink`), symlink);
    strictEqual(Deno.statSync(`${target}/same`).mode! & 0o7777, mode);
    strictEqual(monitor.of("restoredFiles"), restored);
    strictEqual(monitor.of("keptFiles"), kept);
    const names = [...Deno.readDirSync(target)].map(({ name }) => name).sort();
    deepStrictEqual(names, ["changed", "dir", "foreign", "missing", "same", "symlink", "touched"]);
  });
}

Deno.test("restore() with --overwrite never leaves the attributes of directories that are there", async () => {
  using world = new World();
  world.write("dir/new", "1");
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(`${target}/dir`, { recursive: true, mode: 0o700 });
  Deno.chmodSync(`${target}/dir`, 0o711);
  Deno.chmodSync(target, 0o711);
  await world.restore("latest", { target: rawOf(target), overwrite: "never" });
  strictEqual(Deno.statSync(`${target}/dir`).mode! & 0o7777, 0o711);
  strictEqual(Deno.statSync(target).mode! & 0o7777, 0o711);
  strictEqual(Deno.readTextFileSync(`${target}/dir/new`), "1");
});

for (const overwrite of OVERWRITES) {
  Deno.test(`restore() with --overwrite ${overwrite} never writes through a symlink in the target`, async () => {
    using world = new World();
    for (const name of ["plain", "file", "dir/inside", "dir/deep/inside", "other/inside"]) {
      world.write(name, "restored");
    }
    Deno.linkSync(`${world.source}/plain`, `${world.source}/dir/hard`);
    await world.backup();
    const outside = `${world.base}/outside`, target = `${world.base}/target`;
    Deno.mkdirSync(`${outside}/deep`, { recursive: true });
    for (const name of ["file", "inside", "deep/inside"]) Deno.writeTextFileSync(`${outside}/${name}`, "outside");
    Deno.mkdirSync(`${target}/other`, { recursive: true });
    Deno.symlinkSync(`${outside}/file`, `${target}/file`);
    Deno.symlinkSync(outside, `${target}/dir`);
    Deno.symlinkSync(`${outside}/new`, `${target}/plain`);
    Deno.symlinkSync(`${outside}/file`, `${target}/other/inside`);
    const before = listing(outside);
    const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite });
    deepStrictEqual(listing(outside), before);
    if (overwrite !== "never") {
      deepStrictEqual(monitor.problems, []);
      strictEqual(differences(world.source, target), "");
      return;
    }
    strictEqual(Deno.readLinkSync(`${target}/dir`), outside);
    strictEqual(Deno.readLinkSync(`${target}/file`), `${outside}/file`);
    strictEqual(messages(monitor).filter((message) => message.includes('"/dir')).length, monitor.problems.length);
  });
}

Deno.test("restore() does not put a directory's contents elsewhere, and goes on with the others", async () => {
  using world = new World();
  for (const name of ["a/inside", "b/inside", "b/deep/inside", "c/inside"]) world.write(name, "restored");
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/b`, "a file in the place of a directory");
  const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite: "never" });
  strictEqual(Deno.readTextFileSync(`${target}/b`), "a file in the place of a directory");
  for (const name of ["a", "c"]) strictEqual(Deno.readTextFileSync(`${target}/${name}/inside`), "restored");
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["target-taken"]);
  match(messages(monitor)[0]!, /"\/b"/);
});

Deno.test("restore() does not remove a directory that stands in the place of a file", async () => {
  using world = new World();
  world.write("a", "restored");
  world.write("b", "restored");
  Deno.symlinkSync("a", `${world.source}/link`);
  await world.backup();
  for (const overwrite of ["always", "if-changed"] as const) {
    const target = `${world.base}/${overwrite}`;
    for (const name of ["a", "link"]) {
      Deno.mkdirSync(`${target}/${name}`, { recursive: true });
      Deno.writeTextFileSync(`${target}/${name}/own`, "mine");
    }
    const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite });
    for (const name of ["a", "link"]) strictEqual(Deno.readTextFileSync(`${target}/${name}/own`), "mine");
    strictEqual(Deno.readTextFileSync(`${target}/b`), "restored");
    deepStrictEqual(monitor.problems.map(({ name }) => name).sort(), ["target-taken", "target-taken"]);
  }
});

Deno.test("restore() never links a further name to a file that it did not write", async () => {
  using world = new World();
  world.write("a", "then");
  for (const name of ["b", "c"]) Deno.linkSync(`${world.source}/a`, `${world.source}/${name}`);
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/a`, "mine");
  const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite: "never" });
  deepStrictEqual(monitor.problems, []);
  strictEqual(Deno.readTextFileSync(`${target}/a`), "mine");
  for (const name of ["b", "c"]) strictEqual(Deno.readTextFileSync(`${target}/${name}`), "then");
  strictEqual(Deno.statSync(`${target}/b`).ino, Deno.statSync(`${target}/c`).ino);
});

Deno.test("restore() with --overwrite never cuts the links of what it replaces", async () => {
  using world = new World();
  world.write("a", "then");
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/a`, "mine");
  Deno.linkSync(`${target}/a`, `${world.base}/elsewhere`);
  await world.restore("latest", { target: rawOf(target), overwrite: "always" });
  strictEqual(Deno.readTextFileSync(`${target}/a`), "then");
  strictEqual(Deno.readTextFileSync(`${world.base}/elsewhere`), "mine");
});

Deno.test("restore() of included paths makes the directories above them with their attributes", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  using world = new World();
  for (const name of ["docs/a.odt", "docs/a.txt", "docs/deep/b.odt", "music/c.ogg", "d.odt"]) world.write(name, name);
  run("chmod", "2750", `${world.source}/docs`, `${world.source}/docs/deep`);
  run("touch", "-d", "2001-02-03 04:05:06.123456789Z", `${world.source}/docs`);
  await world.backup();
  const { target, monitor } = await world.restore("latest", { include: ["*.odt"], exclude: ["/d.odt"] });
  deepStrictEqual(monitor.problems, []);
  const kept = listing(target).map((line) => line.replace(/^.* /, "")).filter((name) => name !== "");
  deepStrictEqual([...new Set(kept)].sort(), ["docs", "docs/a.odt", "docs/deep", "docs/deep/b.odt"]);
  const attributes = (at: string) => run("stat", "-c", "%a %y", `${at}/docs`);
  strictEqual(attributes(target), attributes(world.source));
  strictEqual(monitor.of("restoredFiles"), 2);
});

Deno.test("restore() of excluded paths leaves out a directory with all that is in it", async () => {
  using world = new World();
  for (const name of ["keep/a", "cache/b", "keep/cache/c", "keep/caches"]) world.write(name, name);
  await world.backup();
  const { target, monitor } = await world.restore("latest", { exclude: ["cache/"] });
  strictEqual(monitor.of("restoredFiles"), 2);
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["keep"]);
  deepStrictEqual([...Deno.readDirSync(`${target}/keep`)].map(({ name }) => name).sort(), ["a", "caches"]);
});

Deno.test("restore() of one file, or one directory, restores that and nothing else", async () => {
  using world = new World();
  for (const name of ["a/b/file", "a/b/other", "a/bb", "a/c", "d"]) world.write(name, name);
  await world.backup();
  const restored = async (...paths: string[]) => {
    const { target } = await world.restore("latest", { paths: paths.map(parseApath) });
    return run("find", target, "-type", "f", "-printf", "%P\n").trim().split("\n").sort();
  };
  deepStrictEqual(await restored("/a/b/file"), ["a/b/file"]);
  deepStrictEqual(await restored("/a/b"), ["a/b/file", "a/b/other"]);
  deepStrictEqual(await restored("/a/c", "/d"), ["a/c", "d"]);
  await rejects(restored("/a/nothing"), { code: "not-in-snapshot" });
});

const DAMAGES: Readonly<Record<string, (path: string) => void>> = {
  "a flipped bit": flipBit,
  "a missing end": (path) => run("sh", "-c", `chmod u+w ${path} && truncate -s -1 ${path}`),
  "more bytes": (path) => run("sh", "-c", `chmod u+w ${path} && printf x >> ${path}`),
  "nothing left": (path) => run("sh", "-c", `chmod u+w ${path} && truncate -s 0 ${path}`),
  "no item": (path) => Deno.removeSync(path),
};
const bytesOfLarge = () => Uint8Array.from({ length: LARGE }, (_, i) => i * 31 >> 3);

for (const [name, damage] of Object.entries(DAMAGES)) {
  for (const overwrite of [undefined, "always"] as const) {
    Deno.test(`restore() of contents with ${name}, overwriting: ${overwrite}, leaves no half file and goes on`, async () => {
      using world = new World();
      for (const file of ["a", "dir/small", "z"]) world.write(file, `content of ${file}`);
      world.write("large", bytesOfLarge());
      Deno.linkSync(`${world.source}/dir/small`, `${world.source}/dir/small-again`);
      await world.backup();
      damage(itemOf(world, "content of dir/small"));
      damage(itemOf(world, bytesOfLarge()));
      const target = `${world.base}/target`;
      Deno.mkdirSync(`${target}/dir`, { recursive: true });
      const own = overwrite === undefined ? [] : ["dir/small", "large"];
      for (const file of own) Deno.writeTextFileSync(`${target}/${file}`, "mine");
      if (overwrite === undefined) Deno.removeSync(target, { recursive: true });
      const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite });
      const there = run("find", target, "-type", "f", "-printf", "%P\n").trim().split("\n").sort();
      deepStrictEqual(there, ["a", ...own, "z"].sort());
      for (const file of own) strictEqual(Deno.readTextFileSync(`${target}/${file}`), "mine");
      for (const file of ["a", "z"]) strictEqual(Deno.readTextFileSync(`${target}/${file}`), `content of ${file}`);
      strictEqual(monitor.of("restoredFiles"), 2);
      const about = (path: string) => messages(monitor).filter((text) => text.includes(JSON.stringify(path))).length;
      deepStrictEqual(["/dir/small", "/dir/small-again", "/large"].map(about), [1, 1, 1]);
      deepStrictEqual(new Set(monitor.problems.map(({ name }) => name)), new Set(["damaged-content"]));
    });
  }
}

Deno.test("restore() says which files the snapshot lacks because they could not be read", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "open" && path.endsWith("/secret")) throw new DiskFault("EACCES", "open", rawOf(path));
      return proceed();
    }),
  });
  world.write("secret", "1");
  world.write("open", "2");
  strictEqual((await world.backup()).monitor.problems.length, 1);
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["open"]);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["not-backed-up"]);
  match(messages(monitor)[0]!, /"\/secret"/);
});

Deno.test("restore() drops setuid bits where it may not give the owner back, and says so", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path, args }, proceed) => {
      const [attributes] = args.slice(-1) as [Record<string, unknown>];
      const isOwner = operation === "setAttributes" && "uid" in attributes && path.includes("/restored-");
      if (isOwner) throw new DiskFault("EPERM", "chown", rawOf(path));
      return proceed();
    }),
  });
  world.write("program", "1");
  run("chmod", "6755", `${world.source}/program`);
  await world.backup();
  const { target, monitor } = await world.restore("latest");
  strictEqual(Deno.statSync(`${target}/program`).mode! & 0o7777, 0o755);
  ok(monitor.problems.length > 0);
});

Deno.test("restore() gives up when the target's disk is full, and leaves no half file", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "write" && path.includes("/restored-") && path.endsWith("/f20")) {
        throw new DiskFault("ENOSPC", "write", rawOf(path));
      }
      return proceed();
    }),
  });
  for (let i = 10; i < 30; i++) world.write(`f${i}`, `content ${i}`);
  await world.backup();
  const target = `${world.base}/restored-here`;
  await rejects(world.restore("latest", { target: rawOf(target) }), { code: "disk", errno: "ENOSPC" });
  const names = [...Deno.readDirSync(target)].map(({ name }) => name).filter((name) => name.startsWith("f"));
  const texts = names.map((name) => Deno.readTextFileSync(`${target}/${name}`)).sort();
  deepStrictEqual(texts, Array.from({ length: 10 }, (_, i) => `content ${i + 10}`));
});

Deno.test("restore() replaces files whose names share their first 200 bytes without mixing them up", async () => {
  using world = new World();
  const names = Array.from({ length: 300 }, (_, i) => "x".repeat(250) + String(i).padStart(5, "0"));
  for (const name of names) world.write(name, `content of ${name.slice(250)}`);
  await world.backup();
  const target = `${world.base}/target`;
  const partials = new Set<string>();
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (operation === "create" && path.startsWith(target)) partials.add(path);
    return proceed();
  });
  run("cp", "-a", world.source, target);
  {
    using hooked = new World({ disk });
    for (const name of names) hooked.write(name, `newer content of ${name.slice(250)}`);
    await hooked.backup();
    await hooked.restore("latest", { target: rawOf(target), overwrite: "always" });
    strictEqual(differences(hooked.source, target), "");
  }
  strictEqual([...partials].filter((path) => !names.some((name) => path.endsWith(name))).length, names.length);
});
