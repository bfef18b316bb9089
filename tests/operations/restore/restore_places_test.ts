/** Where a restore puts things, what it removes, and what it says before it does so. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import type { BackupRequest } from "../../../src/operations/backup/backup_request.ts";
import { previewRestore, restore } from "../../../src/operations/restore/restore.ts";
import type { RestoreRequest } from "../../../src/operations/restore/restore_request.ts";
import { has, HAS_LINUX_DISK } from "../../support/needs.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

const IN_PLACE = { destination: { kind: "in-place" } } as const;
const codes = (monitor: TestMonitor) => monitor.problems.map(({ name }) => name).sort();

/** Paths of everything in a directory. */
function names(directory: string): string[] {
  return run("find", directory, "-mindepth", "1", "-printf", "%P\n").split("\n").filter((name) => name !== "").sort();
}

function exists(path: string): boolean {
  return run("sh", "-c", `test -e '${path}' -o -L '${path}' && echo yes || true`) === "yes\n";
}

async function restoreLatest(world: World, changes: Partial<RestoreRequest>): Promise<TestMonitor> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const request = world.restoreRequest(storage.resolve("latest"), `${world.base}/nowhere`);
  await restore(storage, { ...request, ...changes }, monitor);
  return monitor;
}

/** Lines such as "create a/b", paths below `base`. */
async function preview(world: World, changes: Partial<RestoreRequest>, base: string): Promise<string[]> {
  const lines: string[] = [];
  using storage = world.open();
  const request = world.restoreRequest(storage.resolve("latest"), `${world.base}/nowhere`);
  await previewRestore(storage, { ...request, ...changes }, new TestMonitor(), ({ action, path }) => {
    lines.push(`${action} ${textOf(path).slice(base.length)}`);
  });
  return lines.sort();
}

/** Does what was previewed, and asserts that it is what the preview said. */
async function assertPreviewIsTrue(world: World, changes: Partial<RestoreRequest>, base: string): Promise<string[]> {
  const before = new Set(names(base));
  const state = run("sh", "-c", `cd ${base} && find . -printf '%p %i %T@ %C@ %m\\n' | sort`);
  const lines = await preview(world, changes, base);
  strictEqual(run("sh", "-c", `cd ${base} && find . -printf '%p %i %T@ %C@ %m\\n' | sort`), state, "it looks only");
  await restoreLatest(world, changes);
  const after = new Set(names(base));
  const said = (action: string) =>
    lines.filter((line) => line.startsWith(`${action} /`)).map((line) => line.slice(action.length + 2)).sort();
  deepStrictEqual(
    [...before].filter((name) => !after.has(name)).sort(),
    said("remove").filter((name) => !after.has(name)),
  );
  deepStrictEqual([...after].filter((name) => !before.has(name)).sort(), said("create"));
  return lines;
}

Deno.test("restore() in place brings the source back to what it was", async () => {
  using world = new World();
  for (const name of ["same", "older", "gone", "dir/gone", "dir/same"]) world.write(name, `${name} then`);
  Deno.symlinkSync("same", `${world.source}/link`);
  await world.backup();
  const copy = `${world.base}/copy`;
  run("cp", "-a", world.source, copy);
  world.write("older", "damaged");
  run("touch", "-d", "2001-01-01", `${world.source}/older`);
  for (const name of ["gone", "dir/gone", "link"]) Deno.removeSync(`${world.source}/${name}`);
  const monitor = await restoreLatest(world, IN_PLACE);
  deepStrictEqual(monitor.problems, []);
  strictEqual(differences(copy, world.source), "");
  strictEqual(monitor.of("restoredFiles"), 4);
});

