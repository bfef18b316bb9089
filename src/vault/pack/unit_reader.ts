/**
 * Reads units: their description from the tail, single frames by ranges, or everything in order. The caller provides
 * the bytes; every item that is returned has the digest that its id requires.
 */
import { hash } from "node:crypto";
import { DamagedObject } from "../format/faults.ts";
import { MOST_FRAME_BYTES } from "../format/limits.ts";
import type { ByteRange, ObjectBody } from "../seal/sealed_body.ts";
import { digestOf, type UnitFrame, type UnitItem } from "./items.ts";
import { tarEntries } from "./tar_reader.ts";
import { UNIT_JSON } from "./tar_names.ts";
import { parseUnitJson, type UnitContents } from "./unit_json.ts";
import { TRAILER_CONTENT_BYTES } from "./unit_writer.ts";
import { decompress, SKIPPABLE_HEADER_BYTES, skippableContent } from "./zstd.ts";

/** A unit that can be read by ranges. */
export interface StoredUnit {
  readonly body: ObjectBody;
  /** Reads stored bytes of the unit: exactly this range, or it throws a fault. */
  readonly read: (range: ByteRange) => Promise<Uint8Array>;
}

/** Bytes that are first read from the end: they contain unit.json of all but the largest units. */
const TAIL_BYTES = 128 * 1024;
const TRAILER_BYTES = SKIPPABLE_HEADER_BYTES + TRAILER_CONTENT_BYTES;

/**
 * Reads the description of a unit from its tail: one range, or two if it has very many items.
 * @param vault undefined: any vault
 * @throws DamagedObject, BeyondLimit, NewerObject, ForeignObject
 */
export async function readContents(stored: StoredUnit, vault?: string): Promise<UnitContents> {
  const { body } = stored;
  const length = Math.min(TAIL_BYTES, body.plainBytes), from = body.plainBytes - length;
  const tail = await openRange(stored, { from, length });
  const place = describedAt(tail, body);
  const frame = place.from >= from
    ? tail.subarray(place.from - from, place.from - from + place.length)
    : await openRange(stored, place);
  return contentsIn(frame, body.what, vault);
}

/** Range of the last frame, according to the trailer. */
function describedAt(tail: Uint8Array, { plainBytes, what }: ObjectBody): ByteRange {
  const content = skippableContent(tail, tail.length - TRAILER_BYTES);
  if (content === undefined) throw new DamagedObject(what, "it has no trailer");
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const from = Number(view.getBigUint64(0, true)), length = view.getUint32(8, true);
  const end = plainBytes - TRAILER_BYTES;
  // It ends where the trailer begins; anything else is not what a writer made.
  if (from + length !== end || length > MOST_FRAME_BYTES) throw new DamagedObject(what, "its trailer is wrong");
  return { from, length };
}

/** The description in a frame. @param frame the last one of a unit, compressed @throws DamagedObject */
export function contentsIn(frame: Uint8Array, what: string, vault?: string): UnitContents {
  const plain = decompress(frame, MOST_FRAME_BYTES, what);
  for (const { name, at, size } of tarEntries(plain)) {
    if (name === UNIT_JSON) return parseUnitJson(plain.subarray(at, at + size), what, vault);
  }
  throw new DamagedObject(what, "its last frame has no unit.json");
}

/** Reads and decompresses a frame. @throws DamagedObject */
export async function readFrame(stored: StoredUnit, frame: UnitFrame): Promise<Uint8Array<ArrayBuffer>> {
  return plainFrame(await openRange(stored, frame), frame, stored.body.what);
}

/** Decompresses a frame. @param compressed its bytes in the plaintext of the unit @throws DamagedObject */
export function plainFrame(compressed: Uint8Array, frame: UnitFrame, what: string): Uint8Array<ArrayBuffer> {
  const plain = decompress(compressed, frame.plainBytes, what);
  if (plain.length !== frame.plainBytes) throw new DamagedObject(what, "a frame of it is shorter than it should be");
  return plain;
}

/** The verified bytes of an item: a view of its frame. @throws DamagedObject */
export function itemIn(
  plain: Uint8Array<ArrayBuffer>,
  item: Omit<UnitItem, "frame">,
  what: string,
): Uint8Array<ArrayBuffer> {
  const bytes = plain.subarray(item.at, item.at + item.size);
  if (bytes.length !== item.size) throw new DamagedObject(what, `${item.id} lies outside its frame`);
  if (hash("sha256", bytes, "hex") !== digestOf(item)) {
    throw new DamagedObject(what, `the bytes of ${item.id} are wrong`);
  }
  return bytes;
}

/** Reads one item, with one range. @param frames of the unit @throws DamagedObject */
export async function readItem(
  stored: StoredUnit,
  { frames, item }: { readonly frames: readonly UnitFrame[]; readonly item: UnitItem },
): Promise<Uint8Array<ArrayBuffer>> {
  const { what } = stored.body;
  return itemIn(await readFrame(stored, frameOf(frames, item, what)), item, what);
}

function frameOf(frames: readonly UnitFrame[], { frame, id }: UnitItem, what: string): UnitFrame {
  const found = frames[frame];
  if (found === undefined) throw new DamagedObject(what, `there is no frame ${frame}, where ${id} should be`);
  return found;
}

/** Result for one item. After a failure, the following items are read all the same. */
export interface WalkedItem {
  readonly item: UnitItem;
  /** Verified bytes; undefined if the item is damaged. A view of its frame, valid until the next one. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  readonly fault?: DamagedObject;
}

/** Reads every item and copy of a unit, frame by frame. */
export async function* walkUnit(stored: StoredUnit, contents: UnitContents): AsyncGenerator<WalkedItem> {
  const byFrame = Map.groupBy([...contents.items, ...contents.copies], ({ frame }) => frame);
  for (const [index, frame] of contents.frames.entries()) {
    const items = byFrame.get(index) ?? [], plain = await unlessDamaged(() => readFrame(stored, frame));
    for (const item of items) {
      const bytes = plain instanceof DamagedObject
        ? plain
        : await unlessDamaged(() => itemIn(plain, item, stored.body.what));
      yield bytes instanceof DamagedObject ? { item, bytes: undefined, fault: bytes } : { item, bytes };
    }
  }
}

async function unlessDamaged<T>(action: () => T | Promise<T>): Promise<T | DamagedObject> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof DamagedObject) return error;
    throw error;
  }
}

async function openRange({ body, read }: StoredUnit, plain: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
  const range = { from: plain.from, length: plain.length };
  return body.open(await read(body.storedRange(range)), range);
}
