/** Contents, hunks and parts lists of a vault, by their ids: verified, from whichever place still has them whole. */
import { createHash, hash } from "node:crypto";
import { MissingObject, ShortObject } from "../../backend/faults.ts";
import type { ContentId, HunkId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ContentParts, StoredList } from "../../snapshot/snapshot_sink.ts";
import { DamagedObject } from "../format/faults.ts";
import { LIST_SUFFIX, type UnitClass } from "../pack/items.ts";
import { type ListedPart, parseList, type PartsList } from "../pack/parts_list.ts";
import type { ItemReader } from "./item_reader.ts";
import type { Home, UnitIndex } from "./unit_index.ts";

/** What an id names. */
interface Wanted {
  readonly id: string;
  readonly unitClass: UnitClass;
}

/** A way to put a content together, of which every part is in some unit. */
export interface ContentList {
  /** Where the list lies. */
  readonly home: Home;
  /** The list itself, as it is stored. */
  readonly top: Uint8Array<ArrayBuffer>;
  /** Of the content, in bytes. */
  readonly size: number;
  /** Lists that the first one names. */
  readonly inner: readonly string[];
  /** In order, some thousand at a time: of a very large content there are millions. @throws DamagedContent */
  parts(): AsyncIterable<readonly ListedPart[]>;
}

export class VaultContents {
  readonly #index: UnitIndex;
  readonly #items: ItemReader;
  /** Hunks for which the index was read anew. */
  readonly #missing = new Set<HunkId>();

  constructor(index: UnitIndex, items: ItemReader) {
    this.#index = index;
    this.#items = items;
  }

  /** @throws DamagedContent */
  async hunk(id: HunkId): Promise<Uint8Array<ArrayBuffer>> {
    // Its root may be younger than what is known of the index.
    if (this.#index.homesOf(id, "meta").length === 0 && !this.#missing.has(id)) {
      this.#missing.add(id);
      await this.#index.refresh();
    }
    return await this.#item({ id, unitClass: "meta" }, id);
  }

  /** The content in pieces. @throws DamagedContent at the end if its digest is wrong, WriteOnlyKey, Interrupted */
  async *read(id: ContentId): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const whole = await orDamaged(() => this.#item({ id, unitClass: "data" }, id));
    if (!(whole instanceof DamagedContent)) return yield whole;
    const list = await this.#soundList(id);
    if (list === undefined) throw whole;
    yield* this.#joined(id, list);
  }

