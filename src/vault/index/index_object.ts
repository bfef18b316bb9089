/**
 * Objects of `index/`: which unit holds which items (`units`), and what a prune has decided about units (`ledger`).
 * Signed JSON Lines. They are written once; news is written as another object.
 */
import { Buffer } from "node:buffer";
import { BeyondLimit, DamagedObject } from "../format/faults.ts";
import { FieldReader, isObjectName, isTime, parseJson, VERSION } from "../format/json_fields.ts";
import {
  MOST_HEAD_BYTES,
  MOST_LINE_BYTES,
  MOST_PLAIN_BYTES,
  MOST_UNIT_BYTES,
  MOST_UNIT_ITEMS,
} from "../format/limits.ts";
import {
  frameTuple,
  itemTuple,
  parseFrames,
  parseItems,
  UNIT_CLASSES,
  type UnitClass,
  type UnitFrame,
  type UnitItem,
} from "../pack/items.ts";
import type { FinishedUnit } from "../pack/unit_writer.ts";
import { sign, verified } from "./signed.ts";

const INDEX_FORMAT = "backup-tool index";
const NEWLINE = 10;
/** Most items, or ledger lines, that a writer puts into one object. */
export const MOST_WRITTEN = 200_000;
/** Most names that one object supersedes. */
const MOST_SUPERSEDED = 1_000_000;

/** Header of an index object. */
export interface IndexHeader {
  /** UUID of the vault. */
  readonly vault: string;
  readonly host: string;
  /** ISO 8601 in UTC, by the clock of the place. */
  readonly written: string;
  /** Names of index objects that no longer count. */
  readonly supersedes: readonly string[];
}

