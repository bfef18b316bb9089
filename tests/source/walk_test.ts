import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { type Apath, compareApath, TOP } from "../../src/core/apath.ts";
import { type Raw, rawOf, rawOfBytes, textOf } from "../../src/core/raw.ts";
import type { Stat } from "../../src/core/stat.ts";
import { type Dir, DiskFault } from "../../src/platform/disk.ts";
import { parseFilter } from "../../src/source/filter.ts";
import { placeSources, type SourcePath } from "../../src/source/placement.ts";
import { type Exclusion, NoSource, SourceGone, walk } from "../../src/source/walk.ts";
import { descriptorsWithin } from "../support/descriptors.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { canMount } from "../support/needs.ts";
import { makeFile, Place, REAL_DISK, walkAll, walkOptions } from "../support/walking.ts";
import { run, TestMonitor } from "../support/world.ts";

const isRoot = REAL_DISK.uid === 0;

/** Directories as nested maps, files as undefined. */
type Tree = Map<Raw, Tree | undefined>;

const name = fc.oneof(
  fc.constantFrom("a", "b", "ab", "a-", "a0", "a.", "-", "!", "ü", "a b", "\n", "\x01", '"').map(rawOf),
  fc.uint8Array({ minLength: 1, maxLength: 3 })
    .map((bytes) => rawOfBytes(bytes.map((byte) => byte === 0 || byte === 0x2f ? 0xff : byte)))
    .filter((raw) => raw !== "." && raw !== ".."),
);
const { tree } = fc.letrec<{ tree: Tree; child: Tree | undefined }>((tie) => ({
  tree: fc.array(fc.tuple(name, tie("child")), { maxLength: 6 }).map((children) => new Map(children)),
  child: fc.option(tie("tree"), { nil: undefined, maxDepth: 4 }),
}));

/** Makes the tree, and returns the paths of what is in it. */
function plant(tree: Tree, into: Dir, apath = ""): string[] {
  return [...tree].flatMap(([name, below]) => {
    const path = `${apath}/${name}`;
    if (below === undefined) {
      makeFile(into, name);
      return [path];
    }
    into.mkdir(name, 0o755);
    using directory = into.openDir(name);
    return [path, ...plant(below, directory, path)];
  });
}

Deno.test("walk() finds everything once, in the order of compareApath()", () => {
  let most = 0;
  fc.assert(
    fc.property(tree, (tree) => {
      using place = new Place();
      using top = REAL_DISK.openDir(rawOf(place.path));
      const planted = plant(tree, top);
      const { found, monitor } = walkAll(place.root());
      const expected = ["/", ...planted].sort((a, b) => compareApath(a as Apath, b as Apath));
      deepStrictEqual(found.map(({ path }) => path), expected);
      deepStrictEqual(monitor.problems, []);
      strictEqual(monitor.of("walkedEntries"), expected.length);
      most = Math.max(most, expected.length);
    }),
    { numRuns: 150, seed: 20261120 },
  );
  ok(most > 20, `at most ${most} entries in a tree`);
});

Deno.test("walk() keeps the order of compareApath() over several sources", () => {
  using place = new Place();
  place.make("b/z", "b/a/x", "b-/q", "a/b/c", "file", "b.x/y");
  const at = (name: string) => ({ at: `/${name}` as Apath });
  const roots = ["b", "a", "b-", "b.x"].map((name) => place.root(name, at(name)));
  const { paths } = walkAll([...roots, place.root("file", { ...at("file"), kind: "file" })]);
  const expected = ["/a", "/b", "/b-", "/b.x", "/file", "/a/b", "/a/b/c", "/b/a", "/b/z", "/b/a/x", "/b-/q", "/b.x/y"];
  deepStrictEqual(paths, expected);
  deepStrictEqual([...paths].sort((a, b) => compareApath(a as Apath, b as Apath)), expected);
});

