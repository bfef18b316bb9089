/** Reading items and comparing them with their names. */
import { openDirIfThere } from "../../platform/open_optional.ts";
import { knownRaw, type Raw, rawOf, splitRaw } from "../../core/raw.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { isDigestOf } from "../../core/content_id.ts";
import { hashBytes } from "../../core/digest.ts";
import { DigestStream } from "../../core/digest_stream.ts";
import { CHUNK_BYTES } from "../content/content_store.ts";
import { readingAroundHoles } from "../../platform/holes.ts";
import { idOf } from "../layout/item_path.ts";
import type { Settings } from "../layout/settings.ts";
import type { SizeTable } from "./size_table.ts";
import type { Meter } from "../../platform/meter.ts";
import type { Steps } from "../../core/steps.ts";
import type { StopFlag } from "../../platform/stop_flag.ts";

/** Some items of one leaf directory. Plain data: it travels between threads. */
export interface VerifyBatch {
  readonly leaf: Raw;
  /** With "/" between them: one string travels faster than many. */
  readonly names: string;
}

export interface VerifyResult {
  /** Bytes that were read. */
  readonly bytes: number;
  /** Which of the names are damaged, and what is wrong. */
  readonly damaged: readonly { readonly index: number; readonly what: string }[];
}

export interface VerifySetup {
  readonly settings: Settings;
  /** Takes up the sizes of sound items. */
  readonly sizes: SizeTable | undefined;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

export class Verify {
  readonly #content: Dir;
  readonly #settings: Settings;
  readonly #sizes: SizeTable | undefined;
  readonly #stop: StopFlag;
  readonly #meter: Meter;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);

  constructor(storage: Dir, { settings, sizes, stop, meter }: VerifySetup) {
    this.#content = storage.openDir(rawOf("content"));
    this.#settings = settings;
    this.#sizes = sizes;
    this.#stop = stop;
    this.#meter = meter;
  }

  [Symbol.dispose](): void {
    this.#content[Symbol.dispose]();
  }

  *run(batch: VerifyBatch): Steps<VerifyResult> {
    using leaf = openDirIfThere(this.#content, batch.leaf);
    let bytes = 0;
    const damaged: { index: number; what: string }[] = [];
    for (const [index, name] of splitRaw(knownRaw(batch.names), "/").entries()) {
      this.#stop.check();
      const { read, what } = yield* this.#one(leaf, batch.leaf, name);
      bytes += read;
      if (what !== undefined) damaged.push({ index, what });
      yield;
    }
    return { bytes, damaged };
  }

  *#one(leaf: Dir | undefined, path: Raw, name: Raw): Steps<{ read: number; what: string | undefined }> {
    try {
      using file = leaf?.open(name);
      if (file === undefined) return { read: 0, what: "it is missing" };
      const { read, digest } = yield* this.#digest(file);
      const id = idOf(path, name);
      if (!isDigestOf(id, digest)) return { read, what: "its bytes don't match its checksum" };
      this.#sizes?.add(id, read);
      return { read, what: undefined };
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      return { read: 0, what: error.message };
    }
  }

  *#digest(file: OpenFile): Steps<{ read: number; digest: string }> {
    const around = readingAroundHoles(file);
    const got = around(this.#buffer, 0);
    if (got < this.#buffer.length) {
      this.#meter.add(got);
      return { read: got, digest: hashBytes(this.#settings.algorithm, this.#buffer.subarray(0, got)) };
    }
    const digesting = new DigestStream(this.#settings.algorithm, around, this.#buffer, got);
    for (const { bytes } of digesting) {
      this.#stop.check();
      this.#meter.add(bytes.length);
      yield;
    }
    return { read: digesting.size, digest: digesting.digest };
  }
}
