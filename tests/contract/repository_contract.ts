/** The promises of `src/snapshot/repository.ts`, one rule each. Every engine runs all of them. */
import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath, TOP } from "../../src/core/apath.ts";
import type { ContentId, RootId } from "../../src/core/content_id.ts";
import { digestHexLength, hashBytes } from "../../src/core/digest.ts";
import { rawOf, textOf } from "../../src/core/raw.ts";
import type { Overwrite } from "../../src/core/restore_terms.ts";
import type { OpenedRepository } from "../../src/operations/opened.ts";
import type { ExtractTask } from "../../src/snapshot/extract_batch.ts";
import { parseLine } from "../../src/snapshot/entry_line.ts";
import { parseRoot } from "../../src/snapshot/root.ts";
import type { ObjectReport, Repository, ScanRequest } from "../../src/snapshot/repository.ts";
import { joined, MemoryRepository } from "../support/memory_repository.ts";
import { TestMonitor } from "../support/world.ts";
import type { RepositoryKind, RepositoryPlace, Traits } from "./repository_place.ts";

/** @param needs engines without that do it in another way, which tests of their own prove */
type Rule = (
  title: string,
  body: (place: RepositoryPlace, traits: Traits) => Promise<void>,
  needs?: keyof Traits,
) => void;

const { signal } = new AbortController();
/** More than one chunk of any engine. */
const LARGE = new Uint8Array(3 * 1024 * 1024 + 5).map((_, i) => i * i >> 7);

export function repositoryContract({ name, traits, make, leaks = false }: RepositoryKind): void {
  const rule: Rule = (title, body, needs) => {
    if (needs !== undefined && !traits[needs]) return;
    Deno.test(`${name}: ${title}`, { sanitizeResources: !leaks, sanitizeOps: !leaks }, async () => {
      using place = await make();
      await body(place, traits);
    });
  };
  snapshotRules(rule);
  readingRules(rule);
  changeRules(rule);
  removalRules(rule);
  scanRules(rule);
  noteRules(rule);
}

/** Two snapshots: `same` is in both, `first` and `second` in one each. */
async function backupTwice(place: RepositoryPlace): Promise<[RootId, RootId]> {
  const { world } = place;
  for (const name of ["same", "first", "dir/deep"]) world.write(name, name);
  const first = await place.backup({ tags: ["a"] });
  Deno.removeSync(`${world.source}/first`);
  world.write("second", "second");
  return [first.id, (await place.backup()).id];
}

async function contentOf(repository: Repository, id: RootId, path: string): Promise<ContentId> {
  const content = (await repository.manifest(id)).entry(parseApath(path))?.content;
  if (content === undefined) throw new Error(`${path} has no content`);
  return content;
}

async function readAll(repository: Repository, id: ContentId): Promise<Uint8Array<ArrayBuffer>> {
  await using reader = repository.reader({ workers: 0, signal });
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of reader.read(id)) chunks.push(chunk.slice());
  return joined(chunks);
}

