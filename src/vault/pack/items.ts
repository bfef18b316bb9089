/**
 * Items: what units hold. This file defines how unit.json and index lines describe them, and validates them: an item's
 * place has to be inside its frame, and its kind has to match the class of its unit.
 */
import { BeyondLimit, DamagedObject } from "../format/faults.ts";
import { countOf, isObjectName } from "../format/json_fields.ts";
import {
  MOST_CONTENT_BYTES,
  MOST_FRAME_BYTES,
  MOST_HUNK_BYTES,
  MOST_LIST_BYTES,
  MOST_UNIT_BYTES,
  MOST_UNIT_ITEMS,
} from "../format/limits.ts";
import { HUNK_SUFFIX, ROOT_SUFFIX } from "../../core/content_id.ts";

/** Suffix of a parts list's id, after the digest of its content. */
export const LIST_SUFFIX = "f2";

/** Data units hold contents; meta units hold hunks, and lists of the parts of contents. */
export const UNIT_CLASSES = ["data", "meta"] as const;
export type UnitClass = typeof UNIT_CLASSES[number];

export type ItemKind = "content" | "hunk" | "list" | "root";

export interface UnitItem {
  /** Digest in lower-case hex, with the suffix of its kind. */
  readonly id: string;
  /** Index of the frame that holds it. */
  readonly frame: number;
  /** Offset in the plaintext of the frame, in bytes. */
  readonly at: number;
  readonly size: number;
  /** SHA-256 of its bytes; only for lists, whose id is derived from the content. */
  readonly digest?: string;
  /** Only for parts, and only in unit.json: the content that it was cut from, and its offset there. */
  readonly part?: { readonly of: string; readonly from: number };
}

export interface UnitFrame {
  /** Offset and length in the plaintext of the unit, in bytes. */
  readonly from: number;
  readonly length: number;
  /** Decompressed size in bytes. */
  readonly plainBytes: number;
}

const SUFFIXES: Readonly<Record<string, ItemKind>> = {
  [HUNK_SUFFIX]: "hunk",
  [LIST_SUFFIX]: "list",
  [ROOT_SUFFIX]: "root",
};
const DIGEST_DIGITS = 64;

/** The kind of item that an id belongs to; undefined if it is no id. */
export function kindOfItem(id: string): ItemKind | undefined {
  if (!isObjectName(id.slice(0, DIGEST_DIGITS))) return undefined;
  return id.length === DIGEST_DIGITS ? "content" : SUFFIXES[id.slice(DIGEST_DIGITS)];
}

/** The digest that the bytes of an item must have. */
export function digestOf({ id, digest }: Pick<UnitItem, "id" | "digest">): string {
  return digest ?? id.slice(0, DIGEST_DIGITS);
}

/** The item as in unit.json and index lines. @param withPart false for index lines, which don't record it */
export function itemTuple({ id, frame, at, size, digest, part }: UnitItem, withPart: boolean): unknown[] {
  const tuple: unknown[] = [id, frame, at, size];
  if (digest !== undefined) tuple.push(digest);
  if (part !== undefined && withPart) tuple.push(part.of, part.from);
  return tuple;
}

export function frameTuple({ from, length, plainBytes }: UnitFrame): number[] {
  return [from, length, plainBytes];
}

/** Largest compressed frame: it may be a little larger than its contents. */
const MOST_STORED_FRAME_BYTES = MOST_FRAME_BYTES + 64 * 1024;

/** Validates a list of frames. @throws DamagedObject, BeyondLimit */
export function parseFrames(values: readonly unknown[], what: string): UnitFrame[] {
  let end = 0;
  return values.map((value) => {
    if (!Array.isArray(value)) throw new DamagedObject(what, "one of its frames is no list");
    const from = countOf(value[0], "frame", what, MOST_UNIT_BYTES);
    const length = countOf(value[1], "frame", what, MOST_STORED_FRAME_BYTES);
    const plainBytes = countOf(value[2], "frame", what, MOST_FRAME_BYTES);
    if (from < end || length === 0) throw new DamagedObject(what, "its frames are out of order");
    end = from + length;
    return { from, length, plainBytes };
  });
}

/** What items are validated against. */
export interface ItemRules {
  readonly unitClass: UnitClass;
  readonly frames: readonly UnitFrame[];
  /** True for copies, which exist for recovery by people: they may be of any kind, roots included. */
  readonly areCopies?: boolean;
}

const ALLOWED: Readonly<Record<UnitClass, readonly ItemKind[]>> = {
  data: ["content"],
  // A level-0 list that a level-1 list names has its digest for an id, like a content.
  meta: ["hunk", "list", "content"],
};
const MOST_BYTES: Readonly<Record<ItemKind, number>> = {
  content: MOST_CONTENT_BYTES,
  hunk: MOST_HUNK_BYTES,
  list: MOST_LIST_BYTES,
  root: MOST_FRAME_BYTES,
};

/** Validates a list of items. @throws DamagedObject, BeyondLimit */
export function parseItems(values: readonly unknown[], rules: ItemRules, what: string): UnitItem[] {
  if (values.length > MOST_UNIT_ITEMS) throw new BeyondLimit(what, "its number of items", MOST_UNIT_ITEMS);
  return values.map((value) => parseItem(value, rules, what));
}

function parseItem(value: unknown, { unitClass, frames, areCopies = false }: ItemRules, what: string): UnitItem {
  if (!Array.isArray(value)) throw new DamagedObject(what, "one of its items is no list");
  const [id, , , , fifth, sixth]: unknown[] = value;
  const kind = typeof id === "string" ? kindOfItem(id) : undefined;
  if (typeof id !== "string" || kind === undefined) throw new DamagedObject(what, "one of its items has no id");
  if (!areCopies && !ALLOWED[unitClass].includes(kind)) {
    throw new DamagedObject(what, `a ${unitClass} unit can't hold a ${kind}`);
  }
  const frame = countOf(value[1], "item", what), at = countOf(value[2], "item", what);
  const size = countOf(value[3], "item", what, MOST_BYTES[kind]);
  if (at + size > (frames[frame]?.plainBytes ?? -1)) {
    throw new DamagedObject(what, "one of its items lies outside its frame");
  }
  const place = { id, frame, at, size };
  if (kind === "list") {
    if (!isObjectName(fifth)) throw new DamagedObject(what, "one of its lists has no digest");
    return { ...place, digest: fifth };
  }
  if (fifth === undefined) return place;
  if (unitClass === "meta" && !areCopies) throw new DamagedObject(what, "a meta unit can't hold a part of a content");
  if (!isObjectName(fifth)) throw new DamagedObject(what, "one of its parts doesn't say of what");
  return { ...place, part: { of: fifth, from: countOf(sixth, "part", what) } };
}
