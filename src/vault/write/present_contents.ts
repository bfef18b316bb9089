/**
 * Checks whether contents that a snapshot relies on unread exist: this is called for each file of an unchanged source.
 */
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import { ItemSet } from "../../core/item_set.ts";
import { kindOfItem } from "../pack/items.ts";
import { isThere } from "./reliance.ts";
import type { RunStore } from "./run_store.ts";

/**
 * Number of contents that are looked up one by one (more for a large vault); after that, all existing ones are listed
 * once.
 */
const FEW = 2_000, FEW_OF_ONE_UNIT = 100;
const DIGEST_DIGITS = 64;

export class PresentContents {
  readonly #store: RunStore;
  /** Large contents with lists, but without some of their parts. */
  readonly #incomplete: ReadonlySet<ContentId>;
  #asked = 0;
  #few: number | undefined;
  #present: ItemSet | undefined;

  static async of(store: RunStore): Promise<PresentContents> {
    return new PresentContents(store, store.hasDoubtful ? await incompleteIn(store) : new Set());
  }

  private constructor(store: RunStore, incomplete: ReadonlySet<ContentId>) {
    this.#store = store;
    this.#incomplete = incomplete;
  }

  has(content: ContentId): boolean {
    if (++this.#asked > FEW && this.#asked > (this.#few ??= this.#fewOfAll())) this.#present ??= presentIn(this.#store);
    const isThere = this.#present?.has(content) ?? this.#store.hasContent(content);
    return isThere && !(this.#incomplete.size > 0 && this.#incomplete.has(content));
  }

  /** Number of look-ups that take as long as listing everything. */
  #fewOfAll(): number {
    let units = 0;
    for (const _ of this.#store.reliable()) units++;
    return units * FEW_OF_ONE_UNIT;
  }
}

/** Large contents with parts in units that are to be deleted: only their lists show that. */
async function incompleteIn(store: RunStore): Promise<ReadonlySet<ContentId>> {
  const incomplete = new Set<ContentId>();
  for (const unit of store.reliable()) {
    for (const { id } of store.index.itemsOf(unit)) {
      if (kindOfItem(id) !== "list") continue;
      const content = knownContentId(id.slice(0, DIGEST_DIGITS));
      if (!await isThere(store, content)) incomplete.add(content);
    }
  }
  return incomplete;
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
