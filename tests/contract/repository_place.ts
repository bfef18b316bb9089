/** Where the rules for repositories are tried: one of each engine, beside a source that is backed up into it. */
import type { Awaitable } from "../../src/core/awaitable.ts";
import type { Algorithm } from "../../src/core/digest.ts";
import { rawOf } from "../../src/core/raw.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import type { OpenedRepository } from "../../src/operations/opened.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { MemoryRepository } from "../support/memory_repository.ts";
import { TestMonitor, World } from "../support/world.ts";

/** What may happen to the bytes of an object. */
export type Damage = "flip" | "delete";

/** What engines may do in more than one way. */
export interface Traits {
  /** There is one writer at a time, and a snapshot that is read isn't removed. */
  readonly locks: boolean;
  /** What nothing needs is removed by the first prune: it is an object of its own. */
  readonly removesAtOnce: boolean;
  /** It keeps what `forget` does. */
  readonly keepsPolicy: boolean;
  /** Each item is an object, under its id: a damaged root is known, contents are read in the order that was asked for. */
  readonly storesItems: boolean;
  /** What is backed up goes there, and not elsewhere first. */
  readonly backsUp: boolean;
}

export const STORAGE_TRAITS: Traits = {
  locks: true,
  removesAtOnce: true,
  keepsPolicy: true,
  storesItems: true,
  backsUp: true,
};

/** A repository that is empty at first, and a source. */
export interface RepositoryPlace extends Disposable {
  readonly world: World;
  readonly workers: number;
  /** Anew each time, as another program would. */
  open(): Awaitable<OpenedRepository>;
  /** Backs up the source a minute after the last time. */
  backup(changes?: Partial<BackupRequest>, monitor?: TestMonitor): Promise<SnapshotInfo>;
  /** Spoils an object behind the repository's back. */
  damage(id: string, how: Damage): Awaitable<void>;
  /** Whatever is known of it outside of it is gone. */
  forgetCache?(): void;
  /** The catalog's file is gone, and nothing else. */
  loseCatalog?(): void;
  /** Ids of everything that is stored, in order. */
  objects(): Awaitable<string[]>;
}

/** An engine as the contract meets it. */
export interface RepositoryKind {
  readonly name: string;
  readonly traits: Traits;
  readonly make: () => Awaitable<RepositoryPlace>;
  /** True if a library lets go of resources only when the garbage collector comes. */
  readonly leaks?: boolean;
}

export interface StorageKind {
  readonly algorithm: Algorithm;
  readonly workers: number;
}

class StoragePlace implements RepositoryPlace {
  readonly world: World;
  readonly workers: number;

  constructor({ algorithm, workers }: StorageKind) {
    this.world = new World({ algorithm, workers, inMemory: true, hexSplit: [1] });
    this.workers = workers;
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  open(): OpenedRepository {
    return openStorage(this.world.machine, rawOf(this.world.storagePath), new TestMonitor());
  }

  async backup(changes: Partial<BackupRequest> = {}, monitor = new TestMonitor()): Promise<SnapshotInfo> {
    const { world } = this;
    world.clock.pass(1);
    using storage = world.open(monitor);
    return await backup(storage, { ...world.request(), tree: false, ...changes }, monitor);
  }

  loseCatalog(): void {
    Deno.removeSync(`${this.world.storagePath}/db/catalog.sqlite`);
  }

  damage(id: string, how: Damage): void {
    const path = this.world.items().get(id);
    if (path === undefined) throw new Error(`There is no object ${id}`);
    if (how === "delete") return Deno.removeSync(path);
    Deno.chmodSync(path, 0o600);
    Deno.writeFileSync(path, flipped(Deno.readFileSync(path)));
  }

  objects(): string[] {
    return [...this.world.items().keys()].sort();
  }
}

class MemoryPlace implements RepositoryPlace {
  readonly world = new World({ inMemory: true, hexSplit: [1] });
  readonly workers = 0;
  readonly #memory = new MemoryRepository({ machine: this.world.machine, id: "in-memory", algorithm: "sha256" });

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  open(): OpenedRepository {
    return this.#memory;
  }

  async backup(changes: Partial<BackupRequest> = {}, monitor = new TestMonitor()): Promise<SnapshotInfo> {
    const { world } = this;
    world.clock.pass(1);
    return await backup(this.#memory, { ...world.request(), tree: false, ...changes }, monitor);
  }

  damage(id: string, how: Damage): void {
    const { contents, hunks, roots } = this.#memory;
    const found = [contents, hunks, roots].find((objects: ReadonlyMap<string, unknown>) => objects.has(id));
    const objects = found as Map<string, Uint8Array<ArrayBuffer>> | undefined, bytes = objects?.get(id);
    if (objects === undefined || bytes === undefined) throw new Error(`There is no object ${id}`);
    if (how === "delete") objects.delete(id);
    else objects.set(id, flipped(bytes));
  }

  objects(): string[] {
    return this.#memory.objects().map(({ id }) => id);
  }
}

/** With one bit of one byte in its middle wrong. */
function flipped(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const wrong = bytes.slice(), at = bytes.length >> 1;
  wrong[at] = (wrong[at] ?? 0) ^ 1;
  return wrong;
}

export const MEMORY: RepositoryKind = {
  name: "repository in memory",
  traits: STORAGE_TRAITS,
  make: () => new MemoryPlace(),
};

export function storageKind(kind: StorageKind): RepositoryKind {
  const threads = kind.workers === 0 ? "without workers" : `with ${kind.workers} workers`;
  return { name: `storage, ${kind.algorithm}, ${threads}`, traits: STORAGE_TRAITS, make: () => new StoragePlace(kind) };
}
