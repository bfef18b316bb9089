/** Opens units for reading by ranges: those that an index describes, and those of which only the name is known. */
import { MissingObject, ShortObject } from "../../backend/faults.ts";
import { objectKey } from "../../backend/backend.ts";
import { DamagedObject, WrongKey } from "../format/faults.ts";
import { MOST_HEAD_BYTES } from "../format/limits.ts";
import type { UnitLine } from "../index/index_object.ts";
import { readContents, type StoredUnit } from "../pack/unit_reader.ts";
import { openHead } from "../seal/age_header.ts";
import { identitiesOf } from "../seal/keys.ts";
import { bodyOf } from "../seal/sealed_body.ts";
import type { SealedObjects } from "./sealed_objects.ts";

/** Opens a unit. @param head the bytes before the first chunk @throws WrongKey, DamagedObject */
export async function openUnit(
  { backend, access: { key } }: SealedObjects,
  { unit, head, size }: { readonly unit: string; readonly head: Uint8Array<ArrayBuffer>; readonly size: number },
): Promise<StoredUnit> {
  const what = `data/${unit}`, opened = key === undefined ? undefined : await openHead(head, identitiesOf(key), what);
  return {
    body: bodyOf(opened, size, what),
    read: (range) => backend.get(objectKey("data", unit), { range }),
  };
}

/**
 * The index line for a unit, from its tail; undefined if this key doesn't open the unit, or if it is damaged or gone.
 */
export async function readTail(objects: SealedObjects, unit: string, size: number): Promise<UnitLine | undefined> {
  const { backend, access: { config, key } } = objects;
  try {
    const start = { from: 0, length: key === undefined ? 0 : Math.min(size, MOST_HEAD_BYTES) };
    const bytes = await backend.get(objectKey("data", unit), { range: start });
    const head = key === undefined
      ? new Uint8Array()
      : (await openHead(bytes, identitiesOf(key), `data/${unit}`)).bytes;
    const { unitClass, frames, items } = await readContents(await openUnit(objects, { unit, head, size }), config.id);
    return { unit, unitClass, size, head, frames, items: items.map(({ part: _, ...item }) => item) };
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof WrongKey || error instanceof DamagedObject || error instanceof MissingObject ||
    error instanceof ShortObject;
}
