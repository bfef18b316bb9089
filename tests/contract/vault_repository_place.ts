/** Where the rules for repositories are tried on vaults: backed up into directly, or by copies of what is in a storage. */
import { type Backend, type ObjectKey, objectKey } from "../../src/backend/backend.ts";
import { PlaceUnavailable } from "../../src/backend/faults.ts";
import { type ContentId, knownContentId } from "../../src/core/content_id.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { encodeIndex, type IndexObject, parseIndex, type UnitLine } from "../../src/vault/index/index_object.ts";
import { parseSnapshot } from "../../src/vault/index/snapshot_object.ts";
import { kindOfItem, LIST_SUFFIX, type UnitItem } from "../../src/vault/pack/items.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { sha256 } from "../support/units.ts";
import { type VaultKind, VaultPlace } from "../support/vault_place.ts";
import { TestMonitor, World } from "../support/world.ts";
import type { Damage, RepositoryKind, RepositoryPlace } from "./repository_place.ts";

const { signal } = new AbortController();
const TRAITS = { locks: false, removesAtOnce: false, keepsPolicy: false, storesItems: false };

export interface VaultUse {
  readonly workers: number;
  /** What is backed up goes into a storage, and from there into the vault. */
  readonly copies: boolean;
}

class VaultRepositoryPlace implements RepositoryPlace {
  readonly world: World;
  readonly workers: number;
  readonly #vault: VaultPlace;
  readonly #copies: boolean;
  /** What is damaged is damaged for them too, whatever they have read already. */
  readonly #opened: Vault[] = [];

  private constructor(world: World, vault: VaultPlace, { workers, copies }: VaultUse) {
    this.world = world;
    this.workers = workers;
    this.#copies = copies;
    this.#vault = vault;
  }

  static async make(kind: VaultKind, use: VaultUse): Promise<VaultRepositoryPlace> {
    const world = new World({ inMemory: true });
    return new VaultRepositoryPlace(world, await VaultPlace.make(world, kind), use);
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  async open(): Promise<Vault> {
    const vault = await this.#open();
    this.#opened.push(vault);
    return vault;
  }

  forgetCache(): void {
    Deno.removeSync(`${this.world.base}/state`, { recursive: true });
  }

  /** What is known from before is at hand. */
  async #open(monitor = new TestMonitor()): Promise<Vault> {
    return await this.#vault.open(monitor, undefined, { state: `${this.world.base}/state` });
  }

  async backup(changes: Partial<BackupRequest> = {}, monitor = new TestMonitor()): Promise<SnapshotInfo> {
    const { world } = this, request = { ...world.request(), tree: false, workers: this.workers, ...changes };
    world.clock.pass(1);
    if (!this.#copies) {
      await using vault = await this.#open(monitor);
      return await backup(vault, request, monitor);
    }
    using storage = world.open(monitor);
    const snapshot = await backup(storage, request, monitor);
    await using vault = await this.#open(monitor);
    await copy(storage, vault, { workers: 0, signal, clock: world.clock }, monitor);
    return snapshot;
  }

