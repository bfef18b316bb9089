/**
 * Finds frames in a plaintext with gaps. If unit.json is readable, it gives their positions; otherwise they are
 * searched for. Of a damaged frame, the part before the damage can often be recovered; of one with raw blocks,
 * everything but the gap.
 */
import { Fault } from "../../core/fault.ts";
import { MOST_FRAME_BYTES } from "../format/limits.ts";
import type { UnitFrame } from "../pack/items.ts";
import { isHeader } from "../pack/tar_reader.ts";
import type { UnitContents } from "../pack/unit_json.ts";
import { contentsIn } from "../pack/unit_reader.ts";
import { TRAILER_CONTENT_BYTES } from "../pack/unit_writer.ts";
import {
  decompress,
  decompressStart,
  frameEnd,
  frameHeader,
  nextFrame,
  rawFrame,
  rawFrameBytes,
  SKIPPABLE_HEADER_BYTES,
  skippableContent,
} from "../pack/zstd.ts";
import type { ByteRange } from "../seal/sealed_body.ts";
import type { Plaintext } from "./plaintext.ts";

export interface FoundFrame {
  /** Index in unit.json; undefined if that is lost. */
  readonly index: number | undefined;
  /** What could be recovered of its content, from the beginning on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Ranges of `bytes` that are zeros in place of lost data. */
  readonly missing: readonly ByteRange[];
  /** False if the frame had more content. */
  readonly isWhole: boolean;
  /** True if the unit is encrypted: the recovered bytes are then certainly those that were written. */
  readonly isSealed: boolean;
}

/** Largest stored frame: one that holds only an item of the largest size. */
const MOST_STORED_BYTES = MOST_FRAME_BYTES + 64 * 1024;
const FIRST_LOOK_BYTES = 1024 * 1024;
const TRAILER_BYTES = SKIPPABLE_HEADER_BYTES + TRAILER_CONTENT_BYTES;
const TAR_BLOCK_BYTES = 512, MAGIC_BYTES = 4;
/** Length of the headers before the first block of a raw frame, and before each block. */
const RAW_HEADER_BYTES = 9, RAW_BLOCK_BYTES = 128 * 1024, RAW_BLOCK_HEADER_BYTES = 3;

/** The description in a unit; undefined if it is lost, or if this is no unit. */
export function describedIn(plaintext: Plaintext, what: string): UnitContents | undefined {
  const end = plaintext.size - TRAILER_BYTES;
  const content = skippableContent(plaintext.read(Math.max(0, end), TRAILER_BYTES), 0);
  if (content === undefined) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const from = Number(view.getBigUint64(0, true)), length = view.getUint32(8, true);
  if (from + length !== end || length > MOST_STORED_BYTES) return undefined;
  try {
    return contentsIn(plaintext.read(from, length), what);
  } catch (error) {
    if (error instanceof Fault) return undefined; // it is damaged: frames are looked for without it
    throw error;
  }
}

/** All frames. @param contents undefined: frames are searched for */
export function* foundFrames(plaintext: Plaintext, contents: UnitContents | undefined): Generator<FoundFrame> {
  if (contents === undefined) return yield* lookForFrames(plaintext);
  for (const [index, frame] of contents.frames.entries()) yield frameAt(plaintext, frame, index);
}

/** A frame at a known position. */
function frameAt(plaintext: Plaintext, frame: UnitFrame, index: number): FoundFrame {
  const stored = plaintext.read(frame.from, frame.length);
  const gaps = gapsWithin(plaintext, frame), { isSealed } = plaintext;
  // Raw blocks have no checksum: zeros in a gap would pass for what was there.
  const whole = gaps.length > 0 ? undefined : decompressed(stored);
  if (whole?.length === frame.plainBytes) return { index, bytes: whole, missing: [], isWhole: true, isSealed };
  return { index, ...remainsOf(stored, frame, gaps), isWhole: false, isSealed };
}

function* lookForFrames(plaintext: Plaintext): Generator<FoundFrame> {
  for (let at = 0; at < plaintext.size;) {
    const look = plaintext.read(at, FIRST_LOOK_BYTES), begin = nextFrame(look, 0);
    if (begin === undefined) {
      // A magic number may begin in the last bytes.
      at += Math.max(1, look.length - 3);
      continue;
    }
    at += begin;
    const { found, length } = tryFrame(plaintext, at);
    if (found !== undefined) yield found;
    at += length;
  }
}

