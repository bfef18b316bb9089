import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { EMPTY, type Raw, rawOf, rawOfBytes } from "../../src/core/raw.ts";
import { loadLibc } from "../../src/platform/libc.ts";
import { LinuxCalls } from "../../src/platform/linux_calls.ts";
import { isLinuxDisk } from "../../src/platform/linux_disk.ts";
import { LookAhead, type LookAheadOptions, lookAheadThreads, PLACES_AHEAD } from "../../src/platform/look_ahead.ts";
import {
  ASKED,
  CLAIMED,
  LookAheadTable,
  type Place as Where,
  SEEN,
  SLOTS,
} from "../../src/platform/look_ahead_table.ts";
import { look } from "../../src/platform/look_ahead_worker.ts";
import type { WalkOptions } from "../../src/source/walk.ts";
import { SEED } from "../support/effort.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { canMount } from "../support/needs.ts";
import { makeFile, Place, REAL_DISK, walkAll } from "../support/walking.ts";
import { run, TestClock, WORKER_SCRIPT } from "../support/world.ts";

const ignore = !isLinuxDisk(REAL_DISK);

/** Looks ahead with a thread that isn't one: it does what it is asked when the test says so. */
class Ahead implements Disposable {
  readonly clock = new TestClock();
  readonly it: LookAhead;
  readonly #calls = new LinuxCalls(loadLibc()!);
  /** One for each thread that was started. */
  readonly tables: LookAheadTable[] = [];
  /** Number of directories that were known when the walk came to them, and of those that weren't. */
  known = 0;
  unknown = 0;

  constructor(options: Partial<LookAheadOptions> = {}) {
    const start = (table: SharedArrayBuffer) => {
      this.tables.push(new LookAheadTable(table));
      return { [Symbol.dispose]: () => {} };
    };
    this.it = LookAhead.on(REAL_DISK, { start, clock: this.clock, entriesBefore: 0, ...options })!;
  }

  [Symbol.dispose](): void {
    this.it[Symbol.dispose]();
  }

  get table(): LookAheadTable {
    return this.tables[0]!;
  }

  /** @returns number of directories */
  lookAtAll(): number {
    let count = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!this.table.change(slot, ASKED, CLAIMED)) continue;
      look(this.table, slot, this.#calls);
      count++;
    }
    return count;
  }

  /** For a walk: has always looked at everything that was asked for. */
  readonly forWalk: NonNullable<WalkOptions["ahead"]> = {
    expect: (next, entries) => {
      this.it.expect(next, entries);
      this.lookAtAll();
    },
    take: (dir, place) => {
      this.clock.ms = Date.now();
      const seen = this.it.take(dir, place);
      if (seen === undefined) this.unknown++;
      else this.known++;
      return seen;
    },
  };

  /** The names that are known of a directory. */
  namesIn(path: string, relative: Raw = EMPTY): readonly Raw[] | undefined {
    using top = REAL_DISK.openDir(rawOf(path));
    using dir = top.openPath(relative);
    return this.it.take(dir, { rootPath: rawOf(path), relative })?.names;
  }

  /** Asks for directories below a place, and looks at them. */
  ask(place: Place, ...relatives: readonly string[]): void {
    this.it.expect(relatives.map((relative) => whereIn(place, relative)), 1);
    this.lookAtAll();
    this.clock.ms = Date.now();
  }
}

function whereIn(place: Place, relative: string): Where {
  return { rootPath: rawOf(place.path), relative: rawOf(relative) };
}

const name = fc.uint8Array({ minLength: 1, maxLength: 3 })
  .map((bytes) => rawOfBytes(bytes.map((byte) => byte === 0 || byte === 0x2f ? 0xff : byte)))
  .filter((raw) => raw !== "." && raw !== "..");
const directories = fc.uniqueArray(fc.tuple(name, fc.uniqueArray(name, { maxLength: 9 })), {
  maxLength: 12,
  selector: ([directory]) => directory,
});

