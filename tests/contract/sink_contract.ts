/** The promises of `src/snapshot/snapshot_sink.ts`, one rule each. Every engine runs all of them. */
import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath, TOP } from "../../src/core/apath.ts";
import { digestHexLength, hashBytes } from "../../src/core/digest.ts";
import type { Entry } from "../../src/core/entry.ts";
import { EMPTY, rawOf } from "../../src/core/raw.ts";
import { encodeEntry } from "../../src/snapshot/entry_line.ts";
import type { HunkRef } from "../../src/snapshot/hunk.ts";
import type { IngestBatch, StoreResult, StoreTask } from "../../src/snapshot/ingest_batch.ts";
import type { RepositoryWriter } from "../../src/snapshot/repository.ts";
import type { RootFields } from "../../src/snapshot/root_fields.ts";
import type { SinkRequest, SnapshotSink } from "../../src/snapshot/snapshot_sink.ts";
import { noise } from "../support/units.ts";
import { TestMonitor } from "../support/world.ts";
import type { RepositoryKind, RepositoryPlace } from "./repository_place.ts";

const { signal } = new AbortController();
/** A vault would keep what is repeated in it once. */
const LARGE = noise(3 * 1024 * 1024 + 5, 1);

export function sinkContract({ name, make, leaks = false }: RepositoryKind): void {
  const rule = (title: string, body: (place: RepositoryPlace) => Promise<void>) =>
    Deno.test(`${name}: ${title}`, { sanitizeResources: !leaks, sanitizeOps: !leaks }, async () => {
      using place = await make();
      await body(place);
    });
  ingestRules(rule);
  snapshotRules(rule);
}

type Rule = (title: string, body: (place: RepositoryPlace) => Promise<void>) => void;

function ingestRules(rule: Rule): void {
  rule("files are stored once, whatever they are called; what can't be read is a result of its own", async (place) => {
    const { world } = place;
    world.write("one", "the same");
    world.write("two", "the same");
    world.write("large", LARGE);
    await withSink(place, {}, async (sink) => {
      const results = await store(place, sink, ["one", "two", "large", "missing"]);
      deepStrictEqual(results.map(({ how, bytes }) => [how, bytes]), [
        ["new", 8],
        ["known", 0],
        ["new", LARGE.length],
        ["failed", 0],
      ]);
      const [one, two, , missing] = results;
      deepStrictEqual([one?.content, missing?.content, missing?.problem?.code], [
        two?.content,
        undefined,
        "source-vanished",
      ]);
      ok(sink.bytes >= LARGE.length && sink.width >= 1);
      await sink.commit(fields({}), []);
    });
    const stored = await contentsOf(place);
    await withSink(place, {}, async (sink) => {
      deepStrictEqual((await store(place, sink, ["one", "large"])).map(({ how }) => how), ["known", "known"]);
      await sink.commit(fields({}), []);
    });
    deepStrictEqual([await contentsOf(place), stored.length], [stored, 2]);
  });

  rule("a file that isn't what the walk saw is kept as it is read, and said to be otherwise", async (place) => {
    place.world.write("file", "longer than it was");
    const content = await withSink(place, {}, async (sink) => {
      const [result] = await store(place, sink, ["file"], { size: 3, mtime: "5" });
      deepStrictEqual([result?.seen?.size, result?.problem], [18, undefined]);
      await sink.commit(fields({}), []);
      return result?.content;
    });
    deepStrictEqual(await contentsOf(place), [content]);
  });

  rule("a guarded file keeps the content that it had", async (place) => {
    const { world } = place;
    world.write("file", "before");
    await place.backup();
    await withSink(place, {}, async (sink) => {
      const [{ content } = {}] = await store(place, sink, ["file"]);
      world.write("file", "after!");
      const [kept] = await store(place, sink, ["file"], { guarded: true, content });
      deepStrictEqual([kept?.how, kept?.content, kept?.problem?.code], ["kept", content, "static-changed"]);
    });
  });

  rule("unchanged contents are relied on unread, if they are there", async (place) => {
    place.world.write("file", "file");
    const { id } = await place.backup();
    await using repository = await place.open();
    const content = (await repository.manifest(id)).entry(parseApath("/file"))!.content!;
    // deno-lint-ignore require-await -- the sink is closed behind it
    const rely = async () => await withSink(place, {}, async (sink) => sink.relyOn(content));
    strictEqual(await rely(), true);
    await place.damage(content, "delete");
    strictEqual(await rely(), false);
  });

  rule("what contents there are is told without reading any; damaged ones don't count", async (place) => {
    place.world.write("file", "file");
    place.world.write("large", LARGE);
    const { id } = await place.backup();
    await using repository = await place.open();
    const manifest = await repository.manifest(id);
    const [file, large] = ["/file", "/large"].map((path) => manifest.entry(parseApath(path))!.content!);
    {
      using index = await repository.contentIndex();
      deepStrictEqual([index.has(file!), index.sizeOf(large!), index.hasSize(LARGE.length)], [
        true,
        LARGE.length,
        true,
      ]);
      deepStrictEqual([index.hasSize(LARGE.length + 1)], [false]);
    }
    {
      await using writer = await repository.write("test");
      await writer.recordVerified([{ id: file!, state: "damaged" }], 1);
    }
    await using later = await place.open();
    using index = await later.contentIndex();
    deepStrictEqual([index.has(file!), index.has(large!)], [false, true]);
    await withSink(place, {}, (sink) => {
      deepStrictEqual([...sink.damaged], [file]);
      return Promise.resolve();
    });
  });

  rule("a content that comes as a stream is stored as any other", async (place) => {
    await withSink(place, {}, async (sink) => {
      const facts = { path: parseApath("/stream"), mode: 0o600, uid: 0, gid: Deno.gid() ?? 0, mtime: "0" };
      const stream = async function* () {
        yield new TextEncoder().encode("in two ");
        await Promise.resolve();
        yield new TextEncoder().encode("pieces");
      };
      const first = await sink.ingestStream(stream(), facts), again = await sink.ingestStream(stream(), facts);
      deepStrictEqual([first.size, first.isNew, again.isNew, again.content], [13, true, false, first.content]);
      await rejects(
        sink.ingestStream(
          async function* () {
            yield* stream();
            throw new Error("its source broke");
          }(),
          facts,
        ),
        /its source broke/,
      );
    });
  });
}

