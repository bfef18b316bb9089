import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Apath, TOP } from "../../../src/core/apath.ts";
import type { Entry } from "../../../src/core/entry.ts";
import type { Raw } from "../../../src/core/raw.ts";
import { dump, type DumpFormat } from "../../../src/operations/browse/dump/dump.ts";
import { TarWriter } from "../../../src/core/tar.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

const isLinux = Deno.build.os === "linux", isRoot = Deno.uid() === 0;
const has = (program: string) => {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().code < 127;
  } catch {
    return false;
  }
};

const HAS_ATTRIBUTES = isLinux && ["setfattr", "setfacl", "tar"].every(has);

/** Writes the archive to a file. @returns its path */
async function dumped(world: World, format: DumpFormat, path = TOP, monitor = new TestMonitor()): Promise<string> {
  const target = `${world.base}/archive-${format}-${path.length}`;
  using file = Deno.openSync(target, { write: true, create: true, truncate: true });
  using storage = world.open(monitor);
  const request = { snapshot: storage.resolve("latest"), path, format, signal: new AbortController().signal };
  await dump(storage, request, (bytes) => {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  }, monitor);
  return target;
}

function extractDir(world: World, name: string): string {
  const path = `${world.base}/${name}`;
  Deno.mkdirSync(path);
  return path;
}

/** Names, kinds, sizes, times and attributes that archives get wrong. */
function makeOdd(world: World): void {
  world.write("plain", "plain\n");
  world.write("empty", "");
  world.write(`${"long".repeat(40)}/${"name".repeat(60)}`, "long");
  world.write("Grüße 日本", "umlauts");
  world.write("new\nline", "1");
  world.write("large", new Uint8Array(3_000_001).map((_, i) => i * 31 >> 3));
  Deno.symlinkSync("x".repeat(150), `${world.source}/long link`);
  Deno.linkSync(`${world.source}/large`, `${world.source}/second name`);
  Deno.chmodSync(`${world.source}/plain`, 0o4750);
  if (!isLinux) return;
  const script = [
    `printf latin > "$1"/caf$(printf '\\351')`,
    `mkfifo "$1/pipe"`,
    `touch -d '2001-02-03 04:05:06.123456789' "$1/plain"`,
    `touch -h -d '1969-12-31 23:59:59.987654321 UTC' "$1/long link"`,
    `truncate -s 2000000 "$1/sparse"; printf x >> "$1/sparse"`,
    ...(isRoot
      ? [`chown 3000000:70000 "$1/empty"; setfattr -n user.note -v héllo "$1/plain" || true; mknod "$1/null" c 1 3`]
      : []),
  ];
  run("bash", "-c", script.join("\n"), "bash", world.source);
}

Deno.test({
  name: "a tar file has everything, as GNU tar extracts it",
  ignore: !HAS_LINUX_DISK || !isLinux || !has("tar") || !has("rsync"),
  fn: async () => {
    using world = new World();
    makeOdd(world);
    await world.backup();
    const target = extractDir(world, "tar");
    run("tar", "--xattrs", "--xattrs-include=*", "-xpf", await dumped(world, "tar"), "-C", target);
    strictEqual(differences(world.source, target), "");
  },
});

Deno.test("a tar file of one directory, or of one file, has names that begin with it", async () => {
  using world = new World();
  world.write("a/b/c", "content");
  await world.backup();
  const names = async (path: string) => run("tar", "-tf", await dumped(world, "tar", path as Apath)).trim().split("\n");
  deepStrictEqual(await names("/a/b"), ["b/", "b/c"]);
  deepStrictEqual(await names("/a/b/c"), ["c"]);
  deepStrictEqual(await names("/"), ["./", "a/", "a/b/", "a/b/c"]);
});

Deno.test("python reads both formats, names and contents", { ignore: !HAS_LINUX_DISK || !has("python3") }, async () => {
  using world = new World();
  makeOdd(world);
  await world.backup();
  const script = `import sys, tarfile, zipfile, hashlib
t = tarfile.open(sys.argv[1]); z = zipfile.ZipFile(sys.argv[2]); assert z.testzip() is None
tar = {m.name: hashlib.md5(t.extractfile(m).read()).hexdigest() for m in t if m.isreg() or m.islnk()}
zip = {i.filename: hashlib.md5(z.read(i)).hexdigest() for i in z.infolist() if (i.external_attr >> 28) == 8}
zip = {k.encode('cp437', 'replace').decode('utf8', 'surrogateescape') if 'caf' in k else k: v for k, v in zip.items()}
assert {k: v for k, v in tar.items() if 'caf' not in k} == {k: v for k, v in zip.items() if 'caf' not in k}, (tar, zip)
print(len(tar), zip['large'], oct(z.getinfo('plain').external_attr >> 16))`;
  const text = run("python3", "-c", script, await dumped(world, "tar"), await dumped(world, "zip"));
  const large = run("md5sum", `${world.source}/large`).slice(0, 32);
  strictEqual(text.trim(), `${isLinux ? 9 : 7} ${large} 0o104750`);
});

