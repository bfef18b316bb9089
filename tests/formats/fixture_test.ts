/** Storages of every format version that there ever was can be used, and those of newer ones are refused. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseRootId } from "../../src/core/content_id.ts";
import { hashBytes } from "../../src/core/digest.ts";
import { rawOf } from "../../src/core/raw.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { FORMAT_VERSION } from "../../src/snapshot/origin.ts";
import { COLLIDING_MD5 } from "../support/collision.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const FIXTURES = fileURLToPath(new URL("fixtures", import.meta.url));

/** What make_fixture.ts made: ids are those of that day. */
const ARCHIVES = {
  sha256: {
    sequences: [1, 2, 3],
    ids: [
      "afedc6e3c65a455dcf791e738c7b5b5ced2ec67ffe744bcb4f9647bcf5390c9ff0",
      "5c8ca2c28c8427af0f0aa693df9e5f50876a84c8e1805dc5dbfe068f77e5cc23f0",
      "75beacf0a5162302afd71cc0a34b5bcdef73f3657370638ccb3a6daeb3af5690f0",
    ],
    complete: [true, true, false],
    contents: 11,
  },
  md5: {
    sequences: [1, 2],
    ids: ["847cba61aafa113408b99b5faf147c74f0", "d556a951c936d3e02eff28f1bb954043f0"],
    complete: [true, true],
    contents: 9,
  },
} as const;
const ALGORITHMS = ["sha256", "md5"] as const;

/** A world whose storage is a copy of a fixture; beside it `source-1` and `source-2`, what was backed up. */
function fixture(algorithm: keyof typeof ARCHIVES): World {
  const world = new World();
  Deno.removeSync(world.storagePath, { recursive: true });
  run("tar", "-C", world.base, "-xpf", `${FIXTURES}/format-1/${algorithm}.tar`);
  return world;
}

/** Everything but owners, which only root can restore. */
function differences(original: string, copy: string): string {
  return run("rsync", "-rlptDHX", "--delete", "-c", "-n", "-i", `${original}/`, `${copy}/`);
}

Deno.test("there is a fixture of every format version", () => {
  const versions = Array.from({ length: FORMAT_VERSION }, (_, i) => `format-${i + 1}`);
  const ofStorages = [...Deno.readDirSync(FIXTURES)].map(({ name }) => name).filter((name) =>
    name.startsWith("format-")
  );
  deepStrictEqual(ofStorages.sort(), versions);
});

function completeSnapshots(world: World): string[] {
  using storage = world.open();
  return storage.snapshots().filter(({ complete }) => complete).map(({ id }) => id);
}

for (const algorithm of ALGORITHMS) {
  const expected = ARCHIVES[algorithm];

  Deno.test(`format 1, ${algorithm}: snapshots() lists what was there, from content/ alone`, () => {
    using world = fixture(algorithm);
    const monitor = new TestMonitor();
    using storage = world.open(monitor);
    const snapshots = storage.snapshots();
    deepStrictEqual(monitor.problems, []);
    deepStrictEqual(snapshots.map(({ id }) => id), expected.ids);
    deepStrictEqual(snapshots.map(({ sequence }) => sequence), expected.sequences);
    deepStrictEqual(snapshots.map(({ complete }) => complete), expected.complete);
    const [first] = snapshots;
    deepStrictEqual(
      [first!.host, first!.name, first!.tree, first!.time, first!.tags, first!.files, first!.bytes],
      ["nas", "source", "2026/11-20T23:06", "2026-11-20T22:06:11.123Z", ["fixture"], 9, 307],
    );
    const live = [...storage.catalog().dump()];
    rebuildCatalog(storage, monitor);
    deepStrictEqual([...storage.catalog().dump()], live);
    strictEqual(storage.catalog().contentCount(), expected.contents);
  });

  Deno.test(`format 1, ${algorithm}: restore() gives back what was backed up`, async () => {
    using world = fixture(algorithm);
    for (const n of [1, 2]) {
      const { target, monitor } = await world.restore(expected.ids[n - 1]!);
      if (Deno.uid() === 0) deepStrictEqual(monitor.problems, []);
      strictEqual(differences(`${world.base}/source-${n}`, target), "");
    }
    const tree = `${world.storagePath}/latest/source/`;
    run("rm", `${world.base}/source-1/pipe`);
    strictEqual(run("diff", "-r", "--no-dereference", `${world.base}/source-1`, tree), "");
  });

  Deno.test(`format 1, ${algorithm}: check() finds nothing wrong in the data`, async () => {
    using world = fixture(algorithm);
    const { damaged, findings, monitor } = await world.check(true);
    deepStrictEqual({ damaged, findings, problems: monitor.problems }, { damaged: 0, findings: [], problems: [] });
    strictEqual(monitor.of("checkedItems"), world.items().size);
  });

  Deno.test(`format 1, ${algorithm}: backup() goes on from the snapshots that are there`, async () => {
    using world = fixture(algorithm);
    world.clock.pass(60);
    const source = `${world.base}/source-2`;
    Deno.writeTextFileSync(`${source}/after`, "written by a later version\n");
    const request = { sources: [rawOf(source)], host: "nas", name: "source" };
    const complete = completeSnapshots(world);
    const { snapshot, monitor } = await world.backup(request);
    deepStrictEqual(monitor.problems, []);
    strictEqual(snapshot.sequence, expected.sequences.length + 1);
    strictEqual(monitor.of("storedItems"), 1);
    strictEqual(differences(source, (await world.restore("latest")).target), "");
    strictEqual((await world.check(true)).damaged, 0);
    {
      using storage = world.open();
      const kept = storage.snapshots().map(({ id }) => id);
      deepStrictEqual(kept, [...complete, snapshot.id], "a partial snapshot of the series has served its purpose");
    }
    const again = await world.backup(request);
    strictEqual(again.monitor.of("readFiles"), 0);
  });
}

