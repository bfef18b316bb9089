import { deepStrictEqual, rejects } from "node:assert/strict";
import fc from "fast-check";
import { type Apath, TOP } from "../../../src/core/apath.ts";
import { textOf } from "../../../src/core/raw.ts";
import { listing, type ListingRequest } from "../../../src/operations/browse/listing.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { World } from "../../support/world.ts";

const fail = (fault: Error): never => {
  throw fault;
};

async function paths(storage: Storage, changes: Partial<ListingRequest> = {}): Promise<string[]> {
  const snapshot = storage.resolve("latest");
  const request = { snapshot, path: TOP, order: "name", reverse: false, extent: "directory", ...changes } as const;
  return [...await listing(storage, request, fail)].map(({ entry }) => textOf(entry.path));
}

async function world(): Promise<World> {
  const world = new World({ inMemory: true });
  for (const [i, path] of ["b", "a/2", "a/1", "a/sub/deep", "a-/x", "c", "empty/gone"].entries()) {
    world.write(path, "x".repeat((i * 5) % 7 + 1));
    Deno.utimeSync(`${world.source}/${path}`, 1000 + i, 1000 + i);
  }
  Deno.removeSync(`${world.source}/empty/gone`);
  await world.backup();
  return world;
}

Deno.test("listing() of a directory, of everything below it, and as a tree", async () => {
  using made = await world();
  using storage = made.open();
  deepStrictEqual(await paths(storage), ["/a", "/a-", "/b", "/c", "/empty"]);
  deepStrictEqual(await paths(storage, { path: "/a" as Apath }), ["/a/1", "/a/2", "/a/sub"]);
  deepStrictEqual(await paths(storage, { path: "/a/1" as Apath, extent: "tree" }), ["/a/1"]);
  deepStrictEqual(await paths(storage, { path: "/empty" as Apath }), []);
  deepStrictEqual(await paths(storage, { path: `${made.source}/a/sub` as Apath }), ["/a/sub/deep"]);
  deepStrictEqual(await paths(storage, { path: "/a" as Apath, extent: "recursive" }), [
    "/a",
    "/a/1",
    "/a/2",
    "/a/sub",
    "/a/sub/deep",
  ]);
  const tree = ["/", "/a", "/a/1", "/a/2", "/a/sub", "/a/sub/deep", "/a-", "/a-/x", "/b", "/c", "/empty"];
  deepStrictEqual(await paths(storage, { extent: "tree" }), tree);
  await rejects(() => paths(storage, { path: "/d" as Apath }), { code: "not-in-snapshot" });
});

Deno.test("listing() sorts within each directory by size, time or name, either way round", async () => {
  using made = await world();
  using storage = made.open();
  deepStrictEqual((await paths(storage, { order: "size" })).slice(0, 2), ["/c", "/b"]);
  deepStrictEqual((await paths(storage, { path: "/a" as Apath, order: "time", reverse: true })).slice(0, 2), [
    "/a/2",
    "/a/1",
  ]);
  deepStrictEqual(await paths(storage, { reverse: true }), ["/empty", "/c", "/b", "/a-", "/a"]);
  deepStrictEqual(await paths(storage, { path: "/a" as Apath, order: "size", extent: "tree" }), [
    "/a",
    "/a/2",
    "/a/1",
    "/a/sub",
    "/a/sub/deep",
  ]);
  deepStrictEqual(await paths(storage, { path: "/a" as Apath, reverse: true, extent: "recursive" }), [
    "/a",
    "/a/sub",
    "/a/2",
    "/a/1",
    "/a/sub/deep",
  ]);
});

Deno.test("a tree in one pass is the tree that looking up each directory gives", async () => {
  const name = fc.constantFrom("a", "b", "a-", "a.b", "é", "c/d", "c/d/e");
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), async (files) => {
      using world = new World({ inMemory: true });
      for (const parts of files) {
        try {
          world.write(parts.join("/"), "x");
        } catch (error) {
          const isTaken = error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.IsADirectory ||
            error instanceof Deno.errors.AlreadyExists;
          if (!isTaken) throw error;
        }
      }
      await world.backup({ tree: false });
      using storage = world.open();
      const sameSize = await paths(storage, { extent: "tree", order: "size" }); // a stable sort of what is nearly all of one size
      const inOnePass = await paths(storage, { extent: "tree" });
      deepStrictEqual([...inOnePass].sort(), [...sameSize].sort());
      for (const [i, path] of inOnePass.entries()) {
        if (i === 0) continue;
        const parent = path.slice(0, path.lastIndexOf("/")) || "/";
        const before = inOnePass.slice(0, i);
        const since = before.slice(before.indexOf(parent) + 1);
        deepStrictEqual(since.filter((other) => !other.startsWith(parent === "/" ? "/" : `${parent}/`)), [], path);
      }
    }),
    { numRuns: 25 },
  );
});