Deno.test("walk() tells every kind of object, and follows no symlink", () => {
  using place = new Place();
  place.make("file", "dir/inside", "link -> dir", "dangling -> nowhere", "loop -> loop");
  run("mkfifo", `${place.path}/fifo`);
  run("python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", `${place.path}/socket`);
  if (isRoot) run("mknod", `${place.path}/null`, "c", "1", "3");
  if (isRoot) run("mknod", `${place.path}/loop0`, "b", "7", "0");
  const { found } = walkAll(place.root());
  deepStrictEqual(Object.fromEntries(found.map(({ path, stat }) => [path, stat.kind])), {
    "/": "dir",
    "/dangling": "symlink",
    "/dir": "dir",
    "/dir/inside": "file",
    "/fifo": "fifo",
    "/file": "file",
    "/link": "symlink",
    "/loop": "symlink",
    "/socket": "socket",
    ...(isRoot && { "/null": "char", "/loop0": "block" }),
  });
});

Deno.test("walk() gives each batch the open directory that its names are in", () => {
  using place = new Place();
  place.make("a/b/one", "a/two", "three");
  for (const { parent, found, rootPath, relative } of walk(REAL_DISK, [place.root()], walkOptions(new TestMonitor()))) {
    strictEqual(rootPath, place.path);
    for (const { name, stat } of found) {
      const again = name === "" ? parent.statSelf() : parent.stat(name);
      strictEqual(again?.inode, stat.inode);
      strictEqual(
        Deno.lstatSync([rootPath, relative, name].filter((part) => part !== "").join("/")).ino,
        Number(stat.inode),
      );
    }
  }
});

Deno.test("walk() takes a file as a source", () => {
  using place = new Place();
  place.make("file", "other");
  const { found, batches } = walkAll(place.root("file", { at: "/file" as Apath, kind: "file" }));
  deepStrictEqual(found.map(({ name, path, stat }) => [name, path, stat.kind]), [["file", "/file", "file"]]);
  deepStrictEqual(batches, [1]);
});

Deno.test("walk() refuses a source that isn't there", () => {
  using place = new Place();
  throws(() => walkAll(place.root("missing")), NoSource);
  throws(() => walkAll(place.root("missing", { kind: "file", at: "/missing" as Apath })), NoSource);
  throws(() => walkAll(place.root("no/such", { kind: "file", at: "/such" as Apath })), NoSource);
});

/** A disk that fails, or does something first, when a call is made for a path. */
function interfering(operation: string, path: string, act: () => void, from = 1) {
  let calls = 0;
  return hookedDisk(REAL_DISK, (call, proceed) => {
    if (call.operation === operation && call.path === path && ++calls === from) act();
    return proceed();
  });
}

function fail(errno: string, path: string): () => never {
  return () => {
    throw new DiskFault(errno, "open", rawOf(path));
  };
}

for (const operation of ["openPath", "list"]) {
  for (const errno of ["EACCES", "EIO"]) {
    Deno.test(`walk() reports a directory whose ${operation}() fails with ${errno}, and goes on`, () => {
      using place = new Place();
      place.make("a/1", "secret/2", "z/3");
      const path = `${place.path}/secret`;
      const { paths, monitor } = walkAll(place.root(), {}, interfering(operation, path, fail(errno, path)));
      deepStrictEqual(paths, ["/", "/a", "/secret", "/z", "/a/1", "/z/3"]);
      deepStrictEqual(monitor.problems.map((problem) => (problem as DiskFault).errno), [errno]);
    });
  }
}

Deno.test({
  name: "walk() reports a directory that this user may not read, and goes on",
  ignore: isRoot,
  fn() {
    using place = new Place();
    place.make("a/1", "secret/2", "z/3");
    Deno.chmodSync(`${place.path}/secret`, 0);
    const { paths, monitor } = walkAll(place.root());
    Deno.chmodSync(`${place.path}/secret`, 0o700);
    deepStrictEqual(paths, ["/", "/a", "/secret", "/z", "/a/1", "/z/3"]);
    strictEqual(monitor.problems.length, 1);
  },
});

