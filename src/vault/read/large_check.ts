/** Large contents in a check: verifies that their parts are intact and that the whole matches its id. */
import { hash } from "node:crypto";
import type { ContentId } from "../../core/content_id.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ListedPart } from "../pack/parts_list.ts";
import { type ContentList, MISSING, type VaultContents } from "../store/contents.ts";
import type { Home } from "../store/unit_index.ts";
import { ContentJoiner } from "./content_joiner.ts";

export class LargeCheck implements Disposable {
  readonly #contents: VaultContents;
  /** Noted contents, each with the digest of the list by which it is assembled. */
  readonly #noted = new Map<ContentId, string | undefined>();
  /** Lost parts that some content needs. */
  readonly #lostParts = new Set<string>();
  readonly #joiner: ContentJoiner;

  constructor(contents: VaultContents) {
    this.#contents = contents;
    this.#joiner = new ContentJoiner((part, content) => contents.part(part, content));
  }

  [Symbol.dispose](): void {
    this.#joiner[Symbol.dispose]();
  }

  get ids(): Iterable<ContentId> {
    return this.#noted.keys();
  }

  /** Notes a content. @returns false if none of its lists has all its parts */
  async note(id: ContentId, isThere: (home: Home) => boolean, onPart: (id: string) => void): Promise<boolean> {
    this.#noted.set(id, undefined);
    for await (const list of this.#contents.lists(id, isThere)) {
      await this.#joiner.note(id, eachTold(list.parts(), onPart));
      this.#noted.set(id, hash("sha256", list.top));
      return true;
    }
    return false;
  }

  /** Begins to look out for parts. */
  start(): void {
    this.#joiner.start();
  }

  /** False if no noted content has this part; true if one may have it. */
  maybeWants(part: string): boolean {
    return this.#joiner.maybeWants(part);
  }

  /** Takes a part. Parts come in the order of units. */
  async take(part: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#joiner.take(part, bytes);
  }

  /** True if a checked content needs this lost part. */
  isLostPart(id: string): boolean {
    return this.#lostParts.has(id);
  }

  /**
   * Description of the damage of a content, once its parts have been read; undefined if intact.
   * @param lost items that are intact nowhere, each with a description of the damage
   */
  async damageOf(id: ContentId, lost: ReadonlyMap<string, string>): Promise<string | undefined> {
    let why = MISSING;
    for await (const list of this.#contents.lists(id)) {
      const damage = await this.#firstLost(list, lost) ?? await this.#damageOfWhole(id, list);
      if (damage === undefined) return undefined;
      why = damage;
    }
    return why;
  }

  async #damageOfWhole(id: ContentId, list: ContentList): Promise<string | undefined> {
    const isJoined = hash("sha256", list.top) === this.#noted.get(id);
    return isJoined ? await this.#joiner.damageOf(id) : await this.#contents.damageOfJoined(id, list);
  }

  async #firstLost(list: ContentList, lost: ReadonlyMap<string, string>): Promise<string | undefined> {
    let found: string | undefined;
    try {
      for await (const some of list.parts()) {
        for (const { id } of some) {
          const why = lost.get(id);
          if (why === undefined) continue;
          this.#lostParts.add(id);
          found ??= `a part of it is lost: ${why}`;
        }
      }
      return found;
    } catch (error) {
      if (error instanceof DamagedContent) return MISSING;
      throw error;
    }
  }
}

async function* eachTold(
  parts: AsyncIterable<readonly ListedPart[]>,
  onPart: (id: string) => void,
): AsyncGenerator<readonly ListedPart[]> {
  for await (const some of parts) {
    for (const { id } of some) onPart(id);
    yield some;
  }
}
