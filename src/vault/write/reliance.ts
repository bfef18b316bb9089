/**
 * Whether all that a new snapshot needs is still there: before its root is stored, and after. Between the two somebody
 * may have decided to remove something; a root that is there before they look keeps what it needs.
 */
import type { Apath } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import type { RunStore } from "./run_store.ts";

/** Which units may be relied on, since the last look. */
export class ReliableUnits {
  readonly #store: RunStore;
  #known: ReadonlySet<string>;

  constructor(store: RunStore) {
    this.#store = store;
    this.#known = new Set(store.reliable());
  }

  /** Learns what has become of the vault. @returns how many units that could be relied on can't be any more */
  async look(): Promise<number> {
    await this.#store.refresh();
    let lost = 0;
    for (const unit of this.#known) if (!this.#store.isReliable(unit)) lost++;
    this.#known = new Set(this.#store.reliable());
    return lost;
  }

  /** Takes up units that were stored since. */
  grow(): void {
    this.#known = new Set([...this.#known, ...this.#store.reliable()]);
  }
}

/** Something that a snapshot needs, and that is nowhere where it may be relied on. */
export interface LostContent {
  readonly path: Apath;
  readonly content: ContentId;
  readonly entry: Entry;
}

/** Looks contents up, each once: large ones by their lists and all parts. */
export class LostContents {
  readonly #store: RunStore;
  readonly #seen = new Set<string>();

  constructor(store: RunStore) {
    this.#store = store;
  }

  /** Those of some entries that have to be stored again. */
  async among(entries: Iterable<Entry>): Promise<LostContent[]> {
    const lost: LostContent[] = [];
    for (const entry of entries) {
      const { path, content } = entry;
      if (content === undefined || this.#seen.has(content)) continue;
      this.#seen.add(content);
      if (!(await isThere(this.#store, content))) lost.push({ path, content, entry });
    }
    return lost;
  }
}

/** True if all of a content is where a new snapshot may rely on it. */
export async function isThere(store: RunStore, content: ContentId): Promise<boolean> {
  if (store.has(content, "data")) return true;
  return store.has(content + LIST_SUFFIX, "meta") && await store.hasParts(content);
}
