/**
 * The promises of `src/platform/disk.ts`, one rule each. Every implementation runs all of them; a difference is named in
 * `unless`, with its reason, and shown as an ignored test.
 */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { type Dir, type Disk, DiskFault } from "../../src/platform/disk.ts";
import { CAN_MOUNT, Mounts } from "../support/mounts.ts";
import { IS_ROOT, otherFileSystem } from "../support/needs.ts";

/** A temporary directory, opened. */
interface Place extends Disposable {
  readonly disk: Disk;
  readonly dir: Dir;
  /** Its path as text, for looking at it another way. */
  readonly path: string;
}

const A = rawOf("a"), B = rawOf("b"), SUB = rawOf("sub");
/** Rules of what only root may do. */
const NEEDS_ROOT = new Set(["owners are set, of symlinks too, and setuid survives"]);
const bytes = (text: string) => new TextEncoder().encode(text);

/** @param unless titles of rules that this implementation doesn't keep, to the reasons */
export function diskContract(name: string, makeDisk: () => Disk, unless: Readonly<Record<string, string>> = {}): void {
  const unknown = new Set(Object.keys(unless));
  const rule: Rule = (title, body) => {
    const reason = unless[title];
    unknown.delete(title);
    Deno.test({
      name: `${name}: ${title}${reason === undefined ? "" : ` [not here: ${reason}]`}`,
      ignore: reason !== undefined || (NEEDS_ROOT.has(title) && !IS_ROOT),
      async fn() {
        using place = temporary(makeDisk());
        await body(place);
      },
    });
  };
  mounts(name, makeDisk);
  directories(rule);
  names(rule);
  files(rule);
  links(rule);
  removal(rule);
  attributes(rule);
  fileSystem(rule);
  strictEqual([...unknown].join(), "", "every exception belongs to a rule");
}

type Rule = (title: string, body: (place: Place) => void | Promise<void>) => void;

/** Another file system, a bind mount of the same one, and a file that is mounted on a file. */
function mounts(name: string, makeDisk: () => Disk): void {
  Deno.test({
    name: `${name}: what is mounted is told, whatever it is, and so is what is seen through it`,
    ignore: !CAN_MOUNT,
    fn() {
      using place = temporary(makeDisk());
      const { dir, disk, path } = place;
      for (const made of ["other/deep", "tmp", "bind", "plain"]) Deno.mkdirSync(`${path}/${made}`, { recursive: true });
      write(dir, A, "1");
      using mounted = new Mounts();
      mounted.tmpfs(`${path}/tmp`);
      mounted.bind(`${path}/other`, `${path}/bind`);
      using fresh = disk.openDir(dir.path);
      const told = ["tmp", "bind", "plain", "a"].map((each) => fresh.stat(rawOf(each))!.isMountPoint);
      deepStrictEqual(told, [true, true, false, false]);
      using plain = fresh.openDir(rawOf("plain"));
      using bind = fresh.openDir(rawOf("bind"));
      using deep = fresh.openPath(rawOf("bind/deep"));
      using direct = fresh.openPath(rawOf("other/deep"));
      strictEqual(plain.mountId(), fresh.mountId());
      strictEqual(direct.mountId(), fresh.mountId());
      strictEqual(deep.mountId(), bind.mountId());
      ok(bind.mountId() !== fresh.mountId());
      const line = disk.mounts().find(({ id }) => id === deep.mountId())!;
      strictEqual(line.point, rawOf(`${Deno.realPathSync(path)}/bind`));
      ok(line.root.endsWith("/other"));
    },
  });
}

