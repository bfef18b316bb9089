/** Reads contents, hunks and parts lists of a vault by id, verified, from any home that has them intact. */
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
import { NearHomes } from "./near_homes.ts";
import type { Home, UnitIndex } from "./unit_index.ts";

/** The id and class of an item. */
interface Wanted {
  readonly id: string;
  readonly unitClass: UnitClass;
}

/** A list for assembling a content; every part is in some unit. */
export interface ContentList {
  /** Home of the list. */
  readonly home: Home;
  /** Bytes of the list, as stored. */
  readonly top: Uint8Array<ArrayBuffer>;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Digests of the lists that it names. */
  readonly inner: readonly string[];
  /** All parts in order, some thousands at a time: a very large content has millions. @throws DamagedContent */
  parts(): AsyncIterable<readonly ListedPart[]>;
}

export class VaultContents {
  readonly #index: UnitIndex;
  readonly #items: ItemReader;
  /** As of some time: what is no longer there is sought in the index. */
  readonly #near: NearHomes;
  /** Hunks for which the index was read again. */
  readonly #missing = new Set<HunkId>();

  constructor(index: UnitIndex, items: ItemReader) {
    this.#index = index;
    this.#items = items;
    this.#near = new NearHomes(index);
  }

  /** Reads a hunk. @throws DamagedContent */
  async hunk(id: HunkId): Promise<Uint8Array<ArrayBuffer>> {
    // Its root may be younger than what is known of the index.
    if (this.#index.homesOf(id, "meta").length === 0 && !this.#missing.has(id)) {
      this.#missing.add(id);
      await this.#index.refresh();
    }
    return await this.#item({ id, unitClass: "meta" }, id);
  }

  /** Reads a content in chunks. @throws DamagedContent at the end if its digest is wrong, WriteOnlyKey, Interrupted */
  async *read(id: ContentId): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const whole = await orDamaged(() => this.#item({ id, unitClass: "data" }, id));
    if (!(whole instanceof DamagedContent)) return yield whole;
    const list = await this.#soundList(id);
    if (list === undefined) throw whole;
    yield* this.#joined(id, list);
  }

  /**
   * The list for reading a content; undefined if there is none. Chunks can't be taken back, so with several lists,
   * everything is read once to find one that is right. If none is, the result is the last one, and its reader gets the
   * damage.
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

  /** Description of the damage of a content that is assembled by a list; undefined if intact. Reads all of it. */
  async damageOfJoined(id: ContentId, list: ContentList): Promise<string | undefined> {
    const found = await orDamaged(async () => {
      for await (const _ of this.#joined(id, list));
    });
    return found?.what;
  }

  /**
   * Size of a content in bytes; undefined if it or one of its parts doesn't exist. Reads no content.
   * @param isThere whether a home in the index can be trusted
   */
  async sizeOf(id: ContentId, isThere: (home: Home) => boolean = () => true): Promise<number | undefined> {
    const home = this.#index.homesOf(id, "data").find(isThere);
    return home?.item.size ?? (await this.#firstList(id, isThere))?.size;
  }

  /** Why no home of an item is intact; undefined if one is. @param why known damage of one of the homes */
  async damageOf(id: string, why: string): Promise<string | undefined> {
    const homes = [...this.#index.homesOf(id, "data"), ...this.#index.homesOf(id, "meta")];
    return await this.#firstWhole(homes) instanceof Lost ? why : undefined;
  }

  /**
   * Homes that hold all of a content and that a new snapshot may rely on; undefined if there are none.
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

  /** The parts of a large content; undefined if it is an item itself, or has no readable list. */
  async storedParts(id: ContentId): Promise<ContentParts | undefined> {
    if (this.#index.homesOf(id, "data").length > 0) return undefined;
    const list = await this.#firstList(id), inner: StoredList[] = [];
    if (list === undefined) return undefined;
    for (const each of list.inner) inner.push(storedList(await this.#item({ id: each, unitClass: "meta" }, id)));
    const read = (part: string) => this.part(part, id);
    return { top: storedList(list.top), inner, parts: () => list.parts(), read };
  }

  /** Ids of the parts of a large content; undefined if it has no readable list. */
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

  /** Its readable lists whose parts all exist. */
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
    const near = unitClass === "data" ? this.#near.find(id, () => true) : undefined;
    const tried = near && await this.#firstWhole([near]);
    if (tried !== undefined && !(tried instanceof Lost)) return tried;
    if (tried !== undefined) this.#near.forget();
    const before = this.#index.homesOf(id, unitClass);
    let found = await this.#firstWhole(before.filter(({ unit }) => unit.unit !== near?.unit.unit), tried);
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

  /** @param before result of homes that were tried before */
  async #firstWhole(homes: readonly Home[], before?: Lost): Promise<Uint8Array<ArrayBuffer> | Lost> {
    let { why, isGone } = before ?? { why: MISSING, isGone: false };
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

/** No home has the item intact. */
class Lost {
  readonly why: string;
  /** True if an object that the index names is gone. */
  readonly isGone: boolean;

  constructor(why: string, isGone: boolean) {
    this.why = why;
    this.isGone = isGone;
  }
}

/** Description of an item that no unit holds. */
export const MISSING = "it is missing";
/** Description of a content whose parts are all intact, but form another content. */
export const WRONG_TOGETHER = "its parts together don't match its checksum";

/** True for faults that another copy of an item may not have. */
export function isDamage(error: unknown): error is Fault {
  return error instanceof DamagedObject || error instanceof MissingObject || error instanceof ShortObject;
}

/** Parses a list. @throws DamagedContent */
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
