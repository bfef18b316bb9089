/**
 * Decides whether compressing is worth the time: by what is known of files of the same type, or else by compressing a
 * sample of the first bytes. Incompressible data goes to the raw lane, at no cost.
 */
import type { LaneName } from "./unit_writer.ts";
import { compress } from "./zstd.ts";

/** Bytes before and after compression. */
export interface Ratio {
  readonly bytes: number;
  readonly packed: number;
}

/** Compression ratio above which compressing gains too little. */
const WORTHLESS_SHARE = 0.95;
/** Bytes that have to be known of a type before its files are no longer sampled. */
const ENOUGH_BYTES = 256 * 1024;
const SAMPLE_BYTES = 16 * 1024, PART_SAMPLE_BYTES = 64 * 1024;
/** Size in bytes below which a sample is meaningless. */
const FEWEST_SAMPLE_BYTES = 4 * 1024;
/**
 * Size in bytes below which files are always compressed, together with others: the archive's metadata for each, a
 * kilobyte and a half, shrinks to a tenth, which outweighs the time.
 */
const FEWEST_RAW_BYTES = 32 * 1024;
const TRY_LEVEL = 1;

export interface LaneChoice {
  readonly lane: LaneName;
  /** Ratio of the sample, to be recorded for the type; undefined if no sample was taken. */
  readonly learnt: Ratio | undefined;
}

/**
 * Chooses the lane for a file or a part.
 * @param known ratio of that file type; undefined if unknown
 * @param isPart true for a part of a large file, which may be mixed: every part is sampled
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