Deno.test("format 1, md5: both contents of a collision have kept their names", () => {
  using world = fixture("md5");
  const colliding = [...world.items().keys()].filter((id) => id.startsWith(COLLIDING_MD5)).sort();
  deepStrictEqual(colliding, [COLLIDING_MD5, `${COLLIDING_MD5}00`]);
});

Deno.test("format 1, sha256: restore() of a partial snapshot gives back what its hunks hold", async () => {
  using world = fixture("sha256");
  const { target } = await world.restore(ARCHIVES.sha256.ids[2]);
  const restored = [...Deno.readDirSync(`${target}/more`)].map(({ name }) => name);
  // 549 entries in its one hunk: 11 others are the top and what stands in it, 6 are in directories before `more`.
  strictEqual(restored.length, 549 - 17);
  ok(restored.every((name) => Deno.readTextFileSync(`${target}/more/${name}`) === `${Number(name) % 2}`));
});

Deno.test("openStorage() refuses a storage of a newer format", () => {
  using world = fixture("sha256");
  const main = `${world.storagePath}/db/main`;
  const text = Deno.readTextFileSync(main).replace(`"version": 1`, `"version": 2`);
  Deno.removeSync(main);
  Deno.writeTextFileSync(main, text);
  throws(() => world.open(), { code: "newer-format", message: /format version 2/ });
});

/** Rewrites a root as of format version 2, and gives it the name that its new bytes call for. */
function makeNewer(world: World, id: string): string {
  const path = world.items().get(id)!;
  const text = Deno.readTextFileSync(path).replace(`"version": 1`, `"version": 2`);
  const bytes = new TextEncoder().encode(text);
  const newer = `${hashBytes("sha256", bytes)}f0`;
  const directory = `${world.storagePath}/content/${newer.slice(0, 2)}`;
  Deno.mkdirSync(directory, { recursive: true });
  Deno.writeFileSync(`${directory}/${newer.slice(2)}`, bytes);
  Deno.removeSync(path);
  return newer;
}

Deno.test("a snapshot of a newer format is refused, named once, and hides no other", async () => {
  using world = fixture("sha256");
  const [first, second, partial] = ARCHIVES.sha256.ids;
  const newer = makeNewer(world, second);
  const monitor = new TestMonitor();
  {
    using storage = world.open(monitor);
    deepStrictEqual(storage.snapshots().map(({ id }) => id), [first, partial]);
    deepStrictEqual(monitor.problems.map(({ name }) => name), ["newer-format"]);
    throws(() => storage.manifest(parseRootId(newer, 64)), { code: "newer-format", message: /format version 2/ });
  }
  strictEqual(differences(`${world.base}/source-1`, (await world.restore(first)).target), "");
});

Deno.test("openStorage() without db/ refuses a storage whose snapshots are all of a newer format", () => {
  using world = fixture("sha256");
  for (const id of ARCHIVES.sha256.ids) makeNewer(world, id);
  Deno.removeSync(`${world.storagePath}/db`, { recursive: true });
  throws(() => world.open(), { code: "newer-format" });
});
