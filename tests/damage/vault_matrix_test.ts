/**
 * Every kind of damage to every kind of object of a vault, with what follows from it: how it opens, what a check says,
 * what still restores. Never is a wrong byte restored, and a damaged unit costs no more than what is in it.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type ObjectKey, objectKey } from "../../src/backend/backend.ts";
import { hash } from "node:crypto";
import { Fault } from "../../src/core/fault.ts";
import { textOf } from "../../src/core/raw.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { RootId } from "../../src/core/content_id.ts";
import { encodeIndex } from "../../src/vault/index/index_object.ts";
import { encodeLease } from "../../src/vault/index/lease_object.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { picked } from "../support/effort.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const UNIT_BYTES = 400_000;
type Objects = Map<ObjectKey, Uint8Array<ArrayBuffer>>;

/** Changes one object; `other` is another of the same kind, `foreign` one of another vault. */
type Damage = (
  objects: Objects,
  key: ObjectKey,
  others: { other: ObjectKey | undefined; foreign: Uint8Array<ArrayBuffer> },
) => void;

const DAMAGES: Readonly<Record<string, Damage>> = {
  "deleted": (objects, key) => void objects.delete(key),
  "truncated": (objects, key) => void objects.set(key, objects.get(key)!.slice(0, objects.get(key)!.length >> 1)),
  "bit flipped": (objects, key) => {
    const bytes = objects.get(key)!.slice();
    bytes[bytes.length >> 1]! ^= 1;
    objects.set(key, bytes);
  },
  "zeroed": (objects, key) => void objects.set(key, new Uint8Array(objects.get(key)!.length)),
  "swapped": (objects, key, { other }) => {
    if (other === undefined) return;
    const [a, b] = [objects.get(key)!, objects.get(other)!];
    objects.set(key, b).set(other, a);
  },
  "twice": (objects, key) => {
    const name = hash("sha256", key);
    if (key.includes("/")) objects.set(`${key.split("/")[0]}/${name}` as ObjectKey, objects.get(key)!);
  },
  "foreign": (objects, key, { foreign }) => {
    objects.delete(key);
    objects.set(key.includes("/") ? `${key.split("/")[0]}/${hash("sha256", foreign)}` as ObjectKey : key, foreign);
  },
};

const TARGETS = ["config", "key", "contents", "hunks", "index", "ledger", "snapshot", "lock"] as const;
type Target = typeof TARGETS[number];

