/** Everything that a file system knows of a file comes back: a tree with every kind of object and attribute. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

const IS_ROOT = Deno.uid() === 0;

function has(program: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" }).outputSync().success;
}

/** Sections of what a program says of everything in a directory, in an order that doesn't depend on the disk. */
function said(directory: string, command: string): string[] {
  return run("sh", "-c", `cd ${directory} && ${command}`).split("\n\n").sort();
}

/** A shell script that makes every kind of object below the current directory. */
const EVERYTHING = `
umask 022
mkdir -p plain deep/er/est perms/locked empty acl/default xattr special links sparse
echo content > plain/file
: > plain/empty
head -c 700000 /dev/zero | tr '\\0' x > plain/large
for mode in 0000 0400 0644 4755 2755 1777 6777; do echo $mode > perms/f$mode; chmod $mode perms/f$mode; done
for mode in 0500 0711 2770 1777; do mkdir perms/d$mode; echo in > perms/d$mode/inside; chmod $mode perms/d$mode; done
echo one > links/one
for n in 1 2 3; do ln links/one deep/er/one-$n; done
ln plain/large deep/large-again
ln -s ../plain/file links/relative; ln -s /nowhere/at/all links/dangling; ln -P links/relative deep/symlink-again
ln -s plain links/to-directory
mkfifo -m 0640 special/pipe; ln special/pipe deep/pipe-again
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('special/socket')"
truncate -s 3M sparse/all; truncate -s 5M sparse/some; printf data | dd of=sparse/some bs=1 seek=2000000 conv=notrunc 2>/dev/null
printf end >> sparse/all
touch -d '1969-12-31 23:59:58.987654321Z' plain/file; touch -h -d '2001-02-03 04:05:06.123456789Z' links/dangling
touch -d '2200-01-01 00:00:00.000000001Z' deep/er; touch -d '2002-02-02 02:02:02.2Z' special/pipe
`;
const OF_ROOT = `
chown 1234:4321 plain/file; chown 4000000000:65534 plain/empty; chown -h 77:88 links/dangling; chown 5:6 deep/er perms/f6777
chmod 6777 perms/f6777
mknod -m 0640 special/char c 1 3; mknod special/block b 259 1048575; chown 9:9 special/char
`;
const XATTRS = `
setfattr -n user.note -v 'with "quotes"' plain/file; setfattr -n user.bytes -v 0x00ff0a80 plain/file
setfattr -n user.empty plain/empty; setfattr -n user.dir -v 1 deep/er; setfattr -n user.long -v $(printf 'x%.0s' $(seq 2000)) plain/large
setfattr -n user.read-only -v 1 perms/f0400; setfattr -n user.top -v 1 .
`;
const XATTRS_OF_ROOT = `
setfattr -n trusted.file -v 1 plain/file; setfattr -n trusted.dir -v 0x0001 deep
setfattr -h -n trusted.link -v 1 links/dangling; setfattr -n trusted.pipe -v 1 special/pipe
setfattr -n trusted.char -v 1 special/char
`;
const ACLS = `
setfacl -m u:1234:rwx,g:4321:r,m::r plain/file; setfacl -m u:1234:- acl; setfacl -m d:u:1234:rw,d:g:4321:-,d:o::- acl/default
setfacl -m u:77:r perms/f0400 perms/d0711
`;

function makeEverything(directory: string): void {
  const parts = [EVERYTHING];
  if (IS_ROOT) parts.push(OF_ROOT);
  if (has("setfattr")) parts.push(XATTRS, IS_ROOT ? XATTRS_OF_ROOT : "");
  if (has("setfacl")) parts.push(ACLS);
  if (IS_ROOT && has("setcap")) parts.push("cp plain/large plain/capable; setcap cap_net_raw+ep plain/capable");
  run("sh", "-c", `cd ${directory} && set -e\n${parts.join("\n")}`);
}

for (const workers of [0, 3]) {
  Deno.test({
    name: `a tree with every kind of object and attribute comes back as it was, with ${workers} workers`,
    ignore: !HAS_LINUX_DISK || !IS_ROOT,
    async fn() {
      using world = new World({ workers });
      makeEverything(world.source);
      strictEqual((await world.backup()).monitor.problems.length, 0);
      // A second one takes over all lines: nothing of them may be lost.
      const { monitor: again } = await world.backup();
      strictEqual(again.of("readFiles"), 0);
      const { target, monitor } = await world.restore("latest");
      deepStrictEqual(monitor.problems, []);
      if (has("rsync")) strictEqual(differences(world.source, target), "");
      if (has("getfacl")) deepStrictEqual(said(target, "getfacl -R -P -n ."), said(world.source, "getfacl -R -P -n ."));
      const attributes = "getfattr -R -P -h -d -m - -e hex .";
      if (has("getfattr")) {
        deepStrictEqual(said(target, attributes), said(world.source, attributes));
        const text = said(target, attributes).join("\n");
        for (const name of ["user.bytes=0x00ff0a80", "trusted.link", "trusted.char", "user.top"]) {
          ok(text.includes(name), name);
        }
        if (has("setcap")) match(text, /security\.capability/);
      }
      const objects = "find . -printf '%p %y %m %U %G %s %n %T@ %l\\n' | sort; stat -c '%n %t %T' special/*";
      deepStrictEqual(said(target, objects), said(world.source, objects));
      const blocks = (at: string) =>
        Number(run("sh", "-c", `cd ${at}/sparse && stat -c %b all some | paste -sd+ | bc`));
      ok(blocks(target) <= blocks(world.source), `${blocks(target)} blocks instead of ${blocks(world.source)}`);
    },
  });
}

