import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import { prune } from "../../../src/operations/forget/prune.ts";
import { tag } from "../../../src/operations/forget/tag.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { rewrite, type RewriteRequest, type RewriteResult } from "../../../src/operations/rewrite/rewrite.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { buildTree } from "../../../src/storage/tree/build_tree.ts";
import { openStorage, type Storage } from "../../../src/storage/storage.ts";
import { atLeast, stride } from "../../support/effort.ts";
import { CuttingDisk, PowerCut } from "../../support/cutting_disk.ts";
import { neededItems } from "../../support/needed_items.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";

const { signal } = new AbortController();
const SECRET = "the secret that nobody was to see";

/** Two snapshots that hold a secret, of which the second has another file too. */
async function withSecret(): Promise<World> {
  // Few directories: making each of them counts as a change of the disk.
  const world = new World({ inMemory: true, hexSplit: [1] });
  world.write("docs/secret.key", SECRET);
  world.write("docs/letter", "dear");
  world.write("junk/a.tmp", "junk a");
  await world.backup({ tags: ["a"] });
  world.clock.pass(24 * 60);
  world.write("later", "later");
  await world.backup();
  return world;
}

type Wanted = Partial<Omit<RewriteRequest, "unwanted" | "signal">> & { paths?: string[]; patterns?: string[] };

function requestOf({ paths = [], patterns = [], ...more }: Wanted): RewriteRequest {
  const unwanted = { paths: paths.map((path) => parseApath(path)), patterns };
  return { among: {}, facts: {}, dryRun: false, unwanted, signal, ...more };
}

async function rewriteIn(world: World, wanted: Wanted): Promise<RewriteResult> {
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const result = await rewrite(storage, requestOf(wanted), monitor);
  deepStrictEqual([monitor.problems, monitor.notices], [[], []]);
  return result;
}

function assertLikeRebuilt(world: World): void {
  using storage = world.open();
  const live = [...storage.catalog().dump()];
  rebuildCatalog(storage, new TestMonitor());
  deepStrictEqual([...storage.catalog().dump()], live);
}

function pathsIn(storage: Storage, name: string): string[] {
  return [...storage.manifest(storage.resolve(name).id).entries()].map(({ path }) => textOf(path));
}

/** Whether any file of the storage holds a text, in trees too. */
function holds(world: World, text: string): boolean {
  return run("sh", "-c", `grep -rlF "$1" "$2" || true`, "sh", text, world.storagePath) !== "";
}

Deno.test("rewrite() takes a path out of all snapshots, and after a prune nothing of it is left", async () => {
  using world = await withSecret();
  const dry = await rewriteIn(world, { paths: ["/docs/secret.key"], dryRun: true });
  deepStrictEqual(dry.freed, { contents: 1, bytes: SECRET.length });
  deepStrictEqual(dry.snapshots.map(({ id, removed }) => [id, removed.entries, removed.bytes]), [
    [undefined, 1, SECRET.length],
    [undefined, 1, SECRET.length],
  ]);
  deepStrictEqual(dry.paths, [{ path: "/docs/secret.key", entries: 1, bytes: SECRET.length, snapshots: 2 }]);
  using before = world.open();
  strictEqual(pathsIn(before, "latest").length, 7, "a dry run changes nothing");

  const { snapshots } = await rewriteIn(world, { paths: ["/docs/secret.key"] });
  using storage = world.open();
  deepStrictEqual(storage.snapshots().map(({ id, tree, files }) => [id, tree, files]), [
    [snapshots[0]?.id, null, 2],
    [snapshots[1]?.id, null, 3],
  ]);
  deepStrictEqual(pathsIn(storage, "latest"), ["/", "/docs", "/junk", "/later", "/docs/letter", "/junk/a.tmp"]);
  deepStrictEqual(storage.manifest(snapshots[0]!.id!).root.excludes, ["/docs/secret.key"]);
  assertLikeRebuilt(world);
  ok(holds(world, SECRET), "until a prune");
  const pruned = await prune(storage, { dryRun: false, workers: 0, signal }, () => {}, new TestMonitor());
  ok(pruned.bytes >= SECRET.length);
  ok(!holds(world, SECRET));
  deepStrictEqual([...world.items().keys()].sort(), neededItems(world));
  strictEqual((await world.check()).damaged, 0);
  Deno.removeSync(`${world.source}/docs/secret.key`);
  run("touch", "-r", (await world.restore("latest")).target + "/docs", `${world.source}/docs`);
  strictEqual(differences(world.source, (await world.restore("latest")).target), "");
});

