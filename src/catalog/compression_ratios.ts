/** Compression ratios of files by type, estimated from samples of new contents, and kept in the catalog. */
import { deflateRawSync } from "node:zlib";
import type { ContentId } from "../core/content_id.ts";
import { Fault } from "../core/fault.ts";
import type { Raw } from "../core/raw.ts";
import type { OpenFile } from "../platform/disk.ts";
import type { Ratio, Ratios } from "../snapshot/catalog_queries.ts";

const LONGEST_TYPE = 10;
/** Types that are remembered: those that most was seen of. */
const MOST_TYPES = 256;
/** What was learnt long ago counts less and less: above so many bytes both numbers are halved. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Contents looked at in one run, and how much of each: well below 100 ms. */
const SAMPLES = 32, SAMPLE_BYTES = 16 * 1024;
/** Number of values that the first eight digits of an id may have. */
const IDS = 2 ** 32;
/** Runs that store fewer contents aren't worth a change of the catalog. */
const FEWEST = 16;

/** File type: the part of a name after its last dot, in lower case; "" if that is not plausible. */
export function typeOf(name: Raw): string {
  const dot = name.lastIndexOf(".");
  const type = dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
  return /^[a-z0-9_+-]+$/.test(type) && type.length <= LONGEST_TYPE ? type : "";
}

/** Selects some new contents of a run, at random by their ids, and compresses a part of each. */
export class RatioSampler {
  #picked: { readonly type: string; readonly id: ContentId }[] = [];
  /** Contents are selected whose ids are below it, as text. */
  #below = "g";
  #share = IDS;
  #seen = 0;

  add(name: Raw, id: ContentId): void {
    this.#seen++;
    if (id >= this.#below) return;
    this.#picked.push({ type: typeOf(name), id });
    while (this.#picked.length > SAMPLES && this.#share > 1) {
      this.#share /= 2;
      this.#below = this.#share.toString(16).padStart(8, "0");
      this.#picked = this.#picked.filter((one) => one.id < this.#below);
    }
  }

  /** Measures the selected contents. @param open opens a content @returns undefined if there are too few */
  measure(open: (id: ContentId) => OpenFile): Ratios | undefined {
    if (this.#seen < FEWEST) return undefined;
    const ratios = new Map<string, { bytes: number; packed: number }>();
    const buffer = new Uint8Array(SAMPLE_BYTES);
    for (const { type, id } of this.#picked) {
      const bytes = beginningOf(id, open, buffer);
      if (bytes.length === 0) continue;
      const ratio = ratios.get(type) ?? { bytes: 0, packed: 0 };
      ratios.set(type, ratio);
      ratio.bytes += bytes.length;
      ratio.packed += Math.min(bytes.length, deflateRawSync(bytes).length);
    }
    return ratios;
  }
}

/** Nothing of what can't be read: it is only for an estimate. */
function beginningOf(id: ContentId, open: (id: ContentId) => OpenFile, buffer: Uint8Array<ArrayBuffer>): Uint8Array {
  try {
    using file = open(id);
    return buffer.subarray(0, file.read(buffer, 0));
  } catch (error) {
    if (error instanceof Fault) return buffer.subarray(0, 0);
    throw error;
  }
}

/** Combines known ratios with those of a new measurement. */
export function joinRatios(known: Ratios, learnt: Ratios): Ratios {
  const joined = new Map(known);
  for (const [type, { bytes, packed }] of learnt) {
    const before = joined.get(type) ?? { bytes: 0, packed: 0 };
    const share = before.bytes + bytes > MOST_BYTES ? 0.5 : 1;
    joined.set(type, {
      bytes: Math.round((before.bytes + bytes) * share),
      packed: Math.round((before.packed + packed) * share),
    });
  }
  return new Map([...joined].sort((a, b) => b[1].bytes - a[1].bytes).slice(0, MOST_TYPES));
}

export function encodeRatios(ratios: Ratios): string {
  return JSON.stringify(Object.fromEntries([...ratios].map(([type, { bytes, packed }]) => [type, [bytes, packed]])));
}

/** Parses stored ratios. Anything invalid is dropped, because it is measured again. */
export function parseRatios(text: string | undefined): Ratios {
  const ratios = new Map<string, Ratio>();
  try {
    for (const [type, value] of Object.entries(JSON.parse(text ?? "{}"))) {
      const [bytes, packed] = value as [unknown, unknown];
      if (Number.isSafeInteger(bytes) && Number.isSafeInteger(packed)) {
        ratios.set(type, { bytes: bytes as number, packed: packed as number });
      }
    }
  } catch {
    return new Map();
  }
  return ratios;
}