Deno.test("restore() in place refuses to write over what is newer, names it, and leaves it", async () => {
  using world = new World();
  for (const name of ["a", "b", "dir/c"]) world.write(name, `${name} then`);
  Deno.symlinkSync("a", `${world.source}/link`);
  await world.backup();
  for (const name of ["b", "dir/c"]) world.write(name, "now");
  Deno.removeSync(`${world.source}/link`);
  Deno.symlinkSync("b", `${world.source}/link`);
  run("touch", "-h", "-d", "2050-01-01", `${world.source}/b`, `${world.source}/dir/c`, `${world.source}/link`);
  const monitor = await restoreLatest(world, IN_PLACE);
  deepStrictEqual(codes(monitor), ["target-newer", "target-newer", "target-newer"]);
  strictEqual(Deno.readTextFileSync(`${world.source}/b`), "now");
  strictEqual(Deno.readLinkSync(`${world.source}/link`), "b");
  const lenient = await restoreLatest(world, { ...IN_PLACE, overwrite: "if-newer" });
  deepStrictEqual([codes(lenient), lenient.of("keptFiles")], [[], 4]);
  strictEqual(Deno.readTextFileSync(`${world.source}/dir/c`), "now");
  await restoreLatest(world, { ...IN_PLACE, overwrite: "always" });
  strictEqual(Deno.readTextFileSync(`${world.source}/dir/c`), "dir/c then");
  strictEqual(Deno.readLinkSync(`${world.source}/link`), "a");
});

Deno.test("restore() in place knows where each of several sources came from", async () => {
  using world = new World();
  const sources = ["one/data", "two/data", "file.txt"].map((name) => `${world.base}/${name}`);
  for (const directory of sources.slice(0, 2)) {
    Deno.mkdirSync(directory, { recursive: true });
    Deno.writeTextFileSync(`${directory}/inside`, directory);
  }
  Deno.writeTextFileSync(sources[2]!, "a file");
  await world.backup({ sources: sources.map(rawOf) });
  for (const path of sources) Deno.removeSync(path, { recursive: true });
  deepStrictEqual((await restoreLatest(world, IN_PLACE)).problems, []);
  deepStrictEqual(
    [`${sources[0]}/inside`, `${sources[1]}/inside`, sources[2]!].map((path) => Deno.readTextFileSync(path)),
    [sources[0], sources[1], "a file"],
  );
  Deno.removeSync(sources[2]!);
  Deno.removeSync(`${sources[0]}/inside`);
  await restoreLatest(world, { ...IN_PLACE, paths: [parseApath(sources[2]!)] });
  deepStrictEqual(sources.map(exists), [true, true, true]);
  ok(!exists(`${sources[0]}/inside`), "only what was asked for");
});

Deno.test("restore() takes a path as it was in the source", async () => {
  using world = new World();
  for (const name of ["2024/a.jpg", "2024/b.jpg", "2025/c.jpg"]) world.write(name, name);
  await world.backup();
  const restored = async (path: string) => {
    const { target } = await world.restore("latest", { paths: [parseApath(path)] });
    return names(target).filter((name) => name.endsWith(".jpg"));
  };
  deepStrictEqual(await restored(`${world.source}/2024/a.jpg`), ["2024/a.jpg"]);
  deepStrictEqual(await restored(`${world.source}/2024`), ["2024/a.jpg", "2024/b.jpg"]);
  deepStrictEqual(await restored("/2025"), ["2025/c.jpg"]);
  deepStrictEqual((await restored(world.source)).length, 3);
  deepStrictEqual((await restored(world.base)).length, 3);
  await rejects(restored(`${world.source}/2024/z.jpg`), { code: "not-in-snapshot" });
  await rejects(restored("/elsewhere"), { code: "not-in-snapshot" });
});

