/** Hunks at hand without waiting: those that are asked for are fetched into the cache before. */
import type { HunkId } from "../../core/content_id.ts";
import type { ManifestSource } from "../../snapshot/manifest.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { hunkText } from "../../snapshot/hunk.ts";
import type { Root } from "../../snapshot/root.ts";
import type { SnapshotCache } from "../cache/snapshot_cache.ts";
import type { StoredRoot } from "./root_store.ts";
import type { VaultContents } from "./contents.ts";

/** Asked for at once. */
const HUNKS_AT_ONCE = 8;
/** Put into the cache at once: some megabytes. */
const HUNKS_IN_COMMIT = 64;

export class HunkStore {
  readonly #cache: SnapshotCache;
  readonly #contents: VaultContents;
  /** Those that can't be read, and why. */
  readonly #unusable = new Map<HunkId, DamagedContent>();
  #fetched = new Map<HunkId, Uint8Array<ArrayBuffer>>();

  constructor(cache: SnapshotCache, contents: VaultContents) {
    this.#cache = cache;
    this.#contents = contents;
  }

  /** Fetches the hunks of roots that aren't at hand. One that can't be read is a fault when it is asked for. */
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

  /** Keeps hunks at hand that are being stored. */
  keep(hunks: ReadonlyMap<HunkId, Uint8Array<ArrayBuffer>>): void {
    if (hunks.size > 0) this.#cache.write((tables) => tables.putHunks(hunks));
  }

  /** One that may not be at hand. @throws DamagedContent */
  async find(id: HunkId): Promise<Uint8Array<ArrayBuffer>> {
    return this.#cache.read((tables) => tables.hunk(id)) ?? await this.#contents.hunk(id);
  }

  #flush(): void {
    const fetched = this.#fetched;
    this.#fetched = new Map();
    if (fetched.size > 0) this.#cache.write((tables) => tables.putHunks(fetched));
  }

  /** As it is stored. @throws DamagedContent if it can't be read */
  bytes(id: HunkId): Uint8Array<ArrayBuffer> {
    const bytes = this.#cache.read((tables) => tables.hunk(id));
    if (bytes === undefined) throw this.#unusable.get(id) ?? new DamagedContent(id, "it is missing");
    return bytes;
  }

  /** Of a root whose hunks were loaded. One that can't be read is a problem of its own, and hides no other. */
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