Deno.test({
  name: "a walk with a look ahead finds the same as one without, to the last field",
  ignore,
  fn() {
    let known = 0, unknown = 0;
    fc.assert(
      fc.property(directories, fc.boolean(), (directories, isDeeper) => {
        using place = new Place();
        using top = REAL_DISK.openDir(rawOf(place.path));
        for (const [directory, files] of directories) {
          top.mkdir(directory, 0o755);
          using inside = top.openDir(directory);
          for (const file of files) makeFile(inside, file);
          if (isDeeper && inside.mkdir(rawOf("deeper"), 0o700)) {
            using deeper = inside.openDir(rawOf("deeper"));
            deeper.symlink(rawOf("nowhere"), rawOf("link"));
          }
        }
        using ahead = new Ahead();
        deepStrictEqual(walkAll(place.root(), { ahead: ahead.forWalk }).found, walkAll(place.root()).found);
        known += ahead.known;
        unknown += ahead.unknown;
      }),
      { numRuns: 60, ...(SEED !== undefined && { seed: SEED }) },
    );
    ok(known > 5 * unknown && unknown > 0, `known ${known}, unknown ${unknown}`);
  },
});

Deno.test({
  name: "rules for what is excluded see the same names: markers, caches, ignore files, mounted directories",
  ignore: ignore || !canMount("bind"),
  async fn() {
    using place = new Place();
    place.make("a/no-backup", "a/x", "c/ignored", "c/kept", "d/x", "e/below/f");
    Deno.mkdirSync(`${place.path}/b`);
    Deno.writeTextFileSync(`${place.path}/b/CACHEDIR.TAG`, "Signature: 8a477f597d28d172789f06886806bc55");
    Deno.writeTextFileSync(`${place.path}/b/x`, "");
    Deno.writeTextFileSync(`${place.path}/c/.backupignore`, "ignored\n");
    await run("mount", "--bind", `${place.path}/d`, `${place.path}/e/below`);
    try {
      const rules = { markers: [rawOf("no-backup")], excludeCaches: true, oneFileSystem: true };
      using ahead = new Ahead();
      const { found, paths } = walkAll(place.root(), { ...rules, ahead: ahead.forWalk });
      deepStrictEqual(found, walkAll(place.root(), rules).found);
      deepStrictEqual(
        paths.filter((path) => path.split("/").length > 2),
        ["/a/no-backup", "/b/CACHEDIR.TAG", "/c/.backupignore", "/c/kept", "/d/x", "/e/below"],
      );
      deepStrictEqual([ahead.known, ahead.unknown], [5, 1]);
    } finally {
      await run("umount", `${place.path}/e/below`);
    }
  },
});

Deno.test({
  name: "a directory that was replaced since it was looked at is looked at again, and so is one that was seen long ago",
  ignore,
  fn() {
    using place = new Place();
    place.make("a/old", "b/new", "c/1", "d/2");
    using ahead = new Ahead();
    ahead.ask(place, "a", "c", "d");
    Deno.renameSync(`${place.path}/a`, `${place.path}/gone`);
    Deno.renameSync(`${place.path}/b`, `${place.path}/a`);
    strictEqual(ahead.namesIn(place.path, rawOf("a")), undefined);
    deepStrictEqual(ahead.namesIn(place.path, rawOf("c")), ["1"]);
    strictEqual(ahead.namesIn(place.path, rawOf("c")), undefined, "each is taken once");
    ahead.clock.ms += 10_001;
    strictEqual(ahead.namesIn(place.path, rawOf("d")), undefined);
  },
});

Deno.test({
  name: "what can't be looked at ahead is left to the walk: gone, too many names, behind a symlink, a path too long",
  ignore,
  fn() {
    using place = new Place();
    place.make("few/x", "empty/", "link -> few");
    Deno.mkdirSync(`${place.path}/many`);
    for (let i = 0; i < 2000; i++) Deno.writeTextFileSync(`${place.path}/many/${i}`, "");
    using ahead = new Ahead();
    ahead.ask(place, "gone", "many", "link", "few", "empty");
    deepStrictEqual(ahead.namesIn(place.path, rawOf("few")), ["x"]);
    deepStrictEqual(ahead.namesIn(place.path, rawOf("empty")), []);
    strictEqual(ahead.namesIn(place.path, rawOf("many")), undefined);
    ahead.it.expect([whereIn(place, "gone"), whereIn(place, "y/".repeat(1000)), whereIn(place, "few")], 1);
    strictEqual(ahead.lookAtAll(), 1, "only what isn't known to be unseen");
    const { found } = walkAll(place.root(), { ahead: ahead.forWalk });
    strictEqual(found.length, 2000 + 6);
  },
});

