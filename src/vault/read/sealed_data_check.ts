/** Checks contents without a key for them: whether their units have the bytes that were stored. */
import { createHash } from "node:crypto";
import { objectKey } from "../../backend/backend.ts";
import { Interrupted } from "../../core/fault.ts";
import type { ObjectReport, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import type { UnitFacts } from "../index/join.ts";
import { isDamage } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import type { UnitSizes } from "./unit_sizes.ts";

interface SealedVault {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly sizes: UnitSizes;
}

const RANGE_BYTES = 16 * 1024 * 1024;

/** Reads whole units: all of them, or those with chosen contents. */
export async function* sealedDataCheck(
  { objects, index, sizes }: SealedVault,
  { chosen, signal }: ScanRequest,
): AsyncGenerator<ScanReport> {
  const wanted = chosen && unitsOf(chosen, index), damaged = new Set(sizes.damages().map(({ unit }) => unit));
  for (const name of index.unitNames()) {
    const unit = index.unit(name);
    if (unit?.unitClass !== "data" || wanted?.has(name) === false || damaged.has(name)) continue;
    if (signal.aborted) throw new Interrupted();
    const damage = await damageOf(objects, unit);
    yield { seen: 0, read: damage === undefined ? [] : reportsOf(index, name, damage), bytes: unit.size, strays: 0 };
  }
}

function unitsOf(ids: Iterable<string>, index: UnitIndex): Set<string> {
  const units = new Set<string>();
  for (const id of ids) for (const { unit } of index.homesOf(id, "data").slice(0, 1)) units.add(unit.unit);
  return units;
}

async function damageOf({ backend }: SealedObjects, { unit, size }: UnitFacts): Promise<string | undefined> {
  const whole = createHash("sha256"), key = objectKey("data", unit);
  try {
    for (let from = 0; from < size; from += RANGE_BYTES) {
      whole.update(await backend.get(key, { range: { from, length: Math.min(RANGE_BYTES, size - from) } }));
    }
  } catch (error) {
    if (isDamage(error)) return error.message;
    throw error;
  }
  return whole.digest("hex") === unit ? undefined : `the bytes of its unit data/${unit} don't match its name`;
}

/** Reports of a damaged unit: any of its contents may be affected. */
function reportsOf(index: UnitIndex, unit: string, damage: string): ObjectReport[] {
  const contents = index.itemsOf(unit).filter(({ id }) => index.homesOf(id, "data").length === 1);
  return [
    { id: `data/${unit}`, kind: "object", damage: "A unit is damaged: its bytes don't match its name" },
    ...contents.map(({ id }): ObjectReport => ({ id, kind: "content", damage })),
  ];
}
