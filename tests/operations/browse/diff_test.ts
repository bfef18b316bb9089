import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Apath, TOP } from "../../../src/core/apath.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { diff, type Difference, type DiffRequest, type DiffSummary } from "../../../src/operations/browse/diff/diff.ts";
import { NotInSnapshot } from "../../../src/operations/browse/resolve_path.ts";
import { changesBetween } from "../../../src/catalog/path_changes.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { TestMonitor, World } from "../../support/world.ts";

async function compared(
  storage: Storage,
  before: string,
  now: string,
  changes: Partial<DiffRequest> = {},
): Promise<{ list: Difference[]; summary: DiffSummary }> {
  using differences = await diff(storage, {
    before: storage.resolve(before),
    now: now.startsWith("/") ? rawOf(now) : storage.resolve(now),
    below: TOP,
    readData: false,
    directoryTimes: false,
    ...changes,
  }, new TestMonitor());
  const list: Difference[] = [], all = differences.list("added");
  let next = all.next();
  for (; !next.done; next = all.next()) list.push(next.value);
  return { list, summary: next.value };
}

/** "change path (aspects)" */
async function told(
  storage: Storage,
  before: string,
  now: string,
  changes: Partial<DiffRequest> = {},
): Promise<string[]> {
  return (await compared(storage, before, now, changes)).list.map(({ change, path, from, aspects }) => {
    const place = from === undefined ? textOf(path) : `${textOf(from)} -> ${textOf(path)}`;
    return `${change} ${place}${aspects.length > 0 ? ` (${aspects})` : ""}`;
  });
}

function setTime(world: World, path: string, seconds: number): void {
  Deno.utimeSync(`${world.source}/${path}`, seconds, seconds);
}

async function twoSnapshots(): Promise<World> {
  const world = new World({ inMemory: true });
  for (const name of ["same", "grows", "goes", "mode", "dir/moves", "dir/empty"]) {
    world.write(name, name === "dir/empty" ? "" : `${name}\n`);
    setTime(world, name, 1000);
  }
  await world.backup();
  world.write("grows", "larger than before\n");
  Deno.removeSync(`${world.source}/goes`);
  Deno.chmodSync(`${world.source}/mode`, 0o700);
  Deno.mkdirSync(`${world.source}/other`);
  Deno.renameSync(`${world.source}/dir/moves`, `${world.source}/other/moved`);
  Deno.renameSync(`${world.source}/dir/empty`, `${world.source}/other/empty`);
  world.write("comes", "new\n");
  await world.backup();
  return world;
}

const FORWARD = [
  "added /comes",
  "removed /goes",
  "content /grows (content,mtime)",
  "metadata /mode (mode)",
  "added /other",
  "removed /dir/empty",
  "added /other/empty",
  "moved /dir/moves -> /other/moved",
];

Deno.test("diff() tells what was added, removed, changed in content or metadata, and moved", async () => {
  using world = await twoSnapshots();
  using storage = world.open();
  deepStrictEqual(await told(storage, "latest~1", "latest"), FORWARD);
  const { summary } = await compared(storage, "latest~1", "latest");
  deepStrictEqual(summary, {
    added: 3,
    removed: 2,
    content: 1,
    metadata: 1,
    moved: 1,
    addedBytes: 23,
    removedBytes: 11,
  });
  deepStrictEqual(await told(storage, "latest", "latest"), []);
  ok((await told(storage, "latest~1", "latest", { directoryTimes: true })).includes("metadata /dir (mtime)"));
});

Deno.test("diff() goes backward, too, and below a path", async () => {
  using world = await twoSnapshots();
  using storage = world.open();
  deepStrictEqual(await told(storage, "latest", "latest~1"), [
    "removed /comes",
    "added /goes",
    "content /grows (content,mtime)",
    "metadata /mode (mode)",
    "removed /other",
    "added /dir/empty",
    "moved /other/moved -> /dir/moves",
    "removed /other/empty",
  ]);
  deepStrictEqual(await told(storage, "latest~1", "latest", { below: "/other" as Apath }), [
    "added /other",
    "added /other/empty",
    "added /other/moved",
  ]);
  deepStrictEqual(await told(storage, "latest~1", "latest", { below: "/grows" as Apath }), [
    "content /grows (content,mtime)",
  ]);
  await rejects(() => told(storage, "latest~1", "latest", { below: "/nowhere" as Apath }), NotInSnapshot);
});

