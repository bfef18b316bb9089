import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { JobWorld } from "../../support/job_world.ts";
import { CAN_BINDFS, CAN_MOUNT, Mounts } from "../../support/mounts.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

/** A storage with a snapshot in it. */
async function prepared(): Promise<JobWorld> {
  const world = new JobWorld();
  Deno.mkdirSync(`${world.base}/old`);
  Deno.writeTextFileSync(`${world.base}/old/p`, "precious");
  await world.backup({ sources: [`${world.base}/old` as never], name: "old" });
  return world;
}

/** What is shown at the source, or below it, and how. */
const VIEWS: readonly (readonly [kind: "bind" | "bindfs", shown: string, at: string])[] = [
  ["bind", "storage", "source"],
  ["bind", "storage", "source/sub"],
  ["bind", "storage/content", "source"],
  ["bind", "storage/content/ab", "source"],
  ["bind", "storage/archive", "source"],
  ["bind", "storage/2026", "source/sub"],
  ["bind", "jobs", "source"],
  ["bind", "jobs/.backup-tool", "source"],
  ["bind", "locks", "source/sub"],
  ["bind", ".", "source"],
  ["bindfs", "storage", "source"],
  ["bindfs", "storage/content", "source"],
];

for (const [kind, shown, at] of VIEWS) {
  Deno.test({
    name: `an import of a source that shows ${shown} at ${at} through ${kind} is refused`,
    ignore: kind === "bind" ? !CAN_MOUNT : !CAN_BINDFS,
    async fn() {
      using world = await prepared();
      using mounts = new Mounts();
      for (const path of ["locks", at, "storage/archive"]) Deno.mkdirSync(`${world.base}/${path}`, { recursive: true });
      const before = [...world.items().keys()].sort();
      mounts[kind](`${world.base}/${shown}`, `${world.base}/${at}`);
      world.put("a.json", { kind: "import", source: world.source, destination: "x", tree: false });
      const entry = await world.perform("a.json");
      deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", "bad-import"]);
      deepStrictEqual([...world.items().keys()].sort(), before);
    },
  });
}

Deno.test({
  name: "an import whose source shows the directory around the storage as another device leaves the storage alone",
  ignore: !CAN_BINDFS,
  async fn() {
    using world = await prepared();
    const pool = Deno.makeTempDirSync({ prefix: "backup-tool-test-pool-" });
    using held = new DisposableStack();
    held.defer(() => Deno.removeSync(pool));
    const before = [...world.items().keys()];
    {
      using mounts = new Mounts();
      mounts.bindfs(world.base, pool);
      world.write("a", "1");
      Deno.chmodSync(world.base, 0o755);
      // The job itself is in the source: it goes when it is done.
      world.put("a.json", { kind: "import", source: pool, destination: "x", tree: false });
      const entry = await world.perform("a.json");
      strictEqual(entry?.outcome, "problems");
      const left = entry.problems.filter(({ message }) => message.includes(`${pool}/storage"`));
      ok(left.some(({ message }) => message.includes("it is the storage itself")), JSON.stringify(entry.problems));
    }
    const items = world.items();
    for (const id of before) ok(items.has(id));
    strictEqual((await world.check()).damaged, 0);
  },
});

Deno.test({
  name: "an import takes what is mounted in its source, removes nothing of it, and says so",
  ignore: !HAS_LINUX_DISK || !CAN_MOUNT,
  async fn() {
    using world = new JobWorld();
    using mounts = new Mounts();
    for (const path of ["a", "sub/b", "sub/file"]) world.write(path, path);
    const precious = `${world.base}/precious`;
    Deno.mkdirSync(`${precious}/deep`, { recursive: true });
    for (const name of ["p", "deep/q", "f"]) Deno.writeTextFileSync(`${precious}/${name}`, name);
    for (const path of ["sub/bind", "sub/tmpfs"]) Deno.mkdirSync(`${world.source}/${path}`);
    mounts.bind(precious, `${world.source}/sub/bind`);
    mounts.tmpfs(`${world.source}/sub/tmpfs`);
    mounts.bind(`${precious}/f`, `${world.source}/sub/file`);
    world.write("sub/tmpfs/t", "t");
    world.put("a.json", { kind: "import", source: world.source, destination: "x" });
    const entry = await world.perform("a.json");
    deepStrictEqual(entry?.problems.map(({ code, message }) => `${code} ${message}`).sort(), [
      `source-left "${world.source}/sub/bind" stays in the source: something is mounted there`,
      `source-left "${world.source}/sub/file" stays in the source: something is mounted there`,
      `source-left "${world.source}/sub/tmpfs" stays in the source: something is mounted there`,
    ]);
    for (const name of ["p", "deep/q", "f"]) strictEqual(Deno.readTextFileSync(`${precious}/${name}`), name);
    strictEqual(Deno.readTextFileSync(`${world.source}/sub/tmpfs/t`), "t");
    deepStrictEqual([...Deno.readDirSync(world.source)].map(({ name }) => name), ["sub"]);
    strictEqual(Deno.readTextFileSync(`${world.archive}/x/sub/bind/deep/q`), "deep/q");
  },
});

Deno.test({
  name: "an import of something that is mounted empties it, and leaves the place",
  ignore: !CAN_MOUNT,
  async fn() {
    using world = new JobWorld();
    using mounts = new Mounts();
    mounts.tmpfs(world.source);
    world.write("sub/a", "1");
    world.put("a.json", { kind: "import", source: world.source, destination: "x" });
    const entry = await world.perform("a.json");
    deepStrictEqual([entry?.outcome, entry?.problems], ["done", []]);
    deepStrictEqual([...Deno.readDirSync(world.source)], []);
    strictEqual(Deno.readTextFileSync(`${world.archive}/x/sub/a`), "1");
  },
});

Deno.test({
  name: "an import removes nothing of what is mounted after it was read, the storage itself or not",
  ignore: !CAN_MOUNT,
  async fn() {
    for (const what of ["storage", "elsewhere"] as const) {
      using world = await prepared();
      using mounts = new Mounts();
      world.write("a", "1");
      Deno.mkdirSync(`${world.base}/elsewhere`);
      Deno.writeTextFileSync(`${world.base}/elsewhere/a`, "1");
      const { mtime } = Deno.statSync(`${world.source}/a`);
      Deno.utimeSync(`${world.base}/elsewhere/a`, mtime!, mtime!);
      world.write("sub/a", "1");
      const before = [...world.items().keys()];
      let isMounted = false;
      const disk = hookedDisk(openDisk(), (call, proceed) => {
        const answer = proceed();
        const isPublished = call.operation === "rename" && String(call.args[2]) === "x";
        if (isPublished && !isMounted) {
          isMounted = true;
          mounts.bind(`${world.base}/${what}`, what === "storage" ? world.source : `${world.source}/sub`);
        }
        return answer;
      });
      world.put("a.json", { kind: "import", source: world.source, destination: "x" });
      const entry = await world.perform("a.json", disk);
      strictEqual(isMounted, true);
      strictEqual(entry?.outcome, "problems");
      ok(entry.problems.every(({ code }) => code === "source-left"), JSON.stringify(entry.problems));
      strictEqual(Deno.readTextFileSync(`${world.base}/elsewhere/a`), "1");
      const items = world.items();
      for (const id of before) ok(items.has(id));
    }
  },
});
