/**
 * Histories of a vault: writers, forgets and prunes, on many machines at once, that crash, sleep and lose what they have
 * deleted or stored. The program's own code does all of it; the place and the order of its requests are made here.
 */
import { hash } from "node:crypto";
import { objectKey, partsOf } from "../../src/backend/backend.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";
import { parseApath } from "../../src/core/apath.ts";
import type { Clock } from "../../src/core/clock.ts";
import {
  type ContentId,
  type HunkId,
  hunkIdOf,
  knownContentId,
  type RootId,
  rootIdOf,
} from "../../src/core/content_id.ts";
import type { Entry } from "../../src/core/entry.ts";
import { Fault } from "../../src/core/fault.ts";
import type { Machine } from "../../src/platform/machine.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { repairVault } from "../../src/operations/repair/repair_vault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { encodeEntry } from "../../src/snapshot/entry_line.ts";
import { encodeHunk } from "../../src/snapshot/hunk.ts";
import { encodeRoot } from "../../src/snapshot/root.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotSource } from "../../src/snapshot/snapshot_sink.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { LIST_SUFFIX } from "../../src/vault/pack/items.ts";
import { parseList } from "../../src/vault/pack/parts_list.ts";
import { Pruner } from "../../src/vault/prune/pruner.ts";
import { ALL_RULES, type PruneRules } from "../../src/vault/prune/rules.ts";
import { openUnit, readTail } from "../../src/vault/store/stored_units.ts";
import { readItem } from "../../src/vault/pack/unit_reader.ts";
import type { VaultAccess } from "../../src/vault/store/sealed_objects.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { uploadsFor } from "../../src/vault/write/unit_uploads.ts";
import { Actor, Dice, steppedPlace, type Steps } from "./stepped_place.ts";
import { noise } from "./units.ts";
import { TestMonitor } from "./world.ts";

/** Of the place: each request takes as long. */
export const STEP_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 20);
const signal = new AbortController().signal;
const CHUNKER = { min: 64, average: 256, max: 1024, wholeUpTo: 1024 };
const UNIT_BYTES = 1 << 20, SMALL_UNIT_BYTES = 1 << 10;

/** What writers may store: the last two are large, and begin alike. */
export const CONTENTS: readonly Uint8Array<ArrayBuffer>[] = [
  ...Array.from({ length: 10 }, (_, i) => noise(40 + i * 17, i + 1, 16)),
  ...[21, 22].map((seed) => new Uint8Array([...noise(2500, 20), ...noise(700, seed)])),
];
const ENTRIES = CONTENTS.map((bytes, i): Entry & { readonly content: ContentId } => ({
  path: parseApath(`/file-${String(i).padStart(2, "0")}`),
  kind: "file",
  size: bytes.length,
  mtime: "1700000000000000000",
  mode: 0o644,
  uid: 0,
  gid: 0,
  content: knownContentId(hash("sha256", bytes)),
}));

/** Rules of writers, which only tests can switch off: by not showing them what came since. */
export interface WriterRules {
  /** Before the root is written, the writer looks whether what it relies on stays. */
  readonly w3: boolean;
  /** And again afterwards. */
  readonly w5: boolean;
}

export type Rules = PruneRules & WriterRules;
export const EVERY_RULE: Rules = { ...ALL_RULES, w3: true, w5: true };

/** All that a snapshot needs. */
export interface Needs {
  readonly hunks: readonly HunkId[];
  readonly contents: readonly ContentId[];
}

/** A snapshot that somebody is going to copy. */
interface Planned extends Needs {
  readonly id: RootId;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pieces: readonly PlannedHunk[];
}

interface PlannedHunk {
  readonly hunk: HunkWithBytes;
  readonly files: readonly ReceivedFile[];
}

/** Files of a snapshot with two hunks, and a checkpoint after the first. */
const FEWEST_OF_TWO = 4;

