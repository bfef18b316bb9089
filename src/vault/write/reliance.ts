/**
 * Checks that everything a new snapshot needs still exists, before its root is stored and afterwards. In between,
 * another client may decide to remove something; a root that exists before it looks protects what it needs.
 */
import type { Apath } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { Entry } from "../../core/entry.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import type { RunStore } from "./run_store.ts";

/** The units that may be relied on, as of the last look. */
export class ReliableUnits {
  readonly #store: RunStore;
  #known: ReadonlySet<string>;
  /** Number of units of this writer that were looked at. */
  #looked: number;

  constructor(store: RunStore) {
    this.#store = store;
    this.#known = new Set(store.reliable());
    this.#looked = store.own.length;
  }

  /**
   * Refreshes the index. @returns number of units that can no longer be relied on; those that this writer has listed
   * since the last look are among them, however soon somebody else has given them up
   */
  async look(): Promise<number> {
    const { own } = this.#store;
    await this.#store.refresh();
    const added = own.slice(this.#looked);
    this.#looked = own.length;
    let lost = 0;
    for (const unit of new Set([...this.#known, ...added])) if (!this.#store.isReliable(unit)) lost++;
    this.#known = new Set(this.#store.reliable());
    return lost;
  }
}

/** A content that a snapshot needs, and that no reliable unit holds. */
export interface LostContent {
  readonly path: Apath;
  readonly content: ContentId;
  readonly entry: Entry;
}

/** Looks up contents, each once; large ones with their lists and all parts. */
export class LostContents {
  readonly #store: RunStore;
  readonly #seen = new Set<string>();

  constructor(store: RunStore) {
    this.#store = store;
  }

  /** The contents of these entries that have to be stored again. */
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

/** True if all of a content is in units that a new snapshot may rely on. */
export async function isThere(store: RunStore, content: ContentId): Promise<boolean> {
  if (store.has(content, "data")) return true;
  return store.has(content + LIST_SUFFIX, "meta") && await store.hasParts(content);
}