function directories(rule: Rule): void {
  rule("list() gives every name once, without . and ..", ({ dir }) => {
    write(dir, A, "1");
    dir.mkdir(SUB, 0o755);
    dir.symlink(rawOf("nowhere"), B);
    const { names, kinds } = dir.list();
    const found = names.map((each, i) => `${each}:${kinds[i] ?? dir.stat(each)?.kind}`);
    deepStrictEqual(found.sort(), ["a:file", "b:symlink", "sub:dir"]);
  });
  rule("list() can be asked again, and sees what is new", ({ dir }) => {
    write(dir, A, "1");
    strictEqual(dir.list().names.length, 1);
    write(dir, B, "1");
    strictEqual(dir.list().names.length, 2);
  });
  rule("list() gives all of 3000 names", ({ dir }) => {
    const names = Array.from({ length: 3000 }, (_, i) => rawOf(`${"long-name-".repeat(8)}${i}`));
    for (const each of names) write(dir, each, "");
    deepStrictEqual([...dir.list().names].sort(), names.sort());
  });
  rule("openDir() opens a directory and nothing else", ({ dir }) => {
    dir.mkdir(SUB, 0o755);
    write(dir, A, "");
    dir.symlink(SUB, B);
    using sub = dir.openDir(SUB);
    strictEqual(sub.path, `${dir.path}/sub`);
    strictEqual(sub.statSelf().kind, "dir");
    fails(["ENOTDIR"], () => dir.openDir(A));
    fails(["ENOTDIR", "ELOOP"], () => dir.openDir(B));
    fails(["ENOENT"], () => dir.openDir(rawOf("missing")));
  });
  rule("openPath() goes down several levels", ({ dir }) => {
    using deep = makePath(dir, ["x", "y", "z"]);
    write(deep, A, "deep");
    using again = dir.openPath(rawOf("x/y/z"));
    strictEqual(read(again, A), "deep");
    fails(["ENOENT"], () => dir.openPath(rawOf("x/no/z")));
    fails(["ENOTDIR"], () => dir.openPath(rawOf("x/y/z/a")));
  });
  rule("openPath() opens this directory for the empty path", ({ dir }) => {
    write(dir, A, "here");
    using same = dir.openPath(rawOf(""));
    strictEqual(read(same, A), "here");
    strictEqual(same.statSelf().inode, dir.statSelf().inode);
  });
  rule("openPath() refuses symlinks and ways up", ({ dir }) => {
    using _deep = makePath(dir, ["x", "y"]);
    dir.symlink(rawOf("x"), B);
    fails(["ELOOP", "ENOTDIR"], () => dir.openPath(rawOf("b/y")));
    fails(["ELOOP", "ENOTDIR"], () => dir.openPath(B));
    for (const path of ["..", "x/..", "x/../x", "/", "/tmp", "x//y", "./x", "x/."]) {
      fails(["EINVAL"], () => dir.openPath(rawOf(path)));
    }
  });
  rule("openDir() of the disk follows symlinks", ({ dir, disk, path }) => {
    dir.mkdir(SUB, 0o755);
    dir.symlink(SUB, B);
    using there = disk.openDir(rawOf(`${path}/b`));
    strictEqual(there.statSelf().inode, dir.stat(SUB)?.inode);
    fails(["ENOENT"], () => disk.openDir(rawOf(`${path}/missing`)));
    write(dir, A, "");
    fails(["ENOTDIR"], () => disk.openDir(rawOf(`${path}/a`)));
  });
  rule("realPath() resolves symlinks, dots and the working directory", ({ dir, disk, path }) => {
    const real = rawOf(Deno.realPathSync(path));
    using _deep = makePath(dir, ["x", "y"]);
    dir.symlink(rawOf("x/../x/y"), B);
    dir.symlink(rawOf(`${path}/b`), A);
    strictEqual(disk.realPath(rawOf(`${path}/./a/../y/`)), `${real}/x/y`);
    strictEqual(disk.realPath(rawOf(".")), rawOf(Deno.realPathSync(".")));
    strictEqual(disk.realPath(rawOf("/")), "/");
    fails(["ENOENT"], () => disk.realPath(rawOf(`${path}/missing`)));
    dir.symlink(rawOf("loop"), rawOf("loop"));
    fails(["ELOOP"], () => disk.realPath(rawOf(`${path}/loop`)));
  });
  rule("mkdir() says if the name is taken", ({ dir }) => {
    strictEqual(dir.mkdir(SUB, 0o755), true);
    strictEqual(dir.mkdir(SUB, 0o755), false);
    write(dir, A, "");
    strictEqual(dir.mkdir(A, 0o755), false);
  });
  rule("mkdir() sets exactly the mode", ({ dir }) => {
    for (const [index, mode] of [0o700, 0o755, 0o777, 0o1777, 0o2775].entries()) {
      const name = rawOf(`d${index}`);
      dir.mkdir(name, mode);
      strictEqual(dir.stat(name)?.mode, mode);
    }
  });
}

