import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { EACCES, EINVAL, EPERM } from "../../src/platform/errno.ts";
import { Libc, loadLibc, O } from "../../src/platform/libc.ts";
import { openLinuxDisk } from "../../src/platform/linux_disk.ts";
import type { Dir, Disk } from "../../src/platform/disk.ts";
import { diskContract, fails, makePath, read, temporary, write } from "../contract/disk_contract.ts";
import { descriptorsWithin } from "../support/descriptors.ts";
import { has, IS_ROOT } from "../support/needs.ts";

const A = rawOf("a"), B = rawOf("b"), SUB = rawOf("sub");

diskContract("Linux disk", linuxDisk);
diskContract("Linux disk on an old kernel", () => openLinuxDisk(oldLibc())!);

function linuxDisk(): Disk {
  const disk = openLinuxDisk();
  ok(disk !== undefined, "FFI and a C library");
  return disk;
}

/** Without openat2, fchmodat2, the C library's statx, and what the kernel's says of mounts since Linux 5.8. */
function oldLibc(): Libc {
  const { call } = loadLibc()!;
  const NO_SUCH_CALL = 100_000, MNT_ID = 0x1000, MOUNT_ROOT = 0x2000;
  return new Libc({
    ...call,
    statx: null,
    statxByNumber: (number, fd, path, flags, mask, buffer) => {
      const result = call.statxByNumber(number, fd, path, flags, mask, buffer);
      const view = new DataView((buffer as Uint8Array).buffer);
      view.setUint32(0, view.getUint32(0, true) & ~MNT_ID, true);
      for (const at of [8, 56]) view.setUint32(at, view.getUint32(at, true) & ~MOUNT_ROOT, true);
      return result;
    },
    openat2: (_number, ...rest) => call.openat2(NO_SUCH_CALL, ...rest),
    fchmodat2: (_number, ...rest) => call.fchmodat2(NO_SUCH_CALL, ...rest),
  });
}

/** Refuses what only the owner of a file may ask for, as the system does for others. */
function foreignLibc(error: number): Libc {
  const { call } = loadLibc()!;
  const errno = new Int32Array(1);
  const refused = (flags: number) => {
    const isRefused = (flags & O.NOATIME) !== 0;
    if (isRefused) errno[0] = error;
    return isRefused;
  };
  return new Libc({
    ...call,
    __errno_location: () => Deno.UnsafePointer.of(errno),
    openat: (fd, path, flags, mode) => refused(flags) ? -1 : call.openat(fd, path, flags, mode),
    openat2: (number, fd, path, how, size) => {
      return refused(new DataView((how as Uint8Array).buffer).getUint32(0, true))
        ? -1
        : call.openat2(number, fd, path, how, size);
    },
  });
}

const LONG_AGO = new Date("2001-02-03T04:05:06Z");

/** Reads a file and lists the directories around it, which must work; all last used long ago. @returns which say so still */
function unusedAfterReading(disk: Disk): string[] {
  using place = temporary(disk);
  const { path } = place;
  Deno.mkdirSync(`${path}/sub/deep`, { recursive: true });
  Deno.writeTextFileSync(`${path}/sub/deep/a`, "content");
  const used = ["sub/deep/a", "sub/deep", "sub"].map((name) => `${path}/${name}`);
  for (const one of used) Deno.utimeSync(one, LONG_AGO, new Date());
  using sub = disk.openDir(rawOf(`${path}/sub`));
  deepStrictEqual(sub.list().names, ["deep"]);
  using deep = sub.openPath(rawOf("deep"));
  deepStrictEqual(deep.list().names, ["a"]);
  strictEqual(read(deep, A), "content");
  return used.filter((one) => Deno.statSync(one).atime?.getTime() === LONG_AGO.getTime());
}

Deno.test("LinuxDisk leaves the time of last use of files and directories that it reads as it is", () => {
  strictEqual(unusedAfterReading(linuxDisk()).length, 3);
  strictEqual(unusedAfterReading(openLinuxDisk(oldLibc())!).length, 3);
});

for (const error of [EPERM, EACCES, EINVAL]) {
  Deno.test(`LinuxDisk reads what it may only read with a new time of last use (error ${error})`, () => {
    unusedAfterReading(openLinuxDisk(foreignLibc(error))!);
  });
}