  async damage(id: string, how: Damage): Promise<void> {
    await using vault = await this.#vault.open();
    const kind = kindOfItem(id);
    if (kind === "root") await damageRoot(vault, id, how);
    else await damageItem(vault, { id, inMeta: kind === "hunk" }, how);
    for (const opened of this.#opened) await opened.index.refresh().catch(() => {});
  }

  /** Parts are a vault's own business. */
  async objects(): Promise<string[]> {
    await using vault = await this.#vault.open();
    const { index } = vault, items = new Set<string>(), parts = new Set<string>();
    for (const unit of index.unitNames()) {
      const isData = index.unit(unit)?.unitClass === "data";
      for (const { id } of index.itemsOf(unit)) {
        const kind = kindOfItem(id);
        if (isData || kind === "hunk") items.add(id);
        if (kind !== "list") continue;
        const content = contentOf(id);
        items.add(content);
        for (const part of await partsOf(vault, content)) parts.add(part);
      }
    }
    return [...await vault.rootIds(), ...items.difference(parts)].sort();
  }
}

function contentOf(list: string): ContentId {
  return knownContentId(list.slice(0, -LIST_SUFFIX.length));
}

async function partsOf(vault: Vault, content: ContentId): Promise<string[]> {
  const parts: string[] = [];
  for await (const list of vault.contents.lists(content)) {
    for await (const some of list.parts()) parts.push(...some.map(({ id }) => id));
  }
  return parts;
}

async function damageRoot({ objects }: Vault, id: string, how: Damage): Promise<void> {
  const { backend, auth } = objects;
  for (const [name, size] of await objects.list("snapshots")) {
    const plain = await objects.get("snapshots", name, size), key = objectKey("snapshots", name);
    if (parseSnapshot(plain, key, auth).id !== id) continue;
    const bytes = await backend.get(key);
    bytes[bytes.length >> 1]! ^= 1;
    await backend.remove(key);
    if (how === "flip") await putDamaged(backend, key, bytes);
  }
}

/** A server that checks hashes takes the bytes only under their own name. */
async function putDamaged(backend: Backend, key: ObjectKey, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await backend.put(key, bytes);
  } catch (error) {
    if (!(error instanceof PlaceUnavailable)) throw error;
    await backend.put(objectKey("snapshots", sha256(bytes)), bytes);
  }
}

/** In no index any more; or other bytes stand where the index says. Its neighbours stay as they are. */
async function damageItem(
  vault: Vault,
  item: { readonly id: string; readonly inMeta: boolean },
  how: Damage,
): Promise<void> {
  const isWhole = vault.index.homesOf(item.id, item.inMeta ? "meta" : "data").length > 0;
  const [part] = isWhole ? [] : await partsOf(vault, knownContentId(item.id));
  const ofList = how === "delete" ? { id: item.id + LIST_SUFFIX, inMeta: true } : { id: part!, inMeta: false };
  const { id, inMeta } = isWhole ? item : ofList;
  const change = (items: readonly UnitItem[]): UnitItem[] => {
    if (how === "delete") return items.filter((one) => one.id !== id);
    return items.map((one) => one.id === id ? { ...one, at: one.at - 1 } : one);
  };
  await rewriteIndex(
    vault,
    (unit) => (unit.unitClass === "meta") === inMeta ? { ...unit, items: change(unit.items) } : unit,
  );
}

async function rewriteIndex({ objects, id }: Vault, change: (unit: UnitLine) => UnitLine): Promise<void> {
  const { backend, auth } = objects;
  for (const [name, size] of await objects.list("index")) {
    const key: ObjectKey = objectKey("index", name);
    const object: IndexObject = parseIndex(await objects.get("index", name, size), key, { vault: id, auth });
    if (object.kind !== "units") continue;
    await backend.remove(key);
    await objects.put("index", encodeIndex({ ...object, units: object.units.map(change) }, auth));
  }
}

export function vaultKind(kind: VaultKind, use: VaultUse): RepositoryKind {
  const { workers, copies } = use, how = copies ? ", by copies" : "";
  const threads = workers === 0 ? "without workers" : `with ${workers} workers`;
  const name = `${kind.encrypted ? "encrypted" : "plain"} vault ${whereOf(kind)}`;
  return {
    name: `${name}, ${threads}${how}`,
    traits: { ...TRAITS, backsUp: !copies },
    make: () => VaultRepositoryPlace.make(kind, use),
    // Some rules leave what they look at open: on servers, that is connections.
    ...(kind.where === "server" && { leaks: true }),
  };
}

function whereOf(kind: VaultKind): string {
  if (kind.where === "server") return `on ${kind.server}`;
  return kind.where === "memory" ? "in memory" : "in a directory";
}