function names(rule: Rule): void {
  const odd = [
    "new\nline",
    "quote\"'`",
    "back\\slash",
    "tab\tbell\x07esc\x1b[31m",
    " blanks ",
    "-rf",
    "*?[a]",
    "ünïcödé",
    "\u{1f600}",
    "n".repeat(255),
  ];
  rule("odd names survive a round trip", ({ dir }) => roundTrip(dir, odd.map(rawOf)));
  rule("names that aren't UTF-8 survive a round trip", ({ dir }) => {
    roundTrip(dir, ["\xff\xfe", "latin-\xe9", "\xc3", "\xed\xa0\x80", "\x80".repeat(255)] as Raw[]);
  });
  rule("a name of 256 bytes is too long", ({ dir }) => {
    fails(["ENAMETOOLONG"], () => dir.create(rawOf("n".repeat(256)), 0o600));
    fails(["ENAMETOOLONG"], () => dir.mkdir(rawOf("n".repeat(5000)), 0o700));
  });
  rule("a name is one component, or it is refused", ({ dir }) => {
    dir.mkdir(SUB, 0o755);
    for (const wrong of ["", ".", "..", "sub/a", "/tmp", "a\0b"] as Raw[]) {
      fails(["EINVAL"], () => dir.stat(wrong));
      fails(["EINVAL"], () => dir.openDir(wrong));
      fails(["EINVAL"], () => dir.open(wrong));
      fails(["EINVAL"], () => dir.create(wrong, 0o600));
      fails(["EINVAL"], () => dir.mkdir(wrong, 0o700));
      fails(["EINVAL"], () => dir.unlink(wrong));
      fails(["EINVAL"], () => dir.rmdir(wrong));
      fails(["EINVAL"], () => dir.link(wrong, dir, A));
      fails(["EINVAL"], () => dir.link(SUB, dir, wrong));
      fails(["EINVAL"], () => dir.rename(SUB, dir, wrong));
      fails(["EINVAL"], () => dir.symlink(A, wrong));
      fails(["EINVAL"], () => dir.setAttributes(wrong, { mode: 0o600 }));
    }
  });
  rule("paths longer than 4096 bytes work", ({ dir, disk, path }) => {
    const parts = Array.from({ length: 30 }, (_, i) => `${i}-${"p".repeat(200)}`);
    using deep = makePath(dir, parts);
    write(deep, A, "deep");
    const relative = parts.join("/");
    ok(relative.length > 6000);
    using below = dir.openPath(rawOf(relative));
    strictEqual(read(below, A), "deep");
    using byPath = disk.openDir(rawOf(`${path}//${relative}/`));
    strictEqual(read(byPath, A), "deep");
    strictEqual(disk.realPath(rawOf(`${path}/${relative}/a`)), rawOf(`${Deno.realPathSync(path)}/${relative}/a`));
    removePath(dir, parts);
  });
}

function roundTrip(dir: Dir, all: readonly Raw[]): void {
  for (const name of all) write(dir, name, name);
  deepStrictEqual([...dir.list().names].sort(), [...all].sort());
  for (const name of all) {
    strictEqual(read(dir, name), name);
    strictEqual(dir.link(name, dir, A), "linked");
    strictEqual(dir.stat(A)?.links, 2);
    dir.rename(A, dir, name);
    dir.unlink(A);
    dir.symlink(name, B);
    strictEqual(dir.readlink(B), name);
    dir.unlink(B);
    dir.setAttributes(name, { mtime: "1000000000", mode: 0o640 });
    strictEqual(dir.stat(name)?.mtime, "1000000000");
    strictEqual(dir.unlink(name), true);
  }
  strictEqual(dir.list().names.length, 0);
}

