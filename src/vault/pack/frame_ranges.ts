/**
 * Plans which ranges of a unit to fetch for some of its frames. A request takes as much time as many bytes do, so
 * frames that are close together are fetched together.
 */
import { DamagedObject } from "../format/faults.ts";
import { type ByteRange, type ObjectBody, Room } from "../seal/sealed_body.ts";
import type { UnitFrame } from "./items.ts";
import { plainFrame } from "./unit_reader.ts";

/** A range of the plaintext, and the wanted frames in it. */
export interface FrameRange extends ByteRange {
  /** Indices of frames, ascending. */
  readonly frames: readonly number[];
}

/** Largest gap in bytes between frames that are fetched in one range. */
const NEAR_BYTES = 256 * 1024;
/** Share of a unit above which all wanted frames are fetched in one range. */
const MOST_SHARE = 0.6;

/**
 * Plans the ranges for some frames.
 * @param frames of the unit
 * @param wanted indices in any order, possibly with duplicates
 * @param mostBytes size of a range above which it is divided, if the frames allow it
 */
export function planRanges(frames: readonly UnitFrame[], wanted: Iterable<number>, mostBytes = Infinity): FrameRange[] {
  const sorted = [...new Set(wanted)].sort((a, b) => a - b);
  const all = frames.reduce((sum, { length }) => sum + length, 0);
  const share = sorted.reduce((sum, index) => sum + (frames[index]?.length ?? 0), 0);
  const nearBytes = share > all * MOST_SHARE ? Infinity : NEAR_BYTES;
  const ranges: { from: number; length: number; frames: number[] }[] = [];
  for (const index of sorted) {
    const frame = frames[index], last = ranges.at(-1);
    if (frame === undefined) throw new RangeError(`There is no frame ${index}`);
    const length = frame.from + frame.length - (last?.from ?? frame.from);
    const isNear = last !== undefined && frame.from - (last.from + last.length) <= nearBytes;
    if (last === undefined || !isNear || length > mostBytes) {
      ranges.push({ from: frame.from, length: frame.length, frames: [index] });
    } else {
      last.length = length;
      last.frames.push(index);
    }
  }
  return ranges;
}

/** One frame of a range. A damaged one is a value, so that the others can still be read. */
export interface OpenedFrame {
  readonly index: number;
  readonly plain: Uint8Array<ArrayBuffer> | DamagedObject;
}

/**
 * The frames of a range, one by one.
 * @param stored the bytes of `body.storedRange(range)`
 */
export function* framesIn(
  stored: Uint8Array,
  range: FrameRange,
  { body, frames }: { readonly body: ObjectBody; readonly frames: readonly UnitFrame[] },
): Generator<OpenedFrame> {
  const start = body.storedRange(range).from, room = new Room();
  for (const index of range.frames) {
    const frame = frames[index], own = frame && body.storedRange(frame);
    if (frame === undefined || own === undefined) throw new RangeError(`There is no frame ${index}`);
    const bytes = stored.subarray(own.from - start, own.from - start + own.length);
    yield { index, plain: orDamage(() => plainFrame(body.view(bytes, frame, room), frame, body.what)) };
  }
}

function orDamage(open: () => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | DamagedObject {
  try {
    return open();
  } catch (error) {
    if (error instanceof DamagedObject) return error;
    throw error;
  }
}
