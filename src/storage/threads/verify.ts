/** Reads items and compares them with their names. */
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
  /** Names, separated by "/": one string is quicker to send than many. */
  readonly names: string;
}

export interface VerifyResult {
  /** Number of bytes that were read. */
  readonly bytes: number;
  /** Indices of the damaged names, each with a description of the damage. */
  readonly damaged: readonly { readonly index: number; readonly what: string }[];
}

interface Verified {
  readonly read: number;
  /** Description of the damage; undefined: intact. */
  readonly what: string | undefined;
}

export interface VerifySetup {
  readonly settings: Settings;
  /** Receives the sizes of intact items. */
  readonly sizes: SizeTable | undefined;
  readonly stop: StopFlag;
  readonly meter: Meter;
}

/** Items that are read between two checks for a request to stop; large ones have checks of their own. */
const ITEMS_PER_STEP = 16;

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
      if (index % ITEMS_PER_STEP === 0) {
        this.#stop.check();
        yield;
      }
      // Most items are small, and needn't be paused in.
      const id = idOf(batch.leaf, name), begun = this.#begin(leaf, name, id);
      const { read, what } = "large" in begun ? yield* this.#goOn(begun.large, id) : begun;
      bytes += read;
      if (what !== undefined) damaged.push({ index, what });
    }
    return { bytes, damaged };
  }

  /** Reads as much as the buffer holds. A larger item is left open. */
  #begin(leaf: Dir | undefined, name: Raw, id: string): Verified | { readonly large: OpenFile } {
    let file: OpenFile | undefined;
    try {
      file = leaf?.open(name);
      if (file === undefined) return { read: 0, what: "it is missing" };
      const got = file.read(this.#buffer, 0);
      if (got === this.#buffer.length) {
        const large = file;
        file = undefined;
        return { large };
      }
      this.#meter.add(got);
      return this.#compared(id, hashBytes(this.#settings.algorithm, this.#buffer.subarray(0, got)), got);
    } catch (error) {
      return unreadable(error);
    } finally {
      file?.[Symbol.dispose]();
    }
  }

  /** Reads the rest of a large item. @param large its beginning fills the buffer; it is closed at the end */
  *#goOn(large: OpenFile, id: string): Steps<Verified> {
    using file = large;
    try {
      const { length } = this.#buffer;
      const digesting = new DigestStream(this.#settings.algorithm, readingAroundHoles(file), this.#buffer, length);
      for (const { bytes } of digesting) {
        this.#stop.check();
        this.#meter.add(bytes.length);
        yield;
      }
      return this.#compared(id, digesting.digest, digesting.size);
    } catch (error) {
      return unreadable(error);
    }
  }

  #compared(id: string, digest: string, read: number): Verified {
    if (!isDigestOf(id, digest)) return { read, what: "its bytes don't match its checksum" };
    this.#sizes?.add(id, read);
    return { read, what: undefined };
  }
}

function unreadable(error: unknown): Verified {
  if (error instanceof DiskFault) return { read: 0, what: error.message };
  throw error;
}