function files(rule: Rule): void {
  rule("create() makes a new file, and refuses a name that is taken", ({ dir }) => {
    write(dir, A, "first");
    dir.symlink(rawOf("elsewhere"), B);
    dir.mkdir(SUB, 0o755);
    for (const taken of [A, B, SUB]) strictEqual(dir.create(taken, 0o600), undefined);
    strictEqual(read(dir, A), "first");
    strictEqual(dir.stat(rawOf("elsewhere")), undefined);
  });
  rule("create() sets exactly the mode, and can write a file that nobody may write", ({ dir }) => {
    for (const [index, mode] of [0o000, 0o400, 0o440, 0o444, 0o666, 0o777].entries()) {
      const name = rawOf(`f${index}`);
      using file = dir.create(name, mode)!;
      file.write(bytes("x"), 0);
      strictEqual(dir.stat(name)?.mode, mode);
    }
  });
  rule("open() reads a regular file", ({ dir }) => {
    write(dir, A, "0123456789");
    using file = dir.open(A)!;
    const into = new Uint8Array(4);
    strictEqual(file.read(into, 3), 4);
    strictEqual(new TextDecoder().decode(into), "3456");
    strictEqual(file.read(into, 8), 2);
    strictEqual(file.read(into, 10), 0);
    strictEqual(file.read(into, 1000), 0);
    strictEqual(file.stat().size, 10);
  });
  rule("open() gives undefined for what isn't there", ({ dir }) => strictEqual(dir.open(A), undefined));
  rule("open() refuses symlinks and directories", ({ dir }) => {
    write(dir, A, "secret");
    dir.symlink(A, B);
    dir.mkdir(SUB, 0o755);
    fails(["ELOOP"], () => dir.open(B));
    fails(["EISDIR"], () => dir.open(SUB));
    fails(["ELOOP"], () => dir.openOrCreate(B, 0o600));
  });
  rule("open() doesn't wait for a pipe", ({ dir, path }) => {
    new Deno.Command("mkfifo", { args: [`${path}/a`] }).outputSync();
    strictEqual(dir.stat(A)?.kind, "fifo");
    fails(["ENXIO"], () => dir.open(A));
    fails(["ENXIO"], () => dir.openOrCreate(A, 0o600));
  });
  rule("openOrCreate() opens what is there, and makes what isn't", ({ dir }) => {
    {
      using file = dir.openOrCreate(A, 0o640);
      file.write(bytes("hello"), 0);
    }
    using file = dir.openOrCreate(A, 0o600);
    file.write(bytes("J"), 0);
    strictEqual(read(dir, A), "Jello");
    strictEqual(dir.stat(A)?.mode, 0o640);
  });
  rule("write() writes at any position; what lies between reads as zeros", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    file.write(bytes("end"), 100_000);
    file.write(bytes("start"), 0);
    file.write(new Uint8Array(0), 5);
    const into = new Uint8Array(200_000);
    strictEqual(file.read(into, 0), 100_003);
    strictEqual(into[50_000], 0);
    strictEqual(new TextDecoder().decode(into.subarray(100_000, 100_003)), "end");
  });
  rule("write() and read() go beyond 4 GiB", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    const far = 5 * 2 ** 30 + 7;
    file.write(bytes("far"), far);
    const into = new Uint8Array(10);
    strictEqual(file.read(into, far), 3);
    strictEqual(file.stat().size, far + 3);
  });
  rule("truncate() shortens and lengthens", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    file.write(bytes("0123456789"), 0);
    file.truncate(4);
    strictEqual(read(dir, A), "0123");
    file.truncate(6);
    strictEqual(read(dir, A), "0123\0\0");
  });
  rule("seekData() and seekHole() find the parts of a sparse file", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    const hole = 1 << 20;
    file.write(new Uint8Array(hole).fill(1), hole);
    file.truncate(4 * hole);
    strictEqual(file.seekData(0), hole);
    strictEqual(file.seekHole(hole), 2 * hole);
    strictEqual(file.seekData(2 * hole), undefined);
    strictEqual(file.seekHole(2 * hole + 5), 2 * hole + 5);
    strictEqual(file.seekData(5 * hole), undefined);
    ok((file.stat().blocks ?? 0) * 512 < 2 * hole);
  });
  rule("cloneFrom() gives the same bytes, or says that it can't and does nothing", ({ dir }) => {
    const content = new Uint8Array(300_000).map((_, i) => i * 7);
    using source = dir.create(A, 0o600)!;
    source.write(content, 0);
    using target = dir.create(B, 0o600)!;
    const cloned = target.cloneFrom(source);
    const into = new Uint8Array(content.length + 1);
    strictEqual(target.read(into, 0), cloned ? content.length : 0);
    if (cloned) deepStrictEqual(into.subarray(0, content.length), content);
  });
  rule("writeBack() and awaitWriteBack() change nothing, and take any range", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    file.write(bytes("content"), 0);
    for (const [position, length] of [[0, 7], [0, 0], [3, 1000], [5_000_000_000, 1]] as const) {
      file.writeBack(position, length);
      file.awaitWriteBack(position, length);
    }
    const into = new Uint8Array(10);
    strictEqual(file.read(into, 0), 7);
    deepStrictEqual(into.subarray(0, 7), bytes("content"));
  });
  rule("sync() of a file succeeds", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    file.write(bytes("x"), 0);
    file.sync();
  });
  rule("tryLock() is refused while another open file holds the lock", ({ dir }) => {
    using first = dir.openOrCreate(A, 0o600);
    strictEqual(first.tryLock(), true);
    using second = dir.openOrCreate(A, 0o600);
    strictEqual(second.tryLock(), false);
    first[Symbol.dispose]();
    strictEqual(second.tryLock(), true);
  });
  rule("tryLock() lets several hold a shared lock, and nobody an exclusive one beside it", ({ dir }) => {
    dir.create(A, 0o400)![Symbol.dispose]();
    using first = dir.open(A)!, second = dir.open(A)!, third = dir.open(A)!, fourth = dir.open(A)!;
    deepStrictEqual([first.tryLock("shared"), second.tryLock("shared"), third.tryLock()], [true, true, false]);
    first[Symbol.dispose]();
    strictEqual(third.tryLock(), false);
    second[Symbol.dispose]();
    deepStrictEqual([third.tryLock(), fourth.tryLock("shared")], [true, false]);
  });
  rule("a file can be disposed of twice", ({ dir }) => {
    const file = dir.create(A, 0o600)!;
    file[Symbol.dispose]();
    file[Symbol.dispose]();
  });
}

