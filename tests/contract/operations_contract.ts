/** Everything a person does with a repository, one after the other: it gives the same on every engine. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseApath, TOP } from "../../src/core/apath.ts";
import { digestHexLength } from "../../src/core/digest.ts";
import { rawOf, textOf } from "../../src/core/raw.ts";
import { diff } from "../../src/operations/browse/diff/diff.ts";
import { dump } from "../../src/operations/browse/dump/dump.ts";
import { find } from "../../src/operations/browse/find.ts";
import { history } from "../../src/operations/browse/history.ts";
import { listing } from "../../src/operations/browse/listing.ts";
import { stats } from "../../src/operations/browse/stats.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { verificationStatus } from "../../src/operations/check/verification_status.ts";
import { forget } from "../../src/operations/forget/forget.ts";
import { setPolicy } from "../../src/operations/forget/policy.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { tag } from "../../src/operations/forget/tag.ts";
import type { OpenedRepository } from "../../src/operations/opened.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { resolveSnapshot } from "../../src/snapshot/resolve.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { differences, run, TestMonitor } from "../support/world.ts";
import type { RepositoryKind, RepositoryPlace, Traits } from "./repository_place.ts";

const { signal } = new AbortController();
const LARGE = new Uint8Array(1_500_000).map((_, i) => i * i >> 9);

export function operationsContract({ name, traits, make, leaks = false }: RepositoryKind): void {
  const test = (title: string, body: (life: Life) => Promise<void>, needs?: keyof Traits) =>
    (needs === undefined || traits[needs]) &&
    Deno.test(`${name}: ${title}`, { sanitizeResources: !leaks, sanitizeOps: !leaks }, async () => {
      using place = await make();
      await body(await Life.begin(place));
    });

  test("what was backed up is restored: rsync has nothing to say", async (life) => {
    for (const [snapshot, copy] of life.copies) {
      strictEqual(differences(copy, await life.restored(snapshot)), "");
      const again = await life.restored(snapshot, {
        overwrite: "if-changed" as const,
        target: `${life.base}/in-place`,
      });
      strictEqual(differences(copy, again), "", "over another snapshot");
    }
  });

  test("what is looked at is what was backed up", async (life) => {
    const [first, second] = life.snapshots;
    const listed = await listing(life.repository, {
      snapshot: second,
      path: parseApath("/sub"),
      order: "name",
      reverse: false,
      extent: "recursive",
    }, fail);
    deepStrictEqual([...listed].map(({ entry }) => textOf(entry.path)), ["/sub", "/sub/moved", "/sub/same"]);
    const found = [...await find(life.repository, { ...EVERYTHING, patterns: ["changes", "gone"] })];
    deepStrictEqual(found.map(({ version: { path, first, last } }) => [textOf(path), first, last]), [
      ["/changes", 1, 1],
      ["/changes", 2, undefined],
      ["/gone", 1, 1],
    ]);
    const told = await history(life.repository, parseApath("/changes"));
    deepStrictEqual(told.map(({ change }) => change), ["added", "content"]);
    const monitor = new TestMonitor();
    using differing = await diff(life.repository, {
      before: first,
      now: second,
      below: TOP,
      readData: false,
      directoryTimes: false,
    }, monitor);
    const changes = [...differing.list("depth-first")].map(({ path, change }) => `${change} ${textOf(path)}`);
    deepStrictEqual(changes.sort(), [
      "content /changes",
      "moved /sub/moved",
      "removed /gone",
      "removed /linked",
    ]);
    deepStrictEqual(monitor.problems, []);
  });

  test("a snapshot is like the directory that it is of, and an archive of it holds all", async (life) => {
    const monitor = new TestMonitor(), [, second] = life.snapshots;
    const request = { before: second, now: rawOf(life.place.world.source), below: TOP, directoryTimes: true };
    using differing = await diff(life.repository, { ...request, readData: true }, monitor);
    deepStrictEqual([...differing.list("depth-first")], []);
    const archive = `${life.base}/archive.tar`;
    const write = (bytes: Uint8Array) => Deno.writeFileSync(archive, bytes, { append: true });
    await dump(life.repository, { snapshot: second, path: TOP, format: "tar", signal }, write, monitor);
    Deno.mkdirSync(`${life.base}/unpacked`);
    run("tar", "-C", `${life.base}/unpacked`, "-xpf", archive);
    strictEqual(differences(life.place.world.source, `${life.base}/unpacked`), "");
    deepStrictEqual(monitor.problems, []);
  });

  test("damage is found, noted, and mended by the next backup", async (life) => {
    deepStrictEqual(await life.check(), []);
    const [, second] = life.snapshots;
    const content = (await life.repository.manifest(second.id)).entry(parseApath("/large"))?.content;
    await life.place.damage(content!, "flip");
    const [finding, ...others] = await life.check();
    deepStrictEqual([finding?.where, finding?.paths.length, others], [content, 2, []]);
    strictEqual((await verificationStatus(life.repository)).damaged.contents, 1);
    await life.place.backup();
    deepStrictEqual(await life.check(), []);
    strictEqual((await verificationStatus(life.repository)).damaged.contents, 0);
  }, "backsUp");

  test(
    "a backup that would say nothing new makes no snapshot, if that is wished; damage is mended all the same",
    async (life) => {
      const { place, repository } = life, [, second] = life.snapshots;
      const request = { skipIfUnchanged: true } as const, count = async () => (await repository.rootIds()).length;
      strictEqual((await place.backup(request)).id, second.id);
      strictEqual(await count(), 2);
      const content = (await repository.manifest(second.id)).entry(parseApath("/large"))?.content;
      await place.damage(content!, "flip");
      strictEqual((await life.check()).length, 1);
      ok((await place.backup(request)).id !== second.id, "what mends is a snapshot");
      deepStrictEqual([await life.check(), await count()], [[], 3]);
    },
    "backsUp",
  );

  test("tags, a policy, forgetting and pruning leave what is kept as it was", async (life) => {
    const { repository } = life;
    await tag(repository, { snapshots: ["latest"], set: undefined, add: ["kept"], remove: [] });
    await setPolicy(repository, { tag: ["kept"] });
    const monitor = new TestMonitor();
    const { removed, decisions } = await forget(repository, { policy: undefined, among: {}, dryRun: false }, monitor);
    deepStrictEqual([removed, decisions.length], [[life.snapshots[0].id], 2]);
    const { contents, removedItems } = await prune(
      repository,
      { dryRun: false, workers: life.place.workers, signal },
      () => {},
      monitor,
    );
    deepStrictEqual([contents, removedItems], [2, 3], "what changed, what is gone, and the hunk");
    deepStrictEqual(monitor.problems, []);
    const snapshots = await repository.snapshots(), kept = resolveSnapshot("latest", snapshots);
    deepStrictEqual([snapshots.length, kept.tags], [1, ["kept"]]);
    deepStrictEqual(await life.check(), []);
    strictEqual(differences(life.place.world.source, await life.restored(kept)), "");
    const { contents: all } = await stats(repository, { largest: 1, signal }, monitor);
    ok(all !== undefined);
    const digits = digestHexLength(repository.algorithm);
    strictEqual((await life.place.objects()).filter((id) => id.length === digits).length, 4);
  }, "keepsPolicy");

  test("a backup goes on from the last one: what is unchanged is not read", async (life) => {
    const monitor = new TestMonitor();
    life.place.world.write("another", "new");
    const { files } = await life.place.backup({}, monitor);
    deepStrictEqual([monitor.of("readFiles"), monitor.of("storedItems"), files], [1, 1, 5]);
    deepStrictEqual([monitor.of("unchangedFiles"), monitor.problems], [4, []]);
  }, "backsUp");
}

const EVERYTHING = {
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

function fail(fault: Error): never {
  throw fault;
}

/** Two snapshots of one series, and copies of what the source was. */
class Life {
  readonly place: RepositoryPlace;
  readonly repository: OpenedRepository;
  readonly snapshots: readonly [SnapshotInfo, SnapshotInfo];
  readonly copies: ReadonlyMap<SnapshotInfo, string>;