Deno.test("walk() fails if the source itself can't be read, and says why", () => {
  using place = new Place();
  place.make("a");
  for (const operation of ["openDir", "list"]) {
    const disk = interfering(operation, operation === "openDir" ? "" : place.path, fail("EACCES", place.path));
    throws(() => walkAll(place.root(), {}, disk), (error) => error instanceof DiskFault && error.errno === "EACCES");
  }
});

Deno.test("walk() reports a name whose stat() fails, and goes on", () => {
  using place = new Place();
  place.make("a", "b", "c");
  const path = `${place.path}/b`;
  const { paths, monitor } = walkAll(place.root(), {}, interfering("stat", path, fail("EIO", path)));
  deepStrictEqual(paths, ["/", "/a", "/c"]);
  strictEqual(monitor.problems.length, 1);
});

Deno.test("walk() reports a directory that vanishes before it is opened, and goes on", () => {
  using place = new Place();
  place.make("a/1", "b/2", "c/3");
  const remove = () => Deno.removeSync(`${place.path}/b`, { recursive: true });
  const { paths, monitor } = walkAll(place.root(), {}, interfering("openPath", `${place.path}/b`, remove));
  deepStrictEqual(paths, ["/", "/a", "/b", "/c", "/a/1", "/c/3"]);
  deepStrictEqual(monitor.problems.map((problem) => (problem as DiskFault).errno), ["ENOENT"]);
});

Deno.test("walk() says nothing of a name that vanishes before it is looked at", () => {
  using place = new Place();
  place.make("a", "b/1", "c");
  const remove = () => Deno.removeSync(`${place.path}/b`, { recursive: true });
  const { paths, monitor } = walkAll(place.root(), {}, interfering("stat", `${place.path}/a`, remove));
  deepStrictEqual(paths, ["/", "/a", "/c"]);
  deepStrictEqual(monitor.problems, []);
});

Deno.test("walk() takes a directory that becomes a file in between for what it was, and reports it", () => {
  using place = new Place();
  place.make("a/1", "b/2");
  const replace = () => {
    Deno.removeSync(`${place.path}/a`, { recursive: true });
    place.make("a");
  };
  const { paths, monitor } = walkAll(place.root(), {}, interfering("openPath", `${place.path}/a`, replace));
  deepStrictEqual(paths, ["/", "/a", "/b", "/b/2"]);
  strictEqual(monitor.problems.length, 1);
});

Deno.test("walk() never follows a symlink that takes a directory's place, whenever that happens", () => {
  let swaps = 0;
  for (const victim of ["x", "x/y", "x/y/z"]) {
    for (let at = 1, isDone = false; !isDone; at++) {
      using place = new Place();
      place.make("source/x/y/z/mine", "source/x/y/mine", "source/x/mine", "secret/y/z/secret", "secret/z/secret");
      place.make("secret/secret");
      let calls = 0;
      const disk = hookedDisk(REAL_DISK, (_call, proceed) => {
        if (++calls === at) {
          Deno.renameSync(`${place.path}/source/${victim}`, `${place.path}/moved`);
          Deno.symlinkSync(`${place.path}/secret`, `${place.path}/source/${victim}`);
          swaps++;
        }
        return proceed();
      });
      const { paths } = walkAll(place.root("source"), {}, disk);
      ok(paths.every((path) => !path.endsWith("secret")), `${victim} swapped before call ${at}: ${paths}`);
      isDone = calls < at;
    }
  }
  ok(swaps > 40, `${swaps} swaps`);
});

