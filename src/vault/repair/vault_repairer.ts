/**
 * Repairs a vault: lists units that no index knows, finds damaged ones, and stores again what they held. It holds the
 * lease of prunes, so nothing is removed meanwhile.
 */
import type { ContentId, HunkId, RootId } from "../../core/content_id.ts";
import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { BadUsage, unlessFault } from "../../core/fault.ts";
import { parseRoot, type Root } from "../../snapshot/root.ts";
import { NewerObject } from "../format/faults.ts";
import { encodeIndex, type IndexObject, type UnitLine } from "../index/index_object.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import { snapshotDirectory } from "../pack/tar_names.ts";
import { Lease } from "../prune/lease.ts";
import { portionsOf } from "../prune/portions.ts";
import { readTail } from "../store/stored_units.ts";
import { assertKnownVersions } from "../prune/survey.ts";
import type { RootStore, StoredRoot } from "../store/root_store.ts";
import type { LocalPacker } from "../write/local_packer.ts";
import { isThere } from "../write/reliance.ts";
import type { RunStore } from "../write/run_store.ts";
import { type BrokenObject, removeObject, replaceObject } from "./damaged_objects.ts";
import { doomUnits } from "./doom.ts";
import { RootCopies } from "./root_copies.ts";
import { UnitDamages } from "./unit_damages.ts";

export interface RepairedVault {
  readonly store: RunStore;
  readonly local: LocalPacker;
  readonly roots: RootStore;
  readonly clock: Clock;
}

export type ContentPieces = AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;

export class VaultRepairer implements AsyncDisposable {
  readonly #vault: RepairedVault;
  readonly #lease: Lease;

  private constructor(vault: RepairedVault, lease: Lease) {
    this.#vault = vault;
    this.#lease = lease;
  }

  /** Begins a repair. @throws VaultBusy, NewerObject */
  static async begin(vault: RepairedVault): Promise<VaultRepairer> {
    const { objects, index, options: { host } } = vault.store;
    await using held = new AsyncDisposableStack();
    const lease = held.use(await Lease.take(objects, { host, clock: vault.clock }));
    index.doWithoutTails();
    await index.recheck();
    assertKnownVersions(index);
    held.move();
    return new VaultRepairer(vault, lease);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lease[Symbol.asyncDispose]();
  }

  /**
   * Lists existing units that neither an index nor a tombstone knows.
   * @param damaged objects of the index that don't count: a cache may have what was in them
   * @returns the numbers of units now listed, and of unreadable ones
   */
  async listUnlisted(
    damaged: ReadonlySet<string>,
  ): Promise<{ readonly listed: number; readonly unreadable: number }> {
    const { objects, index, options: { host } } = this.#vault.store, lines: UnitLine[] = [];
    let unreadable = 0;
    for (const [unit, size] of await this.#unlisted(damaged)) {
      const line = await readTail(objects, unit, size);
      if (line === undefined) unreadable++;
      else lines.push(line);
    }
    const written = new Date(await objects.backend.now()).toISOString(), vault = objects.access.config.id;
    for (const units of portionsOf(lines)) {
      const object: IndexObject = { kind: "units", vault, host, written, supersedes: [], units };
      index.add(await objects.put("index", encodeIndex(object, objects.auth)), object);
    }
    return { listed: lines.length, unreadable };
  }