function snapshotRules(rule: Rule): void {
  rule("an empty one has nothing, and knows what it is", async (place) => {
    await using repository = await place.open();
    deepStrictEqual([await repository.snapshots(), await repository.rootIds()], [[], []]);
    deepStrictEqual(await repository.query((catalog) => [...catalog.verifications.longestAgo()]), []);
    ok(repository.id !== "" && repository.location !== "" && digestHexLength(repository.algorithm) > 0);
  });

  rule("snapshots are listed oldest first, in the same words by every list", async (place) => {
    const ids = await backupTwice(place);
    await using repository = await place.open();
    const snapshots = await repository.snapshots();
    deepStrictEqual(snapshots.map(({ id }) => id), ids);
    deepStrictEqual(snapshots.map(({ files, tags, complete }) => [files, tags, complete]), [
      [3, ["a"], true],
      [3, [], true],
    ]);
    deepStrictEqual(await repository.provenSnapshots(), snapshots);
    deepStrictEqual([...await repository.rootIds()].sort(), ids.toSorted());
    deepStrictEqual(await repository.query((catalog) => catalog.snapshots()), snapshots);
  });

  rule("a manifest has all entries, in order, and reading it waits for nothing", async (place) => {
    const [first] = await backupTwice(place);
    await using repository = await place.open();
    const manifest = await repository.manifest(first);
    const paths = [...manifest.entries()].map(({ path }) => textOf(path));
    deepStrictEqual(paths, ["/", "/dir", "/first", "/same", "/dir/deep"]);
    strictEqual(manifest.entry(parseApath("/first"))?.size, 5);
  });

  rule("roots and hunks come as they are stored: their ids are digests of their bytes", async (place) => {
    for (const id of await backupTwice(place)) {
      await using repository = await place.open();
      const bytes = await repository.object(id), root = parseRoot(bytes);
      strictEqual(`${hashBytes(repository.algorithm, bytes)}f0`, id);
      deepStrictEqual(root, (await repository.manifest(id)).root);
      for (const hunk of root.hunks) {
        strictEqual(`${hashBytes(repository.algorithm, await repository.object(hunk.id))}f1`, hunk.id);
      }
    }
  });

  rule("a copy can be made of it, object by object, with what its interface gives", async (place) => {
    place.world.write("large", LARGE);
    const ids = await backupTwice(place);
    await using repository = await place.open();
    const { machine, algorithm } = repository, copy = new MemoryRepository({ machine, id: repository.id, algorithm });
    await copy.takeFrom(repository);
    deepStrictEqual(copy.objects().map(({ id }) => id), await place.objects());
    ok(copy.objects().every(({ id, bytes }) => copy.isWhole(id, bytes)));
    deepStrictEqual(copy.snapshots(), await repository.snapshots());
    deepStrictEqual(copy.snapshots().map(({ id }) => id), ids);
  });

  rule("a root or hunk that is damaged or missing is refused, and hides no other snapshot", async (place, traits) => {
    const [first, second] = await backupTwice(place);
    await using repository = await place.open();
    const [hunk] = (await repository.manifest(second)).root.hunks;
    await place.damage(first, "flip");
    await place.damage(hunk!.id, "delete");
    place.forgetCache?.();
    await using later = await place.open();
    await rejects(async () => await later.object(first), { code: "damaged-content" });
    await rejects(async () => await later.manifest(first), { code: "damaged-content" });
    await rejects(async () => await later.object(hunk!.id), { code: "damaged-content" });
    deepStrictEqual([...await later.rootIds()].sort(), traits.storesItems ? [first, second].sort() : [second]);
    ok((await later.provenSnapshots()).some(({ id }) => id === second));
  });
}