Deno.test("rewrite() keeps what other snapshots or other paths need", async () => {
  using world = await withSecret();
  world.write("copy", SECRET);
  await world.backup();
  const { freed } = await rewriteIn(world, { paths: ["/docs"], dryRun: true });
  deepStrictEqual(freed, { contents: 1, bytes: 4 }, "the letter alone");
  const one = await rewriteIn(world, { paths: ["/docs"], among: { snapshots: ["latest"] }, dryRun: true });
  deepStrictEqual(one.freed, { contents: 0, bytes: 0 });
  await rewriteIn(world, { paths: ["/docs"], among: { snapshots: ["latest"] } });
  using storage = world.open();
  await prune(storage, { dryRun: false, workers: 0, signal }, () => {}, new TestMonitor());
  deepStrictEqual(pathsIn(storage, "latest"), ["/", "/copy", "/junk", "/later", "/junk/a.tmp"]);
  ok(pathsIn(storage, "latest~1").includes("/docs/letter"));
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("rewrite() takes paths as the source has them, and patterns as a backup does", async () => {
  using world = await withSecret();
  const { paths } = await rewriteIn(world, {
    paths: [`${world.source}/docs/secret.key`],
    patterns: ["*.tmp", "letter", "!nothing"],
  });
  deepStrictEqual(paths.map(({ path }) => path).sort(), ["/docs/letter", "/docs/secret.key", "/junk/a.tmp"]);
  using storage = world.open();
  deepStrictEqual(pathsIn(storage, "latest"), ["/", "/docs", "/junk", "/later"]);
});

Deno.test("rewrite() refuses what matches nothing, and changes nothing then", async () => {
  using world = await withSecret();
  const before = [...world.items().keys()].sort();
  const refused: readonly (readonly [Wanted, object])[] = [
    [{ paths: ["/docs/secret.kye"] }, { code: "nothing-matches", message: /secret\.kye/ }],
    [{ paths: ["/docs/secret.key"], patterns: ["*.tpm"] }, { code: "nothing-matches", message: /\.tpm/ }],
    [{ paths: ["/later"], among: { snapshots: ["latest~1"] } }, { code: "nothing-matches" }],
    [{ paths: ["/"] }, { code: "bad-usage", message: /Nothing would be left/ }],
    [{}, { code: "bad-usage" }],
    [{ facts: { startMs: 0 } }, { code: "bad-usage" }],
    [{ paths: ["/docs"], among: { snapshots: ["nothing"] } }, { code: "no-snapshot" }],
  ];
  for (const [wanted, expected] of refused) await rejects(rewriteIn(world, wanted), expected);
  deepStrictEqual([...world.items().keys()].sort(), before);
});

Deno.test("rewrite() leaves snapshots alone in which it finds nothing", async () => {
  using world = await withSecret();
  const { snapshots, unchanged } = await rewriteIn(world, { paths: ["/later"] });
  deepStrictEqual([snapshots.length, unchanged.length], [1, 1]);
  using storage = world.open();
  strictEqual(storage.snapshots()[0]?.id, unchanged[0]);
  ok(storage.snapshots()[0]?.tree !== null);
});

Deno.test("rewrite() gives a snapshot another host, name, time and tags, and keeps its tree", async () => {
  using world = await withSecret();
  using before = world.open();
  const { tree } = before.resolve("latest"), startMs = Date.UTC(2020, 0, 2, 3, 4, 5);
  const { snapshots } = await rewriteIn(world, {
    among: { snapshots: ["latest"] },
    facts: { host: "nas", name: "papers", startMs, set: ["x"] },
  });
  deepStrictEqual(snapshots.map(({ changes }) => changes), [["host", "name", "start", "tags"]]);
  using storage = world.open();
  const { host, name, named, time, tags, tree: kept } = storage.resolve(snapshots[0]!.id!);
  deepStrictEqual([host, name, named, time, tags, kept], [
    "nas",
    "papers",
    true,
    "2020-01-02T03:04:05.000Z",
    ["x"],
    tree,
  ]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/papers/later`), "later");
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/docs/letter`), "dear");
  assertLikeRebuilt(world);
  const again = await rewriteIn(world, { among: { name: "papers" }, facts: { host: "nas" } });
  deepStrictEqual([again.snapshots.length, again.unchanged.length], [0, 1]);
  await world.backup();
  strictEqual((await world.check()).damaged, 0);
});

Deno.test("rewrite() doesn't take a snapshot away from somebody who restores it", async () => {
  using world = await withSecret();
  using reader = world.open();
  using _held = reader.lockForReading(reader.resolve("latest").id);
  const monitor = new TestMonitor();
  using storage = world.open(monitor);
  const { snapshots } = await rewrite(storage, requestOf({ paths: ["/docs/secret.key"] }), monitor);
  deepStrictEqual(snapshots.map(({ id }) => id === undefined), [false, true]);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["snapshot-in-use"]);
});

