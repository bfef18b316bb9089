/** Roots and hunks in a file of the cache, or in memory. */
import { CatalogFault } from "../../catalog/faults.ts";
import { unlessFault } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import { CacheFile } from "./cache_file.ts";
import type { CachePlace } from "./cache_place.ts";
import { RowSeal } from "./row_seal.ts";
import { SNAPSHOT_TABLES } from "./schema.ts";
import { SnapshotTables } from "./snapshot_tables.ts";

/** A file of the cache, or its substitute in memory. */
interface Part {
  readonly file: CacheFile;
  readonly tables: SnapshotTables;
}

export class SnapshotCache implements Disposable {
  readonly #place: CachePlace | undefined;
  readonly #seal: RowSeal;
  /** The database that is written, then former ones that can't be written but may still answer. */
  #parts: readonly [Part, ...Part[]];

  /**
   * @param place absent: in memory @param vault id of the vault @param auth key for signatures; undefined without
   * encryption
   */
  constructor(place: CachePlace | undefined, vault: string, auth: Uint8Array | undefined) {
    this.#place = place;
    this.#seal = new RowSeal(auth);
    const options = { place, name: rawOf("snapshots.sqlite"), tables: SNAPSHOT_TABLES, vault, isNoted: false };
    this.#parts = [this.#partOf(new CacheFile(options))];
  }

  #partOf(file: CacheFile): Part {
    return { file, tables: new SnapshotTables(file.database, this.#seal) };
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#parts) file[Symbol.dispose]();
  }

  /** Queries the databases one after the other; undefined if none has an answer. */
  read<T>(question: (tables: SnapshotTables) => T | undefined): T | undefined {
    for (const { tables } of this.#parts) {
      const answer = unlessFault(() => question(tables), undefined);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** Changes the tables. If the file can't be written, the changes stay in memory for this run. */
  write(action: (tables: SnapshotTables) => void): void {
    for (;;) {
      const [{ file, tables }] = this.#parts;
      try {
        return action(tables);
      } catch (error) {
        if (!(error instanceof CatalogFault) || !file.isOnDisk) throw error;
        this.#parts = [this.#partOf(file.successor(error.trouble)), ...this.#parts];
      }
    }
  }

  /** As {@link SnapshotTables.dropBut}, unless other programs may still read the rows. */
  dropBut(isListed: (name: string) => boolean, needed: ReadonlySet<string>): void {
    const drop = () => this.write((tables) => tables.dropBut(isListed, needed));
    if (!this.#parts[0].file.isOnDisk || this.#place === undefined) drop();
    else this.#place.ifAlone(drop);
  }
}
