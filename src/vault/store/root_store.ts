/** The roots of a vault: `snapshots/` in memory, kept in step with the place. */
import { objectKey } from "../../backend/backend.ts";
import { MissingObject } from "../../backend/faults.ts";
import type { RootId } from "../../core/content_id.ts";
import type { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { parseRoot, type Root } from "../../snapshot/root.ts";
import { DamagedObject, isOfObject } from "../format/faults.ts";
import { encodeSnapshot, parseSnapshot } from "../index/snapshot_object.ts";
import type { SealedObjects } from "./sealed_objects.ts";

export interface StoredRoot {
  readonly id: RootId;
  /** As the root was written first, wherever that was. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly root: Root;
}

export class RootStore {
  readonly #objects: SealedObjects;
  readonly #monitor: Pick<Monitor, "problem">;
  readonly #read = new Map<string, StoredRoot>();
  readonly #unusable = new Map<string, Fault>();

  /** @param monitor is told of objects that can't be used */
  constructor(objects: SealedObjects, monitor: Pick<Monitor, "problem">) {
    this.#objects = objects;
    this.#monitor = monitor;
  }

  /** Lists `snapshots/`, and reads what is new. @returns the roots, each once */
  async all(): Promise<readonly StoredRoot[]> {
    const missed = new Set<string>();
    while (!await this.#takeListed(missed));
    return [...new Map(Array.from(this.#read.values(), (root) => [root.id, root])).values()];
  }

  /** Objects that were listed last and can't be used, and why: nobody knows what such a snapshot needs. */
  get unusable(): ReadonlyMap<string, Fault> {
    return this.#unusable;
  }

  /**
   * @param missed objects that were listed but not there; grows
   * @returns false if it has grown: a root that took the place of another may be younger than the list
   */
  async #takeListed(missed: Set<string>): Promise<boolean> {
    const listed = await this.#objects.list("snapshots");
    for (const known of [this.#read, this.#unusable]) {
      for (const name of known.keys()) if (!listed.has(name)) known.delete(name);
    }
    for (const [name, size] of listed) {
      if (this.#read.has(name) || missed.has(name) || await this.#take(name, size)) continue;
      missed.add(name);
      return false;
    }
    return true;
  }

  /** Looks at the place only if the root isn't known yet. */
  async find(id: RootId): Promise<StoredRoot | undefined> {
    const isIt = (root: StoredRoot) => root.id === id;
    return this.#read.values().find(isIt) ?? (await this.all()).find(isIt);
  }

  /** Makes a snapshot exist, unless it does. @param bytes of a root, kept as they are */
  async put({ id, bytes, root }: StoredRoot): Promise<void> {
    if ((await this.all()).some((stored) => stored.id === id)) return;
    const name = await this.#objects.put("snapshots", encodeSnapshot(bytes, this.#objects.auth));
    this.#read.set(name, { id, bytes, root });
  }

  /** Makes a snapshot exist no more: all objects that hold its root, also one that somebody stores meanwhile. */
  async remove(id: RootId): Promise<boolean> {
    let removed = false;
    for (let round = 0; round < 2; round++) {
      await this.all();
      for (const [name, root] of [...this.#read]) {
        if (root.id !== id) continue;
        await this.#objects.backend.remove(objectKey("snapshots", name));
        this.#read.delete(name);
        removed = true;
      }
    }
    return removed;
  }

  /** @returns false if it is not there any more */
  async #take(name: string, size: number): Promise<boolean> {
    const what = `snapshots/${name}`;
    try {
      const { id, bytes } = parseSnapshot(await this.#objects.get("snapshots", name, size), what, this.#objects.auth);
      const root = parseRoot(bytes);
      if (root.storage.algorithm !== "sha256") throw new DamagedObject(what, "its ids are of another algorithm");
      this.#read.set(name, { id, bytes, root });
    } catch (error) {
      if (error instanceof MissingObject) return false;
      if (!isOfObject(error)) throw error;
      if (!this.#unusable.has(name)) this.#monitor.problem(error);
      this.#unusable.set(name, error);
    }
    return true;
  }
}
