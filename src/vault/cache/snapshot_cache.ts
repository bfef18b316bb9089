/** Roots and hunks in a file of the cache, or in memory. */
import { CatalogFault } from "../../catalog/faults.ts";
import { rawOf } from "../../core/raw.ts";
import { CacheFile } from "./cache_file.ts";
import type { CachePlace } from "./cache_place.ts";
import { RowSeal } from "./row_seal.ts";
import { SNAPSHOT_TABLES } from "./schema.ts";
import { SnapshotTables } from "./snapshot_tables.ts";

export class SnapshotCache implements Disposable {
  readonly #place: CachePlace | undefined;
  readonly #file: CacheFile;
  readonly #seal: RowSeal;
  #tables: SnapshotTables;

  /** @param place absent: in memory @param vault its id @param auth undefined where nothing is encrypted */
  constructor(place: CachePlace | undefined, vault: string, auth: Uint8Array | undefined) {
    this.#place = place;
    this.#seal = new RowSeal(auth);
    this.#file = new CacheFile({
      place,
      name: rawOf("snapshots.sqlite"),
      tables: SNAPSHOT_TABLES,
      vault,
      isNoted: false,
    });
    this.#tables = new SnapshotTables(this.#file.database, this.#seal);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** Asks or changes the tables: those of a file that fails are begun anew, with nothing in them. `action` may run twice. */
  use<T>(action: (tables: SnapshotTables) => T): T {
    try {
      return action(this.#tables);
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      this.#file.renew();
      this.#tables = new SnapshotTables(this.#file.database, this.#seal);
      return action(this.#tables);
    }
  }

  /** As {@link SnapshotTables.dropBut}, unless others may still read it. */
  dropBut(isListed: (name: string) => boolean, needed: ReadonlySet<string>): void {
    const drop = () => this.use((tables) => tables.dropBut(isListed, needed));
    if (!this.#file.isOnDisk || this.#place === undefined) drop();
    else this.#place.ifAlone(drop);
  }
}
