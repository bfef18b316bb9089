/**
 * Units with a tombstone whose bytes still exist. The index no longer describes them, so their tails are read. What is
 * needed from them, and exists nowhere else, is stored again; nothing relies on them as they are.
 */
import type { ContentId, HunkId } from "../../core/content_id.ts";
import { unlessFault } from "../../core/fault.ts";
import { WriteOnlyKey } from "../format/faults.ts";
import type { UnitLine } from "../index/index_object.ts";
import { LIST_SUFFIX, type UnitClass, type UnitItem } from "../pack/items.ts";
import { type ListedPart, parseList } from "../pack/parts_list.ts";
import { readItem } from "../pack/unit_reader.ts";
import { openUnit, readTail } from "../store/stored_units.ts";
import { isDamage } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import { ItemReader } from "../store/item_reader.ts";
import type { UnitIndex } from "../store/unit_index.ts";

interface GoneHome {
  readonly line: UnitLine;
  readonly item: UnitItem;
}

export class GoneUnits {
  readonly #objects: SealedObjects;
  readonly #index: UnitIndex;
  readonly #items: ItemReader;
  /** Items of these units, read on first use. */
  #homes: Promise<ReadonlyMap<string, readonly GoneHome[]>> | undefined;

  constructor(objects: SealedObjects, index: UnitIndex) {
    this.#objects = objects;
    this.#index = index;
    this.#items = new ItemReader(objects.backend, objects.access);
  }

  /** A verified hunk; undefined if it can't be found. */
  async hunk(id: HunkId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#goneItem("meta", id);
  }

  /** The pieces of a content; undefined if some can't be found. The caller has to compare the whole with the id. */
  async read(id: ContentId): Promise<AsyncIterable<Uint8Array<ArrayBuffer>> | undefined> {
    if (await this.#find("data", id) !== undefined) return this.#pieces([{ id, size: 0 }]);
    const lists = await this.#lists(id);
    for (const list of lists) {
      const parts = await this.#partsOf(list);
      if (parts !== undefined && await this.#haveAll(parts)) return this.#pieces(parts);
    }
    return undefined;
  }

  async *#pieces(parts: readonly ListedPart[]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (const { id } of parts) yield await this.#find("data", id) ?? new Uint8Array();
  }

  async #haveAll(parts: readonly ListedPart[]): Promise<boolean> {
    const gone = await this.#gone();
    return parts.every(({ id }) => gone.has(keyOf("data", id)) || this.#index.homesOf(id, "data").length > 0);
  }

  /** Lists of a content, from units with and without a tombstone. */
  async #lists(id: ContentId): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const key = id + LIST_SUFFIX, found: Uint8Array<ArrayBuffer>[] = [];
    for (const home of (await this.#gone()).get(keyOf("meta", key)) ?? []) found.push(...await this.#readGone(home));
    for (const home of this.#index.homesOf(key, "meta")) found.push(...await orNothing(() => this.#items.read(home)));
    return found;
  }

  async #partsOf(bytes: Uint8Array): Promise<readonly ListedPart[] | undefined> {
    const list = unlessFault(() => parseList(bytes, "a parts list"), undefined);
    if (list?.level !== 1) return list?.parts;
    const all: ListedPart[] = [];
    for (const { id } of list.parts) {
      const inner = await this.#find("meta", id), parsed = inner && unlessFault(() => parseList(inner, id), undefined);
      if (parsed?.level !== 0) return undefined;
      all.push(...parsed.parts);
    }
    return all;
  }

  /** An item from any unit that has it. */
  async #find(unitClass: UnitClass, id: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (const home of this.#index.homesOf(id, unitClass)) {
      const [bytes] = await orNothing(() => this.#items.read(home));
      if (bytes !== undefined) return bytes;
    }
    return await this.#goneItem(unitClass, id);
  }

  async #goneItem(unitClass: UnitClass, id: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (const home of (await this.#gone()).get(keyOf(unitClass, id)) ?? []) {
      const [bytes] = await this.#readGone(home);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  #readGone({ line, item }: GoneHome): Promise<Uint8Array<ArrayBuffer>[]> {
    return orNothing(async () => await readItem(await openUnit(this.#objects, line), { frames: line.frames, item }));
  }

  #gone(): Promise<ReadonlyMap<string, readonly GoneHome[]>> {
    return this.#homes ??= this.#readTails();
  }

  async #readTails(): Promise<ReadonlyMap<string, readonly GoneHome[]>> {
    const homes = new Map<string, GoneHome[]>(), stored = await this.#objects.list("data");
    for (const { unit, mark } of this.#index.marks()) {
      const size = stored.get(unit);
      if (mark !== "gone" || size === undefined) continue;
      const line = await readTail(this.#objects, unit, size);
      for (const item of line?.items ?? []) {
        const key = keyOf(line!.unitClass, item.id), others = homes.get(key);
        if (others === undefined) homes.set(key, [{ line: line!, item }]);
        else others.push({ line: line!, item });
      }
    }
    return homes;
  }
}

function keyOf(unitClass: UnitClass, id: string): string {
  return `${unitClass} ${id}`;
}

async function orNothing(
  read: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>[]> {
  try {
    return [await read()];
  } catch (error) {
    if (isDamage(error) || error instanceof WriteOnlyKey) return [];
    throw error;
  }
}