function links(rule: Rule): void {
  rule("link() gives a file a second name", ({ dir }) => {
    write(dir, A, "shared");
    using sub = makePath(dir, ["sub"]);
    strictEqual(dir.link(A, sub, B), "linked");
    strictEqual(read(sub, B), "shared");
    strictEqual(sub.stat(B)?.inode, dir.stat(A)?.inode);
    strictEqual(dir.stat(A)?.links, 2);
  });
  rule("link() says if the name is taken or the file is missing", ({ dir }) => {
    write(dir, A, "");
    write(dir, B, "");
    strictEqual(dir.link(A, dir, B), "exists");
    strictEqual(dir.link(rawOf("missing"), dir, rawOf("c")), "missing");
    dir.mkdir(SUB, 0o755);
    strictEqual(dir.link(SUB, dir, rawOf("c")), "refused");
  });
  rule("link() of a symlink links the symlink", ({ dir }) => {
    dir.symlink(rawOf("target"), A);
    strictEqual(dir.link(A, dir, B), "linked");
    strictEqual(dir.stat(B)?.kind, "symlink");
    strictEqual(dir.readlink(B), "target");
  });
  rule("link() across file systems is refused", ({ dir, disk }) => {
    write(dir, A, "");
    const elsewhere = otherFileSystem() ?? "";
    using other = disk.openDir(rawOf(Deno.makeTempDirSync({ dir: elsewhere })));
    const result = dir.link(A, other, B);
    Deno.removeSync(other.path, { recursive: true });
    strictEqual(result, "refused");
  });
  rule("symlink() and readlink() keep any target", ({ dir }) => {
    for (const [index, target] of ["x", "../..", "/", "a\nb", "ü", "t".repeat(4000)].entries()) {
      const name = rawOf(`l${index}`);
      dir.symlink(rawOf(target), name);
      strictEqual(dir.readlink(name), rawOf(target));
    }
    fails(["EEXIST"], () => dir.symlink(A, rawOf("l0")));
    write(dir, A, "");
    fails(["EINVAL"], () => dir.readlink(A));
  });
  rule("stat() of a symlink is of the symlink itself", ({ dir }) => {
    write(dir, A, "0123456789");
    dir.symlink(A, B);
    const { kind, size } = dir.stat(B)!;
    deepStrictEqual({ kind, size }, { kind: "symlink", size: 1 });
  });
  rule("rename() moves and replaces", ({ dir }) => {
    write(dir, A, "new");
    using sub = makePath(dir, ["sub"]);
    write(sub, B, "old");
    dir.rename(A, sub, B);
    strictEqual(read(sub, B), "new");
    strictEqual(dir.stat(A), undefined);
    fails(["ENOENT"], () => dir.rename(A, sub, B));
  });
  rule("exchange() swaps two names of any kind, or does nothing", ({ dir }) => {
    write(dir, A, "file");
    using sub = makePath(dir, ["sub"]);
    using inner = makePath(sub, ["b"]);
    write(inner, A, "inside");
    const isDone = dir.exchange(A, sub, B);
    strictEqual(dir.stat(A)?.kind, isDone ? "dir" : "file");
    strictEqual(sub.stat(B)?.kind, isDone ? "file" : "dir");
    if (isDone) fails(["ENOENT"], () => dir.exchange(A, sub, rawOf("missing")));
  });
  rule("mknod() makes pipes and sockets", ({ dir }) => {
    dir.mknod(A, 0o640, "fifo", { major: 0, minor: 0 });
    dir.mknod(B, 0o600, "socket", { major: 0, minor: 0 });
    strictEqual(dir.stat(A)?.kind, "fifo");
    strictEqual(dir.stat(A)?.mode, 0o640);
    strictEqual(dir.stat(B)?.kind, "socket");
    const { names, kinds } = dir.list();
    deepStrictEqual(names.map((each, i) => `${each}${kinds[i]}`).sort(), ["afifo", "bsocket"]);
  });
}

