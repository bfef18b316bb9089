/** Units: sequences of zstd frames that form a tar file. */
import { decompress } from "fzstd";
import { Damaged, demand, type Source } from "./sealed.ts";

const MIB = 1024 * 1024;
const MOST_FRAME = 16 * MIB, MOST_ITEMS = 32_768, MOST_LAST_FRAME = 16 * MIB;
const TRAILER = 20;

/**
 * An item of a unit: its id, frame, offset and size in the frame's content; for a list of parts, also the digest of its
 * bytes.
 */
export interface Item {
  readonly id: string;
  readonly frame: number;
  readonly at: number;
  readonly size: number;
  readonly digest: string;
}

export interface Frame {
  readonly at: number;
  readonly length: number;
  readonly content: number;
}

export interface UnitTable {
  readonly class: "data" | "meta";
  readonly frames: readonly Frame[];
  readonly items: readonly Item[];
  readonly copies: readonly Item[];
}

/** Parses the table of a unit, from unit.json or a line of the index. @throws Damaged */
export function tableOf(value: unknown, what: string): UnitTable {
  const { class: kind, frames, items, copies = [] } = fields(value);
  demand(kind === "data" || kind === "meta", `${what} has no class`);
  const given = { frames: listOf(frames), items: listOf(items), copies: listOf(copies) };
  demand(given.items.length + given.copies.length <= MOST_ITEMS, `${what} has too many items`);
  const table = given.frames.map((frame): Frame => {
    const [at, length, content] = numbers(listOf(frame), 3, what);
    demand(content <= MOST_FRAME, `${what} has a frame that is too large`);
    return { at, length, content };
  });
  const read = (item: unknown): Item => {
    const [id, frame, at, size, digest] = listOf(item);
    demand(typeof id === "string" && /^[0-9a-f]{64}(?:f[012])?$/.test(id), `${what} has an id that is none`);
    const [f, a, s] = numbers([frame, at, size], 3, what), length = table[f]?.content ?? -1;
    demand(a + s <= length, `${what} has an item outside of its frame`);
    const isList = id.length === 66 && id.endsWith("f2");
    return { id, frame: f, at: a, size: s, digest: isList ? String(digest) : id.slice(0, 64) };
  };
  return { class: kind, frames: table, items: given.items.map(read), copies: given.copies.map(read) };
}

/** The table of a unit, found through the trailer. @param plain plaintext of the whole unit @throws Damaged */
export async function tableAtEnd(plain: Source, what: string): Promise<UnitTable> {
  demand(plain.size > TRAILER, `${what} is truncated`);
  const view = new DataView((await plain.read(plain.size - TRAILER, plain.size)).buffer);
  const isTrailer = view.getUint32(0, true) === 0x184d2a50 && view.getUint32(4, true) === 12;
  const at = Number(view.getBigUint64(8, true)), length = view.getUint32(16, true);
  demand(isTrailer && at + length === plain.size - TRAILER, `The end of ${what} is damaged`);
  demand(length <= MOST_LAST_FRAME, `${what} has a table that is too large`);
  const tar = unpacked(await plain.read(at, at + length), undefined, what);
  demand(ascii(tar, 0, 100) === ".backup-tool/unit.json", `${what} has no table`);
  const size = parseInt(ascii(tar, 124, 12), 8);
  const { format, version, ...unit } = fields(jsonOf(tar.subarray(512, 512 + size), what));
  demand(format === "backup-tool unit", `${what} is something else`);
  demand(version === 1, `${what} has a version that this page doesn't know`);
  return tableOf(unit, what);
}

/** The decompressed content of a frame. @throws Damaged */
export async function frameOf(plain: Source, { at, length, content }: Frame, what: string): Promise<Uint8Array> {
  return unpacked(await plain.read(at, at + length), content, what);
}

/**
 * Decompresses a frame.
 * @param size the required size: the frame's own claim is not trusted
 * @param most largest size that is accepted
 * @throws Damaged
 */
export function unpacked(frame: Uint8Array, size: number | undefined, what: string, most = MOST_FRAME): Uint8Array {
  const told = contentSizeOf(frame);
  demand(told !== undefined && told <= most && (size ?? told) === told, `${what} has a frame of another size`);
  try {
    const bytes = decompress(frame, new Uint8Array(told));
    if (bytes.length === told) return bytes;
  } catch {
    // It is damaged.
  }
  throw new Damaged(`${what} has a damaged frame`);
}

/** The content size in a frame's header (RFC 8878); undefined if it isn't a frame, or doesn't state it. */
function contentSizeOf(frame: Uint8Array): number | undefined {
  if (frame.length < 6 || frame[0] !== 0x28 || frame[1] !== 0xb5 || frame[2] !== 0x2f || frame[3] !== 0xfd) {
    return undefined;
  }
  const descriptor = frame[4] ?? 0, flag = descriptor >> 6, isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0, at = 5 + (isSingle ? 0 : 1) + dictionary;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (flag === 0) return isSingle ? frame[at] : undefined;
  if (frame.length < at + 8) return undefined;
  if (flag === 1) return view.getUint16(at, true) + 256;
  return flag === 2 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}

/** Parses JSON. @throws Damaged */
export function jsonOf(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Damaged(`${what} is damaged`);
  }
}

export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numbers(values: readonly unknown[], count: 3, what: string): [number, number, number] {
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  const [a, b, c] = values;
  demand(values.length >= count && isCount(a) && isCount(b) && isCount(c), `${what} has numbers that are none`);
  return [a, b, c];
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  return new TextDecoder("latin1").decode(bytes.subarray(at, at + length)).split("\0", 1)[0] ?? "";
}
