/**
 * A note beside a database of the cache: the digest of its bytes, as this program left them. One that has other bytes was
 * changed by somebody or something else. It saves looking at every row each time; losing it costs no more than that.
 */
import { createHash } from "node:crypto";
import { unlessFault } from "../../core/fault.ts";
import { bytesOf, type Raw, raw, rawOf, rawOfBytes } from "../../core/raw.ts";
import type { CachePlace } from "./cache_place.ts";

const READ_AT_ONCE = 1024 * 1024, MOST_NOTE_BYTES = 100;
/** Of files that are too large for a digest. */
const LARGE = "large";

export class FileNote {
  readonly #place: CachePlace;
  readonly #name: Raw;
  readonly #mostBytes: number;

  /** @param name of the database @param mostBytes larger ones are not read whole each time they are opened */
  constructor(place: CachePlace, name: Raw, mostBytes: number) {
    this.#place = place;
    this.#name = name;
    this.#mostBytes = mostBytes;
  }

  /** True if the file is as it was noted, or was noted and is too large to tell. */
  agrees(): boolean {
    return unlessFault(() => this.#read() === this.#digest(), false);
  }

  /** Notes what the file is now. If it can't, the next one to open the file has to look at every row. */
  write(): void {
    unlessFault(() => this.#write(this.#digest()), undefined);
  }

  /** Says that the file is not to be believed. */
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
