/** Hunks in the local cache: those that will be needed are fetched in advance. */
import type { HunkId } from "../../core/content_id.ts";
import type { ManifestSource } from "../../snapshot/manifest.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { hunkText } from "../../snapshot/hunk.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotCache } from "../cache/snapshot_cache.ts";
import type { StoredRoot } from "./root_store.ts";
import type { VaultContents } from "./contents.ts";

/** Number of hunks that are requested at once. */
const HUNKS_AT_ONCE = 8;
/** Number of hunks that are written to the cache at once: some megabytes. */
const HUNKS_IN_COMMIT = 64;

export class HunkStore {
  readonly #cache: SnapshotCache;
  readonly #contents: VaultContents;
  /** Unreadable hunks, with their faults. */
  readonly #unusable = new Map<HunkId, DamagedContent>();
  #fetched = new Map<HunkId, Uint8Array<ArrayBuffer>>();

  constructor(cache: SnapshotCache, contents: VaultContents) {
    this.#cache = cache;
    this.#contents = contents;
  }

  /** Fetches hunks of roots that aren't cached. An unreadable one causes a fault only when it is used. */
  async load(roots: readonly Root[]): Promise<void> {
    const next = missing(new Set(roots.flatMap(({ hunks }) => hunks.map(({ id }) => id))), this.#cache);
    const fetchNext = async () => {
      for (const id of next) await this.#fetch(id);
    };
    await Promise.all(Array.from({ length: HUNKS_AT_ONCE }, fetchNext));
    this.#flush();
  }

  async #fetch(id: HunkId): Promise<void> {
    try {
      this.#fetched.set(id, await this.#contents.hunk(id));
      this.#unusable.delete(id);
    } catch (error) {
      if (!(error instanceof DamagedContent)) throw error;
      this.#unusable.set(id, error);
    }
    if (this.#fetched.size >= HUNKS_IN_COMMIT) this.#flush();
  }

  /** Caches hunks that are being stored. */
  keep(hunks: ReadonlyMap<HunkId, Uint8Array<ArrayBuffer>>): void {
    if (hunks.size > 0) this.#cache.write((tables) => tables.putHunks(hunks));
  }

  /** A cached hunk. */
  kept(id: HunkId): Uint8Array<ArrayBuffer> | undefined {
    return this.#cache.read((tables) => tables.hunk(id));
  }

  /** A hunk that may not be cached. @throws DamagedContent */
  async find(id: HunkId): Promise<Uint8Array<ArrayBuffer>> {
    return this.kept(id) ?? await this.#contents.hunk(id);
  }

  #flush(): void {
    const fetched = this.#fetched;
    this.#fetched = new Map();
    if (fetched.size > 0) this.#cache.write((tables) => tables.putHunks(fetched));
  }

  /** Bytes of a cached hunk as stored. @throws DamagedContent if it can't be read */
  bytes(id: HunkId): Uint8Array<ArrayBuffer> {
    const bytes = this.kept(id);
    if (bytes === undefined) throw this.#unusable.get(id) ?? new DamagedContent(id, "it is missing");
    return bytes;
  }

  /**
   * The manifest of a root whose hunks were loaded. An unreadable hunk causes a fault of its own, and hides no other.
   */
  sourceOf({ id, root }: Pick<StoredRoot, "id" | "root">): ManifestSource {
    return {
      id,
      root,
      text: (index) => {
        const hunk = root.hunks[index], bytes = hunk && this.#cache.read((tables) => tables.hunk(hunk.id));
        return bytes === undefined ? new Uint8Array() : hunkText(bytes);
      },
    };
  }
}

function* missing(ids: Iterable<HunkId>, cache: SnapshotCache): Generator<HunkId> {
  for (const id of ids) if (cache.read((tables) => tables.hunk(id)) === undefined) yield id;
}
