/**
 * Makes a snapshot exist, safely beside a concurrent prune: what it needs is checked before its root is stored and once
 * more afterwards. What was removed in between is stored again.
 */
import { hash } from "node:crypto";
import { type HunkId, type RootId, rootIdOf } from "../../core/content_id.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { Manifest } from "../../snapshot/manifest.ts";
import { encodeRoot, type Root } from "../../snapshot/root.ts";
import { MOST_FRAME_BYTES } from "../format/limits.ts";
import { rootName } from "../pack/tar_names.ts";
import type { RootStore, StoredRoot } from "../store/root_store.ts";
import { LostFromVault, VaultChanged } from "../format/faults.ts";
import { type LostContent, LostContents, ReliableUnits } from "./reliance.ts";
import { takeBack } from "./roots.ts";
import { listItem, type RunStore } from "./run_store.ts";

/** Largest root that gets a copy in a meta unit; it leaves room for the header in its frame. */
const MOST_COPY_BYTES = MOST_FRAME_BYTES / 2;

export interface RootMakerParts {
  readonly store: RunStore;
  readonly roots: RootStore;
  /** Stores what is packed, with its index. */
  readonly flush: () => Promise<void>;
  /** The bytes of a hunk that isn't in a reliable unit. @throws DamagedContent, VaultChanged */
  readonly hunkOf: (id: HunkId) => Promise<Uint8Array<ArrayBuffer>>;
  /** Stores contents again, from wherever they are. @throws LostFromVault */
  readonly storeAgain: (lost: readonly LostContent[]) => Promise<void>;
}

export class RootMaker {
  readonly #parts: RootMakerParts;
  readonly #units: ReliableUnits;
  /**
   * True if something that was relied on has gone since this run began. The root of that time had everything it needs;
   * further needs of a later one may have been checked before.
   */
  #hasLost = false;

  /** From here on, units are watched. */
  constructor(parts: RootMakerParts) {
    this.#parts = parts;
    this.#units = new ReliableUnits(parts.store);
  }

  /**
   * Makes a snapshot exist. If something that it needs is lost for good, its root doesn't stay. @returns the id of its
   * root @throws LostFromVault, VaultChanged
   */
  async make(root: Root): Promise<RootId> {
    const bytes = new TextEncoder().encode(encodeRoot(root)), id = rootIdOf(hash("sha256", bytes));
    const stored = { id, bytes, root },
      search = await this.#prepare(stored),
      name = await this.#parts.roots.put(stored);
    try {
      await this.#settle(root, search);
    } catch (error) {
      const isLost = error instanceof LostFromVault || error instanceof VaultChanged;
      if (isLost && name !== undefined) await takeBack(this.#parts.roots, name);
      throw error;
    }
    return id;
  }

  /**
   * As {@link make}, for a root that was written elsewhere. It stays in any case: somebody else who copies the same
   * snapshot may have relied on it.
   */
  async put(stored: StoredRoot): Promise<void> {
    const search = await this.#prepare(stored);
    await this.#parts.roots.put(stored);
    await this.#settle(stored.root, search);
  }

  /** Stores everything that a root needs. */
  async #prepare({ id, bytes, root }: StoredRoot): Promise<{ isDue: boolean }> {
    const { store, flush } = this.#parts;
    await this.#keepHunks(root.hunks);
    if (root.complete && bytes.length <= MOST_COPY_BYTES) store.meta.addCopy(listItem(id, rootName(id), bytes));
    await flush();
    if (root.complete) store.assertAllPacked();
    const search = { isDue: this.#hasLost };
    await this.#settle(root, search);
    return search;
  }

  /**
   * Checks until nothing that the snapshot needs has gone. @param search whether its contents have to be checked in any
   * case
   */
  async #settle(root: Root, search: { isDue: boolean }): Promise<void> {
    while (await this.#units.look() > 0 || search.isDue) {
      this.#hasLost = true;
      search.isDue = false;
      await this.#keepHunks(root.hunks);
      await this.#parts.flush();
      await this.#parts.storeAgain(await this.#lostOf(root));
      await this.#parts.flush();
    }
  }

  /** Stores hunks again that were reused unread and are in unreliable units. @throws DamagedContent, VaultChanged */
  async #keepHunks(hunks: readonly HunkRef[]): Promise<void> {
    const { store, hunkOf } = this.#parts;
    for (const { id } of hunks) {
      if (!store.has(id, "meta")) store.addHunk(id, await hunkOf(id));
    }
    await store.keepUp();
  }

  async #lostOf(root: Root): Promise<LostContent[]> {
    const { store } = this.#parts, contents = new LostContents(store), lost: LostContent[] = [];
    for (const [i, ref] of root.hunks.entries()) {
      const bytes = await store.hunks.find(ref.id);
      lost.push(...await contents.among(new Manifest(() => bytes, root).hunkEntries(i)));
    }
    return lost;
  }
}
