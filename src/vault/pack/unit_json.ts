/**
 * `unit.json`, the last entry of every unit: a description of its contents, so that units can be read without an index.
 */
import { FieldReader, parseJson, VERSION } from "../format/json_fields.ts";
import { MOST_UNIT_ITEMS } from "../format/limits.ts";
import {
  frameTuple,
  itemTuple,
  parseFrames,
  parseItems,
  UNIT_CLASSES,
  type UnitClass,
  type UnitFrame,
  type UnitItem,
} from "./items.ts";

const UNIT_FORMAT = "backup-tool unit";

export interface UnitContents {
  /** UUID of the vault. */
  readonly vault: string;
  readonly unitClass: UnitClass;
  /** All frames except the last, which holds this description. */
  readonly frames: readonly UnitFrame[];
  readonly items: readonly UnitItem[];
  /** Copies for people and for salvage; no index lists them. */
  readonly copies: readonly UnitItem[];
}

/** Encodes the description. @param salt makes the unit differ from any other with the same contents */
export function encodeUnitJson(
  { vault, unitClass, frames, items, copies }: UnitContents,
  salt?: string,
): Uint8Array<ArrayBuffer> {
  const fields = {
    format: UNIT_FORMAT,
    version: VERSION,
    vault,
    class: unitClass,
    ...(salt !== undefined && { salt }),
    frames: frames.map(frameTuple),
    items: items.map((item) => itemTuple(item, true)),
    copies: copies.map((item) => itemTuple(item, true)),
  };
  return new TextEncoder().encode(`${JSON.stringify(fields)}\n`);
}

/**
 * Parses a description. @param vault undefined: any vault @throws DamagedObject, BeyondLimit, NewerObject,
 * ForeignObject
 */
export function parseUnitJson(bytes: Uint8Array, what: string, vault?: string): UnitContents {
  const read = new FieldReader(parseJson(bytes, what), what).isOfFormat(UNIT_FORMAT).isOfVault(vault);
  const unitClass = read.word("class", UNIT_CLASSES);
  const frames = parseFrames(read.list("frames", MOST_UNIT_ITEMS), what);
  const rules = { unitClass, frames };
  return {
    vault: read.vaultId("vault"),
    unitClass,
    frames,
    items: parseItems(read.list("items", MOST_UNIT_ITEMS), rules, what),
    copies: parseItems(read.list("copies", MOST_UNIT_ITEMS), { ...rules, areCopies: true }, what),
  };
}