function readingRules(rule: Rule): void {
  rule("contents are read whole, in chunks, and their sizes told without", async (place) => {
    place.world.write("large", LARGE);
    place.world.write("empty", "");
    const { id } = await place.backup();
    await using repository = await place.open();
    await using reader = repository.reader({ workers: place.workers, signal });
    for (const [path, bytes] of [["/large", LARGE], ["/empty", new Uint8Array()]] as const) {
      const content = await contentOf(repository, id, path);
      deepStrictEqual(await readAll(repository, content), bytes);
      strictEqual(await reader.sizeOf(content), bytes.length);
    }
    ok(reader.width >= 1);
  });

  rule("a content that is damaged fails at its end, one that is missing at once", async (place) => {
    place.world.write("large", LARGE);
    place.world.write("small", "small");
    const { id } = await place.backup();
    await using repository = await place.open();
    const [large, small] = [await contentOf(repository, id, "/large"), await contentOf(repository, id, "/small")];
    await place.damage(large, "flip");
    await place.damage(small, "delete");
    for (const content of [large, small]) {
      await rejects(readAll(repository, content), { code: "damaged-content" }, content);
    }
    await using reader = repository.reader({ workers: 0, signal });
    strictEqual(await reader.sizeOf(small), undefined);
    strictEqual(await reader.sizeOf(large), LARGE.length);
  });

  rule(
    "files are extracted with their attributes; what fails is a result of its own and leaves nothing",
    async (place) => {
      const { world } = place;
      for (const name of ["whole", "damaged", "missing"]) world.write(name, name);
      world.write("large", LARGE);
      const { id } = await place.backup();
      await using repository = await place.open();
      await place.damage(await contentOf(repository, id, "/damaged"), "flip");
      await place.damage(await contentOf(repository, id, "/missing"), "delete");
      const target = Deno.makeTempDirSync({ dir: world.base });
      const names = ["whole", "damaged", "missing", "large"];
      deepStrictEqual(await extract(place, repository, { id, target, names, isFresh: true }), [
        "written",
        "failed damaged-content",
        "failed damaged-content",
        "written",
      ]);
      deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name).sort(), ["large", "whole"]);
      deepStrictEqual(Deno.readFileSync(`${target}/large`), LARGE);
      const { mode, mtime } = Deno.statSync(`${target}/whole`);
      deepStrictEqual([mode! & 0o7777, mtime], [0o640, new Date(1_000_000_000_000)]);
    },
  );

  rule("what is there already is treated as the request says", async (place) => {
    const { world } = place;
    world.write("file", "as it was");
    const { id } = await place.backup();
    await using repository = await place.open();
    const target = Deno.makeTempDirSync({ dir: world.base }), path = `${target}/file`;
    const outcomes: string[] = [];
    for (const overwrite of ["refuse", "if-changed", "if-changed", "never", "always"] as const) {
      if (outcomes.length !== 2) Deno.writeTextFileSync(path, "otherwise");
      outcomes.push(...await extract(place, repository, { id, target, names: ["file"], overwrite }));
    }
    deepStrictEqual(outcomes, ["failed target-taken", "written", "same", "kept", "written"]);
    strictEqual(Deno.readTextFileSync(path), "as it was");
    deepStrictEqual([...Deno.readDirSync(target)].map(({ name }) => name), ["file"]);
  });
}

interface Extraction {
  readonly id: RootId;
  readonly target: string;
  /** Of files at the top of the snapshot. */
  readonly names: readonly string[];
  readonly overwrite?: Overwrite;
  readonly isFresh?: boolean;
}

/** @returns of each file, how it went, and the code of its fault */
async function extract(place: RepositoryPlace, repository: Repository, extraction: Extraction): Promise<string[]> {
  const { id, target, names, overwrite = "refuse", isFresh = false } = extraction;
  const manifest = await repository.manifest(id);
  const files = names.map((name): ExtractTask => {
    const { content, size } = manifest.entry(parseApath(`/${name}`))!;
    const mtime = "1000000000000000000";
    return {
      name: rawOf(name),
      content: content!,
      size,
      sparse: false,
      mtime,
      mode: 0o640,
      owner: undefined,
      xattrs: {},
    };
  });
  await using reader = repository.reader({ workers: place.workers, signal });
  const batch = { rootPath: rawOf(target), relative: rawOf(""), overwrite, isFresh, key: id, clones: true, files };
  const results = await reader.extract(batch, { items: files.length, bytes: 0 });
  return results.map(({ how, problem }) => problem === undefined ? how : `${how} ${problem.code}`);
}

