/** Reading items and comparing them with their names. */
import { classOfId } from "../core/content_id.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { CHUNK_BYTES, isDigestOf } from "./content.ts";
import { digestHexLength, newHasher } from "./digest.ts";
import { idOf } from "./item_path.ts";
import type { Settings } from "./settings.ts";

/** Some items of one leaf directory. Plain data: it travels between threads. */
export interface VerifyBatch {
  readonly leaf: Raw;
  readonly names: readonly Raw[];
}

export interface VerifyResult {
  readonly id: string;
  readonly bytes: number;
  /** What is wrong; undefined if the bytes match the name. */
  readonly damage: string | undefined;
}

export class Verify {
  readonly #content: Dir;
  readonly #settings: Settings;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);

  constructor(storage: Dir, settings: Settings) {
    this.#content = storage.openDir(rawOf("content"));
    this.#settings = settings;
  }

  [Symbol.dispose](): void {
    this.#content[Symbol.dispose]();
  }

  run(batch: VerifyBatch): VerifyResult[] {
    using leaf = this.#content.openPath(batch.leaf);
    return batch.names.map((name) => this.#one(leaf, batch.leaf, name));
  }

  #one(leaf: Dir, path: Raw, name: Raw): VerifyResult {
    const id = idOf(path, name);
    if (classOfId(id, digestHexLength(this.#settings.algorithm)) === undefined) {
      return { id: textOf(id as Raw), bytes: 0, damage: undefined };
    }
    try {
      using file = leaf.open(name);
      if (file === undefined) return { id, bytes: 0, damage: "it has just vanished" };
      const hasher = newHasher(this.#settings.algorithm);
      let at = 0;
      for (let got = 0; (got = file.read(this.#buffer, at)) > 0; at += got) {
        hasher.update(this.#buffer.subarray(0, got));
      }
      const damage = isDigestOf(id, hasher.hex()) ? undefined : "its bytes don't match its checksum";
      return { id, bytes: at, damage };
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      return { id, bytes: 0, damage: error.message };
    }
  }
}
