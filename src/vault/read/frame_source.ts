/** Fetches frames of units for the threads that open them: in few ranges, and none twice. */
import { objectKey } from "../../backend/backend.ts";
import type { UnitFacts } from "../index/join.ts";
import { type FrameRange, planRanges } from "../pack/frame_ranges.ts";
import { type Head, openHead } from "../seal/age_header.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import { identitiesFor, type SealedObjects } from "../store/sealed_objects.ts";
import type { ByteRange } from "../seal/sealed_body.ts";
import type { StoredFrames } from "../threads/frame_batch.ts";
import { SharedRooms } from "./shared_rooms.ts";

/** Most bytes of one range: a usual unit is one, and larger ones would only occupy more memory. */
const MOST_RANGE_BYTES = 20 * 1024 * 1024;
/** Most heads that stay open: more than the units in progress at once. */
const MOST_HEADS = 16;

/** Some frames of a unit. */
export interface FrameJob {
  readonly unit: UnitFacts;
  readonly range: FrameRange;
}

export class FrameSource {
  readonly #objects: SealedObjects;
  readonly #signal: AbortSignal;
  readonly #heads = new Map<string, Promise<Head | undefined>>();
  readonly #rooms = new SharedRooms();

  constructor(objects: SealedObjects, signal: AbortSignal) {
    this.#objects = objects;
    this.#signal = signal;
  }

  /** Jobs for some frames of a unit. @param frames indices, ascending @param mostBytes of one range */
  jobsOf(unit: UnitFacts, frames: Iterable<number>, mostBytes = MOST_RANGE_BYTES): FrameJob[] {
    return planRanges(unit.frames, frames, mostBytes).map((range) => ({ unit, range }));
  }

  /**
   * Fetches the stored bytes of a job, which are to be given to {@link release} when no thread reads them any more.
   * @throws DamagedObject, MissingObject, ShortObject, WriteOnlyKey, WrongKey,
   * Interrupted
   */
  async fetch({ unit, range }: FrameJob): Promise<StoredFrames> {
    const what = `data/${unit.unit}`, head = await this.#head(unit, what);
    const stored = await this.#get(unit, bodyOf(head, unit.size, what).storedRange(range));
    return framesOf({ unit, range }, { what, head, stored });
  }

  /** Fetches the stored bytes of a whole unit, as {@link fetch}. @throws MissingObject, ShortObject, Interrupted */
  fetchWhole(unit: UnitFacts): Promise<Uint8Array> {
    return this.#get(unit, { from: 0, length: unit.size });
  }

  async #get({ unit }: UnitFacts, range: ByteRange): Promise<Uint8Array> {
    const into = this.#rooms.take(range.length);
    let bytes: Uint8Array | undefined;
    try {
      return bytes = await this.#objects.backend.get(objectKey("data", unit), { range, into, signal: this.#signal });
    } finally {
      if (into !== undefined && bytes?.buffer !== into.buffer) this.#rooms.give(into);
    }
  }

  /** Takes memory back for further jobs. @param bytes any view of it */
  release(bytes: Uint8Array): void {
    this.#rooms.give(bytes);
  }

  /** As {@link fetch}, from the bytes of the whole unit. @throws DamagedObject, WrongKey */
  async cut({ unit, range }: FrameJob, whole: Uint8Array): Promise<StoredFrames> {
    const what = `data/${unit.unit}`, head = await this.#head(unit, what);
    const { from, length } = bodyOf(head, unit.size, what).storedRange(range);
    return framesOf({ unit, range }, { what, head, stored: whole.subarray(from, from + length) });
  }

  #head({ unit, unitClass, head }: UnitFacts, what: string): Promise<Head | undefined> {
    const known = this.#heads.get(unit);
    if (known !== undefined) return known;
    const opened = this.#openHead(unitClass, head, what);
    opened.catch(() => {}); // reported to each who awaits it
    this.#heads.set(unit, opened);
    for (const oldest of this.#heads.keys()) {
      if (this.#heads.size <= MOST_HEADS) break;
      this.#heads.delete(oldest);
    }
    return opened;
  }

  async #openHead(unitClass: UnitFacts["unitClass"], head: Uint8Array, what: string): Promise<Head | undefined> {
    const identities = identitiesFor(this.#objects.access, unitClass);
    return identities && await openHead(head, identities, what);
  }
}

/** A copy of some adjacent frames, so that a thread gets only those that it works on. */
export function framesBetween(all: StoredFrames, first: number, last: number): StoredFrames {
  const frames = all.frames.slice(first, last + 1), from = frames[0]?.from ?? 0, end = frames.at(-1);
  const body = bodyOf(all.head, all.size, all.what), start = body.storedRange(all.range).from;
  const range = { from, length: end === undefined ? 0 : end.from + end.length - from, frames: [...frames.keys()] };
  const stored = body.storedRange(range), at = stored.from - start;
  return { ...all, frames, range, stored: all.stored.slice(at, at + stored.length) };
}

/** The frames of a range, numbered from 0. */
function framesOf(
  { unit, range }: FrameJob,
  stored: Pick<StoredFrames, "what" | "head" | "stored">,
): StoredFrames {
  const frames = range.frames.flatMap((index) => unit.frames[index] ?? []);
  return { ...stored, size: unit.size, frames, range: { ...range, frames: [...frames.keys()] } };
}