Deno.test("diff() of snapshots of different series goes by their manifests, and says the same", async () => {
  using world = new World({ inMemory: true });
  world.write("a", "1");
  await world.backup({ name: "one" });
  world.write("b", "2");
  await world.backup({ name: "two" });
  using storage = world.open();
  deepStrictEqual(await told(storage, "latest~1", "latest"), ["added /b"]);
  deepStrictEqual(await told(storage, "latest", "latest~1"), ["removed /b"]);
});

Deno.test("diff() of a snapshot and a directory reads what looks different, or everything", async () => {
  using world = await twoSnapshots();
  using storage = world.open();
  deepStrictEqual(await told(storage, "latest", world.source), []);
  deepStrictEqual(await told(storage, "latest~1", world.source), FORWARD);

  setTime(world, "same", 2000);
  world.write("grows", "LARGER THAN BEFORE\n");
  Deno.renameSync(`${world.source}/other/moved`, `${world.source}/back`);
  deepStrictEqual(await told(storage, "latest", world.source), [
    "moved /other/moved -> /back",
    "content /grows (content,mtime)",
    "metadata /same (mtime)",
  ]);
  setTime(world, "grows", 5000);
  await world.backup();
  world.write("grows", "Larger Than Before\n");
  setTime(world, "grows", 5000);
  using later = world.open();
  deepStrictEqual(await told(later, "latest", world.source), []);
  deepStrictEqual(await told(later, "latest", world.source, { readData: true }), ["content /grows (content)"]);
  deepStrictEqual(await told(later, "latest", `${world.source}/other`, { below: "/other" as Apath }), []);
});

const NAMES = ["a", "b", "dir/c", "dir/d", "dir-/e", "dir/sub/f", "z"];
const edit = fc.record({
  name: fc.constantFrom(...NAMES),
  what: fc.constantFrom("write", "remove", "chmod", "touch"),
  value: fc.integer({ min: 1, max: 4 }),
});

function apply(world: World, edits: readonly { name: string; what: string; value: number }[]): void {
  for (const { name, what, value } of edits) {
    const path = `${world.source}/${name}`;
    try {
      if (what === "write") {
        world.write(name, "x".repeat(value));
        setTime(world, name, value);
      } else if (what === "remove") Deno.removeSync(path);
      else if (what === "chmod") Deno.chmodSync(path, value % 2 ? 0o600 : 0o644);
      else setTime(world, name, 10 + value);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

Deno.test("what the catalog says changed is what the manifests say, between any two snapshots", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(edit, { maxLength: 6 }), { minLength: 2, maxLength: 5 }), async (rounds) => {
      using world = new World({ inMemory: true });
      for (const edits of rounds) {
        apply(world, edits);
        await world.backup({ tree: false });
      }
      using storage = world.open();
      const all = storage.snapshots();
      for (const before of all) {
        for (const now of all) {
          const byManifest = changesBetween(storage.manifest(before.id), storage.manifest(now.id), TOP);
          const plain = [...byManifest].map(({ path }) => textOf(path));
          const found = (await compared(storage, before.id, now.id, { directoryTimes: true })).list;
          const paths = found.flatMap(({ path, from }) => from === undefined ? [path] : [path, from]).map(textOf);
          deepStrictEqual(paths.sort(), plain.sort());
          for (const { change, before: old, now: fresh } of found) {
            if (change === "moved") strictEqual(old?.content, fresh?.content);
          }
        }
      }
    }),
    { numRuns: 15 },
  );
});

Deno.test("diff() compares a directory of the source with its own place, and takes paths as in the source", async () => {
  using world = await twoSnapshots();
  using storage = world.open();
  deepStrictEqual(await told(storage, "latest", `${world.source}/other`), []);
  world.write("other/moved", "something else\n");
  deepStrictEqual(await told(storage, "latest", `${world.source}/other`), ["content /other/moved (content,mtime)"]);
  const below = `${world.source}/other` as Apath;
  deepStrictEqual(await told(storage, "latest~1", "latest", { below }), [
    "added /other",
    "added /other/empty",
    "added /other/moved",
  ]);
});
