/** Finds damaged units: those that are missing or truncated, and those with unreadable items. */
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import { kindOfItem, LIST_SUFFIX } from "../pack/items.ts";
import { UnitSizes } from "../read/unit_sizes.ts";
import { isDamage, type VaultContents, WRONG_TOGETHER } from "../store/contents.ts";
import { ItemReader } from "../store/item_reader.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";

export class UnitDamages {
  readonly #objects: SealedObjects;
  readonly #index: UnitIndex;
  readonly #contents: VaultContents;
  readonly #items: ItemReader;
  readonly #found = new Map<string, string>();
  readonly #canReadData: boolean;

  constructor(objects: SealedObjects, index: UnitIndex, contents: VaultContents) {
    const { key } = objects.access;
    this.#objects = objects;
    this.#index = index;
    this.#contents = contents;
    this.#items = new ItemReader(objects.backend, objects.access);
    this.#canReadData = key === undefined || key.dataIdentity !== undefined;
  }

  /**
   * @param ids of contents and hunks that can't be read @returns damaged units, each with a description of the damage
   */
  async of(ids: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const sizes = await UnitSizes.of(this.#objects, this.#index);
    for (const { unit, damage } of sizes.damages()) this.#found.set(unit, damage);
    for (const id of ids) {
      if (kindOfItem(id) === "hunk") await this.#look(this.#index.homesOf(id, "meta"));
      else if (kindOfItem(id) === "content") await this.#lookAtContent(knownContentId(id));
    }
    return this.#found;
  }

  async #lookAtContent(id: ContentId): Promise<void> {
    const before = this.#found.size;
    await this.#look(this.#index.homesOf(id, "data"));
    await this.#look(this.#index.homesOf(id + LIST_SUFFIX, "meta"));
    for (const inner of await this.#innerOf(id)) await this.#look(this.#index.homesOf(inner, "meta"));
    for (const part of await this.#contents.partsOf(id) ?? []) await this.#look(this.#index.homesOf(part, "data"));
    if (this.#found.size === before && this.#canReadData) await this.#lookAtLists(id);
  }

  /** Notes units with wrong lists: a list whose intact parts form another content counts as damaged. */
  async #lookAtLists(id: ContentId): Promise<void> {
    for await (const list of this.#contents.lists(id)) {
      const { unit } = list.home.unit;
      if (!this.#found.has(unit) && await this.#contents.damageOfJoined(id, list) === WRONG_TOGETHER) {
        this.#found.set(unit, "a list of parts in it is wrong");
      }
    }
  }

  async #innerOf(id: ContentId): Promise<readonly string[]> {
    const { value } = await this.#contents.lists(id).next();
    return value?.inner ?? [];
  }

  async #look(homes: readonly Home[]): Promise<void> {
    for (const home of homes) {
      const { unit, unitClass } = home.unit;
      if (this.#found.has(unit) || (unitClass === "data" && !this.#canReadData)) continue;
      try {
        await this.#items.read(home);
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.#found.set(unit, error.message);
      }
    }
  }
}

/** The contents of which no unit has everything, judging by names and sizes of units. */
export async function missingAmong(
  { objects, index, contents }: {
    readonly objects: SealedObjects;
    readonly index: UnitIndex;
    readonly contents: VaultContents;
  },
  ids: Iterable<ContentId>,
): Promise<ContentId[]> {
  const sizes = await UnitSizes.of(objects, index), missing: ContentId[] = [];
  for (const id of ids) {
    if (await contents.sizeOf(id, (home) => sizes.isThere(home)) === undefined) missing.push(id);
  }
  return missing;
}
