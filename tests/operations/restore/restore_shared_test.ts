/** What a restore finds in its target and shares with somebody else is never changed: the other names keep what they have. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { HAS_LINUX_DISK, IS_ROOT } from "../../support/needs.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import type { RestoreRequest } from "../../../src/operations/restore/restore_request.ts";
import { run, World } from "../../support/world.ts";

/** Everything that may not change of the items: bytes, modes, owners, times and attributes. */
function itemsOf(world: World): string {
  const at = `${world.storagePath}/content`;
  return run("find", at, "-type", "f", "-printf", "%P %m %U %G %T@ %s\n") +
    run("sh", "-c", `cd ${at} && find . -type f | sort | xargs sha256sum`);
}

function makeSource(world: World): void {
  for (const name of ["one", "sub/two", "sub/linked"]) world.write(name, `precious ${name}`);
  Deno.linkSync(`${world.source}/sub/linked`, `${world.source}/linked-again`);
  Deno.symlinkSync("one", `${world.source}/symlink`);
  run(
    "sh",
    "-c",
    `cd ${world.source} && chmod 666 one sub/two linked-again && chmod 700 sub && touch -d @1000000000 one sub/* .`,
  );
  if (IS_ROOT) {
    run("sh", "-c", `cd ${world.source} && chown 1234:1234 one sub/two sub/linked && chown -h 1234:1234 symlink`);
  }
}

const state = (at: string) => {
  const text = "%p %y %m %U %G %T@ %l";
  return run(
    "sh",
    "-c",
    `cd ${at} && find . -mindepth 1 \\( -type f -printf '${text} %n\\n' -o -printf '${text}\\n' \\) | sort`,
  );
};

type Manner = readonly [name: string, request: Partial<RestoreRequest>, isContinued?: boolean];
const MANNERS: readonly Manner[] = [
  ["in place", { destination: { kind: "in-place" } }],
  ["in place with --delete", { destination: { kind: "in-place" }, delete: true }],
  ["overwriting always", { overwrite: "always" }],
  ["overwriting if changed", { overwrite: "if-changed" }],
  ["overwriting if newer", { overwrite: "if-newer" }],
  ["continuing one that was cut off", {}, true],
];

for (const [name, request, isContinued] of MANNERS) {
  for (const how of ["cp -al", "mv"]) {
    Deno.test(`a restore over a tree that was taken out of the storage (${how}), ${name}, changes no item`, {
      ignore: !HAS_LINUX_DISK,
    }, async () => {
      using world = new World();
      makeSource(world);
      const { snapshot } = await world.backup();
      const before = itemsOf(world), right = state(world.source);
      run("rm", "-r", world.source);
      run("sh", "-c", `${how} ${world.storagePath}/${snapshot.tree} ${world.source}`);
      if (isContinued === true) markUnfinished(world.source, snapshot.id);
      const { monitor } = await world.restore("latest", { target: rawOf(world.source), ...request });
      deepStrictEqual(monitor.problems, []);
      strictEqual(itemsOf(world), before);
      strictEqual(state(world.source), right);
      for (const path of ["one", "sub/two", "linked-again"]) {
        Deno.chmodSync(`${world.source}/${path}`, 0o600);
        Deno.writeTextFileSync(`${world.source}/${path}`, "written in place");
      }
      deepStrictEqual((await world.check()).findings, []);
    });
  }
}

/** As a restore leaves it that was killed. */
function markUnfinished(target: string, snapshot: string): void {
  Deno.writeTextFileSync(
    `${target}/.backup-tool-restoring`,
    JSON.stringify({ format: "backup-tool restore", snapshot }),
  );
}

Deno.test("a file with the right attributes is taken out of the storage as well: nobody may write to an item", async () => {
  using world = new World();
  world.write("read-only", "precious");
  Deno.chmodSync(`${world.source}/read-only`, 0o444);
  const { snapshot } = await world.backup();
  run("rm", "-r", world.source);
  run("cp", "-al", `${world.storagePath}/${snapshot.tree}`, world.source);
  await world.restore("latest", { destination: { kind: "in-place" } });
  strictEqual(Deno.statSync(`${world.source}/read-only`).nlink, 1);
});