Deno.test("LinuxDir isn't led astray by a directory that is swapped for a symlink", () => {
  using place = temporary(linuxDisk());
  const { dir, path } = place;
  using deep = makePath(dir, ["x", "y"]);
  Deno.mkdirSync(`${path}/secret`);
  Deno.writeTextFileSync(`${path}/secret/a`, "secret");
  Deno.renameSync(`${path}/x/y`, `${path}/moved`);
  Deno.symlinkSync("../secret", `${path}/x/y`);
  strictEqual(deep.stat(A), undefined);
  write(deep, A, "mine");
  strictEqual(Deno.readTextFileSync(`${path}/moved/a`), "mine");
  strictEqual(Deno.readTextFileSync(`${path}/secret/a`), "secret");
  fails(["ELOOP", "ENOTDIR"], () => dir.openPath(rawOf("x/y")));
});

Deno.test("LinuxDir gives new objects exactly their mode below a directory with a default ACL", () => {
  using place = temporary(linuxDisk());
  const { dir } = place;
  dir.setSelfXattr("system.posix_acl_default", aclForUser1234());
  write(dir, A, "");
  dir.setAttributes(A, { mode: 0o600 });
  deepStrictEqual(Object.keys(dir.xattrs(A)), []);
  using file = dir.create(B, 0o640)!;
  strictEqual(file.stat().mode, 0o640);
  deepStrictEqual({ ...file.xattrs() }, {});
  dir.mkdir(SUB, 0o750);
  strictEqual(dir.stat(SUB)?.mode, 0o750);
  deepStrictEqual({ ...dir.xattrs(SUB) }, {});
  for (const kind of ["fifo", "socket"] as const) {
    dir.mknod(rawOf(kind), 0o640, kind, { major: 0, minor: 0 });
    strictEqual(dir.stat(rawOf(kind))?.mode, 0o640);
    deepStrictEqual({ ...dir.xattrs(rawOf(kind)) }, {});
  }
});

Deno.test("LinuxDir removes attributes by name", () => {
  using place = temporary(linuxDisk());
  const { dir } = place;
  write(dir, A, "");
  dir.setXattr(A, "user.one", Uint8Array.of(1));
  dir.setXattr(A, "user.two", Uint8Array.of(2));
  dir.setXattr(A, "user.one", undefined);
  deepStrictEqual({ ...dir.xattrs(A) }, { "user.two": Uint8Array.of(2) });
  fails(["ENODATA"], () => dir.setXattr(A, "user.one", undefined));
});

/** A POSIX ACL as the kernel takes it: everybody may do everything, user 1234 by name. */
function aclForUser1234(): Uint8Array<ArrayBuffer> {
  const NOBODY = 0xffff_ffff;
  const entries = [[0x01, NOBODY], [0x02, 1234], [0x04, NOBODY], [0x10, NOBODY], [0x20, NOBODY]];
  const view = new DataView(new ArrayBuffer(4 + 8 * entries.length));
  view.setUint32(0, 2, true);
  for (const [index, [tag = 0, id = 0]] of entries.entries()) {
    view.setUint16(4 + 8 * index, tag, true);
    view.setUint16(6 + 8 * index, 7, true);
    view.setUint32(8 + 8 * index, id, true);
  }
  return new Uint8Array(view.buffer);
}

Deno.test("LinuxDir gives new objects this process's group below a setgid directory", { ignore: !IS_ROOT }, () => {
  const disk = linuxDisk();
  using place = temporary(disk);
  const { dir } = place;
  dir.setSelfAttributes({ uid: 0, gid: 4321, mode: 0o2775 });
  using _file = dir.create(A, 0o640)!;
  dir.mkdir(SUB, 0o750);
  dir.mknod(B, 0o620, "fifo", { major: 0, minor: 0 });
  dir.symlink(A, rawOf("link"));
  strictEqual(dir.stat(rawOf("link"))?.gid, 0);
  const seen = [A, SUB, B].map((name) => dir.stat(name)!).map(({ mode, gid }) => [mode.toString(8), gid]);
  deepStrictEqual(seen, [["640", 0], ["750", 0], ["620", 0]]);
});

Deno.test("LinuxDir makes devices with large numbers", { ignore: !IS_ROOT }, () => {
  const disk = linuxDisk();
  using place = temporary(disk);
  for (const [index, device] of [[1, 3], [259, 70_000], [4095, 1_048_575]].entries()) {
    const [major = 0, minor = 0] = device;
    const name = rawOf(`d${index}`);
    place.dir.mknod(name, 0o600, index === 1 ? "block" : "char", { major, minor });
    const stat = place.dir.stat(name)!;
    deepStrictEqual([stat.kind, stat.major, stat.minor], [index === 1 ? "block" : "char", major, minor]);
    fails(["ENXIO", "EPERM", "EACCES"], () => void place.dir.open(name));
  }
});

