/** Copies of roots in meta units. No index lists them, only the tails of units. */
import type { RootId } from "../../core/content_id.ts";
import { readContents, readItem } from "../pack/unit_reader.ts";
import { openUnit } from "../store/stored_units.ts";
import { isDamage } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { UnitIndex } from "../store/unit_index.ts";

export class RootCopies {
  readonly #objects: SealedObjects;
  readonly #index: UnitIndex;

  constructor(objects: SealedObjects, index: UnitIndex) {
    this.#objects = objects;
    this.#index = index;
  }

  /** The verified bytes of a root; undefined if no unit has a copy. Reads the tails of all meta units. */
  async find(id: RootId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (const name of this.#index.unitNames()) {
      const bytes = await this.#findIn(name, id);
      if (bytes !== undefined) return bytes.slice();
    }
    return undefined;
  }

  async #findIn(name: string, id: RootId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const facts = this.#index.unit(name);
    if (facts?.unitClass !== "meta") return undefined;
    try {
      const unit = await openUnit(this.#objects, facts);
      const { frames, copies } = await readContents(unit, this.#objects.access.config.id);
      const item = copies.find((copy) => copy.id === id);
      return item && await readItem(unit, { frames, item });
    } catch (error) {
      if (isDamage(error)) return undefined;
      throw error;
    }
  }
}