/** A frame that may begin here, and the distance to the next position to try. */
function tryFrame(plaintext: Plaintext, from: number): { found: FoundFrame | undefined; length: number } {
  let stored = plaintext.read(from, FIRST_LOOK_BYTES), end = frameEnd(stored, 0);
  if (end === undefined) {
    stored = plaintext.read(from, MOST_STORED_BYTES);
    end = frameEnd(stored, 0);
  }
  const isHit = end !== undefined && gapsWithin(plaintext, { from, length: end }).length > 0;
  const whole = end === undefined || isHit ? undefined : decompressed(stored.subarray(0, end));
  if (whole !== undefined && end !== undefined) {
    return { found: tarFrame(plaintext, { bytes: whole, missing: [], isWhole: true }), length: end };
  }
  const plainBytes = frameHeader(stored, 0)?.contentBytes;
  if (plainBytes === undefined || plainBytes > MOST_FRAME_BYTES) return { found: undefined, length: 1 };
  const isRaw = isRawFrame(stored), length = isRaw ? rawFrameBytes(plainBytes) : (end ?? stored.length);
  const gaps = gapsWithin(plaintext, { from, length });
  const remains = remainsOf(stored.subarray(0, length), { length, plainBytes }, gaps);
  const found = tarFrame(plaintext, { ...remains, isWhole: false });
  // Where the end of this one is not to be trusted, the next may begin anywhere behind.
  return { found, length: isRaw && plaintext.isSealed ? length : MAGIC_BYTES };
}

/** A frame that begins with a tar entry, as frames of units do. Others are part of a user's file. */
function tarFrame(
  { isSealed }: Plaintext,
  frame: Pick<FoundFrame, "bytes" | "missing" | "isWhole">,
): FoundFrame | undefined {
  const isTar = frame.bytes.length >= TAR_BLOCK_BYTES && isHeader(frame.bytes.subarray(0, TAR_BLOCK_BYTES));
  return isTar ? { ...frame, index: undefined, isSealed } : undefined;
}

function decompressed(stored: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  try {
    return decompress(stored, MOST_FRAME_BYTES, "");
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function gapsWithin({ gaps }: Plaintext, { from, length }: ByteRange): ByteRange[] {
  const inside = gaps.map((gap) => {
    const start = Math.max(gap.from, from), end = Math.min(gap.from + gap.length, from + length);
    return { from: start - from, length: end - start };
  });
  return inside.filter(({ length }) => length > 0).sort((a, b) => a.from - b.from);
}

/** As much of a damaged frame as can be recovered. @param gaps in its stored bytes, in order */
function remainsOf(
  stored: Uint8Array<ArrayBuffer>,
  { length, plainBytes }: { readonly length: number; readonly plainBytes: number },
  gaps: readonly ByteRange[],
): { bytes: Uint8Array<ArrayBuffer>; missing: readonly ByteRange[] } {
  if (length === rawFrameBytes(plainBytes)) return rawRemains(stored, plainBytes, gaps);
  const untilGap = stored.subarray(0, gaps[0]?.from ?? stored.length);
  return { bytes: decompressStart(untilGap, MOST_FRAME_BYTES), missing: [] };
}

function isRawFrame(stored: Uint8Array): boolean {
  const [header] = rawFrame(new Uint8Array(0));
  return header !== undefined && stored.length > RAW_HEADER_BYTES && stored[4] === header[4];
}

/** As {@link remainsOf} for raw blocks, whose positions are fixed: their headers needn't be readable. */
function rawRemains(
  stored: Uint8Array<ArrayBuffer>,
  plainBytes: number,
  gaps: readonly ByteRange[],
): { bytes: Uint8Array<ArrayBuffer>; missing: readonly ByteRange[] } {
  const bytes = new Uint8Array(plainBytes), step = RAW_BLOCK_BYTES + RAW_BLOCK_HEADER_BYTES;
  let end = 0;
  for (let block = 0; block * RAW_BLOCK_BYTES < plainBytes; block++) {
    const at = RAW_HEADER_BYTES + RAW_BLOCK_HEADER_BYTES + block * step;
    const piece = stored.subarray(at, at + Math.min(RAW_BLOCK_BYTES, plainBytes - block * RAW_BLOCK_BYTES));
    bytes.set(piece, block * RAW_BLOCK_BYTES);
    if (piece.length > 0) end = block * RAW_BLOCK_BYTES + piece.length;
  }
  return { bytes: bytes.subarray(0, end), missing: gaps.flatMap((gap) => plainRanges(gap, end)) };
}

/** The plain bytes that a gap in a raw frame affects. */
function plainRanges({ from, length }: ByteRange, end: number): ByteRange[] {
  const plainOf = (at: number) => {
    const step = RAW_BLOCK_BYTES + RAW_BLOCK_HEADER_BYTES, inside = Math.max(0, at - RAW_HEADER_BYTES);
    const block = Math.floor(inside / step);
    return block * RAW_BLOCK_BYTES + Math.max(0, inside - block * step - RAW_BLOCK_HEADER_BYTES);
  };
  const start = plainOf(from), stop = Math.min(end, plainOf(from + length));
  return stop > start ? [{ from: start, length: stop - start }] : [];
}
