/**
 * Every kind of damage to every kind of file of a storage, with what follows from it: what a check says, what still
 * restores, what the next backup makes good. Never is a damaged byte restored, and looking changes nothing.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Apath, childOf } from "../../src/core/apath.ts";
import { Fault } from "../../src/core/fault.ts";
import { rawOf } from "../../src/core/raw.ts";
import type { Finding } from "../../src/operations/check/check.ts";
import { HunkCutter } from "../../src/snapshot/hunk.ts";
import { repair } from "../../src/operations/repair/repair.ts";
import type { RepairResult } from "../../src/operations/repair/repaired.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { picked, rounds } from "../support/effort.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const DAMAGES = {
  "deleted": (path: string) => Deno.removeSync(path),
  "truncated": (path: string) => rewrite(path, (bytes) => bytes.subarray(0, bytes.length >> 1)),
  "bit flipped": (path: string) =>
    rewrite(path, (bytes) => {
      bytes[bytes.length >> 1]! ^= 1;
      return bytes;
    }),
  "zeroed": (path: string) => rewrite(path, (bytes) => bytes.fill(0)),
  "emptied": (path: string) => rewrite(path, (bytes) => bytes.subarray(0, 0)),
  "mode changed": (path: string) => Deno.chmodSync(path, 0o666),
} as const;
type Damage = keyof typeof DAMAGES;

/** Changes a file in its place: same inode, times of an attentive vandal. */
function rewrite(path: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): void {
  const { mode, mtime } = Deno.statSync(path);
  Deno.chmodSync(path, 0o600);
  Deno.writeFileSync(path, change(Deno.readFileSync(path)));
  Deno.chmodSync(path, mode! & 0o7777);
  Deno.utimeSync(path, mtime!, mtime!);
}

/** Entries of the source; the first ones fill a hunk that both snapshots share, those in "z" stand in another. */
const SHARED_ENTRIES = 256;
/** Those of them that are files; the others are links, which cost less. */
const SHARED_FILES = 16;

/** Two snapshots of a source, in a storage that can be had again as it was. */
class Scene implements Disposable {
  readonly world = new World({ inMemory: true, hexSplit: [1] });
  readonly #pristine: string;
  /** The sources of both snapshots, as they were. */
  readonly copies: { readonly first: string; readonly second: string };
  readonly #files: { first?: readonly string[]; second?: readonly string[] } = {};
  #ids: readonly [string, string] = ["", ""];
  first = "";
  second = "";

