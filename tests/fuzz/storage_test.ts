/**
 * Whatever stands in the files of a storage: each of them is told by name as damaged, or means something sound. Never is
 * that a bug, and never is anything written beside storage and target.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync, gzipSync } from "node:zlib";
import type { HunkId } from "../../src/core/content_id.ts";
import { Fault } from "../../src/core/fault.ts";
import { policyText } from "../../src/core/policy.ts";
import { stateOf } from "../../src/catalog/line_state.ts";
import { contentsOf } from "../../src/snapshot/hunk_contents.ts";
import { hunkText } from "../../src/snapshot/hunk.ts";
import { contentFactsOf, isSound, parseLine } from "../../src/snapshot/entry_line.ts";
import { entriesOf, linesOf } from "../../src/snapshot/manifest.ts";
import { decodePolicy, encodePolicy } from "../../src/storage/layout/policy_file.ts";
import { parseRoot } from "../../src/snapshot/root.ts";
import { encodeSettings, parseSettings } from "../../src/storage/layout/settings.ts";
import { answers, useSnapshot } from "../support/everything.ts";
import { Chance, fuzz, fuzzRounds, mutateBytes, mutateJson, mutateJsonFile } from "../support/mutate.ts";
import { run, World } from "../support/world.ts";

type Bytes = Uint8Array<ArrayBuffer>;
const isRoot = Deno.uid() === 0, isLinux = Deno.build.os === "linux";

/** A storage with two snapshots of every kind of object. */
async function everyKind(): Promise<World> {
  const world = new World({ inMemory: true });
  const { source } = world;
  for (let i = 0; i < 20; i++) world.write(`many/${i}`, `content ${i}`);
  world.write("a", "1");
  world.write("é", "name of two bytes");
  world.write("sub/deep/file", "x".repeat(3000));
  Deno.linkSync(`${source}/a`, `${source}/linked`);
  Deno.symlinkSync("../outside", `${source}/symlink`);
  if (isLinux) {
    run("mkfifo", `${source}/pipe`);
    run("truncate", "-s", "1000000", `${source}/sparse`);
    run("touch", "-d", "1960-01-01", `${source}/old`);
    if (isRoot) run("mknod", `${source}/device`, "c", "1", "3");
    new Deno.Command("setfattr", { args: ["-n", "user.note", "-v", "words", `${source}/a`] }).outputSync();
  }
  await world.backup({ tags: ["first"], excludes: ["*.tmp"] });
  world.write("a", "22");
  world.write("new", "later");
  await world.backup();
  return world;
}

/** What must hold of a text that is read: a value, or a fault. */
function judged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault && error.code !== "bug") return undefined;
    throw error;
  }
}

/** Puts an item into content/ under the name that its bytes give it. @returns its id */
function put(world: World, bytes: Uint8Array, suffix: string): string {
  const id = createHash("sha256").update(bytes).digest("hex") + suffix;
  const path = `${world.storagePath}/content/${id.slice(0, 2)}/${id.slice(2)}`;
  Deno.writeFileSync(path, bytes);
  return id;
}

interface Seeds {
  /** Text of the newest root, and the lines of its only hunk. */
  readonly root: string;
  readonly lines: readonly string[];
}

function seedsOf(world: World): Seeds {
  using storage = world.open();
  const { id } = storage.resolve("latest");
  const [hunk] = storage.manifest(id).root.hunks;
  const read = (id: string) => Deno.readFileSync(world.items().get(id)!);
  const text = gunzipSync(read(hunk!.id)).toString();
  return { root: new TextDecoder().decode(read(id)), lines: text.trimEnd().split("\n") };
}

/** Lines of a hunk, one to three of them wrong. */
function mutatedLines(lines: readonly string[], seed: number): string[] {
  const chance = new Chance(seed), changed = [...lines];
  for (let n = 1 + chance.below(3); n > 0; n--) {
    const at = chance.below(changed.length), line = changed[at]!;
    const other = () => new TextDecoder().decode(mutateBytes(new TextEncoder().encode(line), seed));
    const wrong = line.startsWith("{") && chance.below(4) > 0
      ? mutateJson(JSON.parse(lines[at] ?? "{}"), seed + n)
      : other();
    changed.splice(at, chance.below(8) === 0 ? 0 : 1, ...wrong.split("\n"));
  }
  return changed;
}

Deno.test("db/main, whatever it holds, is settings or a fault", async () => {
  const text = encodeSettings({
    version: 1,
    id: "8fe2467d-f123-4159-837f-236fab4da903",
    algorithm: "sha256",
    hexSplit: [2, 1],
    created: "2026-11-20T22:00:00.000Z",
  });
  await fuzz(fuzzRounds(3000), (seed) => {
    const settings = judged(() => parseSettings(new TextDecoder().decode(mutateJsonFile(text, seed))));
    if (settings === undefined) return;
    deepStrictEqual(parseSettings(encodeSettings(settings)), settings);
    ok(settings.hexSplit.length <= 2 && settings.hexSplit.every((digits) => digits >= 1 && digits <= 3));
  });
});

Deno.test("db/policy, whatever it holds, is a policy or a fault", async () => {
  const text = encodePolicy({ last: 3, daily: 7, yearly: "unlimited", within: "2y5m", tag: ["a,b", "c"] });
  await fuzz(fuzzRounds(3000), (seed) => {
    const policy = judged(() => decodePolicy(new TextDecoder().decode(mutateJsonFile(text, seed))));
    if (policy !== undefined) ok(policyText(policy).startsWith("--keep-"));
  });
});