Deno.test("what an archive can't hold is left out with a notice, and what is damaged is told", async () => {
  using world = new World();
  world.write("a", "a".repeat(100));
  world.write("b", "b".repeat(3_000_000));
  world.write("c", "c");
  world.write("d", "d".repeat(200));
  if (isLinux) run("mkfifo", `${world.source}/pipe`);
  await world.backup({ tree: false });
  for (const [name, size] of [["a", 100], ["b", 3_000_000]] as const) {
    const [, path] = [...world.items()].find(([, path]) => Deno.statSync(path).size === size)!;
    Deno.chmodSync(path, 0o600);
    Deno.writeTextFileSync(path, name.toUpperCase().repeat(size));
  }
  const [, missing] = [...world.items()].find(([, path]) => Deno.statSync(path).size === 200)!;
  Deno.removeSync(missing);

  const monitor = new TestMonitor();
  const archive = await dumped(world, "zip", TOP, monitor);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["damaged-content", "damaged-content", "damaged-content"]);
  if (isLinux) match(monitor.notices.join(), /\/pipe is skipped: zip files can't hold a fifo/);
  if (has("unzip")) {
    match(run("unzip", "-t", archive), /No errors detected/);
    deepStrictEqual(run("unzip", "-Z1", archive).trim().split("\n"), ["b", "c"]);
  }
  const tar = await dumped(world, "tar");
  deepStrictEqual(run("tar", "-tf", tar).trim().split("\n"), ["./", "b", "c", ...(isLinux ? ["pipe"] : [])]);
});

Deno.test("a content that is not as large as the snapshot says is left out of an archive before anything of it is written", async () => {
  using world = new World();
  world.write("a", "a".repeat(3_000_000));
  world.write("b", "b");
  await world.backup({ tree: false });
  const [, path] = [...world.items()].find(([, path]) => Deno.statSync(path).size === 3_000_000)!;
  Deno.chmodSync(path, 0o600);
  Deno.truncateSync(path, 2_000_000);
  const monitor = new TestMonitor();
  const archive = await dumped(world, "tar", TOP, monitor);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["damaged-content"]);
  strictEqual(Deno.statSync(archive).size, 10_240);
});

Deno.test("dump() of a path that isn't there fails before anything is written", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  await rejects(dumped(world, "tar", "/b" as Apath), { code: "not-in-snapshot" });
  strictEqual(Deno.statSync(`${world.base}/archive-tar-2`).size, 0);
});

Deno.test("TarWriter says sizes, owners and times that a plain header can't in an extended one", async () => {
  const parts: string[] = [];
  const writer = new TarWriter((bytes) => parts.push(new TextDecoder("latin1").decode(bytes)));
  const entry: Entry = {
    path: "/big" as Apath,
    kind: "file",
    size: 9 * 1024 ** 3,
    mtime: "-1500000000",
    mode: 0o644,
    uid: 0xffffffff - 1,
    gid: 0,
    user: "ü",
  };
  await writer.add(entry, "big" as Raw, { content: [] });
  const text = parts.join("");
  for (const record of ["18 size=9663676416\n", "18 uid=4294967294\n".replace("18", "18"), "23 mtime=-1.500000000\n"]) {
    ok(text.includes(record.slice(record.indexOf(" ") + 1)), record);
  }
  for (const [line] of text.slice(512, 1024).matchAll(/(\d+) [^\n]*\n/g)) {
    strictEqual(line.length, parseInt(line), line);
  }
});

Deno.test("GNU tar gets ACLs and attributes with odd names out of a dump", {
  ignore: !HAS_LINUX_DISK || !HAS_ATTRIBUTES,
}, async () => {
  using world = new World();
  world.write("file", "1");
  world.write("dir/in", "1");
  const named = { "user.a=b": "1", "user.p%3Dq": "2", "user.100%": "3", "user.plain": "4" };
  for (const [name, value] of Object.entries(named)) run("setfattr", "-n", name, "-v", value, `${world.source}/file`);
  run("setfacl", "-m", "u:1:rw,g:54321:r", `${world.source}/file`);
  run("setfacl", "-d", "-m", "u:1:rwx,g:54321:-", `${world.source}/dir`);
  await world.backup();
  const archive = await dumped(world, "tar");
  const said = (at: string, command: string) => run("sh", "-c", `cd ${at} && ${command}`).split("\n\n").sort();
  for (const options of ["--acls", "--xattrs --xattrs-include=*", "--acls --xattrs --xattrs-include=*"]) {
    const into = extractDir(world, options.replaceAll(/\W/g, ""));
    run("tar", ...options.split(" "), "-xpf", archive, "-C", into);
    deepStrictEqual(said(into, "getfacl -nR ."), said(world.source, "getfacl -nR ."), options);
    if (!options.includes("xattrs")) continue;
    deepStrictEqual(said(into, "getfattr -dR ."), said(world.source, "getfattr -dR ."), options);
  }
});