Deno.test("walk() notices that all of the source has gone, whenever that happens", () => {
  let gone = 0;
  for (let at = 1, isDone = false; !isDone; at++) {
    using place = new Place();
    place.make("source/a/1", "source/b/c/2", "source/d/3");
    let calls = 0;
    const disk = hookedDisk(REAL_DISK, (_call, proceed) => {
      if (++calls === at) Deno.renameSync(`${place.path}/source`, `${place.path}/elsewhere`);
      return proceed();
    });
    try {
      walkAll(place.root("source"), {}, disk);
    } catch (error) {
      ok(error instanceof SourceGone || error instanceof NoSource, `${error}`);
      gone++;
    }
    isDone = calls < at;
    // What is done after the last look can't be noticed.
    ok(isDone || gone >= at - 1, `gone before call ${at}`);
  }
  ok(gone > 10, `${gone} times`);
});

Deno.test("walk() takes another directory under the source's name, as an unmounted disk leaves it, for no source", () => {
  using place = new Place();
  place.make("source/a/1", "empty/");
  const disk = interfering("openPath", `${place.path}/source/a`, () => {
    Deno.renameSync(`${place.path}/source`, `${place.path}/old`);
    Deno.renameSync(`${place.path}/empty`, `${place.path}/source`);
  });
  throws(() => walkAll(place.root("source"), {}, disk), SourceGone);
});

Deno.test("walk() goes down paths of more than 4096 bytes", () => {
  using place = new Place();
  const long = rawOf("ü".repeat(120));
  let path = "";
  const descend = (directory: Dir, levels: number): void => {
    path += `/${long}`;
    directory.mkdir(long, 0o755);
    using below = directory.openDir(long);
    if (levels > 1) descend(below, levels - 1);
    else makeFile(below, rawOf("file"));
  };
  using top = REAL_DISK.openDir(rawOf(place.path));
  descend(top, 25);
  const { found, monitor } = walkAll(place.root());
  deepStrictEqual(monitor.problems, []);
  strictEqual(found.at(-1)?.path, `${path}/file`);
  ok(path.length > 6000);
  strictEqual(found.length, 27);
});

Deno.test("walk() gives 100,000 names of one directory in batches of at most 64, in order", () => {
  using place = new Place();
  {
    using top = REAL_DISK.openDir(rawOf(place.path));
    for (let i = 0; i < 100_000; i++) makeFile(top, rawOf(String(i)));
  }
  const { paths, batches } = walkAll(place.root());
  strictEqual(paths.length, 100_001);
  ok(batches.length >= 1563 && batches.every((entries) => entries <= 64));
  const names = paths.slice(1);
  ok(names.every((path, i) => i === 0 || names[i - 1]! < path));
});

Deno.test("walk() holds two directories open, however deep and wide the tree is, and none when it is left", () => {
  using place = new Place();
  place.make(...Array.from({ length: 60 }, (_, i) => `${"d/".repeat(i % 12)}e${i}/file`));
  let most = 0;
  for (const _batch of walk(REAL_DISK, [place.root()], walkOptions(new TestMonitor()))) {
    most = Math.max(most, descriptorsWithin(place.path).length);
  }
  strictEqual(most, 2);
  strictEqual(descriptorsWithin(place.path).length, 0);
  let batches = 0;
  for (const _batch of walk(REAL_DISK, [place.root()], walkOptions(new TestMonitor()))) if (++batches === 5) break;
  strictEqual(descriptorsWithin(place.path).length, 0);
});

Deno.test("walk() doesn't list what the filter leaves out", () => {
  using place = new Place();
  place.make("keep/1", "keep/x.tmp", "node_modules/2", "keep/node_modules/deep/3", "src/node_modules");
  const listed: string[] = [];
  const disk = hookedDisk(REAL_DISK, (call, proceed) => {
    if (call.operation === "list") listed.push(call.path.slice(place.path.length));
    return proceed();
  });
  const { paths, monitor } = walkAll(place.root(), { filter: parseFilter(["node_modules/", "*.tmp"]) }, disk);
  deepStrictEqual(paths, ["/", "/keep", "/src", "/keep/1", "/src/node_modules"]);
  deepStrictEqual(listed, ["", "/keep", "/src"]);
  strictEqual(monitor.of("excludedEntries"), 3);
});

