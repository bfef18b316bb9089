/** Whether contents that a snapshot relies on unread are there: asked for each file of an unchanged source. */
import type { ContentId } from "../../core/content_id.ts";
import { ItemSet } from "../../core/item_set.ts";
import { kindOfItem } from "../pack/items.ts";
import { isThere } from "./reliance.ts";
import type { RunStore } from "./run_store.ts";

/** So many are looked up one by one; for more, all that there is is gone through once. */
const FEW = 2_000;
const DIGEST_DIGITS = 64;

export class PresentContents {
  readonly #store: RunStore;
  #asked = 0;
  #present: ItemSet | undefined;
  #hasDoubtful: boolean | undefined;

  constructor(store: RunStore) {
    this.#store = store;
  }

  /** Numbers of those that are not there. */
  async missingOf(contents: readonly ContentId[]): Promise<number[]> {
    this.#asked += contents.length;
    if (this.#asked > FEW) this.#present ??= presentIn(this.#store);
    const missing: number[] = [];
    for (const [i, content] of contents.entries()) {
      if (!this.#mayHave(content) || (this.#mustLook && !(await isThere(this.#store, content)))) missing.push(i);
    }
    return missing;
  }

  /** False if it is certainly not there. Of large contents only the list is asked for. */
  #mayHave(content: ContentId): boolean {
    return this.#present?.has(content) ?? this.#store.hasContent(content);
  }

  /** Some units are to go: parts of large contents may lie in these, which their lists alone tell. */
  get #mustLook(): boolean {
    return this.#hasDoubtful ??= this.#store.hasDoubtful;
  }
}

function presentIn(store: RunStore): ItemSet {
  const present = new ItemSet();
  for (const unit of store.reliable()) {
    const isData = store.index.unit(unit)?.unitClass === "data";
    for (const { id } of store.index.itemsOf(unit)) {
      if (isData) present.add(id);
      else if (kindOfItem(id) === "list") present.add(id.slice(0, DIGEST_DIGITS));
    }
  }
  return present;
}
