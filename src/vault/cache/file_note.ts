/**
 * A note beside a database of the cache: the digest of its bytes as this program left them. A database with other bytes
 * was changed by something else. The note only saves verifying every row each time.
 */
import { createHash } from "node:crypto";
import { unlessFault } from "../../core/fault.ts";
import { bytesOf, type Raw, raw, rawOf, rawOfBytes } from "../../core/raw.ts";
import type { CachePlace } from "./cache_place.ts";

const READ_AT_ONCE = 1024 * 1024, MOST_NOTE_BYTES = 100;
/** Stands for the digest of files that are too large for one. */
const LARGE = "large";

export class FileNote {
  readonly #place: CachePlace;
  readonly #name: Raw;
  readonly #mostBytes: number;

  /** @param name of the database @param mostBytes size above which a file gets no digest */
  constructor(place: CachePlace, name: Raw, mostBytes: number) {
    this.#place = place;
    this.#name = name;
    this.#mostBytes = mostBytes;
  }

  /** True if the file is as noted, or was noted and is too large for a digest. */
  agrees(): boolean {
    return unlessFault(() => this.#read() === this.#digest(), false);
  }

  /** Records the file's present state. If that fails, the next program to open the file has to verify every row. */
  write(): void {
    unlessFault(() => this.#write(this.#digest()), undefined);
  }

  /** Records that the file must not be trusted. */
  remove(): void {
    unlessFault(() => this.#write(""), undefined);
  }

  #read(): string {
    using db = this.#place.openDb();
    using file = db.open(this.#ownName);
    const bytes = new Uint8Array(MOST_NOTE_BYTES);
    return rawOfBytes(bytes.subarray(0, file?.read(bytes, 0) ?? 0));
  }

  #write(text: string): void {
    using db = this.#place.openDb();
    using file = db.openOrCreate(this.#ownName, 0o600);
    file.truncate(0);
    file.write(bytesOf(rawOf(text)), 0);
  }

  get #ownName(): Raw {
    return raw`${this.#name}.agreed`;
  }

  #digest(): string {
    using db = this.#place.openDb();
    using file = db.open(this.#name);
    const size = file?.stat().size ?? 0, buffer = new Uint8Array(READ_AT_ONCE), digest = createHash("sha256");
    if (file === undefined || size > this.#mostBytes) return LARGE;
    for (let at = 0, got = 0; (got = file.read(buffer, at)) > 0; at += got) digest.update(buffer.subarray(0, got));
    return digest.digest("hex");
  }
}