  constructor() {
    this.#pristine = `${this.world.base}/pristine`;
    this.copies = { first: `${this.world.base}/copy-1`, second: `${this.world.base}/copy-2` };
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  static async make(): Promise<Scene> {
    const scene = new Scene(), { world } = scene;
    for (let i = 0; i < SHARED_FILES; i++) world.write(`a/${i}`, `content ${i}`);
    for (let i = SHARED_FILES; i < SHARED_ENTRIES; i++) Deno.symlinkSync(`${i}`, `${world.source}/a/${i}`);
    world.write(cuttingName("/a" as Apath), "ends the hunk");
    for (const name of ["victim", "twin"]) world.write(`z/${name}`, "precious");
    world.write("z/lost", "in the first snapshot only");
    run("cp", "-a", world.source, scene.copies.first);
    scene.first = (await world.backup()).snapshot.id;
    world.write("z/lost", "something else");
    run("cp", "-a", world.source, scene.copies.second);
    scene.second = (await world.backup()).snapshot.id;
    run("cp", "-a", world.storagePath, scene.#pristine);
    scene.#ids = [scene.first, scene.second];
    return scene;
  }

  reset(): void {
    [this.first, this.second] = this.#ids;
    Deno.removeSync(this.world.storagePath, { recursive: true });
    run("cp", "-a", this.#pristine, this.world.storagePath);
  }

  item(text: string): string {
    return [...this.world.items().values()].find((path) => Deno.readTextFileSync(path) === text)!;
  }

  /** Hunks that one of the snapshots lists, by their place in it. */
  hunk(snapshot: string, index: number): string {
    using storage = this.world.open();
    return this.world.items().get(storage.manifest(storage.resolve(snapshot).id).root.hunks[index]!.id)!;
  }

  tree(snapshot: string): string {
    using storage = this.world.open();
    return `${this.world.storagePath}/${storage.resolve(snapshot).tree}`;
  }

  /** What a restore comes to: "whole", the missing files, or the fault that stops it. Checks every byte that comes back. */
  async restored(which: "first" | "second"): Promise<string> {
    const { target, monitor, fault } = await this.#tryRestore(this[which]);
    if (fault !== undefined) return fault;
    const missing: string[] = [];
    for (const path of this.#filesOf(which)) {
      if (!exists(`${target}/${path}`)) missing.push(path);
      else {strictEqual(
          Deno.readTextFileSync(`${target}/${path}`),
          Deno.readTextFileSync(`${this.copies[which]}/${path}`),
        );}
    }
    strictEqual(monitor.problems.length > 0, missing.length > 0, "what is missing is said, and nothing else");
    return missing.length === 0 ? "whole" : summary(missing);
  }

  /** Paths of all files of a copy, which nobody changes. */
  #filesOf(which: "first" | "second"): readonly string[] {
    return this.#files[which] ??= run("find", this.copies[which], "-type", "f", "-printf", "%P\n").trim().split("\n");
  }

  async #tryRestore(snapshot: string): Promise<{ target: string; monitor: TestMonitor; fault?: string }> {
    const target = `${this.world.base}/restored`;
    if (exists(target)) Deno.removeSync(target, { recursive: true });
    try {
      return await this.world.restore(snapshot, { target: rawOf(target) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { target, monitor: undefined as unknown as TestMonitor, fault: error.code };
    }
  }

  async repair({ withCopy = false } = {}): Promise<RepairResult> {
    const monitor = new TestMonitor();
    using storage = this.world.open(monitor);
    using copy = withCopy ? openStorage(this.world.machine, rawOf(this.#pristine), monitor) : undefined;
    const from = copy === undefined ? [] : [copy];
    const signal = new AbortController().signal;
    const result = await repair(
      storage,
      { readData: true, from, dryRun: false, workers: 0, signal },
      () => {},
      monitor,
    );
    this.#rename(storage);
    return result;
  }

  /** Makes another snapshot. */
  async backup(): Promise<Awaited<ReturnType<World["backup"]>>> {
    const done = await this.world.backup();
    using storage = this.world.open();
    this.#rename(storage);
    return done;
  }

  /** One whose root or list of files had to be made again has another id. */
  #rename(storage: Storage): void {
    const [first, second] = storage.snapshots();
    if (second !== undefined) [this.first, this.second] = [first!.id, second.id];
  }

  /** Every file that the tree shows is what it was. */
  assertTreeIsWhole(which: "first" | "second"): void {
    const tree = this.tree(this[which]);
    for (const path of run("find", tree, "-type", "f", "-printf", "%P\n").trim().split("\n")) {
      strictEqual(
        Deno.readTextFileSync(`${tree}/${path}`),
        Deno.readTextFileSync(`${this.copies[which]}/${path}`),
        `${which} tree: ${path}`,
      );
    }
  }

  /** Findings as "severity: paths", with names for the snapshots. */
  async findings(readData: boolean): Promise<string[]> {
    const { findings, monitor } = await this.world.check(readData);
    deepStrictEqual(monitor.problems, []);
    return findings.map((finding) => this.#text(finding)).sort();
  }

  #text({ severity, where, paths }: Finding): string {
    const named = (text: string) => text.replace(this.first.slice(0, 12), "1").replace(this.second.slice(0, 12), "2");
    if (where === this.first) return `${severity}: snapshot 1`;
    return `${severity}: ${paths.map(named).sort().join(", ")}`;
  }

  /** Everything but db/, down to inode numbers and times; directories that every run touches without their times. */
  state(): string {
    const format = "%y %m %n %i %s %T@ %P\\n";
    const { storagePath } = this.world;
    return run("find", storagePath, "-mindepth", "2", "-not", "-path", "*/db/*", "-printf", format);
  }
}

/** A name that ends a hunk in which enough entries are. */
function cuttingName(directory: Apath): string {
  for (let n = 0;; n++) {
    const path = childOf(directory, rawOf(`~${n}`));
    if (new HunkCutter().cutsAfter(path, SHARED_ENTRIES)) return path.slice(1);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** "a (301 files), z/twin" */
function summary(missing: readonly string[]): string {
  const inA = missing.filter((path) => path.startsWith("a/")).length;
  return [...(inA > 0 ? [`a (${inA} files)`] : []), ...missing.filter((path) => !path.startsWith("a/"))].sort().join(
    ", ",
  );
}

/** What follows from a damage. */
interface Outcome {
  /** Code of the fault with which the storage can't be opened; nothing else is tried then. */
  readonly opens?: string;
  /** What is told when the storage is opened for the first time. */
  readonly notice?: RegExp;
  /** A check that notes what it has read is a writer, and these heal it. */
  readonly healsByItself?: true;
  /** Findings of `check`, and of `check --read-data`. */
  readonly quick: readonly string[];
  readonly thorough: readonly string[];
  /** What restoring the first and the second snapshot comes to. */
  readonly restores: readonly [string, string];
  /** The same two after the next backup of the unchanged source, and what is still found then. */
  readonly afterwards: { readonly restores: readonly [string, string]; readonly thorough: readonly string[] };
  /** The same after a repair instead of the backup, if it is something else. With an untouched copy all is healed. */
  readonly repaired?: { readonly restores: readonly [string, string]; readonly thorough: readonly string[] };
}

const SOUND: Outcome = {
  quick: [],
  thorough: [],
  restores: ["whole", "whole"],
  afterwards: { restores: ["whole", "whole"], thorough: [] },
};
const HEALED = SOUND.afterwards;

const PRECIOUS = ["damage: 1:/z/twin, 1:/z/victim, 2:/z/twin, 2:/z/victim"];
const VICTIM_HIT: Outcome = {
  quick: PRECIOUS,
  thorough: PRECIOUS,
  restores: ["z/twin, z/victim", "z/twin, z/victim"],
  afterwards: HEALED,
};
/** Bytes are wrong, but not their number. */
const VICTIM_HIT_UNSEEN: Outcome = { ...VICTIM_HIT, quick: [] };

const LOST = ["damage: 1:/z/lost"];
const LOST_HIT: Outcome = {
  quick: LOST,
  thorough: LOST,
  restores: ["z/lost", "whole"],
  afterwards: { restores: ["z/lost", "whole"], thorough: LOST },
};
const LOST_HIT_UNSEEN: Outcome = { ...LOST_HIT, quick: [] };
/** The tree of the first snapshot has another name of it. */
const LOST_NAME_HIT: Outcome = { ...LOST_HIT, repaired: HEALED };

const ROOT_HIT: Outcome = {
  quick: ["damage: snapshot 1"],
  thorough: ["damage: snapshot 1"],
  restores: ["damaged-content", "whole"],
  repaired: HEALED,
  afterwards: { restores: ["damaged-content", "whole"], thorough: ["damage: snapshot 1"] },
};

const SHARED_RANGE = ["damage: 1:/ and 259 entries after it, 2:/ and 259 entries after it"];
const SHARED_HUNK_HIT: Outcome = {
  quick: SHARED_RANGE,
  thorough: SHARED_RANGE,
  restores: ["a (17 files)", "a (17 files)"],
  afterwards: HEALED,
  repaired: HEALED,
};
const OLD_RANGE = ["damage: 1:/z/lost and 2 entries after it"];
const OLD_HUNK_HIT: Outcome = {
  quick: OLD_RANGE,
  thorough: OLD_RANGE,
  restores: ["z/lost, z/twin, z/victim", "whole"],
  repaired: HEALED,
  afterwards: { restores: ["z/lost, z/twin, z/victim", "whole"], thorough: OLD_RANGE },
};

const SETTINGS_HIT: Outcome = { ...SOUND, opens: "damaged-settings" };
const CATALOG_HIT: Outcome = { ...SOUND, notice: /^The catalog .*rebuilding it from content/ };

/** All cases: which file, and what its damages mean. */
const MATRIX: Readonly<
  Record<string, { readonly file: (scene: Scene) => string; readonly outcomes: Readonly<Record<Damage, Outcome>> }>
> = {
  "a content that the source still has": {
    file: (scene) => scene.item("precious"),
    outcomes: {
      "deleted": VICTIM_HIT,
      "truncated": VICTIM_HIT,
      "bit flipped": VICTIM_HIT_UNSEEN,
      "zeroed": VICTIM_HIT_UNSEEN,
      "emptied": VICTIM_HIT,
      "mode changed": SOUND,
    },
  },
  "a content that only an old snapshot has": {
    file: (scene) => scene.item("in the first snapshot only"),
    outcomes: {
      "deleted": LOST_NAME_HIT,
      "truncated": LOST_HIT,
      "bit flipped": LOST_HIT_UNSEEN,
      "zeroed": LOST_HIT_UNSEEN,
      "emptied": LOST_HIT,
      "mode changed": SOUND,
    },
  },
  "a root": {
    file: (scene) => scene.world.items().get(scene.first)!,
    outcomes: {
      "deleted": {
        notice: /^The snapshot [0-9a-f]{12} \(2026.*\) is gone from content\/$/,
        quick: ["damage: "],
        thorough: ["damage: "],
        restores: ["no-snapshot", "whole"],
        healsByItself: true,
        afterwards: HEALED,
      },
      "truncated": ROOT_HIT,
      "bit flipped": ROOT_HIT,
      "zeroed": ROOT_HIT,
      "emptied": ROOT_HIT,
      "mode changed": SOUND,
    },
  },
  "a hunk of both snapshots": {
    file: (scene) => scene.hunk(scene.second, 0),
    outcomes: {
      "deleted": SHARED_HUNK_HIT,
      "truncated": SHARED_HUNK_HIT,
      "bit flipped": SHARED_HUNK_HIT,
      "zeroed": SHARED_HUNK_HIT,
      "emptied": SHARED_HUNK_HIT,
      "mode changed": SOUND,
    },
  },
  "a hunk of an old snapshot": {
    file: (scene) => scene.hunk(scene.first, 1),
    outcomes: {
      "deleted": OLD_HUNK_HIT,
      "truncated": OLD_HUNK_HIT,
      "bit flipped": OLD_HUNK_HIT,
      "zeroed": OLD_HUNK_HIT,
      "emptied": OLD_HUNK_HIT,
      "mode changed": SOUND,
    },
  },
  "db/main": {
    file: (scene) => `${scene.world.storagePath}/db/main`,
    outcomes: {
      "deleted": { ...SOUND, notice: /db\/main was missing/ },
      "truncated": SETTINGS_HIT,
      // In the id of the storage: its snapshots count as copied from elsewhere, and lose nothing.
      "bit flipped": { ...SOUND, notice: /belongs to another storage/ },
      "zeroed": SETTINGS_HIT,
      "emptied": SETTINGS_HIT,
      "mode changed": SOUND,
    },
  },
  "the catalog": {
    file: (scene) => `${scene.world.storagePath}/db/catalog.sqlite`,
    outcomes: {
      "deleted": CATALOG_HIT,
      "truncated": CATALOG_HIT,
      // In the middle of it: whether that is noticed depends on what stands there, but nothing may follow from it.
      "bit flipped": SOUND,
      "zeroed": CATALOG_HIT,
      "emptied": CATALOG_HIT,
      "mode changed": SOUND,
    },
  },
  // A file in a tree is the content item under another name.
  "a file in a tree": {
    file: (scene) => `${scene.tree(scene.first)}/z/victim`,
    outcomes: {
      "deleted": SOUND,
      "truncated": VICTIM_HIT,
      "bit flipped": VICTIM_HIT_UNSEEN,
      "zeroed": VICTIM_HIT_UNSEEN,
      "emptied": VICTIM_HIT,
      "mode changed": SOUND,
    },
  },
  "a leftover in tmp/": {
    file: (scene) => {
      const path = `${scene.world.storagePath}/tmp/t1-0`;
      Deno.writeTextFileSync(path, "half of something");
      return path;
    },
    outcomes: {
      "deleted": SOUND,
      "truncated": SOUND,
      "bit flipped": SOUND,
      "zeroed": SOUND,
      "emptied": SOUND,
      "mode changed": SOUND,
    },
  },
  "db/lock": {
    file: (scene) => `${scene.world.storagePath}/db/lock`,
    outcomes: {
      "deleted": SOUND,
      "truncated": SOUND,
      "bit flipped": SOUND,
      "zeroed": SOUND,
      "emptied": SOUND,
      "mode changed": SOUND,
    },
  },
};

/** Opens the storage for the first time after the damage. @returns the code of a fault, and what was told */
async function firstOpening(scene: Scene): Promise<{ fault?: string; notices: string[] }> {
  try {
    const { monitor } = await scene.world.check(false);
    return { notices: monitor.notices };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    ok(error.hint !== "");
    return { fault: error.code, notices: [] };
  }
}

async function examine(scene: Scene, outcome: Outcome): Promise<void> {
  const before = scene.state();
  const { fault, notices } = await firstOpening(scene);
  strictEqual(fault, outcome.opens);
  if (outcome.notice !== undefined) match(notices.join("\n"), new RegExp(outcome.notice.source, "m"));
  if (outcome.opens === undefined) {
    deepStrictEqual([await scene.restored("first"), await scene.restored("second")], outcome.restores);
    deepStrictEqual(await scene.findings(false), outcome.quick);
    deepStrictEqual(await scene.findings(true), outcome.thorough);
  }
  if (outcome.healsByItself) return;
  strictEqual(withoutTemp(scene.state()), withoutTemp(before), "looking changes nothing");
}

/** The writer's lock, which notes what a check found, empties tmp/. */
function withoutTemp(state: string): string {
  return state.split("\n").filter((line) => !line.includes(" tmp/")).sort().join("\n");
}

async function carryOn(scene: Scene, { afterwards }: Outcome): Promise<void> {
  const { snapshot } = await scene.backup();
  deepStrictEqual([...Deno.readDirSync(`${scene.world.storagePath}/tmp`)], []);
  deepStrictEqual(await scene.findings(true), afterwards.thorough);
  deepStrictEqual([await scene.restored("first"), await scene.restored("second")], afterwards.restores);
  const { target, monitor } = await scene.world.restore(snapshot.id);
  deepStrictEqual(monitor.problems, []);
  strictEqual(run("diff", "-r", "--no-dereference", scene.world.source, target), "");
  strictEqual(
    run("diff", "-r", "--no-dereference", scene.world.source, `${scene.world.storagePath}/${snapshot.tree}`),
    "",
  );
}

/** Repairs once with nothing but what the storage and the source have, and once with an untouched copy of the storage. */
async function repairBoth(scene: Scene, outcome: Outcome, damage: () => void): Promise<void> {
  const alone = outcome.repaired ?? outcome.afterwards;
  const { lost } = await scene.repair();
  strictEqual(lost > 0, alone.thorough.length > 0, "what is lost is said");
  deepStrictEqual([await scene.restored("first"), await scene.restored("second")], alone.restores);
  deepStrictEqual(await scene.findings(true), alone.thorough);
  scene.reset();
  damage();
  const { lost: lostWithCopy, healed } = await scene.repair({ withCopy: true });
  deepStrictEqual([lostWithCopy, healed > 0], [0, outcome.thorough.length > 0]);
  deepStrictEqual([await scene.restored("first"), await scene.restored("second")], HEALED.restores);
  deepStrictEqual(await scene.findings(true), []);
  for (const which of ["first", "second"] as const) scene.assertTreeIsWhole(which);
}

let turn = 0;
for (const [subject, { file, outcomes }] of Object.entries(MATRIX)) {
  Deno.test(`damage to ${subject} has the consequences that are written here`, async (t) => {
    using scene = await Scene.make();
    for (const damage of picked(Object.keys(DAMAGES) as Damage[], turn++)) {
      await t.step(damage, async () => {
        scene.reset();
        DAMAGES[damage](file(scene));
        const outcome = outcomes[damage];
        await examine(scene, outcome);
        if (outcome.opens === undefined) await carryOn(scene, outcome);
      });
      if (outcomes[damage].opens !== undefined) continue;
      await t.step(`${damage}, and repaired`, async () => {
        const inflict = () => DAMAGES[damage](file(scene));
        scene.reset();
        inflict();
        await repairBoth(scene, outcomes[damage], inflict);
      });
    }
  });
}

Deno.test("settings that can't be read are taken from a snapshot when they are moved away, as the hint says", async () => {
  using scene = await Scene.make();
  const settings = `${scene.world.storagePath}/db/main`;
  DAMAGES["truncated"](settings);
  const { fault } = await firstOpening(scene);
  strictEqual(fault, "damaged-settings");
  Deno.renameSync(settings, `${scene.world.base}/away`);
  await examine(scene, { ...SOUND, notice: /db\/main was missing/ });
  await carryOn(scene, SOUND);
  ok(exists(settings));
});

Deno.test("any one bit flipped in db/main is either refused or means nothing", async () => {
  using scene = await Scene.make();
  const path = `${scene.world.storagePath}/db/main`;
  const sound = Deno.readFileSync(path);
  Deno.chmodSync(path, 0o600);
  const ids = (open: () => ReturnType<World["open"]>) => {
    using storage = open();
    return storage.snapshots().map(({ id }) => id);
  };
  let refused = 0;
  for (let bit = 0; bit < sound.length * 8; bit++) {
    const bytes = sound.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    Deno.writeFileSync(path, bytes);
    try {
      deepStrictEqual(ids(() => scene.world.open()), [scene.first, scene.second], new TextDecoder().decode(bytes));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      refused++;
    }
  }
  ok(refused > sound.length * 4, `${refused} of ${sound.length * 8}`);
  Deno.writeFileSync(path, sound);
  strictEqual(await scene.restored("second"), "whole");
});

Deno.test("one bit flipped anywhere in the catalog changes nothing that a restore, a check or a backup does", async () => {
  using scene = await Scene.make();
  const path = `${scene.world.storagePath}/db/catalog.sqlite`;
  const { size } = Deno.statSync(path);
  const step = Math.ceil(size / rounds(25, 400)) - 3;
  for (let at = 0; at < size; at += step) {
    scene.reset();
    rewrite(path, (bytes) => {
      bytes[at]! ^= 1 << (at & 7);
      return bytes;
    });
    const storage = scene.world.open();
    deepStrictEqual(storage.snapshots().map(({ id }) => id), [scene.first, scene.second], `byte ${at}`);
    storage[Symbol.dispose]();
    deepStrictEqual([await scene.restored("first"), await scene.restored("second")], SOUND.restores, `byte ${at}`);
    strictEqual((await scene.world.backup()).monitor.problems.length, 0);
  }
});

Deno.test("a backup without a tree stores a missing content again too", async () => {
  using scene = await Scene.make();
  Deno.removeSync(scene.item("precious"));
  const { monitor } = await scene.world.backup({ tree: false });
  strictEqual(monitor.of("readFiles"), 2);
  strictEqual(monitor.of("storedItems"), 1);
  strictEqual(await scene.restored("second"), "whole");
});

Deno.test("a storage whose tmp/ or empty directories are gone still restores, and is made whole by the next backup", async () => {
  using scene = await Scene.make();
  run("find", scene.world.storagePath, "-type", "d", "-empty", "-delete");
  ok(!exists(`${scene.world.storagePath}/tmp`));
  deepStrictEqual([await scene.restored("first"), await scene.restored("second")], SOUND.restores);
  await carryOn(scene, SOUND);
});

Deno.test("a storage whose trees are gone, or are full of rubbish, loses nothing", async () => {
  using scene = await Scene.make();
  const tree = scene.tree(scene.first);
  run("rm", "-rf", tree);
  Deno.mkdirSync(`${tree}/rubbish`, { recursive: true });
  Deno.writeTextFileSync(`${tree}/z`, "rubbish");
  await examine(scene, SOUND);
  run("rm", "-rf", `${scene.world.storagePath}/2026`, `${scene.world.storagePath}/latest`);
  await carryOn(scene, SOUND);
});