  async #unlisted(damaged: ReadonlySet<string>): Promise<[string, number][]> {
    const { objects, index } = this.#vault.store, stored = await objects.list("data");
    // Whoever is writing lists its units a moment later.
    await index.refresh();
    const gone = new Set(Array.from(index.marks()).filter(({ mark }) => mark === "gone").map(({ unit }) => unit));
    const sound = Array.from(index.objects(), ({ name }) => name).filter((name) => !damaged.has(name));
    const listed = new Set(sound.flatMap((name) => index.unitsIn(name)));
    return [...stored].filter(([unit]) => !gone.has(unit) && !(listed.has(unit) && index.unit(unit) !== undefined));
  }

  /**
   * Removes damaged objects of the index, once what they listed is listed again. What is known of units that are gone
   * or given up is written anew before, and units that don't exist are given up: nothing may count again because an
   * object that said so is missing. @throws PruneOvertaken, VaultBusy, NewerObject
   */
  async removeFromIndex(damaged: ReadonlySet<string>): Promise<void> {
    const { objects, index, options: { host } } = this.#vault.store, stored = await objects.list("data");
    const absent = [...index.unitNames()].filter((unit) => !stored.has(unit));
    await doomUnits({ objects, index, lease: this.#lease, host }, absent, { isDue: true });
    for (const name of damaged) await removeObject(objects, { kind: "index", name });
    await index.refresh();
  }

  /**
   * Dooms units, so that nothing relies on them. @returns the number of units that could be relied on before @throws
   * PruneOvertaken, VaultBusy, NewerObject
   */
  async doom(units: Iterable<string>): Promise<number> {
    const { objects, index, options: { host } } = this.#vault.store;
    return await doomUnits({ objects, index, lease: this.#lease, host }, units);
  }

  isReliable(unit: string): boolean {
    return this.#vault.store.isReliable(unit);
  }

  /** True if all of a content is in units that may be relied on. */
  isSafe(content: ContentId): Promise<boolean> {
    return isThere(this.#vault.store, content);
  }

  hasHunk(id: HunkId): boolean {
    return this.#vault.store.has(id, "meta");
  }

  async storeHunk(id: HunkId, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#vault.store.addHunk(id, bytes);
    await this.#vault.store.keepUp();
  }

  /** Stores a content. @param root of a snapshot that has the file @returns false if the pieces form another content */
  async storeContent(content: ContentId, pieces: ContentPieces, entry: Entry, root: Root): Promise<boolean> {
    const { host, name: series, start } = root, directory = snapshotDirectory({ host, series, start });
    const { id } = await this.#vault.local.add(pieces, entry, { directory, expected: content });
    return id === content;
  }

  /** A root that is missing in `snapshots/`, from its copy in a unit; undefined if there is none. */
  async copyOfRoot(id: RootId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { objects, index } = this.#vault.store;
    return await new RootCopies(objects, index).find(id);
  }

  /** Stores a root. @returns false if this version can't read it */
  async storeRoot(id: RootId, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const root = unlessFault(() => parseRoot(bytes), undefined);
    if (root !== undefined) await this.#vault.roots.put({ id, bytes, root });
    return root !== undefined;
  }

  /** Removes an unusable object of `snapshots/`, which would keep prunes from removing anything. */
  async discardRoot(name: string): Promise<void> {
    const { roots } = this.#vault, fault = roots.unusable.get(name);
    if (fault === undefined || fault instanceof NewerObject) {
      throw new BadUsage(`snapshots/${name} is no damaged object of the vault`, "See what `backup-tool check` names");
    }
    await roots.removeObject(name);
  }

  /** Stores the root of a damaged object again, in a new one. */
  async renewRoot(name: string, stored: StoredRoot): Promise<void> {
    const { roots, store: { objects } } = this.#vault;
    await roots.put(stored);
    if (await removeObject(objects, { kind: "snapshots", name })) await roots.heads();
  }

  /**
   * Puts an intact object, from a copy of this vault, in the place of a damaged one. @returns false if the place
   * refuses that
   */
  replaceObject(object: Pick<BrokenObject, "kind" | "name">, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return replaceObject(this.#vault.store.objects, object, bytes);
  }

  /** Stores everything packed so far, and the index for it. */
  async flush(): Promise<void> {
    await this.#vault.local.finish();
    await this.#vault.store.flush();
  }

  /** Units that hold these items and are damaged, each with a description of the damage. */
  damagesOf(ids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const { objects, index, contents } = this.#vault.store;
    return new UnitDamages(objects, index, contents).of(ids);
  }

  /** Names of units that hold any part of a content. */
  async unitsOf(content: ContentId): Promise<ReadonlySet<string>> {
    const { index, contents } = this.#vault.store, parts = await contents.partsOf(content) ?? [];
    const homes = [content, ...parts].flatMap((id) => index.homesOf(id, "data"));
    return new Set([...homes, ...index.homesOf(content + LIST_SUFFIX, "meta")].map(({ unit }) => unit.unit));
  }
}
