/** Finds files in a salvaged frame. */
import { hash } from "node:crypto";
import type { Raw } from "../../core/raw.ts";
import { MOST_FRAME_BYTES } from "../format/limits.ts";
import { digestOf, type UnitItem } from "../pack/items.ts";
import { harmlessName, isHeader, tarEntries, type TarEntry } from "../pack/tar_reader.ts";
import type { UnitContents } from "../pack/unit_json.ts";
import type { ByteRange } from "../seal/sealed_body.ts";
import type { FoundFrame } from "./found_frames.ts";

/**
 * "verified": the bytes match the digest in unit.json. "believed": there is no digest, but nothing is missing.
 * "damaged": neither.
 */
export type Trust = "verified" | "believed" | "damaged";

export interface FoundFile {
  /** Relative and harmless. */
  readonly name: Raw;
  readonly entry: TarEntry;
  /** A view of the file's full size, with zeros for missing bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the bytes. */
  readonly digest: string;
  readonly trust: Trust;
  /** Ranges of the file that are lost. */
  readonly missing: readonly ByteRange[];
  /** Its id in unit.json; undefined if that is lost. */
  readonly id: string | undefined;
  /** Digest that its bytes should have; undefined if unit.json doesn't say. */
  readonly content: string | undefined;
  /** The content that it is a part of, according to unit.json. */
  readonly part: UnitItem["part"];
}

const BLOCK_BYTES = 512;

/** All files in a frame. @param contents of the unit; undefined if they are lost */
export function* filesIn(frame: FoundFrame, contents: UnitContents | undefined): Generator<FoundFile> {
  const items = new Map<number, UnitItem>();
  for (const item of [...contents?.items ?? [], ...contents?.copies ?? []]) {
    if (item.frame === frame.index) items.set(item.at, item);
  }
  for (const entry of entriesIn(frame.bytes)) {
    const item = items.get(entry.at);
    // What looks like an entry but is none lies inside of somebody's own tar file.
    if (contents !== undefined && item === undefined) continue;
    const file = fileOf(entry, frame, item);
    if (file !== undefined) yield file;
  }
}

/** All entries. After a damaged header, the next intact one is searched for. */
function* entriesIn(bytes: Uint8Array<ArrayBuffer>): Generator<TarEntry> {
  for (let from = nextHeader(bytes, 0); from + BLOCK_BYTES <= bytes.length; from = nextHeader(bytes, from)) {
    let end = from;
    for (const entry of tarEntries(bytes.subarray(from))) {
      yield { ...entry, from: from + entry.from, at: from + entry.at };
      end = from + entry.at + Math.ceil(entry.size / BLOCK_BYTES) * BLOCK_BYTES;
    }
    from = Math.max(end, from + BLOCK_BYTES);
  }
}

function nextHeader(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at + BLOCK_BYTES <= bytes.length && !isHeader(bytes.subarray(at, at + BLOCK_BYTES))) at += BLOCK_BYTES;
  return at;
}

function fileOf(entry: TarEntry, frame: FoundFrame, item: UnitItem | undefined): FoundFile | undefined {
  const name = harmlessName(entry.name), { at, size } = entry;
  if (name === undefined || size > MOST_FRAME_BYTES) return undefined;
  const there = frame.bytes.subarray(at, at + size), missing = missingOf(entry, frame, there.length);
  if (there.length === 0 && size > 0) return undefined;
  const bytes = there.length === size ? there : padded(there, size), digest = hash("sha256", bytes, "hex");
  const trust = missing.length > 0 ? "damaged" : trustIn(digest, item, frame);
  return {
    name,
    entry,
    bytes,
    digest,
    trust,
    missing,
    id: item?.id,
    content: item && digestOf(item),
    part: item?.part,
  };
}

function trustIn(digest: string, item: UnitItem | undefined, { isWhole, isSealed }: FoundFrame): Trust {
  if (item !== undefined) return digest === digestOf(item) ? "verified" : "damaged";
  // Whole frames have a checksum, and what was sealed can't have been changed.
  return isWhole || isSealed ? "believed" : "damaged";
}

function missingOf({ at, size }: TarEntry, { missing }: FoundFrame, length: number): ByteRange[] {
  const ranges = missing.map((range) => {
    const start = Math.max(range.from, at), end = Math.min(range.from + range.length, at + length);
    return { from: start - at, length: end - start };
  });
  if (length < size) ranges.push({ from: length, length: size - length });
  return ranges.filter(({ length }) => length > 0);
}

function padded(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return whole;
}
