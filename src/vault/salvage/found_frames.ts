/**
 * Frames in a plaintext with gaps. Where unit.json can be read, it says where they are; otherwise they are looked for. Of one
 * that is damaged, what comes before the damage is often to be had, and of one with raw blocks all but the gap.
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
  /** In unit.json; undefined where that is lost. */
  readonly index: number | undefined;
  /** What could be had of its content, from the beginning on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Ranges of `bytes` that are only zeros in the place of something. */
  readonly missing: readonly ByteRange[];
  /** False if there was more. */
  readonly isWhole: boolean;
  /** What there is, is what was written: a changed byte would not have been opened. */
  readonly isSealed: boolean;
}

/** Enough for a frame that holds nothing but one of the largest items. */
const MOST_STORED_BYTES = MOST_FRAME_BYTES + 64 * 1024;
const FIRST_LOOK_BYTES = 1024 * 1024;
const TRAILER_BYTES = SKIPPABLE_HEADER_BYTES + TRAILER_CONTENT_BYTES;
const TAR_BLOCK_BYTES = 512, MAGIC_BYTES = 4;
/** Before the first block of a raw frame, and between two. */
const RAW_HEADER_BYTES = 9, RAW_BLOCK_BYTES = 128 * 1024, RAW_BLOCK_HEADER_BYTES = 3;

/** What a unit says of itself; undefined if that is lost, or it is no unit. */
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

/** @param contents undefined: frames are looked for */
export function* foundFrames(plaintext: Plaintext, contents: UnitContents | undefined): Generator<FoundFrame> {
  if (contents === undefined) return yield* lookForFrames(plaintext);
  for (const [index, frame] of contents.frames.entries()) yield frameAt(plaintext, frame, index);
}

/** A frame whose place is known. */
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

/** What may be a frame, and how far to go on from its beginning. */
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

/** Frames of units begin with an entry: others are part of somebody's file. */
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

/** As much of a damaged frame as can be had. @param gaps of its stored bytes, in order */
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

/** Raw blocks have fixed places: their headers needn't be readable. */
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

/** The plain bytes that a gap in a raw frame takes away. */
function plainRanges({ from, length }: ByteRange, end: number): ByteRange[] {
  const plainOf = (at: number) => {
    const step = RAW_BLOCK_BYTES + RAW_BLOCK_HEADER_BYTES, inside = Math.max(0, at - RAW_HEADER_BYTES);
    const block = Math.floor(inside / step);
    return block * RAW_BLOCK_BYTES + Math.max(0, inside - block * step - RAW_BLOCK_HEADER_BYTES);
  };
  const start = plainOf(from), stop = Math.min(end, plainOf(from + length));
  return stop > start ? [{ from: start, length: stop - start }] : [];
}