/** @param number makes it one of its own @param contents indices in {@link CONTENTS}, ascending */
function plannedSnapshot(number: number, contents: readonly number[]): Planned {
  const half = contents.length < FEWEST_OF_TWO ? contents.length : contents.length >> 1;
  const pieces = [contents.slice(0, half), contents.slice(half)].filter((piece) => piece.length > 0).map(plannedHunk);
  const start = new Date(START_MS + number * 1000).toISOString();
  const text = encodeRoot({
    version: 1,
    storage: { id: "8fe2467d-f123-4159-837f-236fab4da903", algorithm: "sha256", hexSplit: [2] },
    sequence: number,
    previous: null,
    start,
    end: start,
    timeZone: "UTC",
    offsetMinutes: 0,
    tree: null,
    private: false,
    host: "host",
    user: "me",
    name: `series ${number}`,
    sources: [],
    excludes: [],
    tags: [],
    complete: true,
    totals: { entries: contents.length, files: contents.length, dirs: 0, bytes: 0, problems: 0 },
    tool: "test",
    hunks: pieces.map(({ hunk }) => hunk.ref),
  });
  const bytes = new TextEncoder().encode(text);
  const needs = { hunks: pieces.map(({ hunk }) => hunk.ref.id), contents: contents.map((i) => ENTRIES[i]!.content) };
  return { id: rootIdOf(hash("sha256", bytes)), bytes, pieces, ...needs };
}

function plannedHunk(contents: readonly number[]): PlannedHunk {
  const entries = contents.map((i) => ENTRIES[i]!), bytes = encodeHunk(entries.map(encodeEntry));
  const ref = { first: entries[0]!.path, count: entries.length, id: hunkIdOf(hash("sha256", bytes)) };
  HUNKS.set(ref.id, bytes);
  const files = contents.map((i) => ({ content: ENTRIES[i]!.content, entry: ENTRIES[i]!, open: () => [CONTENTS[i]!] }));
  return { hunk: { ref, bytes }, files };
}

export interface WorldOptions {
  readonly seed: number;
  readonly rules: Rules;
  readonly graceMs: number;
  readonly keepUnusedMs: number;
  /** Requests for which a list doesn't show what was stored. */
  readonly listsLate?: number;
  /** Lines of one ledger. */
  readonly ledgerLines?: number;
  /** Units of writers are small, and listed as soon as possible: not just in a checkpoint. */
  readonly smallUnits?: boolean;
  /** Share of deletions that are answered, but don't happen. */
  readonly deleteFails: number;
}

const BACKUP: Omit<BackupRequest, "sources" | "name"> = {
  tags: [],
  excludes: [],
  ignoreFiles: false,
  oneFileSystem: false,
  excludeCaches: false,
  largestBytes: undefined,
  // After each file that was read.
  checkpointBytes: 1,
  tree: false,
  workers: 0,
  host: "host",
  user: "me",
  signal,
};

export class PruneWorld implements Disposable {
  readonly objects = new MemoryObjects();
  readonly dice: Dice;
  readonly options: WorldOptions;
  readonly actors: Actor[] = [];
  /** Snapshots that were said to be saved, with what is in them. */
  readonly saved = new Map<RootId, Needs>();
  readonly forgotten = new Set<RootId>();
  /** How runs ended that didn't come to their end: code of the fault, and how often. */
  readonly ends = new Map<string, number>();
  /** Faults that are none of the foreseen ones. */
  readonly bugs: unknown[] = [];
  /** Requests of the next prune that fail, by their number. */
  readonly failures = new Map<number, "before" | "after">();
  pruned = 0;
  time = 0;
  #access: VaultAccess | undefined;
  #snapshots = 0;
  readonly #putAt = new Map<string, number>();
  readonly #planned = new Map<RootId, Needs>();
  readonly #sources = new Map<string, string>();
  readonly #clock: Clock;

