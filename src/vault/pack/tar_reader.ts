/** Reads the entries of a frame: whole tar blocks in the form that core/tar.ts writes, as far as they are intact. */
import type { NsText } from "../../core/entry.ts";
import { beginsWith, joinRaw, type Raw, rawOfBytes, sliceRaw, splitRaw, textOf } from "../../core/raw.ts";
import { MOST_NAME_BYTES } from "../format/limits.ts";

/** A regular file in a tar file. */
export interface TarEntry {
  readonly name: Raw;
  /** Offset of its header, or of the extended header before it. */
  readonly from: number;
  /** Offset of its content in the bytes that were read. */
  readonly at: number;
  /** Size according to the header; it may exceed the available bytes. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names as text; undefined if the header has none. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly mtime: NsText;
}

const BLOCK_BYTES = 512;
const FILE = "0", EXTENDED = "x", OLD_FILE = "\0";

/** Entries in order, up to the end or the first block that is no header. Entries of other kinds are skipped. */
export function* tarEntries(bytes: Uint8Array): Generator<TarEntry> {
  let extended: ReadonlyMap<string, Raw> = new Map(), from: number | undefined;
  for (let at = 0; at + BLOCK_BYTES <= bytes.length;) {
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    if (!isHeader(block)) return;
    const type = rawOfBytes(block.subarray(156, 157)), content = at + BLOCK_BYTES;
    const size = octal(block, 124, 12);
    if (type === EXTENDED) {
      extended = recordsIn(rawOfBytes(bytes.subarray(content, content + size)));
      from = at;
    } else {
      const entry = entryOf(block, extended, { from: from ?? at, at: content });
      if ((type === FILE || type === OLD_FILE) && entry.name.length <= MOST_NAME_BYTES) yield entry;
      extended = new Map();
      from = undefined;
    }
    const bytesOf = type === EXTENDED ? size : Number(extended.get("size") ?? size);
    at = content + Math.ceil(bytesOf / BLOCK_BYTES) * BLOCK_BYTES;
  }
}

/** True for a block with a correct checksum. Zeros mark the end. */
export function isHeader(block: Uint8Array): boolean {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i++) if (i < 148 || i >= 156) sum += block[i]!;
  return sum !== 8 * 0x20 && sum === octal(block, 148, 8);
}

function entryOf(
  block: Uint8Array,
  extended: ReadonlyMap<string, Raw>,
  { from, at }: { from: number; at: number },
): TarEntry {
  const prefix = text(block, 345, 155), name = text(block, 0, 100);
  const number = (key: string, where: number, length: number) =>
    wholeNumber(extended.get(key)) ?? octal(block, where, length);
  const named = (key: string, where: number) => textOf(extended.get(key) ?? text(block, where, 32)) || undefined;
  return {
    name: extended.get("path") ?? joinRaw(prefix, name),
    from,
    at,
    size: number("size", 124, 12),
    mode: octal(block, 100, 8) & 0o7777,
    uid: number("uid", 108, 8),
    gid: number("gid", 116, 8),
    user: named("uname", 265),
    group: named("gname", 297),
    mtime: nsOf(extended.get("mtime")) ?? `${octal(block, 136, 12)}000000000`.replace(/^0+(?=\d)/, ""),
  };
}

function text(block: Uint8Array, at: number, length: number): Raw {
  const end = block.indexOf(0, at);
  return rawOfBytes(block.subarray(at, end < 0 || end > at + length ? at + length : end));
}

/** An octal number; 0 if it is invalid. */
function octal(block: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = block[i]! - 0x30;
    if (digit >= 0 && digit < 8) value = value * 8 + digit;
    else if (value !== 0 || block[i] !== 0x20) break;
  }
  return value;
}

function wholeNumber(text: string | undefined): number | undefined {
  const value = text !== undefined && /^[0-9]{1,16}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}

/** Nanoseconds for a decimal number of seconds: "1500000000" for "1.5". */
function nsOf(decimal: string | undefined): NsText | undefined {
  const [, sign = "", whole = "", part = ""] = /^(-?)([0-9]{1,19})(?:\.([0-9]*))?$/.exec(decimal ?? "") ?? [];
  if (whole === "") return undefined;
  return String(BigInt(`${sign}${whole}${part.slice(0, 9).padEnd(9, "0")}`));
}

/** Parses records of an extended header, "LENGTH KEY=VALUE\n" each, where the length includes itself. */
function recordsIn(raw: Raw): ReadonlyMap<string, Raw> {
  const records = new Map<string, Raw>();
  for (let at = 0; at < raw.length;) {
    const space = raw.indexOf(" ", at), length = Number(raw.slice(at, space));
    const record = sliceRaw(raw, space + 1, at + length);
    if (!(length > 0) || space < 0 || !record.endsWith("\n")) break;
    const equals = record.indexOf("=");
    if (equals > 0) records.set(record.slice(0, equals), sliceRaw(record, equals + 1, -1));
    at += length;
  }
  return records;
}

/** The name as a relative path; undefined if it would leave its directory, or if nothing is left. */
export function harmlessName(name: Raw): Raw | undefined {
  if (name.includes("\0")) return undefined;
  const parts = splitRaw(name, "/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.some((part) => part === "..") || beginsWith(name, "/")) return undefined;
  return parts.reduce(joinRaw);
}
