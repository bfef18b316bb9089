/** What a backup takes for unchanged. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Stat } from "../../../src/core/stat.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { canMount, has, HAS_LINUX_DISK } from "../../support/needs.ts";
import { differences, run, World } from "../../support/world.ts";

/** A world whose disk shows times and inode numbers as a test wants them, and may say that they don't last. */
class Stamped implements Disposable {
  lasting = true;
  change: (stat: Stat, path: string) => Partial<Stat> = () => ({});
  readonly world: World;

  constructor() {
    const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "reliableInodes") return this.lasting;
      const answer = proceed();
      if (!["stat", "statSelf"].includes(operation) || answer === undefined) return answer;
      return path.includes("/source/") ? { ...answer as Stat, ...this.change(answer as Stat, path) } : answer;
    });
    this.world = new World({ disk });
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  async read(detection = {}): Promise<number> {
    const { monitor } = await this.world.backup({ detection });
    deepStrictEqual(monitor.problems, []);
    return monitor.of("readFiles");
  }
}

Deno.test("backup() with force reads every file, and stores nothing that it knows", async () => {
  using world = new World();
  for (let i = 0; i < 10; i++) world.write(`f${i}`, `content ${i}`);
  const first = (await world.backup()).snapshot;
  const { monitor, snapshot } = await world.backup({ detection: { force: true } });
  strictEqual(monitor.of("readFiles"), 10);
  strictEqual(monitor.of("storedItems"), 0);
  strictEqual(monitor.of("writtenHunks"), 0);
  strictEqual(snapshot.bytes, first.bytes);
});

Deno.test("backup() with force finds what hides behind the same size and times", async () => {
  using stamped = new Stamped();
  stamped.change = () => ({ mtime: "1600000000123456789", ctime: "1600000000123456789", inode: "7" });
  stamped.world.write("a", "one");
  await stamped.read();
  stamped.world.write("a", "two");
  strictEqual(await stamped.read(), 0);
  strictEqual(await stamped.read({ force: true }), 1);
});

Deno.test("backup() reads a file again for a new mtime, ctime, inode number or mode alone", async () => {
  for (const change of [{ mtime: "1" }, { ctime: "1" }, { inode: "1" }, { mode: 0o604 }]) {
    using stamped = new Stamped();
    for (const name of ["a", "b"]) stamped.world.write(name, name);
    await stamped.read();
    stamped.change = (_, path) => path.endsWith("/a") ? change : {};
    strictEqual(await stamped.read(), 1, JSON.stringify(change));
    strictEqual(await stamped.read(), 0, JSON.stringify(change));
  }
});

Deno.test("backup() with ignoreInode or ignoreCtime takes that sign alone for no change", async () => {
  for (
    const [detection, ignored, counted] of [
      [{ ignoreInode: true }, { inode: "123" }, { ctime: "123" }],
      [{ ignoreCtime: true }, { ctime: "123" }, { inode: "123" }],
      [{ ignoreCtime: true, ignoreInode: true }, { ctime: "123", inode: "123" }, { mtime: "123" }],
    ] as const
  ) {
    using stamped = new Stamped();
    stamped.world.write("a", "content");
    await stamped.read();
    stamped.change = () => ignored;
    strictEqual(await stamped.read(detection), 0, "the first time it is said");
    strictEqual(await stamped.read(detection), 0);
    stamped.change = () => counted;
    strictEqual(await stamped.read(detection), 1);
  }
});

Deno.test("backup() knows file systems whose inode numbers don't last, each for itself, and goes by size and mtime there", async () => {
  using stamped = new Stamped();
  stamped.world.write("a", "content");
  await stamped.read();
  stamped.lasting = false;
  for (const run of ["1", "2", "3"]) {
    stamped.change = () => ({ inode: run, ctime: run });
    strictEqual(await stamped.read(), 0, "a snapshot from before is still good");
  }
  stamped.world.write("a", "other content");
  strictEqual(await stamped.read(), 1);
  strictEqual(differences(stamped.world.source, (await stamped.world.restore("latest")).target), "");
});

Deno.test(
  "backup() of a source with another file system in it asks that one too",
  { ignore: !canMount("tmpfs") },
  async () => {
    using world = new World();
    world.write("a", "1");
    Deno.mkdirSync(`${world.source}/mounted`);
    run("mount", "-t", "tmpfs", "tmpfs", `${world.source}/mounted`);
    try {
      world.write("mounted/b", "2");
      await world.backup();
      const { monitor } = await world.backup();
      strictEqual(monitor.of("unchangedFiles"), 2);
    } finally {
      run("umount", `${world.source}/mounted`);
    }
  },
);

