/** Index of the contents of a storage, from its directories. */
import type { ContentId } from "../../core/content_id.ts";
import type { ItemSet } from "../../core/item_set.ts";
import { includesSorted } from "../../core/sorted.ts";
import type { ContentIndex } from "../../snapshot/repository.ts";
import type { ContentStore } from "./content_store.ts";
import type { ItemListing } from "./item_listing.ts";

/** Size in bytes above which contents have few distinct sizes. */
const SMALL_BYTES = 256 * 1024;

/** Facts that only the catalog knows. */
export interface CatalogFacts {
  /** Contents that a check found damaged. */
  readonly damaged: Iterable<ContentId>;
  /** Distinct sizes of contents larger than `bytes`, ascending. */
  readonly sizesAbove: (bytes: number) => Float64Array;
}

export class StorageIndex implements ContentIndex {
  readonly #store: ContentStore;
  readonly #listing: ItemListing;
  readonly #damaged: ReadonlySet<string>;
  readonly #sizesAbove: (bytes: number) => Float64Array;
  #sizes: Float64Array | undefined;
  #present: ItemSet | undefined;

  /** @param store is closed with the index */
  constructor(store: ContentStore, listing: ItemListing, { damaged, sizesAbove }: CatalogFacts) {
    this.#store = store;
    this.#listing = listing;
    this.#damaged = new Set<string>(damaged);
    this.#sizesAbove = sizesAbove;
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /**
   * True if the content exists and was not found damaged. The first call lists `content/`, because many calls follow.
   */
  has(id: ContentId): boolean {
    if (this.#damaged.has(id)) return false;
    this.#present ??= this.#listing.present();
    return this.#present.has(id);
  }

  sizeOf(id: ContentId): number | undefined {
    return this.#store.sizeOf(id);
  }

  hasSize(bytes: number): boolean {
    if (bytes <= SMALL_BYTES) return true;
    this.#sizes ??= this.#sizesAbove(SMALL_BYTES);
    return includesSorted(this.#sizes, bytes);
  }
}
