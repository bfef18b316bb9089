/** The roots of a vault: `snapshots/` in the cache, kept in step with the place. */
import { objectKey } from "../../backend/backend.ts";
import { MissingObject } from "../../backend/faults.ts";
import { headerOf, type RootHeader } from "../../catalog/snapshot_order.ts";
import type { HunkId, RootId } from "../../core/content_id.ts";
import type { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { shortId } from "../../core/short_id.ts";
import { parseRoot, type Root } from "../../snapshot/root.ts";
import type { SnapshotCache } from "../cache/snapshot_cache.ts";
import type { NamedRoot } from "../cache/snapshot_tables.ts";
import { DamagedObject, isOfObject } from "../format/faults.ts";
import { encodeSnapshot, parseSnapshot } from "../index/snapshot_object.ts";
import type { SealedObjects } from "./sealed_objects.ts";

export interface StoredRoot {
  readonly id: RootId;
  /** The root's original bytes, wherever it was written. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly root: Root;
}

/** Number of roots that are fetched at once, and written to the cache at once. */
const ROOTS_AT_ONCE = 8, ROOTS_IN_COMMIT = 32;
const MOST_NAMED = 5;

export class RootStore {
  readonly #objects: SealedObjects;
  readonly #cache: SnapshotCache;
  readonly #monitor: Pick<Monitor, "problem" | "notice">;
  /** Listed and readable objects, by name. */
  readonly #known = new Map<string, RootHeader>();
  readonly #unusable = new Map<string, Fault>();
  #fetched: NamedRoot[] = [];
  #version = 0;
  #isTidy = false;
  #isListed = false;
  #holds = 0;

  /** @param monitor receives faults of unusable objects */
  constructor(objects: SealedObjects, cache: SnapshotCache, monitor: Pick<Monitor, "problem" | "notice">) {
    this.#objects = objects;
    this.#cache = cache;
    this.#monitor = monitor;
  }

  /** Lists `snapshots/` and reads new objects. @returns the header of each root, once */
  async heads(): Promise<readonly RootHeader[]> {
    const before = [...this.#known.keys()], missed = new Set<string>();
    while (!await this.#takeListed(missed));
    if (before.length !== this.#known.size || before.some((name) => !this.#known.has(name))) this.#version++;
    if (before.some((name) => !this.#known.has(name))) this.#isTidy = false;
    if (!this.#isTidy && this.#holds === 0) await this.#tidy();
    this.#isListed = true;
    return this.#heads();
  }

  /** As {@link heads}, as of the last listing of this run; lists only if there was none. */
  async lastHeads(): Promise<readonly RootHeader[]> {
    return this.#isListed ? this.#heads() : await this.heads();
  }

  #heads(): readonly RootHeader[] {
    return [...new Map(Array.from(this.#known.values(), (header) => [header.id, header])).values()];
  }

  /** Roots in the local cache, which may no longer exist. */
  kept(): readonly RootHeader[] {
    const names = this.#cache.read((tables) => tables.othersThan(() => false)) ?? [];
    const there = names.flatMap((name) => this.#cache.read((tables) => tables.header(name)) ?? [])
      .filter(({ isForgotten }) => isForgotten !== true);
    return [...new Map(there.map((header) => [header.id, header])).values()];
  }

  /** A number that changes whenever this run has learnt of other roots. */
  get version(): number {
    return this.#version;
  }

  /** Until disposed, keeps unreferenced hunks in the cache: a writer may have to store them again. */
  keepHunks(): Disposable {
    this.#holds++;
    return { [Symbol.dispose]: () => void this.#holds-- };
  }

  /** The roots themselves: for a vault with many snapshots, this takes much memory. */
  async all(): Promise<readonly StoredRoot[]> {
    const roots: StoredRoot[] = [];
    for (const { id } of await this.heads()) {
      const root = await this.find(id);
      if (root !== undefined) roots.push(root);
    }
    return roots;
  }

  /** Unusable objects of the last listing, with their faults: it is unknown what such a snapshot needs. */
  get unusable(): ReadonlyMap<string, Fault> {
    return this.#unusable;
  }

  /**
   * Takes over the present listing.
   * @param missed objects that were listed but don't exist; may grow
   * @returns false if it has grown: a root that replaced another may be newer than the listing
   */
  async #takeListed(missed: Set<string>): Promise<boolean> {
    // What is put while the place lists may not be in its answer.
    const before = [...this.#known.keys(), ...this.#unusable.keys()], listed = await this.#objects.list("snapshots");
    const vanished = before.filter((name) => !listed.has(name));
    for (const known of [this.#known, this.#unusable]) vanished.forEach((name) => known.delete(name));
    const unread = [...listed.keys()].filter((name) => !missed.has(name) && !this.#recall(name));
    const next = unread.values(), gone = new Set<string>();
    const takeNext = async () => {
      for (const name of next) {
        if (gone.size > 0) return;
        if (!await this.#take(name, listed.get(name) ?? 0)) gone.add(name);
      }
    };
    await Promise.all(Array.from({ length: ROOTS_AT_ONCE }, takeNext));
    this.#flush();
    for (const name of gone) missed.add(name);
    return gone.size === 0;
  }

  /** Takes a root's header from the cache. @returns false if it isn't there */
  #recall(name: string): boolean {
    if (this.#known.has(name)) return true;
    if (this.#unusable.has(name)) return false;
    const header = this.#cache.read((tables) => tables.header(name));
    if (header !== undefined) this.#known.set(name, header);
    return header !== undefined;
  }

  /** A root; undefined if there is none. Asks the place only if the root is unknown, or lost from the cache. */
  async find(id: RootId): Promise<StoredRoot | undefined> {
    const name = this.#nameOf(id) ?? (await this.heads(), this.#nameOf(id));
    if (name === undefined) return undefined;
    const bytes = this.#cache.read((tables) => tables.root(name));
    if (bytes !== undefined) return { id, bytes, root: parseRoot(bytes) };
    try {
      const root = await this.#fetch(name);
      this.#remember(name, root);
      this.#flush();
      return root;
    } catch (error) {
      if (!(error instanceof MissingObject)) throw error;
      this.#known.delete(name); // it was forgotten
      this.#version++;
      return undefined;
    }
  }

  /** A root of the last listing, from the cache alone; undefined if it isn't there. */
  atHand(id: RootId): Root | undefined {
    const name = this.#nameOf(id);
    const bytes = name === undefined ? undefined : this.#cache.read((tables) => tables.root(name));
    return bytes && parseRoot(bytes);
  }

  #nameOf(id: RootId): string | undefined {
    return this.#known.entries().find(([, header]) => header.id === id)?.[0];
  }

  /**
   * Makes a snapshot exist, unless this run knows that it does: two objects with one root are one snapshot.
   * @param root its bytes are kept unchanged
   * @returns the name of the new object; undefined if there was one
   */
  async put(root: StoredRoot): Promise<string | undefined> {
    if ((await this.lastHeads()).some(({ id }) => id === root.id)) return undefined;
    const name = await this.#objects.put("snapshots", encodeSnapshot(root.bytes, this.#objects.auth));
    this.#remember(name, root);
    this.#flush();
    this.#version++;
    return name;
  }

  /**
   * Removes a snapshot: all objects with its root, including one that is stored meanwhile. @returns false if there was
   * none
   */
  async remove(id: RootId): Promise<boolean> {
    let removed = false;
    for (let round = 0; round < 2; round++) {
      await this.heads();
      for (const [name, root] of [...this.#known]) {
        if (root.id !== id) continue;
        await this.removeObject(name);
        removed = true;
      }
    }
    return removed;
  }

  /**
   * Reads objects again, whatever the cache says of them.
   * @returns the roots that the cache has of those that can't be read: they count as unusable from now on
   */
  async distrust(names: Iterable<string>): Promise<ReadonlyMap<string, StoredRoot>> {
    await this.lastHeads();
    const kept = new Map<string, StoredRoot>();
    for (const name of names) {
      const header = this.#known.get(name), bytes = this.#cache.read((tables) => tables.root(name));
      this.#known.delete(name);
      this.#version++;
      try {
        this.#remember(name, await this.#fetch(name));
      } catch (error) {
        if (!isOfObject(error)) throw error;
        if (error instanceof MissingObject) continue; // somebody has forgotten it
        this.#unusable.set(name, error);
        if (header !== undefined && bytes !== undefined) {
          kept.set(name, { id: header.id, bytes, root: parseRoot(bytes) });
        }
      }
    }
    this.#flush();
    return kept;
  }

  /** Removes one object. Its snapshot remains if another has the same root. */
  async removeObject(name: string): Promise<void> {
    await this.#objects.backend.remove(objectKey("snapshots", name));
    const header = this.#known.get(name);
    this.#known.delete(name);
    this.#unusable.delete(name);
    if (header !== undefined) this.#cache.write((tables) => tables.noteForgotten(name, header));
    this.#isTidy = false;
    this.#version++;
  }

  /** Fetches a root. @returns false if it no longer exists */
  async #take(name: string, size: number): Promise<boolean> {
    try {
      this.#remember(name, await this.#fetch(name, size));
      this.#unusable.delete(name);
    } catch (error) {
      if (error instanceof MissingObject) return false;
      if (!isOfObject(error)) throw error;
      if (!this.#unusable.has(name)) this.#monitor.problem(error);
      this.#unusable.set(name, error);
    }
    return true;
  }

  async #fetch(name: string, size = 0): Promise<StoredRoot> {
    const what = `snapshots/${name}`;
    const { id, bytes } = parseSnapshot(await this.#objects.get("snapshots", name, size), what, this.#objects.auth);
    const root = parseRoot(bytes);
    if (root.storage.algorithm !== "sha256") throw new DamagedObject(what, "its ids are of another algorithm");
    return { id, bytes, root };
  }

  #remember(name: string, { id, bytes, root }: StoredRoot): void {
    const header = headerOf(id, root);
    this.#known.set(name, header);
    this.#fetched.push({ name, header, bytes });
    if (this.#fetched.length >= ROOTS_IN_COMMIT) this.#flush();
  }

  #flush(): void {
    const fetched = this.#fetched;
    this.#fetched = [];
    if (fetched.length > 0) this.#cache.write((tables) => tables.putRoots(fetched));
  }

  async #tidy(): Promise<void> {
    this.#isTidy = true;
    const others = this.#cache.read((tables) => tables.othersThan((name) => this.#known.has(name))) ?? [];
    if (others.length === 0) return;
    this.#tellVanished(others);
    const needed = new Set<HunkId>();
    for (const { root } of await this.all()) for (const { id } of root.hunks) needed.add(id);
    this.#cache.dropBut((name) => this.#known.has(name), needed);
  }

  /** Reports lost snapshots. @param names objects that are in the cache, but no longer at the place */
  #tellVanished(names: readonly string[]): void {
    // The same snapshot with other tags has another id.
    const keyOf = ({ root: { storage, sequence, start } }: RootHeader) => `${storage.id} ${sequence} ${start}`;
    const there = new Set(this.#known.values().map(keyOf));
    const gone = names.flatMap((name) => this.#cache.read((tables) => tables.header(name)) ?? [])
      .filter((header) => header.root.complete && !header.isForgotten && !there.has(keyOf(header)));
    if (gone.length === 0) return;
    const ids = gone.map(({ id }) => shortId(id));
    this.#monitor.notice(
      `Snapshots that this machine knew are gone from the vault, forgotten elsewhere or removed (${gone.length}): ` +
        `${ids.slice(0, MOST_NAMED).join(", ")}${ids.length > MOST_NAMED ? ", ..." : ""}`,
    );
  }
}
