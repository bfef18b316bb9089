/**
 * Items: what units hold. Here is how unit.json and index lines name them, and what is judged before one is believed: its
 * place has to lie inside its frame, and what it is has to fit the class of its unit.
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

/** Names parts lists: digest of a content and this. */
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
  /** Where it begins in the plain frame. */
  readonly at: number;
  readonly size: number;
  /** SHA-256 of its bytes: of lists, whose id is that of the content. */
  readonly digest?: string;
  /** Of parts, in unit.json alone: the content that it was cut from, and where it began there. */
  readonly part?: { readonly of: string; readonly from: number };
}

export interface UnitFrame {
  /** In the plaintext of the unit. */
  readonly from: number;
  readonly length: number;
  /** Of what is in it. */
  readonly plainBytes: number;
}

const SUFFIXES: Readonly<Record<string, ItemKind>> = {
  [HUNK_SUFFIX]: "hunk",
  [LIST_SUFFIX]: "list",
  [ROOT_SUFFIX]: "root",
};
const DIGEST_DIGITS = 64;

/** What an id stands for; undefined if it is no id. */
export function kindOfItem(id: string): ItemKind | undefined {
  if (!isObjectName(id.slice(0, DIGEST_DIGITS))) return undefined;
  return id.length === DIGEST_DIGITS ? "content" : SUFFIXES[id.slice(DIGEST_DIGITS)];
}

/** What the bytes of an item have to hash to. */
export function digestOf({ id, digest }: Pick<UnitItem, "id" | "digest">): string {
  return digest ?? id.slice(0, DIGEST_DIGITS);
}

/** As unit.json and index lines have it. @param withPart index lines do without */
export function itemTuple({ id, frame, at, size, digest, part }: UnitItem, withPart: boolean): unknown[] {
  const tuple: unknown[] = [id, frame, at, size];
  if (digest !== undefined) tuple.push(digest);
  if (part !== undefined && withPart) tuple.push(part.of, part.from);
  return tuple;
}

export function frameTuple({ from, length, plainBytes }: UnitFrame): number[] {
  return [from, length, plainBytes];
}

/** Compressed, a frame may be a little larger than it was. */
const MOST_STORED_FRAME_BYTES = MOST_FRAME_BYTES + 64 * 1024;

/** @throws DamagedObject, BeyondLimit */
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

/** What items are judged by. */
export interface ItemRules {
  readonly unitClass: UnitClass;
  readonly frames: readonly UnitFrame[];
  /** Copies are there for people: they may be of any kind, roots too. */
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

/** @throws DamagedObject, BeyondLimit */
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
