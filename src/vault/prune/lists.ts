/** Finds the parts lists of large contents and what they name, whether that exists or not. */
import type { ContentId } from "../../core/content_id.ts";
import { isOfObject } from "../format/faults.ts";
import { LIST_SUFFIX } from "../pack/items.ts";
import { parseList, type PartsList } from "../pack/parts_list.ts";
import type { ItemReader } from "../store/item_reader.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";

export interface FoundList {
  /** SHA-256 of the list's bytes. */
  readonly digest: string;
  /** Digests of the lists that it names. */
  readonly inner: readonly string[];
  /** Ids of its parts, as far as the lists that name them can be read. */
  readonly parts: readonly string[];
  /** False if a list that it names can't be read. */
  readonly isWhole: boolean;
}

export class ListFinder {
  readonly #index: Pick<UnitIndex, "homesOf">;
  readonly #items: ItemReader;

  constructor(index: Pick<UnitIndex, "homesOf">, items: ItemReader) {
    this.#index = index;
    this.#items = items;
  }

  /** All readable lists of a content, each once. @param lost units that don't exist @throws PlaceUnavailable */
  async of(content: ContentId, lost: ReadonlySet<string>): Promise<readonly FoundList[]> {
    const homes = this.#index.homesOf(content + LIST_SUFFIX, "meta").filter(({ unit }) => !lost.has(unit.unit));
    const found: FoundList[] = [];
    for (const [digest, same] of Map.groupBy(homes, ({ item }) => item.digest ?? "")) {
      const list = await this.#read(same);
      if (list !== undefined) found.push({ digest, ...await this.#partsOf(list, lost) });
    }
    return found;
  }

  async #partsOf({ level, parts }: PartsList, lost: ReadonlySet<string>): Promise<Omit<FoundList, "digest">> {
    const ids = parts.map(({ id }) => id);
    if (level === 0) return { inner: [], parts: ids, isWhole: true };
    const all: string[] = [];
    let isWhole = true;
    for (const inner of ids) {
      const list = await this.#read(this.#index.homesOf(inner, "meta").filter(({ unit }) => !lost.has(unit.unit)));
      if (list?.level === 0) { for (const { id } of list.parts) all.push(id); }
      else isWhole = false;
    }
    return { inner: ids, parts: all, isWhole };
  }

  /** Reads a list from the first home where that works. */
  async #read(homes: readonly Home[]): Promise<PartsList | undefined> {
    for (const home of homes) {
      try {
        return parseList(await this.#items.read(home), "a parts list");
      } catch (error) {
        if (!isOfObject(error)) throw error;
      }
    }
    return undefined;
  }
}
