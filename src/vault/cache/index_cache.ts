/** The contents of `index/`, in a file of the cache or in memory. */
import type { Trouble } from "../../catalog/faults.ts";
import { unlessFault } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import { CacheFile } from "./cache_file.ts";
import type { CachePlace } from "./cache_place.ts";
import { IndexTables } from "./index_tables.ts";
import { RowSeal } from "./row_seal.ts";
import { INDEX_TABLES } from "./schema.ts";

export class IndexCache implements Disposable {
  readonly #place: CachePlace | undefined;
  #file: CacheFile;
  readonly #seal: RowSeal;
  #tables: IndexTables;

  /**
   * @param place absent: in memory @param vault id of the vault @param auth key for signatures; undefined without
   * encryption
   */
  constructor(place: CachePlace | undefined, vault: string, auth: Uint8Array | undefined) {
    this.#place = place;
    this.#seal = new RowSeal(auth);
    this.#file = new CacheFile({ place, name: rawOf("index.sqlite"), tables: INDEX_TABLES, vault, isNoted: true });
    this.#tables = new IndexTables(this.#file.database, this.#seal);
    if (this.#file.isTrusted) return;
    if (this.#isSound()) this.#file.trust();
    else this.renew("damaged");
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** True if all rows are known to be sound. */
  get isTrusted(): boolean {
    return this.#file.isTrusted;
  }

  get isOnDisk(): boolean {
    return this.#file.isOnDisk;
  }

  get tables(): IndexTables {
    return this.#tables;
  }

  /** Writes staged objects. @throws CatalogFault */
  flush(): void {
    if (this.#tables.flush()) this.#file.note();
  }

  /** Starts again with an empty database. @param trouble with the present one */
  renew(trouble: Trouble): void {
    using former = this.#file;
    this.#file = former.successor(trouble);
    this.#tables = new IndexTables(this.#file.database, this.#seal);
  }

  #isSound(): boolean {
    return unlessFault(() => this.#tables.isSound(), false);
  }

  /** Removes objects that are no longer listed, unless other programs may still read them. @returns whether it did */
  dropBut(isListed: (name: string) => boolean): boolean {
    if (!this.#file.isOnDisk || this.#place === undefined) {
      this.#tables.dropBut(isListed);
      return true;
    }
    return this.#place.ifAlone(() => this.#tables.dropBut(isListed));
  }
}