  static async begin(place: RepositoryPlace): Promise<Life> {
    const { world } = place, copies = new Map<SnapshotInfo, string>();
    const backup = async () => {
      const snapshot = await place.backup(), copy = `${world.base}/copy-${copies.size}`;
      run("cp", "-a", world.source, copy);
      copies.set(snapshot, copy);
      return snapshot;
    };
    for (const name of ["changes", "gone", "sub/same"]) world.write(name, name);
    world.write("large", LARGE);
    world.write("moving", "what is moved");
    Deno.linkSync(`${world.source}/changes`, `${world.source}/linked`);
    Deno.symlinkSync("sub/same", `${world.source}/link`);
    run("mkfifo", `${world.source}/pipe`);
    Deno.chmodSync(`${world.source}/sub`, 0o2750);
    const first = await backup();
    Deno.removeSync(`${world.source}/gone`);
    Deno.renameSync(`${world.source}/moving`, `${world.source}/sub/moved`);
    Deno.removeSync(`${world.source}/linked`);
    world.write("changes", "changed");
    return new Life(place, await place.open(), [first, await backup()], copies);
  }

  private constructor(
    place: RepositoryPlace,
    repository: OpenedRepository,
    snapshots: readonly [SnapshotInfo, SnapshotInfo],
    copies: ReadonlyMap<SnapshotInfo, string>,
  ) {
    this.place = place;
    this.repository = repository;
    this.snapshots = snapshots;
    this.copies = copies;
  }

  get base(): string {
    return this.place.world.base;
  }

  async restored(
    snapshot: SnapshotInfo,
    { target = Deno.makeTempDirSync({ dir: this.base }), ...changes }: { target?: string; overwrite?: "if-changed" } =
      {},
  ): Promise<string> {
    const monitor = new TestMonitor(), { world, workers } = this.place;
    const request = { ...world.restoreRequest(snapshot, target), workers, delete: true, ...changes };
    await restore(this.repository, request, monitor);
    deepStrictEqual(monitor.problems, []);
    return target;
  }

  /** All findings. */
  async check(): Promise<Finding[]> {
    const findings: Finding[] = [], request = { readData: true, workers: this.place.workers, signal };
    await check(this.repository, request, (finding) => findings.push(finding), new TestMonitor());
    return findings;
  }
}