Deno.test("walk() ties patterns to each source, not to its place in the snapshot", () => {
  using place = new Place();
  place.make("one/cache/1", "one/one/cache/2", "two/cache/3", "two/keep");
  const roots = ["one", "two"].map((name) => place.root(name, { at: `/${name}` as Apath }));
  const { paths } = walkAll(roots, { filter: parseFilter(["/cache", "/two"]) });
  deepStrictEqual(paths, ["/one", "/two", "/one/one", "/one/one/cache", "/one/one/cache/2", "/two/keep"]);
});

Deno.test("walk() never leaves out a source itself", () => {
  using place = new Place();
  place.make("photos/a", "file");
  const roots = [
    place.root("photos", { at: "/photos" as Apath }),
    place.root("file", { at: "/file" as Apath, kind: "file" }),
  ];
  const { paths } = walkAll(roots, { filter: parseFilter(["photos", "file"]), largestBytes: 0 });
  deepStrictEqual(paths, ["/file", "/photos"]);
});

Deno.test("walk() leaves out files above a size, and only files", () => {
  using place = new Place();
  place.make("dir/", "link -> nowhere-that-is-longer-than-ten");
  Deno.writeTextFileSync(`${place.path}/ten`, "x".repeat(10));
  Deno.writeTextFileSync(`${place.path}/eleven`, "x".repeat(11));
  const { paths, monitor } = walkAll(place.root(), { largestBytes: 10 });
  deepStrictEqual(paths, ["/", "/dir", "/link", "/ten"]);
  strictEqual(monitor.of("excludedEntries"), 1);
});

const SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55";

Deno.test("walk() leaves the tag alone of a directory that CACHEDIR.TAG marks, if that is wished", () => {
  using place = new Place();
  place.make("cache/a", "cache/b/c", "keep/d");
  Deno.writeTextFileSync(`${place.path}/cache/CACHEDIR.TAG`, `${SIGNATURE}\n# a comment\n`);
  const { paths, monitor } = walkAll(place.root(), { excludeCaches: true });
  deepStrictEqual(paths, ["/", "/cache", "/keep", "/cache/CACHEDIR.TAG", "/keep/d"]);
  strictEqual(monitor.of("excludedEntries"), 2);
  strictEqual(walkAll(place.root()).paths.length, 8);
});

Deno.test("walk() takes only the marker of a directory that holds one of the names, whatever it is", () => {
  using place = new Place();
  place.make("one/.nobackup", "one/a", "two/x/b", "two/x/mark -> nowhere", "keep/nobackup", "three/.nobackup/c");
  const excluded: string[] = [];
  const { paths, monitor } = walkAll(place.root(), {
    markers: [rawOf("mark"), rawOf(".nobackup")],
    excluded: ({ rule }) => excluded.push(rule.by === "marker" ? textOf(rule.name) : rule.by),
  });
  deepStrictEqual(paths.filter((path) => path.split("/").length > 2), [
    "/keep/nobackup",
    "/one/.nobackup",
    "/three/.nobackup",
    "/three/.nobackup/c",
    "/two/x",
    "/two/x/mark",
  ]);
  deepStrictEqual([monitor.of("excludedEntries"), excluded.sort()], [2, [".nobackup", "mark"]]);
});

Deno.test("walk() takes nothing but the signature in a regular file for a cache's tag", () => {
  using place = new Place();
  place.make("short/a", "wrong/b", "empty/c", "dir/CACHEDIR.TAG/d", "link/e", "link/CACHEDIR.TAG -> tag", "link/tag");
  place.make("fifo/f", "dangling/CACHEDIR.TAG -> nowhere", "dangling/g");
  Deno.writeTextFileSync(`${place.path}/short/CACHEDIR.TAG`, SIGNATURE.slice(0, -1));
  Deno.writeTextFileSync(`${place.path}/wrong/CACHEDIR.TAG`, ` ${SIGNATURE}`);
  Deno.writeTextFileSync(`${place.path}/empty/CACHEDIR.TAG`, "");
  Deno.writeTextFileSync(`${place.path}/link/tag`, SIGNATURE);
  run("mkfifo", `${place.path}/fifo/CACHEDIR.TAG`);
  const { paths, monitor } = walkAll(place.root(), { excludeCaches: true });
  deepStrictEqual(paths, walkAll(place.root()).paths);
  deepStrictEqual(monitor.problems, []);
});