function snapshotRules(rule: Rule): void {
  rule("the same lines are the same hunk, and no new bytes", async (place) => {
    const { ref } = await withSink(place, {}, async (sink) => {
      const [first, again, other] = [hunk(sink, ["/a"]), hunk(sink, ["/a"]), hunk(sink, ["/a", "/b"])];
      deepStrictEqual([again.ref, again.newBytes], [first.ref, 0]);
      notStrictEqual(other.ref.id, first.ref.id);
      ok(first.newBytes > 0);
      sink.keepHunk(first.ref);
      await sink.commit(fields({}), [first.ref]);
      return first;
    });
    await using repository = await place.open();
    strictEqual(`${hashBytes(repository.algorithm, await repository.object(ref.id))}f1`, ref.id);
  });

  rule("a snapshot exists when it is committed, and not before", async (place) => {
    await using repository = await place.open();
    const id = await withSink(place, { isPrivate: true }, async (sink) => {
      const { ref } = hunk(sink, ["/", "/a"]);
      deepStrictEqual(await repository.rootIds(), []);
      return await sink.commit(fields({ tags: ["kept"] }), [ref]);
    });
    await using later = await place.open();
    const { root } = await later.manifest(id), [snapshot] = await later.snapshots();
    deepStrictEqual([root.complete, root.private, root.previous, root.tags], [true, true, null, ["kept"]]);
    deepStrictEqual([snapshot?.id, snapshot?.sequence, snapshot?.entries], [id, 1, 2]);
    deepStrictEqual(await later.query((catalog) => catalog.history(parseApath("/a")).length), 1);
  });

  rule("a run that is given up leaves its checkpoint as a partial snapshot, or nothing", async (place) => {
    await withSink(place, {}, (sink) => Promise.resolve(hunk(sink, ["/"])));
    await using empty = await place.open();
    deepStrictEqual(await empty.rootIds(), []);
    await withSink(place, {}, async (sink) => {
      const { ref } = hunk(sink, ["/"]);
      await sink.checkpoint(fields({}), [ref]);
      await sink.checkpoint(fields({ tags: ["second"] }), [ref, hunk(sink, ["/a"]).ref]);
    });
    await using repository = await place.open();
    const [partial, ...others] = await repository.snapshots();
    deepStrictEqual([partial?.complete, partial?.tags, others], [false, ["second"], []]);
    deepStrictEqual(await repository.rootIds(), [partial?.id]);
    const entries = [...(await repository.manifest(partial!.id)).entries()];
    deepStrictEqual(entries.map(({ path }) => path), ["/", "/a"]);
  });

  rule("a complete snapshot takes the place of its checkpoint and of the partial ones before it", async (place) => {
    await withSink(place, {}, async (sink) => await sink.checkpoint(fields({}), [hunk(sink, ["/"]).ref]));
    await using repository = await place.open();
    const previous = await repository.snapshots();
    const id = await withSink(place, { previous }, async (sink) => {
      await sink.checkpoint(fields({}), [hunk(sink, ["/"]).ref]);
      return await sink.commit(fields({}), [hunk(sink, ["/", "/a"]).ref]);
    });
    await using later = await place.open();
    deepStrictEqual([await later.rootIds(), (await later.manifest(id)).root.previous], [[id], previous[0]?.id]);
    const [snapshot] = await later.snapshots();
    const second = await withSink(place, { previous: [snapshot!] }, async (sink) => {
      return await sink.commit(fields({}), [hunk(sink, ["/", "/a"]).ref]);
    });
    await using last = await place.open();
    const snapshots = await last.snapshots();
    deepStrictEqual(snapshots.map(({ id }) => id), [id, second]);
    ok(snapshots[0]!.sequence < snapshots[1]!.sequence);
  });
}