Deno.test("restore() under a new name makes one file, or one directory, and nothing around it", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  using world = new World();
  for (const name of ["docs/letter", "docs/deep/note"]) world.write(name, name);
  run("touch", "-d", "2001-02-03 04:05:06.123456789Z", `${world.source}/docs/letter`, `${world.source}/docs`);
  await world.backup();
  const as = (path: string, from: string, more: Partial<RestoreRequest> = {}) =>
    restoreLatest(world, {
      paths: [parseApath(from)],
      destination: { kind: "new-name", path: rawOf(`${world.base}/${path}`) },
      ...more,
    });
  await as("new/letter-before", "/docs/letter");
  deepStrictEqual(names(`${world.base}/new`), ["letter-before"]);
  strictEqual(Deno.readTextFileSync(`${world.base}/new/letter-before`), "docs/letter");
  await as("papers", "/docs");
  strictEqual(differences(`${world.source}/docs`, `${world.base}/papers`), "");
  strictEqual(run("stat", "-c", "%y", `${world.base}/papers`), run("stat", "-c", "%y", `${world.source}/docs`));
  deepStrictEqual(codes(await as("new/letter-before", "/docs/deep/note")), ["target-taken"]);
  strictEqual(Deno.readTextFileSync(`${world.base}/new/letter-before`), "docs/letter");
  await rejects(as("papers", "/docs/deep"), { code: "target-not-empty" });
  deepStrictEqual(codes(await as("new/letter-before", "/docs/deep/note", { overwrite: "always" })), []);
  strictEqual(Deno.readTextFileSync(`${world.base}/new/letter-before`), "docs/deep/note");
  deepStrictEqual(names(`${world.base}/new`), ["letter-before"]);
});

Deno.test("restore() with names stripped leaves out the first ones, and what has no more", async () => {
  using world = new World();
  for (const name of ["top", "a/one", "a/b/two", "c/b/three"]) world.write(name, name);
  run("chmod", "750", `${world.source}/a/b`, `${world.source}/c/b`);
  await world.backup();
  const target = `${world.base}/target`;
  const stripped = (strip: number) =>
    restoreLatest(world, { destination: { kind: "directory", path: rawOf(target), strip } });
  deepStrictEqual((await stripped(1)).problems, []);
  deepStrictEqual(names(target), ["b", "b/three", "b/two", "one"]);
  strictEqual(Deno.statSync(`${target}/b`).mode! & 0o777, 0o750);
  Deno.removeSync(target, { recursive: true });
  await stripped(2);
  deepStrictEqual(names(target), ["three", "two"]);
});

Deno.test(
  "restore() in place takes away attributes that were not there, and access lists",
  { ignore: !HAS_LINUX_DISK },
  async () => {
    using world = new World();
    world.write("dir/file", "1");
    run("setfattr", "-n", "user.kept", "-v", "1", `${world.source}/dir/file`);
    await world.backup();
    const said = () => run("sh", "-c", `cd ${world.source} && getfattr -R -d -m - . && getfacl -R .`);
    const before = said();
    for (const path of ["dir", "dir/file", "."]) {
      run("setfattr", "-n", "user.new", "-v", "1", `${world.source}/${path}`);
      run("setfacl", "-m", "u:1234:rwx", `${world.source}/${path}`);
    }
    run("setfacl", "-m", "d:u:1234:rwx", `${world.source}/dir`);
    const { problems } = await restoreLatest(world, IN_PLACE);
    deepStrictEqual(problems, []);
    strictEqual(said(), before);
  },
);

Deno.test("restore() never writes into its own storage", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  for (const place of ["", "/content", "/new/one"]) {
    await rejects(world.restore("latest", { target: rawOf(world.storagePath + place) }), { code: "target-in-storage" });
  }
  Deno.symlinkSync(world.storagePath, `${world.base}/link`);
  await rejects(world.restore("latest", { target: rawOf(`${world.base}/link/x`) }), { code: "target-in-storage" });
  deepStrictEqual((await world.check()).findings, []);
});

const MIRROR = { ...IN_PLACE, delete: true } as const;