Deno.test("a root, whatever it holds, is a snapshot or a fault", async () => {
  using world = await everyKind();
  const { root } = seedsOf(world);
  await fuzz(fuzzRounds(3000), (seed) => {
    const read = judged(() => parseRoot(mutateJsonFile(root, seed)));
    if (read === undefined) return;
    ok(read.tree === null || /^\d{4}\/\d\d-\d\dT\d\d[:-]\d\d(-[0-9a-f]+){0,2}$/.test(read.tree), read.tree ?? "");
    for (const text of [read.host, read.name, ...read.tags, ...read.excludes]) ok(!text.includes("\0"));
  });
});

Deno.test("a hunk, whatever it holds, is entries or faults, and all who read it agree on what is sound", async () => {
  using world = await everyKind();
  const { lines } = seedsOf(world);
  const first = parseLine(lines[0]!).path;
  await fuzz(fuzzRounds(2000), (seed) => {
    const changed = mutatedLines(lines, seed);
    let bytes: Bytes = Uint8Array.from(gzipSync(changed.join("\n") + "\n", { level: 1 }));
    if (seed % 10 === 0) bytes = mutateBytes(bytes, seed);
    const ref = { first, count: changed.length, id: "0" as HunkId };
    const read = judged(() => linesOf(bytes, ref)) ?? [];
    let wrong = 0;
    const entries = [...entriesOf(read, ref, () => wrong++)];
    ok(entries.length + wrong >= read.length);
    judged(() => contentsOf(bytes, ref));
    for (const line of read) {
      strictEqual(isSound(line), judged(() => contentFactsOf(line)) !== undefined, line);
      const raw = Buffer.from(line).toString("latin1");
      const state = stateOf(`${raw}\n`, 0, raw.length);
      if (judged(() => parseLine(line)) !== undefined) ok(state !== undefined, line);
    }
    judged(() => hunkText(mutateBytes(bytes, seed + 1)));
  });
});

Deno.test("a snapshot with a root or entries that somebody forged does no harm, whatever is done with it", async () => {
  using world = await everyKind();
  const { root, lines } = seedsOf(world);
  const pristine = `${world.base}/pristine`, target = `${world.base}/target`;
  Deno.mkdirSync(`${world.base}/outside`);
  Deno.writeTextFileSync(`${world.base}/outside/canary`, "untouched");
  run("cp", "-a", world.storagePath, pristine);
  const outside = () =>
    run(
      "find",
      world.base,
      "-path",
      world.storagePath,
      "-prune",
      "-o",
      "-path",
      target,
      "-prune",
      "-o",
      "-printf",
      "%p %y %m %s %T@\\n",
    );
  let whole = 0;
  await fuzz(fuzzRounds(25, 2000), async (seed) => {
    run("rm", "-rf", world.storagePath, target);
    run("cp", "-a", pristine, world.storagePath);
    Deno.mkdirSync(target);
    const before = outside();
    const changed = seed % 3 === 0 ? lines : mutatedLines(lines, seed);
    const hunk = put(world, gzipSync(changed.join("\n") + "\n", { level: 1 }), "f1");
    const fields = {
      ...JSON.parse(root),
      sequence: 3,
      tree: null,
      hunks: [{ first: "/", count: changed.length, id: hunk }],
    };
    const text = seed % 3 === 0 ? mutateJson(fields, seed) : JSON.stringify(fields);
    const id = put(world, new TextEncoder().encode(text), "f0");
    const faults = await useSnapshot(world, id, target);
    if (faults.length === 0) whole++;
    strictEqual(outside(), before);
    using storage = world.open();
    ok(storage.snapshots().length >= 2, "the good ones are still there");
  });
  ok(whole > 0, "some of them could be used");
});

/** A value of a wrong type, or out of range, in some cell of the catalog. */
function spoilCell(path: string, seed: number): void {
  const chance = new Chance(seed);
  using database = new DatabaseSync(path);
  const table = chance.pick(["snapshot", "version", "version", "version", "attributes", "directory", "chain", "meta"]);
  const columns = database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all().map(({ name }) => name);
  const value = chance.pick([
    "NULL",
    "'x'",
    "x'00ff'",
    "-1",
    "1e300",
    "9223372036854775807",
    "'{\"a\":1}'",
    "'[[[['",
    "'../../etc'",
    '\'"kind":"door"\'',
    "char(955)",
    "zeroblob(3)",
    "''",
  ]);
  const column = chance.pick(columns);
  try {
    database.exec(
      `UPDATE OR IGNORE ${table} SET ${column} = ${value} WHERE length(${column}) % 2 = ${chance.below(2)}`,
    );
  } catch {
    database.exec(`DELETE FROM ${table}`); // SQLite itself keeps that value out of that column
  }
}

Deno.test("the catalog may hold anything: what it should say is said all the same", async () => {
  using world = await everyKind();
  const path = `${world.storagePath}/db/catalog.sqlite`;
  const expected = await (async () => {
    using storage = world.open();
    return await answers(storage);
  })();
  const sound = Deno.readFileSync(path);
  await fuzz(fuzzRounds(120, 100_000), async (seed) => {
    Deno.writeFileSync(path, seed % 2 === 0 ? sound : mutateBytes(sound, seed));
    if (seed % 2 === 0) spoilCell(path, seed);
    const answer = await (async () => {
      using storage = world.open();
      return await answers(storage);
    })();
    ok(answer === expected, `${answer.length} characters instead of ${expected.length}`);
  });
});
