/** Which contents a storage has, by what its directories say. */
import type { ContentId } from "../../core/content_id.ts";
import type { ItemSet } from "../../core/item_set.ts";
import { includesSorted } from "../../core/sorted.ts";
import type { ContentIndex } from "../../snapshot/repository.ts";
import type { ContentStore } from "./content_store.ts";
import type { ItemListing } from "./item_listing.ts";

/** There are few different sizes of larger contents. */
const SMALL_BYTES = 256 * 1024;

/** What only the catalog knows. */
export interface CatalogFacts {
  /** Contents that a check has found so. */
  readonly damaged: Iterable<ContentId>;
  /** Distinct sizes of contents above so many bytes, ascending. */
  readonly sizesAbove: (bytes: number) => Float64Array;
}

export class StorageIndex implements ContentIndex {
  readonly #store: ContentStore;
  readonly #listing: ItemListing;
  readonly #damaged: ReadonlySet<string>;
  readonly #sizesAbove: (bytes: number) => Float64Array;
  #sizes: Float64Array | undefined;
  #present: ItemSet | undefined;

  /** @param store closed with the index */
  constructor(store: ContentStore, listing: ItemListing, { damaged, sizesAbove }: CatalogFacts) {
    this.#store = store;
    this.#listing = listing;
    this.#damaged = new Set<string>(damaged);
    this.#sizesAbove = sizesAbove;
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** The first time, `content/` is listed: many are asked for. */
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
