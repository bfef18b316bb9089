/**
 * Makes a snapshot exist, so that a prune at the same time can't take anything away from it: what it needs is looked for
 * before its root is stored, and once more after that. What was removed in between is stored again.
 */
import { hash } from "node:crypto";
import { type HunkId, type RootId, rootIdOf } from "../../core/content_id.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { Manifest } from "../../snapshot/manifest.ts";
import { encodeRoot, type Root } from "../../snapshot/root.ts";
import { MOST_FRAME_BYTES } from "../format/limits.ts";
import { rootName } from "../pack/tar_names.ts";
import type { RootStore, StoredRoot } from "../store/root_store.ts";
import { type LostContent, LostContents, ReliableUnits } from "./reliance.ts";
import { listItem, type RunStore } from "./run_store.ts";

/** Room for the header of a root's copy in its frame. */
const MOST_COPY_BYTES = MOST_FRAME_BYTES / 2;

export interface RootMakerParts {
  readonly store: RunStore;
  readonly roots: RootStore;
  /** Stores what is packed, with its index. */
  readonly flush: () => Promise<void>;
  /** The bytes of a hunk that isn't where it may be relied on. @throws DamagedContent */
  readonly hunkOf: (id: HunkId) => Promise<Uint8Array<ArrayBuffer>>;
  /** Has contents stored again, from wherever they are. @throws LostFromVault */
  readonly storeAgain: (lost: readonly LostContent[]) => Promise<void>;
}

export class RootMaker {
  readonly #parts: RootMakerParts;
  readonly #units: ReliableUnits;
  /**
   * Something that was relied on has gone since this run began. The root that was made then had all that it needs; what a
   * later one names besides may have been looked for before that.
   */
  #hasLost = false;

  /** From now on, units are watched. */
  constructor(parts: RootMakerParts) {
    this.#parts = parts;
    this.#units = new ReliableUnits(parts.store);
  }

  /** @returns the id of the root */
  async make(root: Root): Promise<RootId> {
    const bytes = new TextEncoder().encode(encodeRoot(root)), id = rootIdOf(hash("sha256", bytes));
    await this.put({ id, bytes, root });
    return id;
  }

  /** The same of a root that somebody else has written. */
  async put({ id, bytes, root }: StoredRoot): Promise<void> {
    const { store, roots, flush } = this.#parts;
    await this.#keepHunks(root.hunks);
    if (root.complete && bytes.length <= MOST_COPY_BYTES) store.meta.addCopy(listItem(id, rootName(id), bytes));
    await flush();
    if (root.complete) store.assertAllPacked();
    this.#units.grow();
    const search = { isDue: this.#hasLost };
    await this.#settle(root, search);
    await roots.put({ id, bytes, root });
    await this.#settle(root, search);
  }

  /** Looks again until nothing that the snapshot needs has gone. @param search whether its contents have to be looked for in any case */
  async #settle(root: Root, search: { isDue: boolean }): Promise<void> {
    while (await this.#units.look() > 0 || search.isDue) {
      this.#hasLost = true;
      search.isDue = false;
      await this.#keepHunks(root.hunks);
      await this.#parts.flush();
      await this.#parts.storeAgain(await this.#lostOf(root));
      await this.#parts.flush();
      this.#units.grow();
    }
  }

  /** Hunks that were taken over unread may lie where nothing may be relied on. @throws DamagedContent */
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