function changeRules(rule: Rule): void {
  rule("forgetting makes snapshots exist no more, and removes nothing that they needed", async (place) => {
    const [first, second] = await backupTwice(place), before = await place.objects();
    {
      await using repository = await place.open();
      await using writer = await repository.write("test");
      deepStrictEqual(await writer.forget([first]), [first]);
      deepStrictEqual((await repository.snapshots()).map(({ id }) => id), [second]);
    }
    await using later = await place.open();
    deepStrictEqual(await later.rootIds(), [second]);
    deepStrictEqual(await place.objects(), before.filter((id) => id !== first));
    await rejects(async () => await later.manifest(first), { code: "damaged-content" });
  });

  rule("a snapshot that somebody reads is neither forgotten nor given another root", async (place) => {
    const [first, second] = await backupTwice(place);
    await using reading = await place.open(), repository = await place.open();
    const held = await reading.lockForReading(first);
    {
      await using writer = await repository.write("test");
      deepStrictEqual(await writer.forget([first, second]), [second]);
      strictEqual(await writer.replaceRoot(first, { tags: ["new"] }), undefined);
      held[Symbol.dispose]();
      deepStrictEqual(await writer.forget([first]), [first]);
    }
    await rejects(async () => await reading.lockForReading(first), { code: "no-snapshot" });
  }, "locks");

  rule("a snapshot with other tags has another id, and is otherwise the same", async (place) => {
    const [first, second] = await backupTwice(place);
    await using repository = await place.open();
    const [before] = await repository.snapshots(), { replaces: _, ...root } = (await repository.manifest(first)).root;
    let renewed: RootId | undefined;
    {
      await using writer = await repository.write("test");
      renewed = await writer.replaceRoot(first, { tags: ["x", "y"] });
    }
    ok(renewed !== undefined);
    notStrictEqual(renewed, first);
    deepStrictEqual((await repository.manifest(renewed)).root, { ...root, tags: ["x", "y"], replaces: first });
    await using later = await place.open();
    deepStrictEqual([...await later.rootIds()].sort(), [renewed, second].sort());
    deepStrictEqual((await later.snapshots())[0], { ...before, id: renewed, tags: ["x", "y"] });
  });

  rule("a snapshot is rewritten: without some entries, and as somebody else's", async (place) => {
    const [first, second] = await backupTwice(place);
    await using repository = await place.open();
    const before = await repository.manifest(second),
      gone = before.entry(parseApath("/same")),
      { start, host, name } = before.root;
    ok(gone?.kind === "file" && gone.content !== undefined);
    let renewed: RootId | undefined;
    {
      await using writer = await repository.write("test");
      renewed = await writer.rewrite(second, {
        changes: { host: "another", start: "2020-01-01T00:00:00.000Z" },
        entries: (sink) => {
          const lines = before.root.hunks.flatMap((_, i) => before.lines(i));
          const kept = lines.filter((line) => parseLine(line).path !== gone.path);
          const hunks = [sink.addHunk(TOP, kept).ref], { entries, files, bytes, ...totals } = before.root.totals;
          return { hunks, totals: { ...totals, entries: entries - 1, files: files - 1, bytes: bytes - gone.size } };
        },
      });
    }
    ok(renewed !== undefined);
    await using later = await place.open();
    deepStrictEqual([...await later.rootIds()].sort(), [first, renewed].sort());
    const after = await later.manifest(renewed), { replaces, formerly, tree, host: newHost } = after.root;
    deepStrictEqual([replaces, formerly, tree, newHost], [second, { start, host, name }, null, "another"]);
    deepStrictEqual([...after.entries()], [...before.entries()].filter(({ path }) => path !== gone.path));
    const listed = (await later.snapshots()).map(({ id, host, time }) => [id, host, time.slice(0, 4)]);
    deepStrictEqual(listed.at(-1), [renewed, "another", "2020"]);
    const found = await later.query((catalog) => catalog.snapshots().map(({ id }) => id));
    deepStrictEqual(found.toSorted(), [first, renewed].toSorted());
    {
      await using writer = await later.write("test");
      const tagged = await writer.replaceRoot(renewed, { tags: ["again"] });
      ok(tagged !== undefined);
      strictEqual((await later.manifest(tagged)).root.formerly, undefined);
    }
  });

  rule("there is one writer at a time, and whoever wants to be another learns of it", async (place) => {
    await using repository = await place.open(), other = await place.open();
    strictEqual(await other.hasWriter(), false);
    {
      await using _writer = await repository.write("the first one");
      strictEqual(await other.hasWriter(), true);
      await rejects(async () => await other.write("the second"), { code: "locked", message: /the first one/ });
    }
    strictEqual(await other.hasWriter(), false);
    await using _writer = await other.write("the second");
  }, "locks");
}