  private constructor(options: WorldOptions) {
    this.options = options;
    this.dice = new Dice(options.seed);
    this.#clock = {
      nowMs: () => START_MS,
      offsetMinutes: () => 0,
      zone: "UTC",
      sleep: () => Promise.resolve(),
      sleepSync: () => {},
      every: () => ({ [Symbol.dispose]: () => {} }),
    };
  }

  static async make(options: WorldOptions): Promise<PruneWorld> {
    const world = new PruneWorld(options), backend = openMemory(world.objects, world.nowMs);
    await initVault(backend, world.machine, { chunker: CHUNKER });
    world.#access = await unlockVault(backend, { kind: "unencrypted" });
    return world;
  }

  /** Another world that is the same now. Nobody may be at work. */
  fork(): PruneWorld {
    const world = new PruneWorld(this.options);
    for (const [key, bytes] of this.objects.map) world.objects.map.set(key, bytes);
    for (const [id, planned] of this.saved) world.saved.set(id, planned);
    for (const [id, planned] of this.#planned) world.#planned.set(id, planned);
    for (const id of this.forgotten) world.forgotten.add(id);
    world.#access = this.#access;
    world.#snapshots = this.#snapshots;
    world.time = this.time;
    return world;
  }

  readonly nowMs = (): number => START_MS + this.time * STEP_MS;

  get machine(): Machine {
    return { disk: DISK, clock: this.#clock, random: this.dice.random, workerScript: undefined };
  }

  get access(): VaultAccess {
    return this.#access!;
  }

  /** A vault as one actor sees it, who has read nothing of it before. */
  async #open(actor: Actor | undefined, steps: Steps = {}): Promise<Vault> {
    const backend = actor === undefined
      ? openMemory(this.objects, this.nowMs)
      : steppedPlace(this.objects, actor, this.nowMs, { ...steps, ...this.#late(steps) });
    const options = { machine: this.machine, monitor: new TestMonitor(), host: actor?.name ?? "test" };
    const pace = this.options.smallUnits ? { unitBytes: SMALL_UNIT_BYTES, mostUnlisted: 1 } : { unitBytes: UNIT_BYTES };
    return await openVault(backend, this.access, { ...options, ...pace });
  }

  /** What was stored a moment ago is in no list. */
  #late({ allow = () => true, listed = (_kind, names) => names }: Steps): Steps {
    const { listsLate = 0 } = this.options;
    if (listsLate === 0) return { allow, listed };
    return {
      allow: (request) => {
        if (request.verb === "put") this.#putAt.set(request.target, this.time);
        return allow(request);
      },
      listed: (kind, names) => {
        const isOld = (name: string) => this.time - (this.#putAt.get(`${kind}/${name}`) ?? -Infinity) > listsLate;
        return listed(kind, new Map([...names].filter(([name]) => isOld(name))));
      },
    };
  }

  /** Begins what somebody does; it goes on when they are given turns. */
  async #start(kind: string, work: (actor: Actor) => Promise<void>): Promise<Actor> {
    const actor = new Actor(kind, `${kind}-${this.actors.length}`);
    this.actors.push(actor);
    const done = () => {
      actor.isDone = true;
    };
    work(actor).then(done, (error: unknown) => {
      if (error instanceof Fault) actor.end = error.code;
      done();
      if (error instanceof Fault) this.ends.set(error.code, (this.ends.get(error.code) ?? 0) + 1);
      else this.bugs.push(error);
    });
    await actor.settle();
    return actor;
  }

  /** @param contents indices in {@link CONTENTS} */
  write(contents: readonly number[]): Promise<Actor> {
    const planned = plannedSnapshot(++this.#snapshots, contents.toSorted((a, b) => a - b));
    this.#planned.set(planned.id, planned);
    return this.#start("writer", async (actor) => {
      await using vault = await this.#open(actor, new WriterSight(this.options.rules));
      await using writer = vault.write();
      for (let attempt = 0;; attempt++) {
        try {
          await using receiver = await writer.receive(planned.bytes, SOURCE);
          let handed: HunkWithBytes[] = [];
          for (const { hunk, files } of planned.pieces) {
            if (receiver.hasHunk(hunk.ref.id)) continue;
            if (handed.length > 0) await receiver.checkpoint(handed);
            await receiver.add(files);
            handed = [hunk];
          }
          await receiver.commit(handed);
          this.saved.set(planned.id, planned);
          return;
        } catch (error) {
          if (!(error instanceof Fault && error.code === "vault-changed") || attempt >= MOST_ATTEMPTS) throw error;
        }
      }
    });
  }

  /**
   * Backs up a directory that has these files now, straight into the vault. One at a time of each series.
   * @param contents indices in {@link CONTENTS}
   */
  backUp(series: string, contents: readonly number[]): Promise<Actor> {
    const source = this.#source(series), wanted = new Set(contents.map((i) => ENTRIES[i]!.path.slice(1)));
    const present = new Set(Array.from(Deno.readDirSync(source), ({ name }) => name));
    for (const name of present.difference(wanted)) Deno.removeSync(`${source}/${name}`, { recursive: true });
    for (const i of contents) {
      const name = ENTRIES[i]!.path.slice(1);
      if (present.has(name)) continue;
      // In a directory of its own each: some are compared while others are stored, and others yet in a checkpoint.
      Deno.mkdirSync(`${source}/${name}`);
      Deno.writeFileSync(`${source}/${name}/file`, CONTENTS[i]!);
    }
    return this.#start("backup", async (actor) => {
      await using vault = await this.#open(actor, new WriterSight(this.options.rules));
      const { id } = await backup(vault, { ...BACKUP, sources: [rawOf(source)], name: series }, new TestMonitor());
      const root = await vault.roots.find(id);
      const needs = { hunks: root!.root.hunks.map(({ id }) => id), contents: contents.map((i) => ENTRIES[i]!.content) };
      this.saved.set(id, needs);
      this.#planned.set(id, needs);
    });
  }

  #source(series: string): string {
    const found = this.#sources.get(series);
    if (found !== undefined) return found;
    const made = Deno.makeTempDirSync({ prefix: "backup-tool-test-" });
    this.#sources.set(series, made);
    return made;
  }

  /** Files of a series that are backed up are removed. */
  loseSource(series: string): void {
    for (const { name } of Deno.readDirSync(this.#source(series))) {
      Deno.removeSync(`${this.#source(series)}/${name}`, { recursive: true });
    }
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources.values()) Deno.removeSync(source, { recursive: true });
  }

  /** Forgets one of the snapshots that are there. */
  forget(choose = (ids: readonly RootId[]): RootId => this.dice.pick(ids)): Promise<Actor> {
    return this.#start("forgetter", async (actor) => {
      await using vault = await this.#open(actor);
      const ids = (await vault.rootIds()).toSorted();
      if (ids.length === 0) return;
      const id = choose(ids);
      this.forgotten.add(id);
      await using writer = vault.write();
      await writer.forget([id]);
    });
  }

  prune(more: { readonly graceMs?: number; readonly maxUnused?: number } = {}): Promise<Actor> {
    const { graceMs, keepUnusedMs, rules, deleteFails, ledgerLines } = this.options;
    const allow: Steps["allow"] = ({ verb, target }) =>
      verb !== "remove" || target.startsWith("locks/") || this.dice.share() >= deleteFails;
    const failures = new Map(this.failures);
    this.failures.clear();
    return this.#start("pruner", async (actor) => {
      await using vault = await this.#open(actor, { allow, failure: () => failures.get(actor.steps) });
      const { objects, index, contents, roots } = vault, monitor = new TestMonitor();
      const pace = { graceMs, keepUnusedMs, maxUnused: 0, unsafe: true, ...more };
      await using pruner = new Pruner({ objects, index, contents, roots, host: actor.name }, {
        request: { workers: 0, signal, pace },
        monitor,
        machine: this.machine,
        unitBytes: UNIT_BYTES,
        mostUploads: uploadsFor(UNIT_BYTES),
        rules,
        ...(ledgerLines !== undefined && { ledgerLines }),
      });
      await pruner.plan();
      await pruner.execute(monitor, signal);
      this.pruned++;
    });
  }

  /** Heals the vault from itself: there is no other copy. */
  repair(): Promise<Actor> {
    const readData = this.dice.below(2) === 0;
    return this.#start("repairer", async (actor) => {
      await using vault = await this.#open(actor);
      const request = { readData, from: [], dryRun: false, host: actor.name, workers: 0, signal };
      await repairVault(vault, request, () => {}, new TestMonitor());
    });
  }

  /** One request of an actor happens. */
  async step(actor: Actor): Promise<void> {
    this.time++;
    await actor.step();
  }

  /** Until it ends. */
  async finish(actor: Actor): Promise<void> {
    while (!actor.isDone) await this.step(actor);
  }

  /** Until its next request fits. */
  async runTo(actor: Actor, verb: string, target: string): Promise<void> {
    while (!actor.isDone && !(actor.next?.verb === verb && actor.next.target.startsWith(target))) {
      await this.step(actor);
    }
  }

  /** Names of the ledgers that are listed. */
  async ledgers(): Promise<string[]> {
    await using vault = await this.#open(undefined);
    return Array.from(vault.index.objects()).filter(({ kind }) => kind === "ledger").map(({ name }) => name);
  }

  /** Units that are there: of which class each is, and whether an index lists it. */
  async units(): Promise<{ readonly name: string; readonly unitClass: string | undefined }[]> {
    await using vault = await this.#open(undefined);
    const names = [...this.objects.map.keys()].map((key) => partsOf(key)).filter((parts) => parts?.kind === "data");
    return names.map((parts) => ({ name: parts!.name, unitClass: vault.index.unit(parts!.name)?.unitClass }));
  }

  /** What a prune would find that nothing needs. */
  async unneeded(): Promise<{ contents: number; hunks: number; bytes: number }> {
    await using vault = await this.#open(undefined);
    const pace = { graceMs: 0, unsafe: true };
    const { contents, hunks, bytes } = await vault.previewRemoval({ workers: 0, signal, pace }, new TestMonitor());
    return { contents, hunks, bytes };
  }

  /** Snapshots that are there, whether anybody said that they are saved or not, and can't be read as a whole. */
  async unreadable(): Promise<RootId[]> {
    await using vault = await this.#open(undefined);
    const unreadable: RootId[] = [];
    for (const id of await vault.rootIds()) {
      const planned = this.#planned.get(id);
      if (planned !== undefined && !await this.#isReadable(vault, planned)) unreadable.push(id);
    }
    return unreadable;
  }

  /** What the index says of units of contents is lost. */
  async loseIndexOfContents(): Promise<void> {
    await using vault = await this.#open(undefined);
    for (const { name } of [...vault.index.objects()]) {
      const isOfContents = vault.index.unitsIn(name).some((unit) => vault.index.unit(unit)?.unitClass === "data");
      if (isOfContents) this.objects.map.delete(objectKey("index", name));
    }
  }

  /** An object of the index is lost, whichever the dice say. */
  loseIndexObject(): void {
    const names = [...this.objects.map.keys()].filter((key) => partsOf(key)?.kind === "index");
    if (names.length > 0) this.objects.map.delete(this.dice.pick(names));
  }

  /**
   * Snapshots that were said to be saved, weren't forgotten, and have lost something.
   * @param criterion "lines": what nobody can read; "bytes": what isn't in any unit that is there
   */
  async broken(criterion: "lines" | "bytes"): Promise<RootId[]> {
    await using vault = await this.#open(undefined);
    const there = new Set(await vault.rootIds()), broken: RootId[] = [];
    for (const [id, planned] of this.saved) {
      if (this.forgotten.has(id)) continue;
      const isWhole = there.has(id) &&
        (await this.#isReadable(vault, planned) || (criterion === "bytes" && await this.#isStored(vault, planned)));
      if (!isWhole) broken.push(id);
    }
    return broken;
  }

  async #isReadable(vault: Vault, { hunks, contents }: Needs): Promise<boolean> {
    try {
      for (const id of hunks) await vault.contents.hunk(id);
      for (const content of contents) for await (const _ of vault.contents.read(content));
      return true;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return false;
    }
  }

  /** Whether a repair would find everything in the units that are there, whatever the index says of them. */
  async #isStored({ objects }: Vault, { hunks, contents }: Needs): Promise<boolean> {
    const data = new Set<string>(), meta = new Set<string>(), lists = new Map<string, readonly string[][]>();
    for (const [unit, size] of await objects.list("data")) {
      const line = await readTail(objects, unit, size);
      for (const item of line?.items ?? []) {
        (line!.unitClass === "data" ? data : meta).add(item.id);
        if (!item.id.endsWith(LIST_SUFFIX) || item.id.length === 64) continue;
        const list = parseList(await readItem(await openUnit(objects, line!), { frames: line!.frames, item }), "list");
        lists.set(item.id, [...lists.get(item.id) ?? [], list.parts.map(({ id }) => id)]);
      }
    }
    return hunks.every((id) => meta.has(id)) && contents.every((content) => {
      const ofParts = lists.get(content + LIST_SUFFIX) ?? [];
      return data.has(content) || ofParts.some((parts) => parts.every((part) => data.has(part)));
    });
  }
}