Deno.test("a backup in place of everything, restored over it, changes nothing", { ignore: !IS_ROOT }, async () => {
  using world = new World();
  makeEverything(world.source);
  await world.backup();
  const state = () => run("sh", "-c", `cd ${world.source} && find . -printf '%p %i %y %m %U %G %s %n %T@\\n' | sort`);
  const before = state();
  const { monitor } = await world.restore("latest", { destination: { kind: "in-place" }, delete: true });
  deepStrictEqual(monitor.problems, []);
  strictEqual(state(), before);
  strictEqual(monitor.of("restoredFiles"), 0);
});

/** Root without its rights is an ordinary user, who may read what the tests' own user may read. */
const WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

Deno.test({
  name: "what an ordinary user can't give back is told once, and the rest comes back",
  ignore: !HAS_LINUX_DISK || !IS_ROOT || !has("setpriv"),
  fn: async () => {
    using world = new World();
    makeEverything(world.source);
    await world.backup();
    const target = `${world.base}/target`;
    const program = new URL("../../../main.ts", import.meta.url).pathname;
    const restore = (...more: string[]) => {
      const args = ["run", "-A", program, "restore", "latest", "-s", world.storagePath, "--target", target, ...more];
      const [command = "", ...rest] = [...WITHOUT_RIGHTS, Deno.execPath(), ...args];
      const { code, stderr } = new Deno.Command(command, { args: rest, env: { NO_COLOR: "1" } }).outputSync();
      return { code, text: new TextDecoder().decode(stderr) };
    };
    const { code, text } = restore();
    strictEqual(code, 3, text);
    const told = text.split("\n").filter((each) => each.includes("Not restored:"));
    strictEqual(told.length, 1, text);
    match(told[0]!, /the owner \(EPERM\) of \d+ objects such as "/);
    match(told[0]!, /the device node \(EPERM\) of 2 objects/);
    if (has("setfattr")) match(told[0]!, /the attribute trusted\.file \(EPERM\) of "\/plain\/file"/);
    match(text, /1 problem \(see above\)/);
    const names = (at: string) => run("sh", "-c", `cd ${at} && find . | sort | grep -v 'special/[cb]'`);
    strictEqual(names(target), names(world.source));
    strictEqual(run("cmp", `${world.source}/plain/large`, `${target}/plain/large`), "");
    strictEqual(run("stat", "-c", "%u %a", `${target}/perms/f6777`).trim(), "0 777", "no setuid bit for another user");
    Deno.removeSync(target, { recursive: true });
    const relaxed = restore("--no-owner");
    ok(!relaxed.text.includes("the owner") && !relaxed.text.includes("the group"), relaxed.text);
  },
});

Deno.test("a backup records when files were made, and their flags, and looks at nothing twice for that", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  using storage = world.open();
  const { birthtime } = storage.manifest(storage.resolve("latest").id).entry(parseApath("/a"))!;
  const made = run("stat", "-c", "%W", `${world.source}/a`).trim();
  if (made !== "0" && made !== "-") strictEqual(birthtime?.slice(0, -9), made);
});

Deno.test("a backup records the flags of an inode", async () => {
  const real = openDisk();
  using world = new World({
    disk: hookedDisk(real, ({ operation, path }, proceed) => {
      const answer = proceed();
      if (operation !== "stat" || !path.endsWith("/frozen")) return answer;
      return { ...answer as object, flags: 0x10 | 0x40 };
    }),
  });
  world.write("frozen", "1");
  world.write("free", "1");
  await world.backup();
  using storage = world.open();
  const entries = [...storage.manifest(storage.resolve("latest").id).entries()];
  const flags = Object.fromEntries(entries.map((entry) => [entry.path, entry.flags]));
  deepStrictEqual(flags, { "/": undefined, "/free": undefined, "/frozen": ["immutable", "no-dump"] });
});

Deno.test("a sparse file is not read where it has holes, neither in a backup nor in a restore", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  let read = 0;
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      const answer = proceed();
      if (operation === "read" && path.includes("image")) read += Number(answer);
      return answer;
    }),
  });
  // Hashing zeros takes its time, reading them should not: 1 GiB is enough to tell.
  run("truncate", "-s", "1G", `${world.source}/image`);
  {
    using file = Deno.openSync(`${world.source}/image`, { write: true });
    for (const at of [300, 700]) {
      file.seekSync(at * 1024 * 1024 + 8192, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(100_000).fill(7));
    }
  }
  await world.backup();
  ok(read < 2 * 1024 * 1024, `${read} bytes read of the source`);
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual(monitor.problems, []);
  run("cmp", "-n", String(400 * 1024 * 1024), `${world.source}/image`, `${target}/image`);
  const blocks = (path: string) => Number(run("stat", "-c", "%b", path));
  strictEqual(blocks(`${target}/image`), blocks(`${world.source}/image`));
  const [item] = [...world.items()].filter(([id]) => id.length === 64);
  strictEqual(blocks(item![1]), blocks(`${world.source}/image`));
  deepStrictEqual((await world.check()).findings, []);
});