/** A disk where some directories are mounts: relative path to the name of their device; what is below has it, too. */
function mounted(place: Place, devices: Readonly<Record<string, string>>) {
  const deviceOf = (path: string, real: string) => {
    const inside = Object.keys(devices)
      .filter((mount) => `${path}/`.startsWith(`${place.path}/${mount}/`))
      .sort((a, b) => b.length - a.length)[0];
    return inside === undefined ? real : devices[inside]!;
  };
  return hookedDisk(REAL_DISK, (call, proceed) => {
    const answer = proceed();
    if (call.operation !== "stat" && call.operation !== "statSelf" || answer === undefined) return answer;
    return { ...answer as Stat, device: deviceOf(call.path, (answer as Stat).device) };
  });
}

Deno.test("walk() shows mount points but doesn't enter them, if it is to stay on one file system", () => {
  using place = new Place();
  place.make("a/1", "mnt/usb/2", "mnt/usb/deep/3", "z/4");
  const disk = mounted(place, { "mnt/usb": "0:77" });
  const all = ["/", "/a", "/mnt", "/z", "/a/1", "/mnt/usb", "/mnt/usb/2", "/mnt/usb/deep", "/mnt/usb/deep/3", "/z/4"];
  deepStrictEqual(walkAll(place.root(), {}, disk).paths, all);
  const { paths } = walkAll(place.root(), { oneFileSystem: true }, disk);
  deepStrictEqual(paths, ["/", "/a", "/mnt", "/z", "/a/1", "/mnt/usb", "/z/4"]);
});

Deno.test("walk() enters other file systems that are sources of their own, and nothing else on them", () => {
  using place = new Place();
  place.make("home/1", "home/other/2", "mnt/usb/3", "mnt/usb/photos/4", "mnt/usb/photos/card/5", "mnt/usb/music/6");
  const disk = mounted(place, { "home": "0:8", "home/other": "0:9", "mnt/usb": "0:77", "mnt/usb/photos/card": "0:78" });
  const nested: SourcePath[] = [
    { path: rawOf(`${place.path}/home`), kind: "dir" },
    { path: rawOf(`${place.path}/mnt/usb/photos`), kind: "dir" },
  ];
  const { paths } = walkAll(place.root("", { nested }), { oneFileSystem: true }, disk);
  deepStrictEqual(paths, [
    "/",
    "/home",
    "/mnt",
    "/home/1",
    "/home/other",
    "/mnt/usb",
    "/mnt/usb/photos",
    "/mnt/usb/photos/4",
    "/mnt/usb/photos/card",
  ]);
});

Deno.test({
  name: "walk() stays off a real mount",
  ignore: !canMount("tmpfs"),
  fn() {
    using place = new Place();
    place.make("mnt/", "a");
    run("mount", "-t", "tmpfs", "none", `${place.path}/mnt`);
    try {
      place.make("mnt/inside");
      deepStrictEqual(walkAll(place.root(), { oneFileSystem: true }).paths, ["/", "/a", "/mnt"]);
      deepStrictEqual(walkAll(place.root()).paths, ["/", "/a", "/mnt", "/mnt/inside"]);
    } finally {
      run("umount", `${place.path}/mnt`);
    }
  },
});