/** What writers copy from has everything, always. */
const SOURCE: SnapshotSource = {
  read: (id) => [CONTENTS[ENTRIES.findIndex(({ content }) => content === id)]!],
  hunk: (id) => HUNKS.get(id)!,
};
const HUNKS = new Map<HunkId, Uint8Array<ArrayBuffer>>();
const DISK = openDisk();
/** A writer that is disturbed more often than that is none of the test's. */
const MOST_ATTEMPTS = 50;

/** A writer that keeps the rules sees what is there; one that doesn't sees what it saw before. */
class WriterSight implements Steps {
  readonly #rules: WriterRules;
  #seen: ReadonlyMap<string, number> | undefined;
  readonly #own = new Map<string, number>();
  #last: "snapshots" | "index" | undefined;

  constructor(rules: WriterRules) {
    this.#rules = rules;
  }

  readonly allow: NonNullable<Steps["allow"]> = ({ verb, target }) => {
    const parts = partsOf(target as ReturnType<typeof objectKey>);
    if (verb !== "put" || parts === undefined) return true;
    if (parts.kind === "index") this.#own.set(parts.name, 0);
    this.#last = parts.kind === "snapshots" ? "snapshots" : "index";
    return true;
  };

  readonly listed: NonNullable<Steps["listed"]> = (kind, names) => {
    if (kind !== "index") return names;
    const isLookedAt = this.#last === undefined || (this.#last === "snapshots" ? this.#rules.w5 : this.#rules.w3);
    if (isLookedAt || this.#seen === undefined) this.#seen = names;
    return new Map([...this.#seen, ...this.#own]);
  };
}