  /**
   * The list to read a content by; undefined if there is none. What was handed out can't be taken back: where there are
   * several, all is read once to see whether one is right. If none is, the last one: whoever reads by it meets the damage.
   */
  async #soundList(id: ContentId): Promise<ContentList | undefined> {
    let candidate: ContentList | undefined;
    for await (const list of this.lists(id)) {
      if (list.home.item.digest === candidate?.home.item.digest) continue;
      if (candidate !== undefined && await this.damageOfJoined(id, candidate) === undefined) break;
      candidate = list;
    }
    return candidate;
  }

  async *#joined(id: ContentId, list: ContentList): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const whole = createHash("sha256");
    for await (const parts of list.parts()) {
      for (const part of parts) {
        const bytes = await this.part(part.id, id);
        whole.update(bytes);
        yield bytes;
      }
    }
    if (whole.digest("hex") !== id) throw new DamagedContent(id, WRONG_TOGETHER);
  }

  /** A part of a large content. @throws DamagedContent */
  async part(id: string, content: ContentId): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#item({ id, unitClass: "data" }, content);
  }

  /** What is wrong with a content that is put together by a list of it; reads all of it. */
  async damageOfJoined(id: ContentId, list: ContentList): Promise<string | undefined> {
    const found = await orDamaged(async () => {
      for await (const _ of this.#joined(id, list));
    });
    return found?.what;
  }

  /**
   * Bytes of a content, undefined if it, or a part of it, is not there. Reads no content.
   * @param isThere whether what the index says of a place is to be believed
   */
  async sizeOf(id: ContentId, isThere: (home: Home) => boolean = () => true): Promise<number | undefined> {
    const home = this.#index.homesOf(id, "data").find(isThere);
    return home?.item.size ?? (await this.#firstList(id, isThere))?.size;
  }

  /** Why an item of any kind is whole in no place; undefined if it is in one. @param why known already of some place */
  async damageOf(id: string, why: string): Promise<string | undefined> {
    const homes = [...this.#index.homesOf(id, "data"), ...this.#index.homesOf(id, "meta")];
    return await this.#firstWhole(homes) instanceof Lost ? why : undefined;
  }

  /**
   * Places that hold all of a content, and that a new snapshot may rely on; undefined if there are none.
   * @throws DamagedContent if its list can't be read
   */
  async reliableHomes(id: ContentId): Promise<readonly Home[] | undefined> {
    const own = this.#index.reliableHome(id, "data");
    if (own !== undefined) return [own];
    if (this.#index.reliableHome(id + LIST_SUFFIX, "meta") === undefined) return undefined;
    const found = await this.#firstList(id);
    if (found === undefined) return undefined;
    const homes = [
      this.#index.reliableHome(id + LIST_SUFFIX, "meta"),
      ...found.inner.map((inner) => this.#index.reliableHome(inner, "meta")),
    ];
    for await (const parts of found.parts()) {
      homes.push(...parts.map((part) => this.#index.reliableHome(part.id, "data")));
    }
    return homes.every((home) => home !== undefined) ? homes : undefined;
  }

  /** How a large content is kept; undefined if it is an item of its own, or has no list that can be read. */
  async storedParts(id: ContentId): Promise<ContentParts | undefined> {
    if (this.#index.homesOf(id, "data").length > 0) return undefined;
    const list = await this.#firstList(id), inner: StoredList[] = [];
    if (list === undefined) return undefined;
    for (const each of list.inner) inner.push(storedList(await this.#item({ id: each, unitClass: "meta" }, id)));
    const read = (part: string) => this.part(part, id);
    return { top: storedList(list.top), inner, parts: () => list.parts(), read };
  }

  /** Ids of the parts of a large content; undefined if it has no list that can be read. */
  async partsOf(id: ContentId): Promise<readonly string[] | undefined> {
    const list = await this.#firstList(id);
    if (list === undefined) return undefined;
    const ids: string[] = [];
    for await (const parts of list.parts()) ids.push(...parts.map((part) => part.id));
    return ids;
  }

  async #firstList(id: ContentId, isThere?: (home: Home) => boolean): Promise<ContentList | undefined> {
    return (await this.lists(id, isThere).next()).value ?? undefined;
  }

  /** Its lists that can be read, and whose parts are all there. */
  async *lists(id: ContentId, isThere: (home: Home) => boolean = () => true): AsyncGenerator<ContentList, undefined> {
    const tried = new Set<string>();
    for (let isGone = true; isGone;) {
      isGone = false;
      for (const home of this.#index.homesOf(id + LIST_SUFFIX, "meta")) {
        const key = `${home.unit.unit} ${home.item.digest}`;
        if (tried.has(key)) continue;
        tried.add(key);
        const list = await this.#resolve(home, id);
        if (list instanceof Lost) isGone ||= list.isGone;
        else if (await this.#isWhole(list, isThere)) yield list;
      }
      // Whoever prunes may have moved it.
      if (isGone) await this.#index.refresh();
    }
    return undefined;
  }

  async #isWhole(list: ContentList, isThere: (home: Home) => boolean): Promise<boolean> {
    const hasHome = ({ id, size }: ListedPart) => {
      return this.#index.homesOf(id, "data").some((home) => home.item.size === size && isThere(home));
    };
    const found = await orDamaged(async () => {
      for await (const parts of list.parts()) if (!parts.every(hasHome)) return false;
      return true;
    });
    return found === true;
  }

  async #resolve(home: Home, id: ContentId): Promise<ContentList | Lost> {
    const bytes = await this.#firstWhole([home]);
    if (bytes instanceof Lost) return bytes;
    const top = await orDamaged(() => Promise.resolve(listIn(bytes, id)));
    if (top instanceof DamagedContent) return new Lost(top.message, false);
    const { size, parts } = top;
    if (top.level === 0) return { home, top: bytes, size, inner: [], parts: () => oneBatch(parts) };
    return { home, top: bytes, size, inner: parts.map(({ id }) => id), parts: () => this.#innerParts(top, id) };
  }

  async *#innerParts({ parts }: PartsList, id: ContentId): AsyncGenerator<readonly ListedPart[]> {
    for (const { id: inner, size } of parts) {
      const list = listIn(await this.#item({ id: inner, unitClass: "meta" }, id), id);
      // A list of lists of lists would be somebody's trick.
      if (list.level !== 0) throw new DamagedContent(id, "its parts list has too many levels");
      if (list.size !== size) throw new DamagedContent(id, "its parts lists contradict each other");
      yield list.parts;
    }
  }

  async #item({ id, unitClass }: Wanted, content: string): Promise<Uint8Array<ArrayBuffer>> {
    const before = this.#index.homesOf(id, unitClass);
    let found = await this.#firstWhole(before);
    if (found instanceof Lost && found.isGone) {
      // Whoever prunes may have moved it since the index was read.
      await this.#index.refresh();
      const known = new Set(before.map(({ unit }) => unit.unit));
      const others = this.#index.homesOf(id, unitClass).filter(({ unit }) => !known.has(unit.unit));
      if (others.length > 0) found = await this.#firstWhole(others);
    }
    if (found instanceof Lost) throw new DamagedContent(content, found.why);
    return found;
  }

  async #firstWhole(homes: readonly Home[]): Promise<Uint8Array<ArrayBuffer> | Lost> {
    let why = MISSING, isGone = false;
    for (const home of homes) {
      try {
        return await this.#items.read(home);
      } catch (error) {
        if (!isDamage(error)) throw error;
        why = error.message;
        isGone ||= error instanceof MissingObject;
      }
    }
    return new Lost(why, isGone);
  }
}

/** No place has it whole. */
class Lost {
  readonly why: string;
  /** An object that the index names is not there. */
  readonly isGone: boolean;

  constructor(why: string, isGone: boolean) {
    this.why = why;
    this.isGone = isGone;
  }
}

/** What is wrong with an item that no unit holds. */
export const MISSING = "it is missing";
/** What is wrong with a content whose parts are all right. */
export const WRONG_TOGETHER = "its parts together don't match its checksum";

/** What another copy of an item may be spared. */
export function isDamage(error: unknown): error is Fault {
  return error instanceof DamagedObject || error instanceof MissingObject || error instanceof ShortObject;
}

/** @throws DamagedContent */
function listIn(bytes: Uint8Array<ArrayBuffer>, content: ContentId): PartsList {
  try {
    return parseList(bytes, "a parts list");
  } catch (error) {
    if (error instanceof Fault) throw new DamagedContent(content, error.message);
    throw error;
  }
}

async function* oneBatch(parts: readonly ListedPart[]): AsyncGenerator<readonly ListedPart[]> {
  yield await Promise.resolve(parts);
}

async function orDamaged<T>(action: () => Promise<T>): Promise<T | DamagedContent> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof DamagedContent) return error;
    throw error;
  }
}

function storedList(bytes: Uint8Array<ArrayBuffer>): StoredList {
  return { bytes, digest: hash("sha256", bytes) };
}
