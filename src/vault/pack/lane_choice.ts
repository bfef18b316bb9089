/**
 * Whether compressing is worth the time: by what is known of files of that type, and where nothing is, by a try on the
 * first bytes. What gets no smaller goes to the raw lane, at no cost.
 */
import type { LaneName } from "./unit_writer.ts";
import { compress } from "./zstd.ts";

/** Bytes that were compressed, and what came out. */
export interface Ratio {
  readonly bytes: number;
  readonly packed: number;
}

/** Above this share of the bytes, compressing gains too little. */
const WORTHLESS_SHARE = 0.95;
/** So much has to be known of a type before no file of it is tried any more. */
const ENOUGH_BYTES = 256 * 1024;
const SAMPLE_BYTES = 16 * 1024, PART_SAMPLE_BYTES = 64 * 1024;
/** Of smaller files a try says nothing. */
const FEWEST_SAMPLE_BYTES = 4 * 1024;
/**
 * Smaller files are compressed together with others, whatever they hold: what an archive says of each, a kilobyte and a
 * half, gets ten times smaller, which is more than is lost in time.
 */
const FEWEST_RAW_BYTES = 32 * 1024;
const TRY_LEVEL = 1;

export interface LaneChoice {
  readonly lane: LaneName;
  /** What the try showed, to be remembered for the type; undefined if there was none. */
  readonly learnt: Ratio | undefined;
}

/**
 * @param known of files of that type; undefined if nothing is
 * @param isPart of a large file, which may be of several kinds: every part is tried
 */
export function chooseLane(bytes: Uint8Array, known: Ratio | undefined, isPart: boolean): LaneChoice {
  const isSmall = !isPart && bytes.length < FEWEST_RAW_BYTES;
  const laneFor = (ratio: Ratio | undefined): LaneName => isSmall || !isWorthless(ratio) ? "compressed" : "raw";
  const isKnown = !isPart && known !== undefined && known.bytes >= ENOUGH_BYTES;
  if (isKnown || bytes.length < FEWEST_SAMPLE_BYTES) return { lane: laneFor(known), learnt: undefined };
  const sample = bytes.subarray(0, isPart ? PART_SAMPLE_BYTES : SAMPLE_BYTES);
  const learnt = { bytes: sample.length, packed: Math.min(sample.length, compress(sample, TRY_LEVEL).length) };
  return { lane: laneFor(learnt), learnt };
}

function isWorthless(ratio: Ratio | undefined): boolean {
  return ratio !== undefined && ratio.packed > ratio.bytes * WORTHLESS_SHARE;
}
