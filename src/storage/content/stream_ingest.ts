/** Stores a streamed content of unknown length: it is hashed on its way into a file in tmp/. */
import { rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import type { FileFacts, StoredItem } from "../../intake/content_keeper.ts";
import type { ContentStore } from "./content_store.ts";
import { type Algorithm, type Hasher, newHasher } from "../../core/digest.ts";

const NAME = rawOf("incoming");

export class Incoming implements Disposable {
  readonly #store: ContentStore;
  readonly #temp: Dir;
  readonly #file: OpenFile;
  readonly #hasher: Hasher;
  #size = 0;

  /** Only one may exist at a time. @param temp the storage's tmp/; it must stay open as long as this */
  constructor(store: ContentStore, temp: Dir, algorithm: Algorithm) {
    this.#store = store;
    this.#temp = temp;
    temp.unlink(NAME);
    const file = temp.create(NAME, 0o600);
    if (file === undefined) throw new DiskFault("EEXIST", "create", NAME);
    this.#file = file;
    this.#hasher = newHasher(algorithm);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.#temp.unlink(NAME);
  }

  write(chunk: Uint8Array<ArrayBuffer>): void {
    this.#hasher.update(chunk);
    this.#file.write(chunk, this.#size);
    this.#size += chunk.length;
  }

  /** Stores the content. To be called once, at the end. */
  finish(facts: FileFacts): StoredItem {
    return this.#store.adopt(this.#hasher.hex(), { name: NAME, file: this.#file, size: this.#size }, facts);
  }
}
