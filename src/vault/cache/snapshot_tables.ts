/**
 * Roots and hunks of a vault as tables. Roots are authenticated, hunks are named by their digest, so damage is noticed,
 * and the object is fetched again.
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import type { Database } from "../../catalog/database.ts";
import type { RootHeader } from "../../catalog/snapshot_order.ts";
import type { HunkId } from "../../core/content_id.ts";
import { MOST_PLAIN_BYTES } from "../format/limits.ts";
import { compress, decompress } from "../pack/zstd.ts";
import type { RowSeal } from "./row_seal.ts";

const LEVEL = 3;
const DIGEST_DIGITS = 64;

export interface KeptHeader extends RootHeader {
  /** True if this machine has removed it from the vault. */
  readonly isForgotten?: boolean;
}

/** A root, and the name of the object that holds it. */
export interface NamedRoot {
  readonly name: string;
  readonly header: RootHeader;
  readonly bytes: Uint8Array;
}

export class SnapshotTables {
  readonly #database: Database;
  readonly #seal: RowSeal;

  constructor(database: Database, seal: RowSeal) {
    this.#database = database;
    this.#seal = seal;
  }

  /** Header of a root. @param name of the object that holds it @returns undefined if it is missing or damaged */
  header(name: string): KeptHeader | undefined {
    const row = this.#database.get("SELECT head FROM root WHERE name = ?", bytesOf(name));
    const bytes = row && this.#seal.open(`head ${name}`, row["head"]);
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  }

  /** Bytes of a root; undefined if it is missing or damaged. */
  root(name: string): Uint8Array<ArrayBuffer> | undefined {
    const row = this.#database.get("SELECT bytes FROM root WHERE name = ?", bytesOf(name));
    const bytes = row && this.#seal.open(`root ${name}`, row["bytes"]);
    return bytes && decompress(bytes, MOST_PLAIN_BYTES, "a root in the cache");
  }

  putRoots(roots: Iterable<NamedRoot>): void {
    this.#database.transaction(() => {
      for (const { name, header, bytes } of roots) {
        const head = this.#sealedHead(name, header);
        const sealed = this.#seal.seal(`root ${name}`, compress(bytes, LEVEL));
        this.#database.run("INSERT OR REPLACE INTO root VALUES (?, ?, ?)", bytesOf(name), head, sealed);
      }
    });
  }

  /** Records that this root was forgotten, so that its absence is no loss. */
  noteForgotten(name: string, header: RootHeader): void {
    const head = this.#sealedHead(name, { ...header, isForgotten: true });
    this.#database.run("UPDATE root SET head = ? WHERE name = ?", head, bytesOf(name));
  }

  #sealedHead(name: string, header: KeptHeader): Uint8Array<ArrayBuffer> {
    return this.#seal.seal(`head ${name}`, new TextEncoder().encode(JSON.stringify(header)));
  }

  /** Verified bytes of a hunk; undefined if it is missing or damaged. */
  hunk(id: HunkId): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.#database.get("SELECT bytes FROM hunk WHERE id = ?", bytesOf(id))?.["bytes"];
    if (!(bytes instanceof Uint8Array) || hash("sha256", bytes) !== id.slice(0, DIGEST_DIGITS)) return undefined;
    return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
  }

  putHunks(hunks: Iterable<readonly [HunkId, Uint8Array<ArrayBuffer>]>): void {
    this.#database.transaction(() => {
      for (const [id, bytes] of hunks) {
        this.#database.run("INSERT OR REPLACE INTO hunk VALUES (?, ?)", bytesOf(id), bytes);
      }
    });
  }

  /** Names of objects in the table that are not listed. */
  othersThan(isListed: (name: string) => boolean): string[] {
    return this.#database.all("SELECT name FROM root").map(({ name }) => hexOf(name)).filter((name) => !isListed(name));
  }

  /** Removes roots that are not listed, and hunks that are not in `needed`. */
  dropBut(isListed: (name: string) => boolean, needed: ReadonlySet<string>): void {
    const unlisted = this.othersThan(isListed);
    const hunks = this.#database.all("SELECT id FROM hunk").map(({ id }) => hexOf(id)).filter((id) => !needed.has(id));
    this.#database.transaction(() => {
      for (const name of unlisted) this.#database.run("DELETE FROM root WHERE name = ?", bytesOf(name));
      for (const id of hunks) this.#database.run("DELETE FROM hunk WHERE id = ?", bytesOf(id));
    });
  }
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function hexOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex") : "";
}