Deno.test("trees of rewritten snapshots are built without what is gone", async () => {
  using world = await withSecret();
  await rewriteIn(world, { paths: ["/docs/secret.key"] });
  strictEqual(run("find", world.storagePath, "-name", "secret.key"), "");
  using storage = world.open();
  const latest = storage.resolve("latest");
  const tree = await buildTree(storage, latest, { workers: 0, signal }, new TestMonitor());
  deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/${tree}/docs`)].map(({ name }) => name), ["letter"]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/source/docs/letter`), "dear");
});

Deno.test("a copy of a rewritten snapshot takes the place of the copy of the former one, and of its tree", async () => {
  using world = await withSecret();
  using other = new World({ inMemory: true });
  {
    using from = world.open(), to = other.open();
    await copy(from, to, { clock: world.clock, workers: 0, signal }, new TestMonitor());
    const latest = to.resolve("latest");
    await buildTree(to, latest, { workers: 0, signal }, new TestMonitor());
  }
  ok(run("find", other.storagePath, "-name", "secret.key") !== "");
  await rewriteIn(world, { paths: ["/docs/secret.key"] });
  using from = world.open(), to = other.open();
  await copy(from, to, { clock: world.clock, workers: 0, signal }, new TestMonitor());
  deepStrictEqual(to.snapshots().map(({ id }) => id), from.snapshots().map(({ id }) => id));
  strictEqual(run("find", other.storagePath, "-name", "secret.key"), "");
  deepStrictEqual(to.rootIds(), from.rootIds());
});

/** What is put right at the end of a run fails as well. */
function isCut(error: unknown): boolean {
  return error instanceof PowerCut || error instanceof SuppressedError && isCut(error.error) && isCut(error.suppressed);
}

/** Every n-th change is cut; SLOW=1 cuts at each. */
const STRIDE = stride(5);

Deno.test("rewrite() cut before any change leaves either snapshot or both, never a tree that shows what is gone", async () => {
  const seen = new Set<string>();
  let cuts = 0;
  for (let cut = 0, finished = false; !finished; cut += STRIDE) {
    for (const loseCatalog of [false, true]) {
      using world = await withSecret();
      const wanted = requestOf({ paths: ["/docs/secret.key"], facts: { host: "nas" } });
      try {
        const disk = new CuttingDisk(openDisk(), cut).disk;
        using storage = openStorage({ ...world.machine, disk }, rawOf(world.storagePath), new TestMonitor());
        await rewrite(storage, wanted, new TestMonitor());
        finished = true;
      } catch (error) {
        ok(isCut(error), String(error));
      }
      cuts++;
      if (loseCatalog) Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
      {
        using storage = world.open();
        const listed = storage.snapshots();
        strictEqual(listed.length, 2, `cut ${cut}`);
        for (const { id, host, tree } of listed) {
          const isRewritten = host === "nas",
            paths = [...storage.manifest(id).entries()].map(({ path }) => textOf(path));
          strictEqual(paths.includes("/docs/secret.key"), !isRewritten, `cut ${cut}`);
          if (isRewritten) strictEqual(tree, null);
        }
        seen.add(listed.map(({ host }) => host === "nas" ? "new" : "old").join());
      }
      strictEqual((await world.check()).damaged, 0);
      // Whoever writes next ends the work.
      using storage = world.open();
      await tag(storage, { snapshots: ["latest"], set: undefined, add: ["z"], remove: [] });
      const roots = [...world.items().keys()].filter((id) => id.endsWith("f0"));
      strictEqual(roots.length, 2, `cut ${cut}`);
      const rewritten = storage.snapshots().filter(({ host }) => host === "nas").length;
      const shown = run("find", world.storagePath, "-name", "secret.key").split("\n").filter(Boolean);
      ok(shown.length <= 2 - rewritten, `cut ${cut}: ${shown}`);
      assertLikeRebuilt(world);
      const rest = storage.snapshots().some(({ host }) => host !== "nas");
      if (rest) await rewrite(storage, wanted, new TestMonitor());
      strictEqual(run("find", world.storagePath, "-name", "secret.key"), "");
      assertLikeRebuilt(world);
    }
  }
  deepStrictEqual([...seen].sort(), ["new,new", "new,old", "old,old"]);
  ok(cuts > atLeast(10), `${cuts} cuts`);
});
