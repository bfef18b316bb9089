/** Checks which units of the index exist, as far as a listing shows. */
import { bodyOf } from "../seal/sealed_body.ts";
import { headBytes } from "../seal/age_header.ts";
import type { UnitFacts } from "../index/join.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";

/** Damage of a unit. */
export interface UnitDamage {
  readonly unit: string;
  /** Description that continues "it". */
  readonly damage: string;
}

export class UnitSizes {
  readonly #index: UnitIndex;
  /** Actual stored bytes of units whose size differs from the index; 0: missing. */
  readonly #odd = new Map<string, number>();
  /** Number of objects in `data/`. */
  readonly listed: number;
  /** Number of those that neither an index nor a ledger knows. */
  readonly unlisted: number;

  private constructor(index: UnitIndex, stored: ReadonlyMap<string, number>) {
    this.#index = index;
    this.listed = stored.size;
    const known = new Set(index.unitNames());
    for (const unit of known) {
      const size = stored.get(unit) ?? 0;
      if (size !== index.unit(unit)?.size) this.#odd.set(unit, size);
    }
    for (const { unit } of index.marks()) known.add(unit);
    let unlisted = 0;
    for (const unit of stored.keys()) if (!known.has(unit)) unlisted++;
    this.unlisted = unlisted;
  }

  /** Lists the units. If some are missing or unknown, the index is read again: items may have been moved, or be new. */
  static async of(objects: SealedObjects, index: UnitIndex): Promise<UnitSizes> {
    const sizes = new UnitSizes(index, await objects.list("data"));
    if (sizes.#odd.size + sizes.unlisted === 0) return sizes;
    await index.refresh();
    return new UnitSizes(index, await objects.list("data"));
  }

  damages(): UnitDamage[] {
    return Array.from(this.#odd, ([unit, size]) => {
      const should = this.#index.unit(unit)?.size ?? 0;
      return { unit, damage: size === 0 ? "it is missing" : `it has ${size} bytes instead of ${should}` };
    });
  }

  /** False if the item's frame extends beyond the existing bytes. */
  isThere({ unit, item }: Home): boolean {
    return !this.#odd.has(unit.unit) || this.isFrameThere(unit, item.frame);
  }

  isFrameThere(unit: UnitFacts, frame: number): boolean {
    const size = this.#odd.get(unit.unit), range = unit.frames[frame];
    if (size === undefined) return true;
    if (range === undefined) return false;
    const what = `data/${unit.unit}`;
    // Where a range is depends on the length of the head, not on what it says.
    const head = unit.head.length === 0
      ? undefined
      : { bytes: unit.head.subarray(0, headBytes(unit.head, what)), payloadKey: new Uint8Array(32) };
    const stored = bodyOf(head, unit.size, what).storedRange(range);
    return stored.from + stored.length <= size;
  }
}