Deno.test("walk() leaves out the program's own directories as they are found, or by what is in them, and says so", () => {
  using place = new Place();
  place.make("a/1", "store/2", "deep/view/marker", "deep/view/3");
  const own = {
    whyNotFound: (path: Raw, name: Raw, { kind }: Stat) =>
      path === rawOf(`${place.path}/store`) && name === "store" && kind === "dir" ? "it is a test" : undefined,
    whyNotListed: (_directory: Dir, names: readonly Raw[]) =>
      names.includes(rawOf("marker")) ? "so is this" : undefined,
  };
  const exclusions: Exclusion[] = [];
  const { paths, monitor } = walkAll(place.root(), { own, excluded: (exclusion) => exclusions.push(exclusion) });
  deepStrictEqual(paths, ["/", "/a", "/deep", "/a/1", "/deep/view"]);
  deepStrictEqual(monitor.notices, [
    `Skipped ${place.path}/store: it is a test`,
    `Skipped ${place.path}/deep/view: so is this`,
  ]);
  deepStrictEqual(exclusions.map(({ path }) => textOf(path)), [`${place.path}/store`, `${place.path}/deep/view`]);
});

function sources(...paths: readonly string[]): SourcePath[] {
  return paths.map((path) => {
    const isFile = path.startsWith("file:");
    return { path: rawOf(isFile ? path.slice(5) : path), kind: isFile ? "file" : "dir" };
  });
}

const PLACED: readonly (readonly [claim: string, sources: string[], placed: string[]])[] = [
  ["one directory is the snapshot", ["/home/me"], ["/ from /home/me"]],
  ["so is the whole machine", ["/"], ["/ from /"]],
  ["one file stands in it", ["file:/home/me/a"], ["/a from /home/me/a"]],
  ["several stand in it under their names", ["/home/me/b", "/etc", "file:/a"], [
    "/b from /home/me/b",
    "/etc from /etc",
    "/a from /a",
  ]],
  ["equal names are numbered", ["/a/photos", "/b/photos", "/c/photos"], [
    "/photos from /a/photos",
    "/photos-2 from /b/photos",
    "/photos-3 from /c/photos",
  ]],
  ["a number that is taken is not given again", ["/a/photos-2", "/b/photos", "/c/photos"], [
    "/photos-2 from /a/photos-2",
    "/photos from /b/photos",
    "/photos-3 from /c/photos",
  ]],
  ["a source given twice is one", ["/a", "/a"], ["/ from /a"]],
  ["a source inside another goes with it", ["/a/b", "/a", "/c"], ["/a from /a + /a/b", "/c from /c"]],
  ["what is left may be a single directory", ["/a/b/c", "/a", "file:/a/b/d"], ["/ from /a + /a/b/c + /a/b/d"]],
  ["everything lies inside the whole machine", ["/", "/home"], ["/ from / + /home"]],
  ["a name that begins like another is not inside it", ["/a/b", "/a/bc"], ["/b from /a/b", "/bc from /a/bc"]],
];

for (const [claim, paths, placed] of PLACED) {
  Deno.test(`placeSources(): ${claim}`, () => {
    const roots = placeSources(sources(...paths)).map(({ at, path, nested }) => {
      return [`${textOf(at)} from ${textOf(path)}`, ...nested.map((source) => textOf(source.path))].join(" + ");
    });
    deepStrictEqual(roots, placed);
  });
}

Deno.test("placeSources() puts any sources side by side under names of their own", () => {
  const segment = fc.constantFrom("a", "b", "a-2", "b-3");
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
  fc.assert(fc.property(fc.array(path, { minLength: 1, maxLength: 6 }), (paths) => {
    const roots = placeSources(sources(...paths));
    strictEqual(new Set(roots.map(({ at }) => at)).size, roots.length);
    ok(roots.length === 1 ? roots[0]!.at === TOP : roots.every(({ at }) => at.lastIndexOf("/") === 0 && at !== TOP));
    const covered = new Set(roots.flatMap((root) => [root.path, ...root.nested.map((source) => source.path)]));
    deepStrictEqual([...covered].sort(), [...new Set(paths)].sort());
  }));
});