for (const kind of ["file", "symlink", "pipe"]) {
  Deno.test(`another name of a ${kind} in the target keeps its attributes`, {
    ignore: !IS_ROOT || (kind === "pipe" && !HAS_LINUX_DISK),
  }, async () => {
    using world = new World();
    const path = `${world.source}/x`, other = `${world.base}/other`;
    if (kind === "file") world.write("x", "1");
    else if (kind === "symlink") Deno.symlinkSync("nowhere", path);
    else run("mkfifo", "-m", "600", path);
    await world.backup();
    run("chown", "-h", "5:6", path);
    run("ln", "-P", path, other);
    const { monitor } = await world.restore("latest", { destination: { kind: "in-place" } });
    deepStrictEqual(monitor.problems, []);
    strictEqual(run("stat", "-c", "%u %g %h", path, other), "0 0 1\n5 6 1\n");
  });
}

Deno.test("where the number of names can't be known, a file that could be an item is replaced", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation }, proceed) => {
      const answer = proceed();
      if (operation === "reliableInodes") return false;
      // As sshfs tells it.
      return operation === "stat" && answer !== undefined ? { ...answer as object, links: 1, inode: "0" } : answer;
    }),
  });
  world.write("x", "precious");
  Deno.chmodSync(`${world.source}/x`, 0o666);
  const { snapshot } = await world.backup();
  const before = itemsOf(world);
  run("rm", "-r", world.source);
  run("cp", "-al", `${world.storagePath}/${snapshot.tree}`, world.source);
  await world.restore("latest", { destination: { kind: "in-place" } });
  strictEqual(itemsOf(world), before);
  strictEqual(run("stat", "-c", "%a %h", `${world.source}/x`), "666 1\n");
});

Deno.test(
  "symlinks, pipes, sockets and devices get owners, modes and times back where they are",
  { ignore: !HAS_LINUX_DISK || !IS_ROOT },
  async () => {
    using world = new World();
    run(
      "sh",
      "-c",
      `cd ${world.source} && echo f > f && ln -s f l && mknod b b 7 99 && mknod c c 1 3 && mkfifo p && ln p again &&
    python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('s')" && chmod 600 b c p f s && touch -h -d @1000000000 l b c p f s`,
    );
    await world.backup();
    const right = state(world.source), inodes = () => run("sh", "-c", `cd ${world.source} && stat -c '%n %i' *`);
    const before = inodes();
    run("sh", "-c", `cd ${world.source} && chown -hR 5:5 . && chmod 666 f b c p s && touch -h l b c`);
    const { monitor } = await world.restore("latest", { destination: { kind: "in-place" } });
    deepStrictEqual(monitor.problems, []);
    strictEqual(state(world.source), right);
    const changed = before.split("\n").filter((line) => !inodes().includes(line)).map((line) => line.split(" ")[0]);
    deepStrictEqual(changed, ["again", "p"], "what has several names is made anew");
  },
);

Deno.test("a symlink that is newer is left as it is if that was asked for", async () => {
  using world = new World();
  Deno.symlinkSync("f", `${world.source}/l`);
  await world.backup();
  run("touch", "-h", "-d", "2100-01-01", `${world.source}/l`);
  await world.restore("latest", { destination: { kind: "in-place" }, overwrite: "if-newer" });
  match(run("stat", "-c", "%y", `${world.source}/l`), /^2100/);
});

Deno.test("hard links between sources are links again, in place and below a target", async () => {
  using world = new World();
  for (const name of ["a", "b", "c"]) Deno.mkdirSync(`${world.source}/${name}`);
  Deno.writeTextFileSync(`${world.source}/a/f`, "x");
  for (const name of ["b/g", "c/h"]) Deno.linkSync(`${world.source}/a/f`, `${world.source}/${name}`);
  run("sh", "-c", `cd ${world.source} && ln -s f a/l && ln -P a/l c/l`);
  const sources = ["a", "b", "c"].map((name) => rawOf(`${world.source}/${name}`));
  await world.backup({ sources });
  run("sh", "-c", `rm -r ${world.source}/*`);
  const { monitor } = await world.restore("latest", { destination: { kind: "in-place" } });
  deepStrictEqual([monitor.problems, monitor.notices], [[], []]);
  const links = (at: string) => run("sh", "-c", `cd ${at} && stat -c '%h' a/f b/g c/h a/l c/l | tr -d '\\n'`);
  strictEqual(links(world.source), "33322");
  const { target } = await world.restore("latest");
  strictEqual(links(target), "33322");
  // One that was lost.
  Deno.removeSync(`${world.source}/b/g`);
  await world.restore("latest", { destination: { kind: "in-place" } });
  strictEqual(links(world.source), "33322");
});

