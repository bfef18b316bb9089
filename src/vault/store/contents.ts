/** Contents, hunks and parts lists of a vault, by their ids: verified, from whichever place still has them whole. */
import { createHash } from "node:crypto";
import { MissingObject, ShortObject } from "../../backend/faults.ts";
import type { ContentId, HunkId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { DamagedObject } from "../format/faults.ts";
import { LIST_SUFFIX, type UnitClass } from "../pack/items.ts";
import { parseList, type PartsList } from "../pack/parts_list.ts";
import type { ItemReader } from "./item_reader.ts";
import type { Home, UnitIndex } from "./unit_index.ts";

/** What an id names. */
interface Wanted {
  readonly id: string;
  readonly unitClass: UnitClass;
}

export class VaultContents {
  readonly #index: UnitIndex;
  readonly #items: ItemReader;

  constructor(index: UnitIndex, items: ItemReader) {
    this.#index = index;
    this.#items = items;
  }

  /** @throws DamagedContent */
  hunk(id: HunkId): Promise<Uint8Array<ArrayBuffer>> {
    return this.#item({ id, unitClass: "meta" }, id);
  }

  /** The content in pieces. @throws DamagedContent at the end if its digest is wrong, WriteOnlyKey, Interrupted */
  async *read(id: ContentId): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    if (this.#index.homesOf(id, "data").length > 0) return yield await this.#item({ id, unitClass: "data" }, id);
    const whole = createHash("sha256");
    for (const part of await this.#partsOf(id)) {
      const bytes = await this.#item({ id: part, unitClass: "data" }, id);
      whole.update(bytes);
      yield bytes;
    }
    if (whole.digest("hex") !== id) throw new DamagedContent(id, "its parts together don't match its checksum");
  }

  /** Bytes of a content, undefined if it, or a part of it, is not there. Reads no content. */
  async sizeOf(id: ContentId): Promise<number | undefined> {
    const [home] = this.#index.homesOf(id, "data");
    if (home !== undefined) return home.item.size;
    return (await this.#listOf(id))?.size;
  }

  /**
   * Places that hold all of a content, and that a new snapshot may rely on; undefined if there are none.
   * @throws DamagedContent if its list can't be read
   */
  async reliableHomes(id: ContentId): Promise<readonly Home[] | undefined> {
    const own = this.#index.reliableHome(id, "data");
    if (own !== undefined) return [own];
    if (this.#index.reliableHome(id + LIST_SUFFIX, "meta") === undefined) return undefined;
    const found = await this.#listOf(id);
    if (found === undefined) return undefined;
    const homes = [
      this.#index.reliableHome(id + LIST_SUFFIX, "meta"),
      ...found.inner.map((inner) => this.#index.reliableHome(inner, "meta")),
      ...found.parts.map((part) => this.#index.reliableHome(part, "data")),
    ];
    return homes.every((home) => home !== undefined) ? homes : undefined;
  }

  async #partsOf(id: ContentId): Promise<readonly string[]> {
    const list = await this.#listOf(id);
    if (list === undefined) throw new DamagedContent(id, "it is missing");
    return list.parts;
  }

  /** The first of its lists that can be read, and whose parts are all there. */
  async #listOf(id: ContentId): Promise<ResolvedList | undefined> {
    for (const home of this.#index.homesOf(id + LIST_SUFFIX, "meta")) {
      const found = await orDamaged(() => this.#resolve(home, id));
      if (found instanceof DamagedContent) continue;
      if (found.parts.every((part) => this.#index.homesOf(part, "data").length > 0)) return found;
    }
    return undefined;
  }

  async #resolve(home: Home, id: ContentId): Promise<ResolvedList> {
    const top = await this.#list([home], id);
    if (top.level === 0) return { size: top.size, parts: top.parts.map(({ id }) => id), inner: [] };
    const parts: string[] = [], inner = top.parts.map(({ id }) => id);
    for (const each of inner) {
      const list = await this.#list(this.#index.homesOf(each, "meta"), id);
      // A list of lists of lists would be somebody's trick.
      if (list.level !== 0) throw new DamagedContent(id, "its parts list has too many levels");
      parts.push(...list.parts.map(({ id }) => id));
    }
    return { size: top.size, parts, inner };
  }

  async #list(homes: readonly Home[], content: ContentId): Promise<PartsList> {
    const bytes = await this.#firstWhole(homes, content);
    try {
      return parseList(bytes, "a parts list");
    } catch (error) {
      if (error instanceof Fault) throw new DamagedContent(content, error.message);
      throw error;
    }
  }

  #item({ id, unitClass }: Wanted, content: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#firstWhole(this.#index.homesOf(id, unitClass), content);
  }

  async #firstWhole(homes: readonly Home[], content: string): Promise<Uint8Array<ArrayBuffer>> {
    let why = "it is missing";
    for (const home of homes) {
      try {
        return await this.#items.read(home);
      } catch (error) {
        if (!isDamage(error)) throw error;
        why = error.message;
      }
    }
    throw new DamagedContent(content, why);
  }
}

/** What another copy of an item may be spared. */
function isDamage(error: unknown): error is Fault {
  return error instanceof DamagedObject || error instanceof MissingObject || error instanceof ShortObject;
}

interface ResolvedList {
  /** Of the content, in bytes. */
  readonly size: number;
  readonly parts: readonly string[];
  /** Lists that the first one names. */
  readonly inner: readonly string[];
}

async function orDamaged<T>(action: () => Promise<T>): Promise<T | DamagedContent> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof DamagedContent) return error;
    throw error;
  }
}