function removalRules(rule: Rule): void {
  const request = { workers: 0, signal };
  rule("what nothing needs is planned, previewed and removed, and nothing else", async (place) => {
    const [first] = await backupTwice(place);
    await using repository = await place.open();
    const without = await repository.previewRemoval({ ...request, without: new Set([first]) }, new TestMonitor());
    deepStrictEqual([without.contents, without.hunks, without.snapshots], [1, 1, 1]);
    const only = await contentOf(repository, first, "/first");
    const [hunk] = (await repository.manifest(first)).root.hunks;
    await using writer = await repository.write("test");
    await writer.forget([first]);
    const before = await place.objects(), preview = await repository.previewRemoval(request, new TestMonitor());
    const plan = await writer.planRemoval({ workers: place.workers, signal }, new TestMonitor());
    deepStrictEqual(preview, plan.summary);
    deepStrictEqual(plan.summary, { ...without, bytes: preview.bytes });
    ok(preview.bytes > 0);
    deepStrictEqual(await place.objects(), before, "a plan changes nothing");
    const monitor = new TestMonitor();
    strictEqual(await plan.execute(monitor, signal), 2);
    strictEqual(monitor.of("removedItems"), 2);
    deepStrictEqual(await place.objects(), before.filter((id) => id !== only && id !== hunk!.id));
  }, "removesAtOnce");

  rule("nothing is removed while nobody knows what a snapshot needs", async (place) => {
    const [first, second] = await backupTwice(place);
    {
      await using before = await place.open();
      const [hunk] = (await before.manifest(second)).root.hunks;
      await place.damage(hunk!.id, "flip");
    }
    place.forgetCache?.(); // what was read once may be known
    await using repository = await place.open();
    await using writer = await repository.write("test");
    await writer.forget([first]);
    const refused = { code: "unknown-references", message: new RegExp(second) };
    await rejects(repository.previewRemoval(request, new TestMonitor()), refused);
    await rejects(writer.planRemoval(request, new TestMonitor()), refused);
  });
}

function scanRules(rule: Rule): void {
  rule("a scan sees every object once, and reads what it is asked to", async (place, { storesItems }) => {
    await backupTwice(place);
    await using repository = await place.open();
    const all = await place.objects(),
      contents = all.filter((id) => id.length === digestHexLength(repository.algorithm));
    const { seen: there, read: none } = await scan(repository, place, {});
    deepStrictEqual(none, []);
    if (storesItems) strictEqual(there, all.length);
    const whole = await scan(repository, place, { readData: true });
    deepStrictEqual([whole.seen, whole.read.map(({ id }) => id).sort()], [there, all]);
    ok(whole.read.every(({ damage }) => damage === undefined));
    const parts: string[] = [];
    for (const part of [1, 2, 3]) {
      const { seen, read } = await scan(repository, place, { readData: true, part: { kind: "part", part, of: 3 } });
      strictEqual(seen, there);
      parts.push(...read.map(({ id }) => id));
    }
    deepStrictEqual(parts.sort(), contents);
    const chosen = [contents[1]!, contents[0]!];
    const ids = (await scan(repository, place, { readData: true, chosen })).read.map(({ id }) => id);
    deepStrictEqual(storesItems ? ids : ids.toSorted(), storesItems ? chosen : chosen.toSorted());
  });

  rule("damage is found, of every kind of object, and named by its id", async (place, { storesItems }) => {
    const [first, second] = await backupTwice(place);
    await using repository = await place.open();
    const [content, missing] = [
      await contentOf(repository, first, "/first"),
      await contentOf(repository, second, "/same"),
    ];
    const [hunk] = (await repository.manifest(second)).root.hunks;
    for (const id of [content, hunk!.id, first]) await place.damage(id, "flip");
    await place.damage(missing, "delete");
    const { read } = await scan(repository, place, { readData: true });
    const { [first]: root, ...others } = damagedOf(read);
    const ofRoot = storesItems ? root : Object.values(others).find((kind) => kind === "object");
    strictEqual(ofRoot, storesItems ? "root" : "object");
    const items = Object.fromEntries(Object.entries(others).filter(([, kind]) => kind !== "object"));
    deepStrictEqual(items, { [content]: "content", [hunk!.id]: "hunk" });
    const { read: chosen } = await scan(repository, place, { readData: true, chosen: [missing] });
    deepStrictEqual(damagedOf(chosen.filter(({ kind }) => kind !== "object")), { [missing]: "content" });
  });

  rule("a hunk is verified with what it names", async (place) => {
    const [first] = await backupTwice(place);
    await using repository = await place.open();
    const [hunk] = (await repository.manifest(first)).root.hunks;
    const missing = await contentOf(repository, first, "/first");
    const verify = async () => {
      await using checker = repository.checker(scanRequest(place, {}));
      return await checker.verifyHunk(hunk!);
    };
    deepStrictEqual(await verify(), { last: parseApath("/dir/deep"), damaged: [] });
    await place.damage(missing, "delete");
    deepStrictEqual((await verify()).damaged, [{ id: missing, what: "it is missing" }]);
    await place.damage(hunk!.id, "flip");
    await rejects(verify, { code: "damaged-content" });
  });
}