Deno.test("restore() with delete removes what the snapshot doesn't have, and the preview names exactly that", async () => {
  using world = new World();
  for (const name of ["a", "dir/b", "empty/", "was-file", "was-dir/x"]) {
    if (name.endsWith("/")) Deno.mkdirSync(`${world.source}/${name}`);
    else world.write(name, name);
  }
  await world.backup();
  const copy = `${world.base}/copy`, outside = `${world.base}/outside`;
  run("cp", "-a", world.source, copy);
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/precious`, "1");
  for (const name of ["-first", "z", "dir/new", "empty/new", "new/deep/x", "new/deep/.y"]) world.write(name, "new");
  Deno.symlinkSync(outside, `${world.source}/link`);
  Deno.symlinkSync(outside, `${world.source}/new/link`);
  Deno.removeSync(`${world.source}/dir/b`);
  Deno.removeSync(`${world.source}/was-file`);
  world.write("was-file/inside", "new");
  Deno.removeSync(`${world.source}/was-dir`, { recursive: true });
  Deno.symlinkSync(outside, `${world.source}/was-dir`);
  run("touch", "-h", "-d", "2001-01-01", `${world.source}/was-dir`);
  const lines = await assertPreviewIsTrue(world, MIRROR, world.source);
  deepStrictEqual(lines, [
    "create /dir/b",
    "create /was-dir/x",
    "remove /-first",
    "remove /dir/new",
    "remove /empty/new",
    "remove /link",
    "remove /new",
    "remove /new/deep",
    "remove /new/deep/.y",
    "remove /new/deep/x",
    "remove /new/link",
    "remove /was-file",
    "remove /was-file/inside",
    "remove /z",
    "replace /was-dir",
    "replace /was-file",
  ]);
  strictEqual(differences(copy, world.source), "");
  deepStrictEqual(names(outside), ["precious"]);
});

/** Ways of leaving things out of a backup, all of which are in the source afterwards still. */
const EXCLUDES: Readonly<
  Record<string, { readonly options: Partial<BackupRequest>; readonly files: readonly string[] }>
> = {
  "patterns": { options: { excludes: ["*.tmp", "/cache/", "!keep.tmp"] }, files: ["x.tmp", "d/y.tmp", "cache/deep/z"] },
  "paths of the machine": {
    options: { excludes: ["SOURCE/x.tmp", "SOURCE/cache/"] },
    files: ["x.tmp", "cache/deep/z"],
  },
  "size": { options: { largestBytes: 100 }, files: ["d/large"] },
  "names that mark directories": { options: { markers: [rawOf(".nobackup")] }, files: ["marked/a", "marked/b/c"] },
  "cache tags": { options: { excludeCaches: true }, files: ["tagged/a", "tagged/b/c"] },
  "a .backupignore file": { options: {}, files: ["d/ignored", "d/deep/ignored"] },
};

for (const [how, { options, files }] of Object.entries(EXCLUDES)) {
  Deno.test(`restore() with delete spares what the backup left out by ${how}`, async () => {
    using world = new World();
    for (const name of ["a", "d/b", "d/deep/c"]) world.write(name, name);
    world.write("tagged/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    world.write("marked/.nobackup", "");
    world.write("d/.backupignore", "ignored\n");
    for (const name of files) world.write(name, name.endsWith("large") ? "x".repeat(200) : name);
    const excludes = options.excludes?.map((pattern) => pattern.replace("SOURCE", world.source)) ?? [];
    await world.backup({ ...options, excludes });
    // The source no longer says what it said then.
    world.write("d/.backupignore", "");
    Deno.removeSync(`${world.source}/tagged/CACHEDIR.TAG`);
    Deno.removeSync(`${world.source}/marked/.nobackup`);
    run("touch", "-d", "2001-01-01", `${world.source}/d/.backupignore`);
    world.write("d/extra", "extra");
    const lines = await assertPreviewIsTrue(world, MIRROR, world.source);
    deepStrictEqual(lines.filter((line) => line.startsWith("remove")), ["remove /d/extra"]);
    for (const name of files) ok(exists(`${world.source}/${name}`), name);
    strictEqual(Deno.readTextFileSync(`${world.source}/d/.backupignore`), "ignored\n");
  });
}

Deno.test("restore() with delete leaves a directory that the snapshot doesn't have if something excluded is in it", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup({ excludes: ["node_modules"] });
  world.write("new/src/x", "1");
  world.write("new/node_modules/y", "1");
  const lines = await assertPreviewIsTrue(world, MIRROR, world.source);
  deepStrictEqual(lines, ["remove /new/src", "remove /new/src/x"]);
  deepStrictEqual(names(world.source), ["a", "new", "new/node_modules", "new/node_modules/y"]);
});

Deno.test("restore() to a new file system takes its lost+found for nothing, and leaves it", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  const target = `${world.base}/disk`;
  Deno.mkdirSync(`${target}/lost+found`, { recursive: true });
  await world.restore("latest", { target: rawOf(target) });
  await world.restore("latest", { target: rawOf(target), delete: true });
  deepStrictEqual(names(target), ["a", "lost+found"]);
});

Deno.test("restore() with delete touches only what was chosen", async () => {
  using world = new World();
  for (const name of ["a/x", "b/x", "c/x"]) world.write(name, name);
  await world.backup();
  for (const name of ["a/new", "b/new", "b/new.txt", "c/new", "new"]) world.write(name, "new");
  await assertPreviewIsTrue(world, { ...MIRROR, paths: [parseApath("/a")] }, world.source);
  deepStrictEqual(names(world.source).filter((name) => name.includes("new")), ["b/new", "b/new.txt", "c/new", "new"]);
  await assertPreviewIsTrue(world, { ...MIRROR, include: ["*.txt"] }, world.source);
  deepStrictEqual(names(world.source).filter((name) => name.includes("new")), ["b/new", "c/new", "new"]);
  await assertPreviewIsTrue(world, { ...MIRROR, exclude: ["/c"] }, world.source);
  deepStrictEqual(names(world.source).filter((name) => name.includes("new")), ["c/new"]);
});

Deno.test("restore() with delete into a target never leaves it, and keeps to what the sources were", async () => {
  using world = new World();
  const other = `${world.base}/other`, target = `${world.base}/target`, outside = `${world.base}/outside`;
  for (const directory of [other, target, outside]) Deno.mkdirSync(directory);
  Deno.writeTextFileSync(`${outside}/precious`, "1");
  Deno.writeTextFileSync(`${other}/y`, "1");
  world.write("x", "1");
  await world.backup({ sources: [rawOf(world.source), rawOf(other)] });
  Deno.mkdirSync(`${target}/source`);
  Deno.writeTextFileSync(`${target}/source/new`, "1");
  Deno.writeTextFileSync(`${target}/beside`, "no source of this snapshot");
  Deno.symlinkSync(outside, `${target}/other`);
  run("touch", "-h", "-d", "2001-01-01", `${target}/other`);
  await world.restore("latest", { target: rawOf(target), delete: true });
  deepStrictEqual(names(target), ["beside", "other", "other/y", "source", "source/x"]);
  deepStrictEqual(names(outside), ["precious"]);
});

Deno.test("restore() with delete spares a storage that lies in the source", async () => {
  using world = new World({ storageIn: (base) => `${base}/source` });
  world.write("a", "1");
  await world.backup();
  world.write("b", "1");
  await restoreLatest(world, MIRROR);
  ok(!exists(`${world.source}/b`));
  deepStrictEqual((await world.check()).findings, []);
});

Deno.test("restore() with delete refuses if the snapshot may lack what was there", async () => {
  const failing = { path: "" };
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "openPath" && path === failing.path) throw new DiskFault("EACCES", "open", rawOf(path));
      return proceed();
    }),
  });
  for (const name of ["a", "secret/b"]) world.write(name, name);
  failing.path = `${world.source}/secret`;
  strictEqual((await world.backup({ tree: false })).monitor.problems.length, 1);
  failing.path = "";
  await rejects(restoreLatest(world, MIRROR), { code: "cannot-delete" });
  ok(exists(`${world.source}/secret/b`));
});

Deno.test("restore() with delete refuses to take the whole system for the place of something else", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  const destination = { kind: "directory", path: rawOf("/"), strip: 0 } as const;
  await rejects(preview(world, { destination, delete: true }, ""), { code: "cannot-delete" });
  Deno.symlinkSync("/", `${world.base}/link`);
  const linked = { ...destination, path: rawOf(`${world.base}/link`) };
  await rejects(preview(world, { destination: linked, delete: true }, ""), { code: "cannot-delete" });
});

Deno.test("restore() with delete refuses a snapshot of nothing but listed paths", async () => {
  using world = new World();
  for (const name of ["listed", "unlisted"]) world.write(name, name);
  await world.backup({ only: [rawOf(`${world.source}/listed`)] });
  await rejects(restoreLatest(world, MIRROR), { code: "cannot-delete" });
  deepStrictEqual(names(world.source), ["listed", "unlisted"]);
});

Deno.test("restore() in place says what came from no path", { ignore: !HAS_LINUX_DISK }, async () => {
  async function* chunks() {
    yield new TextEncoder().encode("dump");
  }
  using world = new World();
  world.write("a", "1");
  await world.backup({ streams: [{ name: rawOf("db.sql"), chunks: chunks() }] });
  Deno.removeSync(`${world.source}/a`);
  const { notices } = await restoreLatest(world, IN_PLACE);
  match(notices.join(), /\/db\.sql is skipped/);
  deepStrictEqual(names(world.source), ["a"]);
  await world.backup({ sources: [], name: "dump", streams: [{ name: rawOf("db.sql"), chunks: chunks() }] });
  await rejects(restoreLatest(world, IN_PLACE), { code: "no-original-place" });
});

Deno.test("restore() with delete works on a snapshot whose problems are all named by entries", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "open" && path.endsWith("/secret")) throw new DiskFault("EACCES", "open", rawOf(path));
      return proceed();
    }),
  });
  for (const name of ["a", "secret"]) world.write(name, name);
  await world.backup();
  world.write("b", "new");
  const monitor = await restoreLatest(world, MIRROR);
  deepStrictEqual(codes(monitor), ["not-backed-up"]);
  deepStrictEqual(names(world.source), ["a", "secret"]);
});

Deno.test("restore() with delete refuses a snapshot of which a part can't be read, before it removes anything", async () => {
  using world = new World();
  for (let i = 0; i < 5000; i++) world.write(`d${i % 7}/${i}`, "");
  const { snapshot } = await world.backup({ tree: false });
  {
    using storage = world.open();
    Deno.removeSync(world.items().get(storage.manifest(snapshot.id).root.hunks.at(-1)!.id)!);
  }
  world.write("d0/0-new", "new");
  await rejects(restoreLatest(world, MIRROR), { code: "damaged-content" });
  ok(exists(`${world.source}/d0/0-new`));
});

Deno.test("restore() that was cut off is continued by the same request, and by no other", async () => {
  const trap = { armed: true };
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (trap.armed && operation === "setAttributes" && path.endsWith("/f30")) {
        throw new Error("as if it had been killed");
      }
      return proceed();
    }),
  });
  for (let i = 10; i < 50; i++) world.write(`f${i}`, `content ${i}`);
  run("sh", "-c", `touch -d 2001-02-03 ${world.source}/*`);
  await world.backup();
  const target = `${world.base}/target`;
  await rejects(world.restore("latest", { target: rawOf(target) }), /killed/);
  strictEqual(names(target).length, 22, "21 files and the marker");
  trap.armed = false;
  // Half a file is there, and one that somebody has worked on since.
  Deno.writeTextFileSync(`${target}/f30`, "cont");
  Deno.writeTextFileSync(`${target}/f20`, "edited");
  Deno.chmodSync(`${target}/f20`, 0o644);
  const first = await world.restore("latest", { target: rawOf(target) });
  deepStrictEqual(codes(first.monitor), ["target-newer"]);
  match(first.monitor.problems[0]!.message, /f20/);
  strictEqual(first.monitor.of("keptFiles"), 19);
  strictEqual(first.monitor.of("restoredFiles"), 20);
  strictEqual(Deno.readTextFileSync(`${target}/f30`), "content 30");
  strictEqual(names(target).length, 40);
  await rejects(world.restore("latest", { target: rawOf(target) }), { code: "target-not-empty" });
});

Deno.test("restore() of another snapshot doesn't continue one that was cut off", async () => {
  using world = new World();
  world.write("a", "1");
  const { snapshot } = await world.backup();
  await world.backup();
  const target = `${world.base}/target`;
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(
    `${target}/.backup-tool-restoring`,
    JSON.stringify({ format: "backup-tool restore", snapshot: snapshot.id }),
  );
  await rejects(world.restore("latest", { target: rawOf(target) }), { code: "target-not-empty" });
  await world.restore(snapshot.id, { target: rawOf(target) });
  deepStrictEqual(names(target), ["a"]);
});

Deno.test({
  name: "restore() gives owners by name or by number, or to nobody else",
  ignore: Deno.uid() !== 0,
  async fn() {
    const real = openDisk();
    const known: Record<string, number> = { alice: 3001, staff: 3002 };
    using world = new World({
      disk: hookedDisk(real, ({ operation, args }, proceed) => {
        const [id] = args;
        if (operation === "userName") return id === 2001 ? "alice" : undefined;
        if (operation === "groupName") return id === 2002 ? "staff" : undefined;
        if (operation === "userId" || operation === "groupId") return known[String(id)];
        return proceed();
      }),
    });
    for (const name of ["known", "unknown"]) world.write(name, name);
    run("chown", "2001:2002", `${world.source}/known`);
    run("chown", "2003:2004", `${world.source}/unknown`);
    run("chmod", "6755", `${world.source}/known`);
    run("chmod", "644", `${world.source}/unknown`);
    await world.backup();
    const owners = async (owners: RestoreRequest["owners"]) => {
      const { target, monitor } = await world.restore("latest", { owners });
      deepStrictEqual(monitor.problems, []);
      return run("stat", "-c", "%u:%g %a", `${target}/known`, `${target}/unknown`).trim().split("\n");
    };
    deepStrictEqual(await owners("names"), ["3001:3002 6755", "2003:2004 644"]);
    deepStrictEqual(await owners("ids"), ["2001:2002 6755", "2003:2004 644"]);
    deepStrictEqual(await owners("none"), ["0:0 755", "0:0 644"]);
  },
});

Deno.test({
  name: "restore() gives ACLs by name or by number, default ACLs too",
  ignore: !HAS_LINUX_DISK || !has("setfacl"),
  async fn() {
    const known: Record<string, number> = { alice: 3001, staff: 3002 };
    using world = new World({
      disk: hookedDisk(openDisk(), ({ operation, args }, proceed) => {
        const [id] = args;
        if (operation === "userName") return id === 2001 ? "alice" : undefined;
        if (operation === "groupName") return id === 2002 ? "staff" : undefined;
        if (operation === "userId" || operation === "groupId") return known[String(id)];
        return proceed();
      }),
    });
    world.write("dir/file", "1");
    const entries = "u:2001:rw,u:2005:r,g:2002:r";
    run("setfacl", "-m", entries, `${world.source}/dir/file`);
    run("setfacl", "-d", "-m", entries, `${world.source}/dir`);
    await world.backup();
    await world.backup(); // which takes over the lines
    const named = async (owners: RestoreRequest["owners"]) => {
      const { target, monitor } = await world.restore("latest", { owners });
      deepStrictEqual(monitor.problems, []);
      const text = run(
        "sh",
        "-c",
        `cd ${target}/dir && getfacl -nc file . | grep -o '[ug][a-z]*:[0-9][0-9]*:...' | sort -u`,
      );
      return text.trim().split("\n");
    };
    const byName = ["group:3002:r--", "user:2005:r--", "user:3001:rw-"];
    deepStrictEqual(await named("names"), byName);
    deepStrictEqual(await named("none"), byName);
    deepStrictEqual(await named("ids"), ["group:2002:r--", "user:2001:rw-", "user:2005:r--"]);
  },
});

Deno.test("restore() tells once what it could not give back", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path, args }, proceed) => {
      const [attributes] = args.slice(-1) as [Record<string, unknown>];
      const isOwner = operation === "setAttributes" && "uid" in attributes && path.includes("/restored-");
      if (isOwner || (operation === "mknod" && args[2] === "char")) throw new DiskFault("EPERM", "do", rawOf(path));
      return proceed();
    }),
  });
  for (let i = 0; i < 300; i++) world.write(`f${i}`, "1");
  if (Deno.uid() === 0) run("mknod", `${world.source}/null`, "c", "1", "3");
  await world.backup();
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual(codes(monitor), ["not-given-back"]);
  match(monitor.problems[0]!.message, /the owner \(EPERM\) of 300 objects such as "\/f0"/);
  if (Deno.uid() === 0) match(monitor.problems[0]!.message, /the device node \(EPERM\) of "\/null"/);
  strictEqual(names(target).length, 300);
});
