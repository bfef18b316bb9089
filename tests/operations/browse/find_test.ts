import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Apath } from "../../../src/core/apath.ts";
import { BadUsage, Fault } from "../../../src/core/fault.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { find, type FindRequest } from "../../../src/operations/browse/find.ts";
import type { PathVersion } from "../../../src/snapshot/catalog_queries.ts";
import { parseFilter } from "../../../src/source/filter.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { World } from "../../support/world.ts";

const EVERYTHING: FindRequest = {
  patterns: [],
  ignoreCase: false,
  kinds: [],
  smallest: undefined,
  largest: undefined,
  sinceMs: undefined,
  beforeMs: undefined,
  content: undefined,
  snapshots: undefined,
  gone: false,
};

async function pathsOf(storage: Storage, changes: Partial<FindRequest>): Promise<string[]> {
  return [...await find(storage, { ...EVERYTHING, ...changes })].map(({ version }) => textOf(version.path));
}

/** Three snapshots: one file changes, one goes, one comes. */
async function threeSnapshots(): Promise<World> {
  const world = new World({ inMemory: true });
  world.write("letters/mum.txt", "dear mum");
  world.write("letters/old.txt", "old");
  world.write("photos/IMG_1.JPG", "picture");
  await world.backup();
  world.write("letters/mum.txt", "dear mum, again");
  await world.backup();
  Deno.removeSync(`${world.source}/letters/old.txt`);
  world.write("photos/new one.png", "new");
  Deno.symlinkSync("IMG_1.JPG", `${world.source}/photos/link`);
  await world.backup();
  return world;
}

Deno.test("find() tells each version once, with the snapshots that have it", async () => {
  using world = await threeSnapshots();
  using storage = world.open();
  const ids = storage.snapshots().map(({ id }) => id);
  const found = [...await find(storage, { ...EVERYTHING, patterns: ["*.txt"] })].map(({ version, span }) => {
    return [textOf(version.path), version.size, ids.indexOf(span.first.id), ids.indexOf(span.last.id), span.count];
  });
  deepStrictEqual(found, [
    ["/letters/mum.txt", 8, 0, 0, 1],
    ["/letters/mum.txt", 15, 1, 2, 2],
    ["/letters/old.txt", 3, 0, 1, 2],
  ]);
});

Deno.test("find() goes by name, path, kind, size, time, content and snapshot, together", async () => {
  using world = await threeSnapshots();
  using storage = world.open();
  const [first, , third] = storage.snapshots();
  deepStrictEqual(await pathsOf(storage, { patterns: ["img*"] }), []);
  deepStrictEqual(await pathsOf(storage, { patterns: ["img*"], ignoreCase: true }), ["/photos/IMG_1.JPG"]);
  deepStrictEqual(await pathsOf(storage, { patterns: ["/photos/*.???"] }), [
    "/photos/IMG_1.JPG",
    "/photos/new one.png",
  ]);
  deepStrictEqual(await pathsOf(storage, { patterns: ["/photos/**/*.png", "old*"] }), [
    "/letters/old.txt",
    "/photos/new one.png",
  ]);
  deepStrictEqual((await pathsOf(storage, { patterns: ["photos/"] })).slice(0, 1), ["/photos"]);
  deepStrictEqual(await pathsOf(storage, { kinds: ["symlink"] }), ["/photos/link"]);
  deepStrictEqual(await pathsOf(storage, { kinds: ["file"], smallest: 7, largest: 8 }), [
    "/letters/mum.txt",
    "/photos/IMG_1.JPG",
  ]);
  deepStrictEqual(await pathsOf(storage, { patterns: ["*.txt"], snapshots: [third!] }), ["/letters/mum.txt"]);
  deepStrictEqual((await pathsOf(storage, { patterns: ["*.txt"], snapshots: [first!, third!] })).length, 3);
  deepStrictEqual(await pathsOf(storage, { sinceMs: Date.now() + 60_000 }), []);
  deepStrictEqual(await pathsOf(storage, { beforeMs: Date.now() - 3_600_000 }), []);
  const { content } = storage.manifest(first!.id).entry("/letters/old.txt" as Apath)!;
  for (const digits of [4, 5, 63, 64]) {
    deepStrictEqual(await pathsOf(storage, { content: content!.slice(0, digits) }), ["/letters/old.txt"]);
  }
});

Deno.test("find() with gone tells what the newest snapshot of its series doesn't have", async () => {
  using world = await threeSnapshots();
  await world.backup({ name: "other" });
  using storage = world.open();
  deepStrictEqual(await pathsOf(storage, { gone: true }), ["/letters/old.txt"]);
  deepStrictEqual(await pathsOf(storage, { gone: true, smallest: 4 }), []);
});

Deno.test("find() tells what was there when it began, whatever is backed up and forgotten meanwhile", async () => {
  using world = await threeSnapshots();
  using storage = world.open();
  const found = Iterator.from(await find(storage, { ...EVERYTHING, patterns: ["*.txt"] }));
  const first = found.next();
  world.write("letters/later.txt", "later");
  await world.backup();
  {
    using other = world.open();
    using writer = other.write("test");
    writer.forget(other.snapshots().slice(0, 3).map(({ id }) => id));
  }
  const told = [first.value!, ...found].map(({ version, span }) => [textOf(version.path), span.count]);
  deepStrictEqual(told, [["/letters/mum.txt", 1], ["/letters/mum.txt", 2], ["/letters/old.txt", 2]]);
  using later = world.open();
  deepStrictEqual(await pathsOf(later, { patterns: ["*.txt"] }), ["/letters/later.txt", "/letters/mum.txt"]);
});

