/** Compares the texts of two hunks. Lines that are equal byte for byte are skipped without being parsed. */
import { Buffer } from "node:buffer";
import { type Apath, compareApath } from "../core/apath.ts";
import { rawOfBytes } from "../core/raw.ts";
import { type EntryState, isSameState, stateOf } from "./line_state.ts";

/** Some whole lines of a hunk, each with its newline, in apath order. */
export interface Piece {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A path whose state changed: `before` is set if it existed, `now` if it exists. */
export interface Change {
  readonly before: EntryState | undefined;
  readonly now: EntryState | undefined;
}

const NEWLINE = 10;
export const NOTHING: Piece = { bytes: Buffer.alloc(0), start: 0, end: 0 };

/** Bytes compared at once: doubled while they are equal, halved down to the fewest when they are not. */
const FEWEST_COMPARED = 128, MOST_COMPARED = 64 * 1024;

/** Yields the differences in apath order. @throws DamagedManifest */
export function* differences(before: Piece, now: Piece): Generator<Change> {
  if (before.start === before.end) return yield* additions(now);
  let a = before.start, b = now.start;
  for (;;) {
    const same = equalLines(before, a, now, b);
    a += same;
    b += same;
    if (a === before.end && b === now.end) return;
    const old = lineAt(before, a), fresh = lineAt(now, b);
    const order = orderOf(old?.state, fresh?.state);
    if (order < 0) yield { before: old?.state, now: undefined };
    else if (order > 0) yield { before: undefined, now: fresh?.state };
    else if (old && fresh && !isSameState(old.state, fresh.state)) yield { before: old.state, now: fresh.state };
    if (order <= 0) a = old?.end ?? before.end;
    if (order >= 0) b = fresh?.end ?? now.end;
  }
}

function orderOf(a: EntryState | undefined, b: EntryState | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : compareApath(a.path, b.path);
}

function* additions(piece: Piece): Generator<Change> {
  const text = rawOfBytes(piece.bytes.subarray(piece.start, piece.end));
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const now = stateOf(text, at, end);
    if (now !== undefined) yield { before: undefined, now };
    at = end + 1;
  }
}

/** @returns the next line that can be read, and where the one after it begins; undefined at the end */
function lineAt({ bytes, end }: Piece, at: number): { state: EntryState; end: number } | undefined {
  for (let from = at; from < end;) {
    const newline = newlineFrom(bytes, from);
    const state = stateOf(rawOfBytes(bytes.subarray(from, newline)), 0, newline - from);
    from = newline + 1;
    if (state !== undefined) return { state, end: from };
  }
  return undefined;
}

/** By the methods of typed arrays: those of Buffer go through the bytes one by one on some runtimes, and through all of them. */
const { indexOf, lastIndexOf } = Uint8Array.prototype;

function newlineFrom(bytes: Buffer, at: number): number {
  return indexOf.call(bytes, NEWLINE, at);
}

function newlineUpTo(bytes: Buffer, at: number): number {
  return lastIndexOf.call(bytes, NEWLINE, at);
}

/** Bytes of the whole lines that are the same from `a` and `b` on. */
function equalLines(before: Piece, a: number, now: Piece, b: number): number {
  const most = Math.min(before.end - a, now.end - b);
  let equal = 0;
  for (let step = FEWEST_COMPARED; step >= FEWEST_COMPARED && equal < most;) {
    const length = Math.min(step, most - equal);
    if (isEqual(before.bytes, a + equal, now.bytes, b + equal, length)) {
      equal += length;
      step = Math.min(step * 2, MOST_COMPARED);
    } else step /= 2;
  }
  while (equal < most && before.bytes[a + equal] === now.bytes[b + equal]) equal++;
  while (equal > 0 && before.bytes[a + equal - 1] !== NEWLINE) equal--;
  return equal;
}

function isEqual(a: Buffer, fromA: number, b: Buffer, fromB: number, length: number): boolean {
  return Buffer.compare(a.subarray(fromA, fromA + length), b.subarray(fromB, fromB + length)) === 0;
}

/**
 * Selects the lines whose paths are at or after `from` and before `to`; undefined: from the first, or to the last line.
 */
export function between(bytes: Buffer, from: Apath | undefined, to: Apath | undefined): Piece {
  const start = from === undefined ? 0 : firstNotBefore(bytes, from);
  const end = to === undefined ? bytes.length : firstNotBefore(bytes, to);
  return { bytes, start, end: Math.max(start, end) };
}

/** Where the first line begins whose path does not come before `path`: a binary search. */
function firstNotBefore(bytes: Buffer, path: Apath): number {
  const whole: Piece = { bytes, start: 0, end: bytes.length };
  let low = 0, high = bytes.length;
  while (low < high) {
    const middle = low + ((high - low) >>> 1);
    const start = middle === 0 ? 0 : newlineUpTo(bytes, middle - 1) + 1;
    const line = lineAt(whole, start);
    if (line !== undefined && compareApath(line.state.path, path) < 0) low = line.end;
    else high = start;
  }
  return low;
}
