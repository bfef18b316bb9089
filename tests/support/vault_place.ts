/** A place for a vault, in memory or in a directory, and vaults that are opened there again and again. */
import type { Backend } from "../../src/backend/backend.ts";
import { openFileBackend } from "../../src/backend/file.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";
import type { Monitor } from "../../src/core/monitor.ts";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { initVault, type Secret, unlockVault } from "../../src/vault/access.ts";
import type { VaultAccess } from "../../src/vault/store/sealed_objects.ts";
import { openVault, type Vault, type VaultOptions } from "../../src/vault/vault.ts";
import { TestMonitor, type World } from "./world.ts";

export const KINDS = [
  { where: "memory", encrypted: true },
  { where: "memory", encrypted: false },
  { where: "directory", encrypted: true },
  { where: "directory", encrypted: false },
] as const;
export type VaultKind = typeof KINDS[number] | ServerVaultKind;

export interface ServerPlace {
  /** Again and again. */
  readonly open: () => Promise<Backend>;
  /** Of a server that is for this place alone. */
  readonly close?: () => Promise<void>;
}

/** On a server. */
export interface ServerVaultKind {
  readonly where: "server";
  readonly encrypted: boolean;
  /** A place that is empty. */
  readonly newPlace: () => ServerPlace;
  /** For the names of tests. */
  readonly server: string;
  /** True if a library lets go of resources only when the garbage collector comes. */
  readonly leaks: boolean;
}

/** Large files are cut from here on: tests have small ones. */
const CHUNKER = { min: 1024, average: 4096, max: 16_384, wholeUpTo: 65_536 };

export interface OpenChanges {
  /** Puts something around the place. */
  readonly through?: (inner: Backend) => Backend;
  readonly mostFilesInMemory?: number;
  readonly mostUnitInMemory?: number;
  readonly mostUnlisted?: number;
  readonly connections?: number;
  readonly compression?: NonNullable<VaultOptions["compression"]>;
  /** Where this program keeps its state. Default: nowhere. */
  readonly state?: string;
  readonly isCached?: boolean;
  /** As whoever opens a vault by its path gives it. */
  readonly directory?: Raw;
}

const PASSPHRASE: Secret = { kind: "passphrase", passphrase: "four random words" };

export class VaultPlace {
  readonly world: World;
  /** Of a vault in a directory. */
  readonly path: string;
  readonly objects: MemoryObjects;
  readonly #kind: VaultKind;
  readonly #secret: Secret;
  readonly #server: ServerPlace | undefined;

  private constructor(
    world: World,
    kind: VaultKind,
    name: string,
    { objects = new MemoryObjects(), secret }: { objects?: MemoryObjects; secret?: Secret } = {},
  ) {
    this.world = world;
    this.path = `${world.base}/${name}`;
    this.objects = objects;
    this.#kind = kind;
    this.#server = kind.where === "server" ? kind.newPlace() : undefined;
    this.#secret = secret ?? (kind.encrypted ? PASSPHRASE : { kind: "unencrypted" });
  }

  get isEncrypted(): boolean {
    return this.#kind.encrypted;
  }

  static async make(world: World, kind: VaultKind, name = "vault"): Promise<VaultPlace> {
    const place = new VaultPlace(world, kind, name);
    await using backend = await place.openBackend();
    const passphrase = kind.encrypted ? { passphrase: "four random words", workFactor: 1 } : {};
    await initVault(backend, world.machine, { ...passphrase, chunker: CHUNKER });
    return place;
  }

  /** The same, opened by something else. */
  with(secret: Secret): VaultPlace {
    return new VaultPlace(this.world, this.#kind, "", { objects: this.objects, secret });
  }

  /** Another place with the same objects. Of one in memory. */
  copied(): VaultPlace {
    const objects = new MemoryObjects();
    for (const [key, bytes] of this.objects.map) objects.map.set(key, bytes);
    return new VaultPlace(this.world, this.#kind, "", { objects, secret: this.#secret });
  }

  async close(): Promise<void> {
    await this.#server?.close?.();
  }

  async openBackend(): Promise<Backend> {
    return await this.#server?.open() ?? this.backend();
  }

  /** Of one that is not on a server. */
  backend(): Backend {
    const { disk, random, clock } = this.world.machine;
    return this.#kind.where === "memory"
      ? openMemory(this.objects, () => clock.nowMs())
      : openFileBackend(rawOf(this.path), { disk, random, create: true });
  }

  async open(
    monitor: Monitor = new TestMonitor(),
    unitBytes?: number,
    { through = (inner) => inner, state, isCached = true, ...changes }: OpenChanges = {},
  ): Promise<Vault> {
    const access = await this.#unlock(), backend = through(await this.openBackend());
    const machine = state === undefined ? this.world.machine : { ...this.world.machine, state: [rawOf(state)] };
    const options = { machine, monitor, host: "testhost", isCached };
    return await openVault(backend, access, {
      ...options,
      ...(unitBytes !== undefined && { unitBytes }),
      ...changes,
    });
  }

  async #unlock(): Promise<VaultAccess> {
    await using backend = await this.openBackend();
    return await unlockVault(backend, this.#secret);
  }
}