function removal(rule: Rule): void {
  rule("unlink() removes anything but a directory", ({ dir }) => {
    write(dir, A, "");
    dir.symlink(SUB, B);
    dir.mkdir(SUB, 0o755);
    strictEqual(dir.unlink(A), true);
    strictEqual(dir.unlink(A), false);
    strictEqual(dir.unlink(B), true);
    fails(["EISDIR", "EPERM"], () => dir.unlink(SUB));
    strictEqual(dir.stat(SUB)?.kind, "dir");
  });
  rule("rmdir() removes an empty directory and nothing else", ({ dir }) => {
    write(dir, A, "");
    using sub = makePath(dir, ["sub"]);
    write(sub, A, "");
    fails(["ENOTEMPTY"], () => dir.rmdir(SUB));
    sub.unlink(A);
    strictEqual(dir.rmdir(SUB), true);
    strictEqual(dir.rmdir(SUB), false);
    fails(["ENOTDIR"], () => dir.rmdir(A));
    dir.symlink(rawOf("."), B);
    fails(["ENOTDIR"], () => dir.rmdir(B));
  });
}

function attributes(rule: Rule): void {
  const times = ["0", "1000000", "999000000", "1700000000123000000", "4102444800000000000"];
  const early = ["-1000000000", "-1500000000", "-1000000", "-86400000000000"];
  rule("times are kept to the millisecond", ({ dir }) => keepTimes(dir, times));
  rule("times before 1970 are kept", ({ dir }) => keepTimes(dir, early));
  rule("times are kept to the nanosecond", ({ dir }) => {
    keepTimes(dir, ["1", "999999999", "1700000000123456789", "1700000000000000001", "-1", "-1999999999", "-999999999"]);
  });
  rule("times of symlinks are set on the symlink", ({ dir }) => {
    write(dir, A, "");
    dir.setAttributes(A, { mtime: "5000000000" });
    dir.symlink(A, B);
    dir.setAttributes(B, { mtime: "7000000000" });
    strictEqual(dir.stat(A)?.mtime, "5000000000");
    strictEqual(dir.stat(B)?.mtime, "7000000000");
  });
  rule("setting the time leaves the access time", ({ dir, path }) => {
    write(dir, A, "");
    Deno.utimeSync(`${path}/a`, 1000, 2000);
    dir.setAttributes(A, { mtime: "3000000000000" });
    strictEqual(Deno.statSync(`${path}/a`).atime?.getTime(), 1_000_000);
    using file = dir.openOrCreate(A, 0o600);
    file.setAttributes({ mtime: "4000000000000" });
    strictEqual(Deno.statSync(`${path}/a`).atime?.getTime(), 1_000_000);
  });
  rule("modes are set with all twelve bits", ({ dir }) => {
    write(dir, A, "");
    dir.mkdir(SUB, 0o755);
    for (const mode of [0, 0o400, 0o777, 0o4755, 0o2750, 0o1777, 0o7777]) {
      dir.setAttributes(A, { mode });
      strictEqual(dir.stat(A)?.mode, mode);
      dir.setAttributes(SUB, { mode });
      strictEqual(dir.stat(SUB)?.mode, mode);
    }
  });
  rule("the mode of a symlink is ignored, and its target is left alone", ({ dir }) => {
    write(dir, A, "");
    dir.setAttributes(A, { mode: 0o640 });
    dir.symlink(A, B);
    dir.setAttributes(B, { mode: 0o777, mtime: "1000000000" });
    strictEqual(dir.stat(A)?.mode, 0o640);
  });
  rule("attributes of an open file and of the directory itself are set", ({ dir }) => {
    using file = dir.create(A, 0o600)!;
    file.setAttributes({ mode: 0o444, mtime: "1234000000" });
    const { mode, mtime } = file.stat();
    deepStrictEqual({ mode, mtime }, { mode: 0o444, mtime: "1234000000" });
    dir.setSelfAttributes({ mode: 0o711, mtime: "2345000000" });
    strictEqual(dir.statSelf().mode, 0o711);
    strictEqual(dir.statSelf().mtime, "2345000000");
  });
  rule("setAttributes() of a missing name fails", ({ dir }) => {
    fails(["ENOENT"], () => dir.setAttributes(A, { mode: 0o600 }));
    fails(["ENOENT"], () => dir.setAttributes(A, { mtime: "0" }));
  });
  rule("owners are set, of symlinks too, and setuid survives", ({ dir }) => {
    write(dir, A, "");
    dir.setAttributes(A, { uid: 1234, gid: 2345, mode: 0o6755 });
    const { uid, gid, mode } = dir.stat(A)!;
    deepStrictEqual({ uid, gid, mode }, { uid: 1234, gid: 2345, mode: 0o6755 });
    dir.symlink(A, B);
    dir.setAttributes(B, { uid: 77, gid: 88 });
    strictEqual(dir.stat(B)?.uid, 77);
    strictEqual(dir.stat(A)?.uid, 1234);
    using file = dir.openOrCreate(A, 0o600);
    file.setAttributes({ uid: 5, gid: 6 });
    strictEqual(dir.stat(A)?.gid, 6);
  });
  rule("stat() tells the facts", ({ dir, path }) => {
    write(dir, A, "0123456789");
    const info = Deno.lstatSync(`${path}/a`);
    const { kind, size, inode, mode, uid, gid, links, mtime } = dir.stat(A)!;
    deepStrictEqual({ kind, size, mode, uid, gid, links }, {
      kind: "file",
      size: 10,
      mode: info.mode! & 0o7777,
      uid: info.uid,
      gid: info.gid,
      links: 1,
    });
    strictEqual(inode, String(info.ino));
    strictEqual(mtime.slice(0, -6), String(info.mtime!.getTime()));
    strictEqual(dir.stat(B), undefined);
    strictEqual(dir.stat(A)?.device, dir.statSelf().device);
  });
  rule("what has no attributes has none", ({ dir }) => {
    write(dir, A, "");
    deepStrictEqual({ ...dir.xattrs(A) }, {});
    deepStrictEqual({ ...dir.selfXattrs() }, {});
  });
  rule("extended attributes are kept", ({ dir }) => {
    write(dir, A, "");
    const value = new Uint8Array([0, 1, 255]);
    dir.setXattr(A, "user.one", value);
    dir.setXattr(A, "user.empty", new Uint8Array(0));
    dir.setSelfXattr("user.self", value);
    deepStrictEqual({ ...dir.xattrs(A) }, { "user.one": value, "user.empty": new Uint8Array(0) });
    deepStrictEqual({ ...dir.selfXattrs() }, { "user.self": value });
    using file = dir.openOrCreate(A, 0o600);
    file.setXattr("user.one", new Uint8Array([9]));
    deepStrictEqual(file.xattrs()["user.one"], new Uint8Array([9]));
    file.setXattr("user.one", undefined);
    dir.setSelfXattr("user.self", undefined);
    deepStrictEqual({ ...dir.xattrs(A), ...dir.selfXattrs() }, { "user.empty": new Uint8Array(0) });
  });
}