Deno.test("LinuxDir keeps odd names of attributes", () => {
  using place = temporary(linuxDisk());
  const { dir } = place;
  const value = new Uint8Array(300).fill(7);
  write(dir, A, "");
  for (const name of ["user.a b\n", "user.\udcff", "user.ü"]) dir.setXattr(A, name, value);
  deepStrictEqual(Object.keys(dir.xattrs(A)).sort(), ["user.a b\n", "user.\udcff", "user.ü"].sort());
});

Deno.test("LinuxDir keeps extended attributes of symlinks", { ignore: !IS_ROOT }, () => {
  using place = temporary(linuxDisk());
  const { dir } = place;
  const value = new Uint8Array(300).fill(7);
  dir.symlink(A, B);
  dir.setXattr(B, "trusted.mine", value);
  deepStrictEqual({ ...dir.xattrs(B) }, { "trusted.mine": value });
});

Deno.test("LinuxDir opens a file on which a lease is held", { ignore: !has("python3") }, async () => {
  using place = temporary(linuxDisk());
  write(place.dir, A, "leased");
  const script = "import fcntl,os,sys,time; fd=os.open(sys.argv[1],os.O_RDWR); " +
    "fcntl.fcntl(fd,fcntl.F_SETLEASE,fcntl.F_WRLCK); print('held',flush=True); time.sleep(20)";
  const holder = new Deno.Command("python3", { args: ["-c", script, `${place.path}/a`], stdout: "piped" }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  // The signal that asks for the lease ends the holder.
  strictEqual(read(place.dir, A), "leased");
  await reader.cancel();
  await holder.status;
});

Deno.test("tryLock() is refused while another process holds the lock, and given when it has ended", async () => {
  using place = temporary(linuxDisk());
  write(place.dir, A, "");
  const holder = new Deno.Command("flock", {
    args: ["-x", `${place.path}/a`, "sh", "-c", "echo held; exec cat"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  using file = place.dir.openOrCreate(A, 0o600);
  strictEqual(file.tryLock(), false);
  await holder.stdin.close();
  await holder.status;
  await reader.cancel();
  strictEqual(file.tryLock(), true);
});

Deno.test("LinuxDir works in a Worker, with its own buffers", async () => {
  using place = temporary(linuxDisk());
  for (let i = 0; i < 200; i++) write(place.dir, rawOf(`f${i}`), String(i));
  const workers = Array.from({ length: 3 }, () => {
    return new Worker(new URL("./disk_worker.ts", import.meta.url), { type: "module" });
  });
  const sums = await Promise.all(workers.map((worker) => {
    return new Promise<unknown>((resolve) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.postMessage(place.path);
    });
  }));
  for (const worker of workers) worker.terminate();
  deepStrictEqual(sums, [19_900, 19_900, 19_900]);
});

Deno.test("LinuxDir leaves no descriptor open", () => {
  using place = temporary(linuxDisk());
  const open = () => descriptorsWithin(place.path);
  const before = open();
  ok(before.length > 0, "the directory itself is open");
  useEverything(place.disk, place.dir);
  deepStrictEqual(open(), before);
});

function useEverything(disk: Disk, dir: Dir): void {
  using sub = makePath(dir, ["sub"]);
  write(sub, A, "text");
  read(sub, A);
  dir.symlink(SUB, B);
  fails(["ELOOP"], () => dir.open(B));
  fails(["EISDIR"], () => dir.open(SUB));
  fails(["ENOTDIR", "ELOOP"], () => dir.openPath(rawOf("b/a")));
  fails(["ENOENT"], () => dir.openPath(rawOf("sub/x/y")));
  disk.realPath(rawOf(`${dir.path}/b`));
  fails(["ENOENT"], () => disk.realPath(rawOf(`${dir.path}/b/x`)));
  dir.setAttributes(SUB, { mode: 0o700 });
  fails(
    ["ENAMETOOLONG"],
    () => disk.openDir("x/".repeat(4096).concat("n".repeat(300)).replace("x", "\x01".repeat(300)) as Raw),
  );
}