/** ns text of ms since 1970. */
const ns = (ms: number, rest = "123456") => `${ms}${rest}`;

for (
  const [what, stamp, reads] of [
    ["just before the look", (startMs: number) => ns(startMs - 5), 1],
    ["while the backup ran", (startMs: number) => ns(startMs + 1000), 1],
    ["well before", (startMs: number) => ns(startMs - 500), 0],
    ["well before, by a clock of whole seconds", (startMs: number) => ns(startMs - 4000 - startMs % 1000, "000000"), 0],
    ["in the same second, by a clock of whole seconds", (startMs: number) => ns(startMs - startMs % 1000, "000000"), 1],
    ["long after, by a clock that is wrong", (startMs: number) => ns(startMs + 86_400_000), 0],
  ] as const
) {
  Deno.test(`backup() reads a file whose stamp was ${what} ${reads === 1 ? "once more" : "no more"}`, async () => {
    using stamped = new Stamped();
    const { world } = stamped;
    world.write("a", "one");
    const shown = stamp(world.clock.ms + 60_000);
    stamped.change = () => ({ mtime: shown, ctime: shown, inode: "7" });
    await stamped.read();
    world.write("a", "two");
    strictEqual(await stamped.read(), reads);
    strictEqual(await stamped.read(), 0, "once is enough");
    const { target } = await world.restore("latest");
    strictEqual(Deno.readTextFileSync(`${target}/a`), reads === 1 ? "two" : "one");
  });
}

const HAS_ATTRIBUTES = has("setfattr", "setfacl", "getfattr", "getfacl");

for (const how of ["the file system's ctimes don't last", "ctimes are ignored"]) {
  Deno.test(
    `attributes and ACLs are compared where ${how}, and nothing is read for that`,
    { ignore: !HAS_LINUX_DISK || !HAS_ATTRIBUTES },
    async () => {
      using stamped = new Stamped();
      stamped.lasting = how === "ctimes are ignored";
      const { world } = stamped, ignoring = { ignoreCtime: true, ignoreInode: true };
      for (const name of ["given", "changed", "taken", "acl", "dir/in"]) world.write(name, name);
      const shell = (script: string) => run("sh", "-c", `cd ${world.source} && ${script}`);
      shell(
        "chmod 644 acl; touch -d @1000000000 * dir/in; setfattr -n user.a -v 1 changed; setfattr -n user.a -v 1 taken; touch -d @1000000000 . dir",
      );
      await stamped.read(ignoring);
      strictEqual(await stamped.read(ignoring), 0);
      shell(
        "setfattr -n user.a -v 1 given; setfattr -n user.a -v 2 changed; setfattr -x user.a taken; setfattr -n user.a -v 1 dir",
      );
      strictEqual(await stamped.read(ignoring), 0);
      const assertRestores = async () => {
        const { target, monitor } = await world.restore("latest");
        deepStrictEqual(monitor.problems, []);
        strictEqual(differences(world.source, target), "");
      };
      await assertRestores();
      const mode = (path: string) => Deno.statSync(path).mode! & 0o777;
      const item = [...world.items().values()].find((path) =>
        mode(path) !== 0o400 && Deno.readTextFileSync(path) === "acl"
      )!;
      strictEqual(mode(item), 0o444);
      // The mode stays the same, but whom it is about doesn't.
      shell("setfacl -m u:1234:-,m::r acl");
      strictEqual(mode(`${world.source}/acl`), 0o644);
      strictEqual(await stamped.read(ignoring), 1);
      strictEqual(mode(item), 0o400);
      await assertRestores();
      strictEqual(await stamped.read(ignoring), 0);
    },
  );
}

Deno.test("attributes of unchanged objects cost one call each where ctimes don't count, and none where they do", {
  ignore: !HAS_LINUX_DISK,
}, async () => {
  for (const lasting of [true, false]) {
    let calls = 0;
    using world = new World({
      disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
        if (operation === "reliableInodes") return lasting;
        if (/xattrs$/i.test(operation) && path.includes("/source")) calls++;
        return proceed();
      }),
    });
    for (let i = 0; i < 10; i++) world.write(`dir/f${i}`, `content ${i}`);
    await world.backup();
    calls = 0;
    await world.backup();
    strictEqual(calls, lasting ? 0 : 12);
  }
});