class Scene implements Disposable {
  readonly world = new World({ inMemory: true });
  readonly copies: Map<RootId, string> = new Map();
  place!: VaultPlace;
  #pristine: Objects = new Map();
  #foreign: Objects = new Map();
  readonly #targets = new Map<Target, { readonly key: ObjectKey; readonly other: ObjectKey | undefined }>();

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  static async make(kind: typeof KINDS[number]): Promise<Scene> {
    const scene = new Scene(), { world } = scene;
    scene.place = await VaultPlace.make(world, kind);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 16; i++) world.write(`${round}/${i}`, noise(40_000, round * 100 + i));
      world.write(`${round}/large`, noise(120_000, 1000 + round));
      const { snapshot } = await world.backup(), copied = `${world.base}/copy-${round}`;
      run("cp", "-a", world.source, copied);
      scene.copies.set(snapshot.id, copied);
      await scene.#copyInto(scene.place);
    }
    const other = await VaultPlace.make(world, kind, "other");
    await scene.#copyInto(other);
    await scene.#addMore(scene.place);
    await scene.#addMore(other);
    scene.#pristine = new Map(scene.place.objects.map);
    scene.#foreign = new Map(other.objects.map);
    await scene.#choose();
    return scene;
  }

  async #copyInto(place: VaultPlace): Promise<void> {
    using storage = this.world.open();
    await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
    await copy(storage, vault, { workers: 0, signal, clock: this.world.clock }, new TestMonitor());
  }

  /** A ledger, and what a pruner leaves. */
  async #addMore(place: VaultPlace): Promise<void> {
    await using vault = await place.open();
    const { objects, id } = vault, written = "2026-11-20T22:05:11Z", unit = hash("sha256", "gone long ago");
    const marks = [{ unit, mark: "gone", since: written }] as const;
    const ledger = { kind: "ledger", vault: id, host: "nas", written, supersedes: [], marks } as const;
    await objects.put("index", encodeIndex(ledger, objects.auth));
    const note = { host: "nas", since: written, renewed: written };
    await objects.put("locks", encodeLease(note, { vault: id, salt: "salt", auth: objects.auth }));
  }

  async #choose(): Promise<void> {
    await using vault = await this.place.open();
    const { index } = vault, keys = [...this.#pristine.keys()], [first, second] = this.copies.keys();
    const ofKind = (kind: string, except = "") => keys.find((key) => key.startsWith(kind) && key !== except);
    const choose = (target: Target, kind: "data" | "index", name: string, other: string) => {
      this.#targets.set(target, { key: objectKey(kind, name), other: objectKey(kind, other) });
    };
    for (
      const [target, kind] of [["config", "config"], ["key", "keys/"], ["snapshot", "snapshots/"], [
        "lock",
        "locks/",
      ]] as const
    ) {
      const key = ofKind(kind);
      if (key !== undefined) this.#targets.set(target, { key, other: ofKind(kind, key) });
    }
    const hunkUnits = [], contentUnits = [];
    for (const id of [first!, second!]) {
      const manifest = await vault.manifest(id),
        entry = [...manifest.entries()].findLast(({ size }) => size === 40_000);
      contentUnits.push(index.homesOf(entry!.content!, "data")[0]!.unit.unit);
      hunkUnits.push(index.homesOf(manifest.root.hunks[0]!.id, "meta")[0]!.unit.unit);
    }
    const [unit = "", otherUnit = ""] = contentUnits, [hunk = "", otherHunk = ""] = hunkUnits;
    choose("contents", "data", unit, otherUnit);
    choose("hunks", "data", hunk, otherHunk);
    const objects = [...index.objects()],
      objectOf = (unit: string) => objects.find(({ name }) => index.unitsIn(name).includes(unit))!.name;
    choose("index", "index", objectOf(hunk), objectOf(otherHunk));
    choose("ledger", "index", objects.find(({ kind }) => kind === "ledger")!.name, objectOf(hunk));
  }

  /** The unit that is damaged, if one is. */
  unitOf(target: Target): string | undefined {
    const key = this.#targets.get(target)?.key;
    return key?.startsWith("data/") === true ? key.slice("data/".length) : undefined;
  }

  get targets(): readonly Target[] {
    return [...this.#targets.keys()];
  }

  apply(target: Target, damage: string): void {
    const { map } = this.place.objects, { key, other } = this.#targets.get(target)!, kind = key.split("/")[0]!;
    this.#reset();
    const [, foreign] = [...this.#foreign].find(([other]) => other.split("/")[0] === kind)!;
    DAMAGES[damage]!(map, key, { other, foreign });
  }

  #reset(): void {
    const { map } = this.place.objects;
    map.clear();
    for (const [key, bytes] of this.#pristine) map.set(key, bytes);
  }

  /** Paths of a snapshot that need something of that unit. */
  async pathsIn(unit: string, snapshot: RootId): Promise<Set<string>> {
    this.#reset();
    await using vault = await this.place.open();
    const paths = new Set<string>(), manifest = await vault.manifest(snapshot), { hunks } = manifest.root;
    for (const [i, { id }] of hunks.entries()) {
      const isIn = vault.index.homesOf(id, "meta").some((home) => home.unit.unit === unit);
      for (const { path, content } of manifest.hunkEntries(i)) {
        const homes = content === undefined ? [] : await vault.contents.reliableHomes(content) ?? [];
        if (isIn || homes.some((home) => home.unit.unit === unit)) paths.add(textOf(path).slice(1));
      }
    }
    return paths;
  }

  /** Of each snapshot, the missing files; a fault that stops the restore. Checks every byte that comes back. */
  async restored(vault: Vault): Promise<Map<RootId, readonly string[] | string>> {
    const results = new Map<RootId, readonly string[] | string>();
    for (const snapshot of await vault.snapshots()) {
      const target = Deno.makeTempDirSync({ dir: this.world.base }), monitor = new TestMonitor();
      try {
        await restore(vault, this.world.restoreRequest(snapshot, target), monitor);
        const missing = this.#missing(this.copies.get(snapshot.id)!, target);
        strictEqual(monitor.problems.length > 0, missing.length > 0, "what is missing is said, and nothing else");
        results.set(snapshot.id, missing);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        results.set(snapshot.id, error.code);
      }
      Deno.removeSync(target, { recursive: true });
    }
    return results;
  }

  #missing(original: string, target: string): string[] {
    const missing: string[] = [];
    for (const path of run("find", original, "-type", "f", "-printf", "%P\n").trim().split("\n")) {
      const found = readIfThere(`${target}/${path}`);
      if (found === undefined) missing.push(path);
      else deepStrictEqual(found, Deno.readFileSync(`${original}/${path}`), path);
    }
    return missing;
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

interface Outcome {
  /** "ok", or the code of the fault. */
  readonly opens: string;
  /** Severities and kinds of objects. */
  readonly found: readonly string[];
  readonly findings: readonly Finding[];
  /** Snapshots that are there, and what is missing in each. */
  readonly restored: ReadonlyMap<RootId, readonly string[] | string>;
}

async function outcomeOf(scene: Scene): Promise<Outcome> {
  const monitor = new TestMonitor(), findings: Finding[] = [];
  try {
    await using vault = await scene.place.open(monitor);
    const request = { readData: true, onlyLooks: true, workers: 0, signal };
    await check(vault, request, (finding) => findings.push(finding), monitor);
    const found = [...new Set(findings.map(({ severity, where }) => `${severity} ${kindOf(where)}`))].sort();
    return { opens: "ok", found, findings, restored: await scene.restored(vault) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { opens: error.code, found: [], findings, restored: new Map() };
  }
}

function kindOf(where: string): string {
  if (where.includes("/") || where === "data") return where.split("/")[0]!;
  return where.length === 64 ? "content" : where.slice(64) === "f1" ? "hunk" : "root";
}

/** What becomes of the files: of all snapshots, or of a part of one. */
function lossOf(scene: Scene, { restored }: Outcome): string {
  if (restored.size < scene.copies.size) return restored.size === 0 ? "all snapshots" : "a snapshot";
  const files = [...scene.copies.values()].map((path) => run("find", path, "-type", "f").trim().split("\n").length);
  const missing = [...scene.copies.keys()].map((id) => restored.get(id)?.length ?? 0);
  if (missing.every((count) => count === 0)) return "nothing";
  return missing.every((count, i) => count === files[i]) ? "everything" : "some files";
}

type Expected = Readonly<Partial<Record<Target, Readonly<Record<string, string>>>>>;

const NO_TRACE = "ok; -; nothing";
const IN_UNIT = "ok; damage content, note data; some files";
const IN_MANIFEST = "ok; damage content, damage hunk, note data; some files";
const IN_FRAME = "ok; damage hunk, note data; some files";
const IN_INDEX = "ok; damage content, damage hunk, note data, note index; some files";
const OF_LOCK = "ok; note locks; nothing", OF_LEDGER = "ok; note index; nothing";
const OF_SNAPSHOT = "ok; damage snapshots; a snapshot";

/** How it opens; what a check finds; what is lost. Nobody vouches for `config`: whoever knows the vault has to notice. */
const EXPECTED: Expected = {
  config: {
    "deleted": "no-vault; -; all snapshots",
    "truncated": "damaged-object; -; all snapshots",
    "zeroed": "damaged-object; -; all snapshots",
    "foreign": "wrong-passphrase; -; all snapshots",
  },
  key: {
    "deleted": "wrong-passphrase; -; all snapshots",
    "truncated": "damaged-key; -; all snapshots",
    "bit flipped": "damaged-key; -; all snapshots",
    "zeroed": "damaged-key; -; all snapshots",
    "twice": "ok; damage keys; nothing",
    "foreign": "wrong-passphrase; -; all snapshots",
  },
  contents: {
    "deleted": IN_UNIT,
    "truncated": IN_UNIT,
    "bit flipped": IN_UNIT,
    "zeroed": IN_UNIT,
    "swapped": IN_UNIT,
    "twice": "ok; note data; nothing",
    "foreign": IN_UNIT,
  },
  hunks: {
    "deleted": IN_MANIFEST,
    "truncated": IN_MANIFEST,
    "bit flipped": IN_MANIFEST,
    "zeroed": IN_MANIFEST,
    "swapped": "ok; damage hunk, note content, note data; everything",
    "twice": "ok; note data; nothing",
    "foreign": IN_MANIFEST,
  },
  index: {
    "deleted": IN_MANIFEST,
    "truncated": IN_INDEX,
    "bit flipped": IN_INDEX,
    "zeroed": IN_INDEX,
    "swapped": "ok; damage hunk, note data, note index; everything",
    "twice": "ok; note index; nothing",
    "foreign": IN_INDEX,
  },
  ledger: {
    "deleted": NO_TRACE,
    "truncated": OF_LEDGER,
    "bit flipped": OF_LEDGER,
    "zeroed": OF_LEDGER,
    "swapped": IN_INDEX,
    "twice": OF_LEDGER,
    "foreign": OF_LEDGER,
  },
  snapshot: {
    "deleted": "ok; -; a snapshot",
    "truncated": OF_SNAPSHOT,
    "bit flipped": OF_SNAPSHOT,
    "zeroed": OF_SNAPSHOT,
    "swapped": "ok; damage snapshots; all snapshots",
    "twice": "ok; damage snapshots; nothing",
    "foreign": OF_SNAPSHOT,
  },
  lock: {
    "deleted": NO_TRACE,
    "truncated": OF_LOCK,
    "bit flipped": OF_LOCK,
    "zeroed": OF_LOCK,
    "twice": OF_LOCK,
    "foreign": OF_LOCK,
  },
};

/** Where nothing is sealed or signed, what belongs to another vault is told by what it says. */
const EXPECTED_PLAIN: Expected = {
  ...EXPECTED,
  config: { ...EXPECTED.config, "foreign": "ok; damage hunk, note data, note index, note locks; everything" },
  // Lists are in another frame than hunks, and what isn't sealed is read up to where it ends.
  hunks: { ...EXPECTED.hunks, "truncated": IN_FRAME, "bit flipped": IN_FRAME },
  // It is the same snapshot, and nothing says where it came from.
  snapshot: { ...EXPECTED.snapshot, "foreign": NO_TRACE },
};

let turn = 0;
for (const [kind, expected] of [[KINDS[0], EXPECTED], [KINDS[1], EXPECTED_PLAIN]] as const) {
  Deno.test(`damage to the objects of ${kind.encrypted ? "an encrypted vault" : "a vault in plain text"}`, async (t) => {
    using scene = await Scene.make(kind);
    for (const target of scene.targets) {
      await t.step(target, async () => {
        const outcomes: Record<string, string> = {};
        const cases = picked(Object.entries(expected[target] ?? {}), turn++);
        for (const [damage] of cases) {
          scene.apply(target, damage);
          const outcome = await outcomeOf(scene);
          outcomes[damage] = `${outcome.opens}; ${outcome.found.join(", ") || "-"}; ${lossOf(scene, outcome)}`;
          const unit = scene.unitOf(target);
          if (unit !== undefined && damage !== "swapped") await assertOnlyOf(scene, unit, outcome);
        }
        deepStrictEqual(outcomes, Object.fromEntries(cases));
      });
    }
  });
}

/** Nothing is missing but what is in the unit. */
async function assertOnlyOf(scene: Scene, unit: string, { restored }: Outcome): Promise<void> {
  for (const [id, missing] of restored) {
    const inUnit = await scene.pathsIn(unit, id);
    ok(typeof missing !== "string", `${missing}`);
    for (const path of missing) ok(inUnit.has(path), path);
  }
}