Deno.test({
  name: "the next directories are looked at first, and what was asked for long ago makes room",
  ignore,
  fn() {
    using place = new Place();
    const names = Array.from({ length: 60 }, (_, i) => `d${i}`);
    place.make(...names.map((name) => `${name}/in-${name}`));
    using ahead = new Ahead();
    const first = names.slice(0, PLACES_AHEAD + 2);
    ahead.it.expect(first.map((name) => whereIn(place, name)), 1);
    deepStrictEqual(ahead.table.placeOf(ahead.table.claim()!).relative, "d0");
    deepStrictEqual(ahead.table.placeOf(ahead.table.claim()!).relative, "d1");
    // Deeper and deeper: what comes later in the walk gives way, but not what is being looked at.
    for (let at = PLACES_AHEAD; at < names.length; at += PLACES_AHEAD) ahead.ask(place, ...names.slice(at));
    const known = names.slice(2).filter((name) => ahead.namesIn(place.path, rawOf(name)) !== undefined);
    deepStrictEqual(known, [...names.slice(42, 44), ...names.slice(48)]);
    strictEqual(known.length, SLOTS - 2);
  },
});

Deno.test({
  name: "threads are started once a walk is long or slow, and more of them only where it waits for the disk",
  ignore,
  fn() {
    using place = new Place();
    place.make("a/1", "b/2", "c/3", "d/4");
    using long = new Ahead({ entriesBefore: 100 });
    long.it.expect([whereIn(place, "a")], 99);
    strictEqual(long.tables.length, 0);
    long.it.expect([whereIn(place, "a")], 1);
    strictEqual(long.tables.length, 1);

    using slow = new Ahead({ entriesBefore: 100 });
    slow.it.expect([whereIn(place, "a")], 1);
    slow.clock.ms += 1000;
    slow.it.expect([whereIn(place, "a")], 1);
    strictEqual(slow.tables.length, 1);

    let now = Date.now(), table: LookAheadTable | undefined;
    const calls = new LinuxCalls(loadLibc()!);
    // Half a second passes each time that the walk waits, and then the answer is there.
    const nowMs = () => {
      for (let slot = 0; slot < SLOTS; slot++) if (table?.stateOf(slot) === CLAIMED) look(table, slot, calls);
      return now += 500;
    };
    using waiting = new Ahead({ clock: Object.assign(new TestClock(), { nowMs }) });
    for (const [index, name] of ["a", "b", "c", "d", "a", "b"].entries()) {
      waiting.it.expect([whereIn(place, name)], 1);
      strictEqual(waiting.tables.length, Math.min(4, index + 1));
      table = waiting.table;
      strictEqual(table.stateOf(table.claim()!), CLAIMED);
      strictEqual(waiting.namesIn(place.path, rawOf(name))?.length, 1);
    }
  },
});

Deno.test({
  name: "a thread of the program looks ahead, until it is told to end",
  ignore,
  async fn() {
    using place = new Place();
    place.make(...Array.from({ length: 9 }, (_, i) => `d${i}/x`));
    let table: LookAheadTable | undefined;
    const threads = lookAheadThreads(WORKER_SCRIPT);
    const start = (shared: SharedArrayBuffer) => {
      table = new LookAheadTable(shared);
      return threads(shared);
    };
    const clock = Object.assign(new TestClock(), { nowMs: Date.now });
    using ahead = LookAhead.on(REAL_DISK, { start, clock, entriesBefore: 0 })!;
    ahead.expect([whereIn(place, "d3")], 1);
    while (table!.stateOf(0) !== SEEN) await new Promise((resume) => setTimeout(resume));
    using dir = REAL_DISK.openDir(rawOf(`${place.path}/d3`));
    deepStrictEqual(ahead.take(dir, whereIn(place, "d3"))?.names, ["x"]);
  },
});

Deno.test({
  name: "there is no look ahead on a disk that something is around, which a thread wouldn't see",
  ignore,
  fn() {
    const disk = hookedDisk(REAL_DISK, (_, proceed) => proceed());
    strictEqual(LookAhead.on(disk, { start: () => ({ [Symbol.dispose]() {} }), clock: new TestClock() }), undefined);
  },
});