function fileSystem(rule: Rule): void {
  rule("sync(), syncFileSystem(), freeBytes() and reliableInodes() answer", async ({ dir }) => {
    write(dir, A, "x");
    dir.sync();
    await dir.syncFileSystem();
    const free = dir.freeBytes();
    ok(free === undefined || free > 0);
    strictEqual(typeof dir.reliableInodes(), "boolean");
  });
  rule("the user who runs this has a name", ({ disk }) => {
    strictEqual(typeof disk.userName(disk.uid), "string");
    strictEqual(disk.userName(4_000_000), undefined);
    strictEqual(disk.groupName(4_000_000), undefined);
  });
  rule("names of users and groups lead back to their numbers", ({ disk }) => {
    strictEqual(disk.userId(disk.userName(disk.uid)!), disk.uid);
    const group = disk.groupName(disk.gid);
    if (group !== undefined) strictEqual(disk.groupId(group), disk.gid);
    strictEqual(disk.userId("no such user \u00e4"), undefined);
    strictEqual(disk.groupId("no such group"), undefined);
  });
  rule("the abilities are those of its rules", ({ disk, dir }) => {
    write(dir, A, "");
    dir.setAttributes(A, { mtime: "1234567891234567891" });
    const unit = disk.abilities.timeUnitNs;
    strictEqual(dir.stat(A)?.mtime, unit === 1 ? "1234567891234567891" : "1234567891234000000");
    strictEqual(disk.abilities.inodes, dir.stat(A)?.inode !== "0");
  });
}

