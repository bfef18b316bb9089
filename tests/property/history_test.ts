/** Random histories of a source, against plain copies made by `cp -a`. SLOW=1 runs many more. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { plan } from "../../src/operations/plan/plan.ts";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { rounds } from "../support/effort.ts";
import { differences, run, TestMonitor, World } from "../support/world.ts";

const RUNS = rounds(12, 200);

const name = fc.constantFrom("a", "b", "c-", "c", "d!", "sub/a", "sub/b", "sub/deep/x", "sub-/y", "ü/ö", "big");
const content = fc.oneof(
  fc.constantFrom("", "same", "other"),
  fc.string({ maxLength: 20 }),
  fc.constant("x".repeat(300_000)),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), name, content }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), name }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("chmod" as const), name, mode: fc.constantFrom(0o600, 0o644, 0o751) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("link" as const), name, to: name }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("symlink" as const), name, to: fc.string({ minLength: 1, maxLength: 9 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("backup" as const), tree: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rebuild" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose db" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose a content" as const), which: fc.nat(20) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class History implements Disposable {
  readonly world: World;
  /** Ids of snapshots, and what the source was then. */
  readonly copies = new Map<string, string>();
  /** Contents lost so far that no backup has brought back. */
  readonly lost = new Set<string>();

  constructor(workers: number) {
    this.world = new World({ workers });
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  async apply(step: Step): Promise<void> {
    switch (step.do) {
      case "write":
        return this.#change(step.name, (path) => Deno.writeTextFileSync(path, step.content));
      case "remove":
        return this.#change(step.name, () => {});
      case "chmod":
        if (this.#exists(step.name)) run("chmod", step.mode.toString(8), `${this.world.source}/${step.name}`);
        return;
      case "link":
        if (this.#exists(step.name) && step.name !== step.to && Deno.lstatSync(this.#path(step.name)).isFile) {
          this.#change(step.to, (path) => Deno.linkSync(this.#path(step.name), path));
        }
        return;
      case "symlink":
        return this.#change(step.name, (path) => Deno.symlinkSync(step.to.replaceAll("\0", "0"), path));
      case "backup":
        return await this.backup(step.tree);
      case "rebuild":
        return this.#rebuild();
      case "lose db":
        // Without a snapshot, nothing says any more what the settings were.
        if (this.copies.size > 0) run("rm", "-rf", `${this.world.storagePath}/db`);
        return;
      case "lose a content":
        return this.#lose(step.which);
    }
  }

  async backup(tree: boolean): Promise<void> {
    const planned = await this.#plan(tree);
    const { snapshot, monitor } = await this.world.backup({ tree });
    deepStrictEqual(monitor.problems, []);
    deepStrictEqual(planned, {
      readFiles: monitor.of("readFiles"),
      readBytes: monitor.of("readBytes"),
      unchangedFiles: monitor.of("unchangedFiles"),
      storedItems: monitor.of("storedItems"),
      storedBytes: monitor.of("storedBytes"),
      entries: snapshot.entries,
    });
    const copy = `${this.world.base}/copy-${this.copies.size}`;
    run("cp", "-a", this.world.source, copy);
    this.copies.set(snapshot.id, copy);
    if (tree) {
      strictEqual(
        run("diff", "-r", "--no-dereference", this.world.source, `${this.world.storagePath}/${snapshot.tree}`),
        "",
      );
    }
    const there = this.world.items();
    for (const id of this.lost) if (there.has(id)) this.lost.delete(id);
  }

  /** What the plan of a backup promises; few files are looked into completely, so nothing of it is a guess. */
  async #plan(tree: boolean) {
    const monitor = new TestMonitor();
    using storage = this.world.open(monitor);
    const planned = await plan(storage, { ...this.world.request(), tree }, monitor);
    deepStrictEqual(monitor.problems, []);
    const states = [planned.new, planned.changed, planned.again, planned.unchanged];
    return {
      readFiles: planned.readFiles,
      readBytes: planned.readBytes,
      unchangedFiles: planned.unchanged.files,
      storedItems: planned.store.contents,
      storedBytes: planned.store.bytes,
      entries: states.reduce((sum, { files, others }) => sum + files + others, 0),
    };
  }

  #rebuild(): void {
    if (this.copies.size === 0) return;
    const monitor = new TestMonitor();
    using storage = this.world.open(monitor);
    rebuildCatalog(storage, monitor);
  }

  #lose(which: number): void {
    const contents = [...this.world.items()].filter(([id]) => id.length === 64).sort();
    const victim = contents[which];
    if (victim === undefined) return;
    Deno.removeSync(victim[1]);
    this.lost.add(victim[0]);
  }

  #path(name: string): string {
    return `${this.world.source}/${name}`;
  }

  #exists(name: string): boolean {
    try {
      return !Deno.lstatSync(this.#path(name)).isSymlink;
    } catch {
      return false;
    }
  }

  #change(name: string, make: (path: string) => void): void {
    const path = this.#path(name);
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    try {
      Deno.removeSync(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    make(path);
  }
}

for (const workers of [0, 2]) {
  Deno.test(`every snapshot of a random history restores exactly, with ${workers} workers`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        using history = new History(workers);
        for (const one of steps) await history.apply(one);
        await history.backup(true);
        const { damaged } = await history.world.check();
        if (history.lost.size === 0) {
          strictEqual(damaged, 0);
          for (const [id, copy] of history.copies) {
            const { target } = await history.world.restore(id);
            strictEqual(differences(copy, target), "");
          }
        }
        {
          using storage = history.world.open();
          const live = [...storage.catalog().dump()];
          rebuildCatalog(storage, new TestMonitor());
          deepStrictEqual([...storage.catalog().dump()], live);
        }
      }),
      { numRuns: RUNS },
    );
  });
}