const CAN_FLAG = IS_ROOT && (() => {
  const file = Deno.makeTempFileSync();
  const { success } = new Deno.Command("chattr", { args: ["+i", file], stderr: "null" }).outputSync();
  if (success) run("chattr", "-i", file);
  Deno.removeSync(file);
  return success;
})();

Deno.test("what is immutable or append-only is named, and nothing half done stays", {
  ignore: !HAS_LINUX_DISK || !CAN_FLAG,
}, async () => {
  using world = new World();
  for (const directory of ["", "i/", "a/"]) {
    for (const name of ["1", "2", "3"]) world.write(`${directory}${name}`, "new");
    Deno.symlinkSync("new", `${world.source}/${directory}l`);
  }
  await world.backup();
  const target = `${world.base}/target`;
  run("cp", "-r", world.source, target);
  run("sh", "-c", `cd ${target} && rm a/3 a/l && chattr +i 1 i && chattr +a 2 a`);
  try {
    const { monitor } = await world.restore("latest", { target: rawOf(target), overwrite: "always" });
    const told = monitor.problems.map(({ message }) => message.replace(world.base, ""));
    for (
      const [path, what] of [["1", "it is immutable"], ["2", "it is append-only"], [
        "a/1",
        "its directory is append-only",
      ], ["i/1", "its directory is immutable"]]
    ) {
      ok(
        told.some((message) => message.endsWith(`target/${path}": ${what}`)),
        `${path} ${what} in\n${told.join("\n")}`,
      );
    }
    strictEqual(run("find", target, "-name", "*partial*"), "");
    deepStrictEqual([Deno.readTextFileSync(`${target}/3`), Deno.readTextFileSync(`${target}/a/3`)], ["new", "new"]);
    strictEqual(Deno.readLinkSync(`${target}/a/l`), "new");
  } finally {
    run("sh", "-c", `chattr -i -a ${target} ${target}/[ai12] ${target}/[ai]/[123]`);
  }
});

Deno.test("a rename that fails leaves no partial file, and names the file", async () => {
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, args }, proceed) => {
      if (operation === "rename" && args[2] === "busy") throw new DiskFault("EBUSY", "rename", rawOf(String(args[0])));
      return proceed();
    }),
  });
  world.write("busy", "1");
  world.write("free", "1");
  await world.backup();
  const target = rawOf(`${world.base}/target`);
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/busy`, "old");
  const { monitor } = await world.restore("latest", { target, overwrite: "always" });
  strictEqual(monitor.problems.length, 1);
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name).sort(), ["busy", "free"]);
});

Deno.test("past the limit of links a restore makes a copy, which takes the next links", async () => {
  const real = openDisk();
  using world = new World({
    disk: hookedDisk(real, ({ operation, path, args }, proceed) => {
      if (operation !== "link" || !path.includes("/restored-")) return proceed();
      using directory = real.openDir(rawOf(path.slice(0, path.lastIndexOf("/"))));
      return directory.stat(rawOf(String(args[0])))!.links >= 10 ? "too-many-links" : proceed();
    }),
  });
  world.write("f10", "1");
  for (let i = 11; i < 35; i++) Deno.linkSync(`${world.source}/f10`, `${world.source}/f${i}`);
  await world.backup();
  const { target, monitor } = await world.restore("latest");
  deepStrictEqual([monitor.problems, monitor.notices.length], [[], 2]);
  const links = [...Deno.readDirSync(target)].map(({ name }) => Deno.statSync(`${target}/${name}`).nlink);
  deepStrictEqual([10, 5].map((count) => links.filter((each) => each === count).length), [20, 5]);
});

Deno.test("a file that a directory is to replace stays if the directory can't be made", async () => {
  let isFull = true;
  using world = new World({
    disk: hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      if (operation === "mkdir" && path.endsWith("/target/d") && isFull && !exists(path)) {
        throw new DiskFault("EDQUOT", "create", rawOf(path));
      }
      return proceed();
    }),
  });
  world.write("d/in", "1");
  await world.backup();
  const target = rawOf(`${world.base}/target`);
  Deno.mkdirSync(target);
  Deno.writeTextFileSync(`${target}/d`, "precious");
  await rejects(world.restore("latest", { target, overwrite: "always" }), { errno: "EDQUOT" });
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["d"]);
  strictEqual(Deno.readTextFileSync(`${target}/d`), "precious");
  isFull = false;
  await world.restore("latest", { target, overwrite: "always" });
  strictEqual(Deno.readTextFileSync(`${target}/d/in`), "1");
  deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["d"]);
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