function keepTimes(dir: Dir, times: readonly string[]): void {
  write(dir, A, "");
  using file = dir.openOrCreate(A, 0o600);
  for (const mtime of times) {
    dir.setAttributes(A, { mtime });
    strictEqual(dir.stat(A)?.mtime, mtime);
    dir.setAttributes(A, { mtime: "0" });
    file.setAttributes({ mtime });
    strictEqual(file.stat().mtime, mtime);
  }
}

/** @param errnos any of these will do */
export function fails(errnos: readonly string[], action: () => unknown): void {
  throws(action, (error) => {
    ok(error instanceof DiskFault, `a fault, not ${error}`);
    ok(errnos.includes(error.errno), `${error.errno} instead of ${errnos}`);
    return true;
  });
}

export function write(dir: Dir, name: Raw, text: string): void {
  using file = dir.create(name, 0o644);
  ok(file !== undefined, `${name} is new`);
  file.write(bytesOfText(text), 0);
}

export function read(dir: Dir, name: Raw): string {
  using file = dir.open(name);
  ok(file !== undefined, `${name} is there`);
  const into = new Uint8Array(1 << 16);
  return String.fromCharCode(...into.subarray(0, file.read(into, 0)));
}

/** One byte per character. */
function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Makes directories, each in the one before; the last one, opened. */
export function makePath(dir: Dir, parts: readonly string[]): Dir {
  let at = dir;
  for (const part of parts) {
    at.mkdir(rawOf(part), 0o755);
    const next = at.openDir(rawOf(part));
    if (at !== dir) at[Symbol.dispose]();
    at = next;
  }
  return at;
}

/** Removes what {@link makePath} made, with the file "a" in the last one: too long for other programs. */
function removePath(dir: Dir, parts: readonly string[]): void {
  for (let depth = parts.length; depth > 0; depth--) {
    using parent = dir.openPath(rawOf(parts.slice(0, depth - 1).join("/")));
    const name = rawOf(parts[depth - 1]!);
    if (depth === parts.length) {
      using last = parent.openDir(name);
      last.unlink(A);
    }
    parent.rmdir(name);
  }
}

export function temporary(disk: Disk): Place {
  const path = Deno.makeTempDirSync();
  const dir = disk.openDir(rawOf(path));
  return {
    disk,
    dir,
    path,
    [Symbol.dispose]() {
      dir[Symbol.dispose]();
      Deno.removeSync(path, { recursive: true });
    },
  };
}
