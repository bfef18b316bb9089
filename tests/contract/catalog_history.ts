/** Random histories of a repository, after which its catalog must answer everything as its manifests say. */
import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Apath, parseApath, TOP } from "../../src/core/apath.ts";
import type { RootId } from "../../src/core/content_id.ts";
import { Interrupted } from "../../src/core/fault.ts";
import type { CatalogQueries, Interval, VersionQuery } from "../../src/snapshot/catalog_queries.ts";
import type { RepositoryWriter } from "../../src/snapshot/repository.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { ManifestQueries, stateOfVersion, type Verification, type WholeSnapshot } from "../support/manifest_queries.ts";
import { run, TestMonitor } from "../support/world.ts";
import type { RepositoryKind, RepositoryPlace } from "./repository_place.ts";

const NAMES = ["a", "B", "c-", "d!", "sub/a", "sub/b", "sub/deep/x", "sub-/y", "ü/[ö]*", "big.txt"] as const;
const SERIES = ["one", "two"] as const;
const HOSTS = ["here", "there"] as const;
const { signal } = new AbortController();

const name = fc.constantFrom(...NAMES);
const index = fc.nat(20);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      name,
      text: fc.constantFrom("", "same", "other", "more bytes"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("chmod" as const), name, mode: fc.constantFrom(0o600, 0o644, 0o751) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("symlink" as const), name, to: fc.constantFrom("a", "nowhere") }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("touch" as const), name, seconds: fc.constantFrom(-5, 0, 1e9, 2e9) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("backup" as const),
      series: fc.constantFrom(...SERIES),
      host: fc.constantFrom(...HOSTS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("interrupted" as const), series: fc.constantFrom(...SERIES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("tag" as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("prune" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("verify" as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const queries: fc.Arbitrary<VersionQuery> = fc.record({
  names: optional(fc.subarray(["a", "b", "*", "?", "*.txt", "[a-c]*", "[^a]", "\\*"], { minLength: 1 })),
  ignoreCase: optional(fc.boolean()),
  below: optional(fc.subarray(["/", "/sub", "/sub/deep", "/a", "/ü"].map(parseApath), { minLength: 1 })),
  kinds: optional(fc.subarray(["file", "dir", "symlink"], { minLength: 1 })),
  smallest: optional(fc.nat(9)),
  largest: optional(fc.nat(9)),
  since: optional(fc.constantFrom(-5, 0, 1e9)),
  before: optional(fc.constantFrom(0, 1e9, 1e9 + 1)),
  content: optional(fc.stringMatching(/^[0-9a-f]{1,3}$/)),
  snapshots: optional(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 })),
  gone: optional(fc.boolean()),
}, { noNullPrototype: true }).map((query) =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
);

/** @param runs how many histories */
export function catalogContract({ name, make }: RepositoryKind, runs: number): void {
  Deno.test(`${name}: after any history, every question is answered as the manifests say`, async () => {
    const histories = fc.record({
      steps: fc.array(step, { minLength: 4, maxLength: 20 }),
      asked: fc.array(queries, { minLength: 4, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(histories, async ({ steps, asked }) => {
        using place = await make();
        const history = new History(place);
        for (const one of steps) await history.apply(one);
        await history.assertLikeManifests(asked);
        if (place.loseCatalog === undefined) return;
        // What it is made again from says the same, dates of checks among it.
        await history.lose();
        await history.assertLikeManifests(asked);
      }),
      { numRuns: runs },
    );
  });
}

class History {
  readonly #place: RepositoryPlace;
  readonly #verified = new Map<string, Verification>();

  constructor(place: RepositoryPlace) {
    this.#place = place;
  }

  async apply(step: Step): Promise<void> {
    switch (step.do) {
      case "backup":
        return void await this.#place.backup({ name: step.series, host: step.host });
      case "interrupted":
        return await this.#interrupt(step.series);
      case "prune":
        return await this.#prune();
      case "forget":
        return await this.#write(step.index, async (writer, { id }) => void await writer.forget([id]));
      case "tag": {
        const tags = [`${this.#place.world.clock.nowMs()}`];
        return await this.#write(step.index, async (writer, { id }) => void await writer.replaceRoot(id, { tags }));
      }
      case "verify":
        return await this.#write(step.index, (writer, { id }) => this.#verify(writer, id));
      case "lose":
        return await this.lose();
      default:
        return this.#change(step);
    }
  }

  #change(step: Extract<Step, { readonly name: unknown }>): void {
    const { world } = this.#place, path = `${world.source}/${step.name}`;
    switch (step.do) {
      case "chmod":
        if (isFile(path)) Deno.chmodSync(path, step.mode);
        return;
      case "touch":
        if (isFile(path)) run("touch", "-d", `@${step.seconds}`, path);
        return;
      case "remove":
        return void run("rm", "-rf", path);
      case "write":
        run("rm", "-rf", path);
        return world.write(step.name, step.text);
      case "symlink":
        run("rm", "-rf", path); // what a link points to is not to be written
        world.write(step.name, "");
        return void run("ln", "-sfT", step.to, path);
    }
  }

  /** Leaves a partial snapshot of what comes before the directory "sub", if that is there. */
  async #interrupt(name: string): Promise<void> {
    const stop = new AbortController(), monitor = new TestMonitor();
    monitor.current = (what?: string) => what === "/sub" && stop.abort();
    try {
      await this.#place.backup({ name, host: HOSTS[0], signal: stop.signal }, monitor);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    }
  }

  async #write(
    index: number,
    action: (writer: RepositoryWriter, snapshot: SnapshotInfo) => Promise<void>,
  ): Promise<void> {
    await using repository = await this.#place.open();
    const snapshots = await repository.snapshots(), snapshot = snapshots[index % snapshots.length];
    if (snapshot === undefined) return;
    await using writer = await repository.write("test");
    await action(writer, snapshot);
  }

  async #prune(): Promise<void> {
    await using repository = await this.#place.open();
    {
      await using writer = await repository.write("test");
      const plan = await writer.planRemoval({ workers: 0, signal }, new TestMonitor());
      await plan.execute(new TestMonitor(), signal);
    }
    const needed = await repository.query(({ verifications }) => [...verifications.longestAgo()].map(({ id }) => id));
    const isNeeded = new Set<string>(needed);
    for (const id of this.#verified.keys()) if (!isNeeded.has(id)) this.#verified.delete(id);
  }

  /** Loses the catalog, and makes it again by the next thing that is written. */
  async lose(): Promise<void> {
    if (!isFile(`${this.#place.world.storagePath}/db/catalog.sqlite`)) return;
    this.#place.loseCatalog?.();
    await using repository = await this.#place.open();
    await using _writer = await repository.write("test");
    await repository.query((catalog) => catalog.snapshots());
  }

  /** Notes that every second content of a snapshot was read. */
  async #verify(writer: RepositoryWriter, id: RootId): Promise<void> {
    await using repository = await this.#place.open();
    const entries = [...(await repository.manifest(id)).entries()];
    const contents = entries.flatMap(({ content }) => content === undefined ? [] : [content]);
    const items = contents.filter((_, at) => at % 2 === 0).map((id) => ({ id, state: "ok" as const }));
    const atMs = this.#place.world.clock.nowMs();
    await writer.recordVerified(items, atMs);
    for (const { id, state } of items) this.#verified.set(id, { atMs, state });
  }

  async assertLikeManifests(asked: readonly VersionQuery[]): Promise<void> {
    await using repository = await this.#place.open();
    const whole: WholeSnapshot[] = [];
    for (const info of await repository.snapshots()) {
      whole.push({ info, entries: [...(await repository.manifest(info.id)).entries()] });
    }
    const model = new ManifestQueries(whole, { verifications: this.#verified, ratios: new Map() });
    const paths = new Set(whole.flatMap(({ entries }) => entries.map(({ path }) => path)));
    const since = [...this.#verified.values()].map(({ atMs }) => atMs);
    const question = (catalog: CatalogQueries) => answersOf(catalog, { asked, paths, since });
    deepStrictEqual(await repository.query(question), question(model));
    for (const interval of intervalsOf(whole.map(({ info }) => info))) {
      for (const below of [TOP, parseApath("/sub"), parseApath("/a")]) {
        const changes = (catalog: CatalogQueries) => changesOf(catalog, interval, below);
        deepStrictEqual(await repository.query(changes), changes(model));
      }
    }
  }
}

interface Asked {
  readonly asked: readonly VersionQuery[];
  readonly paths: Iterable<Apath>;
  readonly since: readonly number[];
}

function answersOf(catalog: CatalogQueries, { asked, paths, since }: Asked): unknown {
  return catalog.asOfOneMoment(() => ({
    snapshots: catalog.snapshots(),
    history: [...paths].map((path) => catalog.history(path)),
    found: asked.map((query) => ({ query, versions: [...catalog.find(query)] })),
    figures: catalog.figures(),
    largest: catalog.largest(3),
    sizes: catalog.sizesAbove(0),
    damaged: catalog.damaged(),
    total: catalog.verifications.total(),
    longestAgo: [...catalog.verifications.longestAgo()],
    status: catalog.verifications.status(since),
  }));
}

/** A catalog may also name what became something else in between, and is now what it was. */
function changesOf(catalog: CatalogQueries, interval: Interval, below: Apath): unknown {
  const changes = [...catalog.changes(interval, below)].map(({ path, before, now }) => ({
    path,
    before: before && stateOfVersion(before),
    now: now && stateOfVersion(now),
  }));
  return changes.filter(({ before, now }) => JSON.stringify(before) !== JSON.stringify(now));
}

function intervalsOf(snapshots: readonly SnapshotInfo[]): Interval[] {
  const complete = snapshots.filter(({ complete }) => complete);
  return complete.flatMap(({ host, name, sequence: before }, index) =>
    complete.slice(index + 1).filter((other) => other.host === host && other.name === name)
      .map(({ sequence: now }) => ({ host, name, before, now }))
  );
}

function isFile(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