/** Whole searches of a page at a time, which goes on after its last path. */
async function pagesOf(storage: Storage, changes: Partial<FindRequest>, size: number): Promise<string[]> {
  const told: string[] = [];
  for (let pageAfter: FindRequest["pageAfter"] = "start";;) {
    let count = 0, last: Apath | undefined, isMore = false;
    for (const { version } of await find(storage, { ...EVERYTHING, ...changes, pageAfter })) {
      isMore = count >= size && version.path !== last;
      if (isMore) break;
      count++;
      last = version.path;
      told.push(versionText(version));
    }
    if (!isMore || last === undefined) return told;
    pageAfter = last;
  }
}

function versionText({ path, name, first, last }: PathVersion): string {
  return [textOf(path), name, first, last].join("\t");
}

Deno.test("Pages of a search are together what the search finds, each version once, directory by directory", async () => {
  using world = await threeSnapshots();
  for (
    const name of ["a-b/x.txt", "a/x.txt", "a/b/x.txt", "a b/x.txt", "a\u0001b/x.txt", "x.txt", "é/x.txt", "z/y.jpg"]
  ) {
    world.write(name, name);
  }
  await world.backup({ name: "other" });
  world.write("a/x.txt", "changed");
  Deno.removeSync(`${world.source}/a-b/x.txt`);
  await world.backup({ name: "other" });
  using storage = world.open();
  const requests: Partial<FindRequest>[] = [
    {},
    { patterns: ["*.txt"] },
    { patterns: ["*.TXT"], ignoreCase: true },
    { patterns: ["/a/**"] },
    { patterns: ["[xy].txt"] },
    { kinds: ["file"], smallest: 7 },
    { gone: true },
    { content: "a" },
    { snapshots: storage.snapshots().slice(-2) },
  ];
  for (const request of requests) {
    const all = [...await find(storage, { ...EVERYTHING, ...request })].map(({ version }) => versionText(version));
    const whole = await pagesOf(storage, request, Infinity);
    deepStrictEqual(whole.toSorted(), all.toSorted(), JSON.stringify(request));
    for (const size of [1, 2, 5]) deepStrictEqual(await pagesOf(storage, request, size), whole);
  }
  const directories = (await pagesOf(storage, {}, 3)).map((text) => text.split("\t")[0]!.replace(/\/[^/]*$/, ""));
  deepStrictEqual(directories, directories.toSorted((a, b) => rawOf(a) < rawOf(b) ? -1 : rawOf(a) > rawOf(b) ? 1 : 0));
});

Deno.test("Searches that go on at the same time don't disturb each other", async () => {
  using world = await threeSnapshots();
  using storage = world.open();
  for (const pageAfter of [undefined, "start"] as const) {
    const request = { ...EVERYTHING, ...(pageAfter !== undefined && { pageAfter }) };
    const alone = [...await find(storage, request)].map(({ version }) => versionText(version));
    const both = [Iterator.from(await find(storage, request)), Iterator.from(await find(storage, request))];
    const told: string[][] = [[], []];
    for (let n = 0; n < 2 * alone.length + 3; n++) {
      // The second one is a step behind.
      const which = n % 2, { done, value } = both[which]!.next();
      if (!done) told[which]!.push(versionText(value.version));
    }
    for (const one of both) one.return?.();
    deepStrictEqual(told, [alone, alone]);
  }
});

Deno.test("find() refuses a pattern that can't be read", async () => {
  using world = await threeSnapshots();
  using storage = world.open();
  let fault: unknown;
  try {
    await pathsOf(storage, { patterns: ["["] });
  } catch (error) {
    fault = error;
  }
  strictEqual(fault instanceof Fault && !(fault instanceof BadUsage) && fault.code, "bad-pattern");
});

const NAMES = ["a", "b.txt", "A.TXT", "é.txt", "a b", "[x]", "x*", "dir", "caf\udce9", "日本", "-", "x_y%z"];
const piece = fc.constantFrom(
  "*",
  "**",
  "?",
  "[a-x]",
  "[!a]",
  "a",
  "b",
  ".txt",
  ".TXT",
  "é",
  "\\*",
  "日",
  "x",
  "_",
  "%",
  "[[]",
);
const pattern = fc.tuple(
  fc.constantFrom("", "/", "**/", "dir/", "/dir/", "!"),
  fc.array(piece, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("")),
  fc.constantFrom("", "", "/", "/**", "/*", "/a"),
).map((parts) => parts.join(""));

Deno.test("what find() asks of the database never leaves out what the patterns fit", async () => {
  using world = new World({ inMemory: true });
  for (const name of NAMES) {
    for (const dir of ["", "dir/", "dir/é/", "Dir/"]) {
      if (name === "dir" || name.includes("\udce9")) continue;
      world.write(`${dir}${name}`, name);
    }
  }
  await world.backup();
  using storage = world.open();
  const all = [...storage.manifest(storage.resolve("latest").id).entries()];
  await fc.assert(
    fc.asyncProperty(fc.array(pattern, { minLength: 1, maxLength: 3 }), fc.boolean(), async (patterns, ignoreCase) => {
      const spelt = (text: string) => ignoreCase ? text.toLowerCase() : text;
      let expected: string[];
      try {
        const filter = parseFilter(patterns.map(spelt));
        expected = all.filter(({ path, kind }) =>
          filter.decide(rawOf(spelt(textOf(path))) as string as Apath, kind === "dir")?.negated === false
        ).map(({ path }) => textOf(path));
      } catch (error) {
        if (error instanceof Fault) return;
        throw error;
      }
      deepStrictEqual(await pathsOf(storage, { patterns, ignoreCase }), expected);
    }),
    { numRuns: 500 },
  );
});