/** Line of an index about one unit. */
export interface UnitLine {
  /** Name of the unit's object. */
  readonly unit: string;
  readonly unitClass: UnitClass;
  /** Stored size in bytes. */
  readonly size: number;
  /** Everything before the first encrypted chunk; empty without encryption. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly frames: readonly UnitFrame[];
  readonly items: readonly UnitItem[];
}

export const MARKS = ["unused", "doomed", "gone"] as const;
export type Mark = typeof MARKS[number];

/** Line of a ledger about one unit. */
export interface LedgerLine {
  readonly unit: string;
  readonly mark: Mark;
  /** Start of that state, ISO 8601 in UTC. */
  readonly since: string;
}

export type IndexObject =
  | IndexHeader & { readonly kind: "units"; readonly units: readonly UnitLine[] }
  | IndexHeader & { readonly kind: "ledger"; readonly marks: readonly LedgerLine[] };

/** An index object whose lines about units are parsed and verified one by one, as they are taken. */
export type IndexLines =
  | IndexHeader & { readonly kind: "units"; readonly units: Iterable<UnitLine> }
  | Extract<IndexObject, { readonly kind: "ledger" }>;

/** The index line for a finished unit. */
export function lineOf({ id, unitClass, size, head, frames, items }: FinishedUnit): UnitLine {
  return { unit: id, unitClass, size, head, frames, items: items.map(({ part: _, ...item }) => item) };
}

/** Encodes an index object, in plain bytes. @param auth key for signatures; undefined without encryption */
export function encodeIndex(object: IndexObject, auth: Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  const lines = object.kind === "units" ? object.units.map(encodeLine) : object.marks.map(encodeMark);
  return encodeLines(object, lines, auth);
}

/** As {@link encodeIndex}, of lines that are encoded already. @param header with the kind of these lines */
export function encodeLines(
  header: IndexHeader & Pick<IndexObject, "kind">,
  lines: readonly Uint8Array[],
  auth: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const { kind, vault, host, written, supersedes } = header;
  const head = { format: INDEX_FORMAT, version: VERSION, kind, vault, host, written };
  const first = jsonLine({ ...head, ...(supersedes.length > 0 && { supersedes }) });
  return sign(Buffer.concat([first, ...lines]), "index", auth);
}

function jsonLine(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

/** Encodes an index's line about a unit. */
export function encodeLine({ unit, unitClass, size, head, frames, items }: UnitLine): Uint8Array<ArrayBuffer> {
  return jsonLine({
    unit,
    class: unitClass,
    size,
    head: Buffer.from(head).toString("base64"),
    frames: frames.map(frameTuple),
    items: items.map((item) => itemTuple(item, false)),
  });
}

function encodeMark({ unit, mark, since }: LedgerLine): Uint8Array<ArrayBuffer> {
  return jsonLine({ unit, [mark]: since });
}

export interface IndexExpectation {
  /** UUID of the vault that the object is in. */
  readonly vault: string;
  /** Key for signatures; undefined without encryption. */
  readonly auth: Uint8Array | undefined;
}

/**
 * Verifies and parses an index object. @param what the object, for messages @throws NotSigned, DamagedObject,
 * BeyondLimit, NewerObject, ForeignObject
 */
export function parseIndex(bytes: Uint8Array<ArrayBuffer>, what: string, expected: IndexExpectation): IndexObject {
  const object = readIndex(bytes, what, expected);
  return object.kind === "units" ? { ...object, units: [...object.units] } : object;
}

/**
 * As {@link parseIndex}, without all units in memory: their lines can be taken once, and taking one throws what is wrong
 * with it.
 */
export function readIndex(
  bytes: Uint8Array<ArrayBuffer>,
  what: string,
  { vault, auth }: IndexExpectation,
): IndexLines {
  if (bytes.length > MOST_PLAIN_BYTES) throw new BeyondLimit(what, "its plain size", MOST_PLAIN_BYTES);
  const lines = linesOf(verified(bytes, { signed: "index", auth, what }), what);
  const first = lines.next();
  if (first.done === true) throw new DamagedObject(what, "it is empty");
  const read = new FieldReader(first.value, what).isOfFormat(INDEX_FORMAT).isOfVault(vault);
  const header = { vault, host: read.text("host"), written: read.time("written"), supersedes: supersedesIn(read) };
  const kind = read.word("kind", ["units", "ledger"]);
  return kind === "units"
    ? { ...header, kind, units: lines.map((line) => unitLineIn(new FieldReader(line, what))) }
    : { ...header, kind, marks: Array.from(lines, (line) => ledgerLineIn(new FieldReader(line, what))) };
}

function supersedesIn(read: FieldReader): readonly string[] {
  if (!read.has("supersedes")) return [];
  const names = read.list("supersedes", MOST_SUPERSEDED);
  if (!names.every(isObjectName)) throw read.damaged('its "supersedes" has something that is no name');
  return names;
}

function* linesOf(bytes: Uint8Array, what: string): Generator<unknown, void> {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, from);
    if (end < 0) throw new DamagedObject(what, "its last line has no end");
    if (end - from > MOST_LINE_BYTES) throw new BeyondLimit(what, "a line of it", MOST_LINE_BYTES);
    yield parseJson(bytes.subarray(from, end), what);
    from = end + 1;
  }
}

function unitLineIn(read: FieldReader): UnitLine {
  const { what } = read, unitClass = read.word("class", UNIT_CLASSES);
  const frames = parseFrames(read.list("frames", MOST_UNIT_ITEMS), what);
  const size = read.count("size", MOST_UNIT_BYTES), last = frames.at(-1);
  if (last !== undefined && last.from + last.length > size) throw read.damaged("a frame lies outside its unit");
  return {
    unit: read.objectName("unit"),
    unitClass,
    size,
    head: headIn(read),
    frames,
    items: parseItems(read.list("items", MOST_UNIT_ITEMS), { unitClass, frames }, what),
  };
}

function headIn(read: FieldReader): Uint8Array<ArrayBuffer> {
  const text = read.text("head");
  if (text.length > 2 * MOST_HEAD_BYTES) throw new BeyondLimit(read.what, "an age header", MOST_HEAD_BYTES);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw read.damaged('its "head" is no base64');
  }
  return new Uint8Array(Buffer.from(text, "base64"));
}

function ledgerLineIn(read: FieldReader): LedgerLine {
  const mark = MARKS.findLast((mark) => read.has(mark)); // the gravest, should there be several
  if (mark === undefined) throw read.damaged("a line of it says nothing of its unit");
  const since = read.text(mark);
  if (!isTime(since)) throw read.damaged(`its "${mark}" is no time`);
  return { unit: read.objectName("unit"), mark, since };
}
