/**
 * Finds objects that can't be read, besides units, whatever a cache says of them, and stores them again: all copies of
 * a vault have them under the same names.
 */
import { hash } from "node:crypto";
import { objectKey } from "../../backend/backend.ts";
import { MissingObject, PlaceRefuses } from "../../backend/faults.ts";
import { NewerObject } from "../format/faults.ts";
import { lookAtObjects, type ObjectRule } from "../read/object_check.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";

export interface BrokenObject {
  readonly kind: ObjectRule["kind"];
  readonly name: string;
  /** Description of the damage. */
  readonly what: string;
}

/** Reads all objects but units. @returns the damaged ones; those of a newer version aren't among them */
export async function damagedObjects(objects: SealedObjects, signal: AbortSignal): Promise<BrokenObject[]> {
  const damaged: BrokenObject[] = [];
  for await (const { rule: { kind }, name, fault } of lookAtObjects(objects, signal)) {
    if (fault === undefined || fault instanceof NewerObject || kind === "locks") continue;
    damaged.push({ kind, name, what: fault.message });
  }
  return damaged;
}

/** The same object of a copy of the vault; undefined if it is damaged there too, or gone. @throws PlaceUnavailable */
export async function sameObject(
  { backend }: SealedObjects,
  { kind, name }: Pick<BrokenObject, "kind" | "name">,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const bytes = await backend.get(objectKey(kind, name));
    return hash("sha256", bytes) === name ? bytes : undefined;
  } catch (error) {
    if (error instanceof MissingObject) return undefined;
    throw error;
  }
}

/** Puts an intact object in the place of a damaged one. @returns false if that may not be deleted */
export async function replaceObject(
  objects: SealedObjects,
  object: Pick<BrokenObject, "kind" | "name">,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (!await removeObject(objects, object)) return false; // a place keeps what it has under a name
  await objects.backend.put(objectKey(object.kind, object.name), bytes);
  return true;
}

/** Removes an object that doesn't count any more. Where deleting is not allowed, it stays. @returns whether it is gone */
export async function removeObject(
  { backend }: SealedObjects,
  { kind, name }: Pick<BrokenObject, "kind" | "name">,
): Promise<boolean> {
  try {
    await backend.remove(objectKey(kind, name));
    return true;
  } catch (error) {
    if (!(error instanceof PlaceRefuses)) throw error;
    return false;
  }
}