async function withSink<T>(
  place: RepositoryPlace,
  changes: Partial<SinkRequest>,
  action: (sink: SnapshotSink) => Promise<T>,
): Promise<T> {
  place.world.clock.pass(1);
  const startMs = place.world.clock.nowMs(), { workers } = place;
  await using repository = await place.open();
  await using writer: RepositoryWriter = await repository.write("test");
  const host = "testhost", base = { series: "source", host, startMs, isPrivate: false, tree: false };
  const request = { ...base, previous: [], workers, signal };
  await using sink = await writer.begin({ ...request, ...changes }, new TestMonitor());
  return await action(sink);
}

/** Ids of the contents that are stored: those of manifests are longer. */
async function contentsOf(place: RepositoryPlace): Promise<string[]> {
  await using repository = await place.open();
  const digits = digestHexLength(repository.algorithm);
  return (await place.objects()).filter((id) => id.length === digits);
}

/** Has files at the top of the source stored. */
async function store(
  place: RepositoryPlace,
  sink: SnapshotSink,
  names: readonly string[],
  changes: Partial<StoreTask> = {},
): Promise<readonly StoreResult[]> {
  const { world } = place;
  using source = world.machine.disk.openDir(rawOf(world.source));
  const files = names.map((text): StoreTask => {
    const name = rawOf(text), stat = source.stat(name);
    const { size = 1, mtime = "0", ctime, inode = "1", mode = 0o644, uid = 0, gid = 0 } = stat ?? {};
    const task = { name, treeName: name, size, mtime, ctime, inode, mode, uid, gid, sparse: false, content: undefined };
    return { ...task, guarded: false, ...changes };
  });
  const stores = [{ rootPath: rawOf(world.source), relative: EMPTY, apath: TOP, tree: undefined, files }];
  const batch: IngestBatch = { links: [], stores };
  const { stores: [results = []] } = await sink.ingest(batch, { items: files.length, bytes: 0 });
  await sink.keepUp();
  return results;
}

/** Keeps the lines of some directories. */
function hunk(sink: SnapshotSink, texts: readonly string[]): { readonly ref: HunkRef; readonly newBytes: number } {
  const paths = texts.map(parseApath);
  const lines = paths.map((path) => {
    const entry: Entry = { path, kind: "dir", size: 0, mtime: "0", mode: 0o755, uid: 0, gid: 0 };
    return encodeEntry(entry);
  });
  return sink.addHunk(paths[0] ?? TOP, lines);
}

function fields(changes: Partial<RootFields>): RootFields {
  return {
    start: "2026-11-20T22:05:11.123Z",
    end: "2026-11-20T22:06:02.004Z",
    timeZone: "Europe/Berlin",
    offsetMinutes: 60,
    host: "testhost",
    user: "tester",
    name: "source",
    sources: [{ path: "/home/me", at: "/" }],
    excludes: [],
    tags: [],
    totals: { entries: 2, files: 0, dirs: 2, bytes: 0, problems: 0 },
    tool: "a test",
    ...changes,
  };
}