function scanRequest(place: RepositoryPlace, changes: Partial<ScanRequest>): ScanRequest {
  return { readData: false, contents: 100, usualBytes: 10, workers: place.workers, signal, ...changes };
}

async function scan(
  repository: Repository,
  place: RepositoryPlace,
  changes: Partial<ScanRequest>,
): Promise<{ seen: number; read: ObjectReport[] }> {
  await using checker = repository.checker(scanRequest(place, changes));
  let seen = 0;
  const read: ObjectReport[] = [];
  for await (const report of checker.scan(new TestMonitor())) {
    seen += report.seen;
    read.push(...report.read);
    strictEqual(report.strays, 0);
  }
  return { seen, read };
}

function damagedOf(reports: readonly ObjectReport[]): Record<string, string> {
  return Object.fromEntries(reports.filter(({ damage }) => damage !== undefined).map(({ id, kind }) => [id, kind]));
}

function noteRules(rule: Rule): void {
  rule("it is known when contents were read, until nothing needs them", async (place, { removesAtOnce }) => {
    const [first] = await backupTwice(place);
    await using repository = await place.open();
    const content = await contentOf(repository, first, "/first");
    const status = () => repository.query(({ verifications }) => verifications.status([5, 6]));
    deepStrictEqual([(await status()).never.contents, (await status()).oldestMs], [4, undefined]);
    await using writer = await repository.write("test");
    await writer.recordVerified([{ id: content, state: "damaged" }], 5);
    deepStrictEqual(await repository.query((catalog) => catalog.damaged()), [content]);
    await writer.recordVerified([{ id: content, state: "ok" }], 5);
    deepStrictEqual(await repository.query((catalog) => catalog.damaged()), []);
    deepStrictEqual((await status()).since.map(({ contents }) => contents), [1, 0]);
    await writer.recordVerified([{ id: content, state: "damaged" }], 6);
    await writer.forget([first]);
    if (!removesAtOnce) return;
    await (await writer.planRemoval({ workers: 0, signal }, new TestMonitor())).execute(new TestMonitor(), signal);
    deepStrictEqual(await repository.query((catalog) => catalog.damaged()), []);
  });

  rule("a policy is kept, and may be taken away", async (place) => {
    const policyAfter = async (policy: { daily: number } | undefined) => {
      await using repository = await place.open();
      {
        await using writer = await repository.write("test");
        await writer.setPolicy(policy);
      }
      await using later = await place.open();
      return await later.policy();
    };
    await using repository: OpenedRepository = await place.open();
    strictEqual(await repository.policy(), undefined);
    deepStrictEqual(await policyAfter({ daily: 7 }), { daily: 7 });
    strictEqual(await policyAfter(undefined), undefined);
  }, "keepsPolicy");

  rule("what is stored is counted", async (place) => {
    await backupTwice(place);
    await using repository = await place.open();
    const { manifestItems, manifestBytes, contents } = await repository.usage(signal, new TestMonitor());
    deepStrictEqual([manifestItems, contents], [4, 4]);
    ok(manifestBytes > 1000 && manifestBytes < 20_000, `${manifestBytes}`);
    const figures = await repository.query((catalog) => [
      catalog.figures(),
      catalog.largest(1),
      [...catalog.changes({
        host: "testhost",
        name: "source",
        before: 1,
        now: 2,
      }, TOP)].length,
    ]);
    deepStrictEqual(figures[0], [
      { sequence: 1, newContents: 3, newBytes: 17, uniqueContents: 1, uniqueBytes: 5 },
      { sequence: 2, newContents: 1, newBytes: 6, uniqueContents: 1, uniqueBytes: 6 },
    ]);
  });
}
