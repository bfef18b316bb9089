import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { openLinuxDisk } from "../../src/platform/linux_disk.ts";
import { openPortableDisk } from "../../src/platform/portable_disk.ts";
import { diskContract, fails, makePath, temporary, write } from "../contract/disk_contract.ts";
import { HAS_FFI } from "../support/needs.ts";

diskContract("portable disk", openPortableDisk, {
  "names that aren't UTF-8 survive a round trip": "the runtime takes text only",
  "paths longer than 4096 bytes work": "every call takes a whole path, and the system's limit is 4096 bytes",
  "seekData() and seekHole() find the parts of a sparse file": "the runtime can't look for holes",
  "mknod() makes pipes and sockets": "the runtime can't make them",
  "times are kept to the nanosecond": "the runtime reads and sets milliseconds",
  "extended attributes are kept": "the runtime has no access to them",
});

Deno.test("PortableDir refuses a directory that was swapped for a symlink", () => {
  using place = temporary(openPortableDisk());
  const { dir, path } = place;
  using sub = makePath(dir, ["sub"]);
  Deno.renameSync(`${path}/sub`, `${path}/moved`);
  Deno.symlinkSync("moved", `${path}/sub`);
  const name = rawOf("a");
  fails(["ELOOP"], () => sub.create(name, 0o600));
  fails(["ELOOP"], () => sub.list());
  fails(["ELOOP"], () => sub.stat(name));
  fails(["ELOOP"], () => sub.mkdir(name, 0o700));
  write(dir, name, "");
  fails(["ELOOP"], () => dir.rename(name, sub, name));
  strictEqual([...Deno.readDirSync(`${path}/moved`)].length, 0);
});

/** Deno before 2.7 leaves names that are not UTF-8 out of its listings. */
const LISTS_ALL_NAMES = !/^2\.[0-6]\./.test(Deno.version.deno);

Deno.test("PortableDir shows names that it can't use, and says so when they are used", {
  ignore: !HAS_FFI || !LISTS_ALL_NAMES,
}, () => {
  const linux = openLinuxDisk()!;
  using place = temporary(openPortableDisk());
  using raw = linux.openDir(place.dir.path);
  write(raw, "latin-\xe9" as Raw, "x");
  raw.symlink("\xff" as Raw, rawOf("link"));
  const shown = place.dir.list().names.filter((name) => name !== "link");
  deepStrictEqual(shown, [rawOf("latin-\ufffd")]);
  fails(["EILSEQ"], () => place.dir.stat(shown[0]!));
  fails(["EILSEQ"], () => place.dir.open(shown[0]!));
  fails(["EILSEQ"], () => place.dir.readlink(rawOf("link")));
  fails(["EILSEQ"], () => place.dir.create("\xff" as Raw, 0o600));
  raw.unlink("latin-\xe9" as Raw);
});

Deno.test("both disks name one object alike", { ignore: !HAS_FFI }, () => {
  const linux = openLinuxDisk()!;
  using place = temporary(openPortableDisk());
  write(place.dir, rawOf("a"), "0123");
  using other = linux.openDir(place.dir.path);
  const { mtime: _m, ctime: _c, birthtime: _b, device: _d, ...mine } = place.dir.stat(rawOf("a"))!;
  const { mtime, ctime: _c2, birthtime: _b2, device: _d2, ...theirs } = other.stat(rawOf("a"))!;
  deepStrictEqual(mine, theirs);
  ok(mtime.startsWith(_m.slice(0, -6)));
  strictEqual(place.dir.reliableInodes(), other.reliableInodes());
  ok(Math.abs(place.dir.freeBytes()! - other.freeBytes()!) < 1e9);
});
