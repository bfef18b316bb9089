/**
 * Verifies large contents. Their parts arrive in the order of units, each once; where a content needs them in another
 * order, because it shares parts with others or repeats some, a part is kept for a while or read again.
 */
import { createHash, type Hash } from "node:crypto";
import { OrderedRows } from "../../catalog/ordered_rows.ts";
import type { ContentId } from "../../core/content_id.ts";
import { releaseMemory } from "../../core/garbage.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { ItemFilter } from "../cache/item_filter.ts";
import { WRONG_TOGETHER } from "../store/contents.ts";

/**
 * Number of next parts that a content looks out for: contents with some different parts stay in step with the others
 * that way.
 */
const AHEAD = 64;
/** The same number before the first part has arrived. The first may be the one that differs. */
const AHEAD_AT_FIRST = 2;
/** Most bytes of parts that are kept. */
const MOST_HELD_BYTES = 32 * 1024 * 1024;
/** Parts that are read at once of each list: very many contents may be in progress. */
const PAGE_PARTS = AHEAD;

/** A content that is being assembled. */
interface Joined {
  readonly id: ContentId;
  /** Its key in the table of parts. */
  readonly number: number;
  /** Ids of the next parts, in order. */
  ahead: string[];
  /** Undefined until its first part arrives. */
  underWay: { readonly hasher: Hash; readonly parts: Generator<string> } | undefined;
}

/** Reads a part. @throws DamagedContent */
export type ReadPart = (part: string, content: ContentId) => Promise<Uint8Array>;

export class ContentJoiner implements Disposable {
  readonly #read: ReadPart;
  readonly #mostHeld: number;
  /** Parts of all contents, in a temporary file: for 1 TB there are two million. */
  readonly #parts = new OrderedRows(PAGE_PARTS);
  readonly #numbers = new Map<ContentId, number>();
  readonly #joined = new Map<ContentId, Joined>();
  readonly #wrong = new Set<ContentId>();
  readonly #awaited = new Map<string, Set<Joined>>();
  /** Kept parts; the most recently used are last. */
  readonly #held = new Map<string, Uint8Array<ArrayBuffer>>();
  #heldBytes = 0;
  #notes = 0;
  #count = 0;
  #filter = new ItemFilter(0);

  constructor(read: ReadPart, mostHeld = MOST_HELD_BYTES) {
    this.#read = read;
    this.#mostHeld = mostHeld;
  }

  [Symbol.dispose](): void {
    for (const { underWay } of this.#joined.values()) underWay?.parts.return(undefined);
    this.#parts[Symbol.dispose]();
  }

  /**
   * Adds a content. All contents are added before the first part. @throws CatalogFault, DamagedContent if its list
   * breaks off
   */
  async note(id: ContentId, parts: AsyncIterable<readonly { readonly id: string }[]>): Promise<void> {
    const number = this.#notes++;
    for await (const some of parts) {
      for (const part of some) this.#parts.add(number, part.id);
      this.#count += some.length;
    }
    this.#numbers.set(id, number);
  }

  /** Begins to look out for parts. */
  start(): void {
    this.#filter = new ItemFilter(this.#count);
    for (const [id, number] of this.#numbers) {
      const joined: Joined = { id, number, ahead: [], underWay: undefined };
      for (const part of this.#parts.of(number)) {
        this.#filter.add(...wordsOf(part));
        if (joined.ahead.length < AHEAD_AT_FIRST) this.#await(joined, part);
      }
      this.#joined.set(id, joined);
    }
  }

  /** False if no content has this part; true if one may have it. */
  maybeWants(part: string): boolean {
    return this.#count > 0 && !this.#filter.lacks(...wordsOf(part));
  }

  /** Takes a part, and its memory. Parts come in the order of units. */
  async take(part: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#awaited.has(part)) return releaseMemory(bytes);
    this.#hold(part, bytes);
    this.#offer(part);
    if (!this.#awaited.has(part)) this.#release(part);
    while (this.#heldBytes > this.#mostHeld) await this.#makeRoom();
  }

  /**
   * Description of the damage of a content; undefined if intact. Reads those of its parts that didn't arrive in order.
   */
  async damageOf(id: ContentId): Promise<string | undefined> {
    const joined = this.#joined.get(id);
    try {
      while (joined !== undefined && joined.ahead.length > 0) await this.#goOn(joined);
    } catch (error) {
      if (error instanceof DamagedContent) return error.what;
      throw error;
    }
    if (joined !== undefined) this.#finish(joined);
    return this.#wrong.has(id) ? WRONG_TOGETHER : undefined;
  }

  #await(joined: Joined, part: string): void {
    joined.ahead.push(part);
    const all = this.#awaited.get(part);
    if (all === undefined) this.#awaited.set(part, new Set([joined]));
    else all.add(joined);
  }

  #lookAhead(joined: Joined): NonNullable<Joined["underWay"]> {
    const underWay = joined.underWay ??= this.#begin(joined);
    while (joined.ahead.length < AHEAD) {
      const { value, done } = underWay.parts.next();
      if (done === true) break;
      this.#await(joined, value);
    }
    return underWay;
  }

  #begin({ number, ahead }: Joined): NonNullable<Joined["underWay"]> {
    const parts = this.#parts.of(number);
    for (const _ of ahead) parts.next(); // they are known
    return { hasher: createHash("sha256"), parts };
  }

  /** Passes a part to all contents that look out for it, followed by further parts that are at hand. */
  #offer(part: string): void {
    for (const joined of [...this.#awaited.get(part) ?? []]) {
      this.#lookAhead(joined);
      for (;;) {
        const next = joined.ahead[0], bytes = next === undefined ? undefined : this.#held.get(next);
        if (next === undefined || bytes === undefined) break;
        this.#feed(joined, next, bytes);
      }
    }
  }

  #feed(joined: Joined, part: string, bytes: Uint8Array): void {
    const { hasher } = this.#lookAhead(joined);
    hasher.update(bytes);
    joined.ahead.shift();
    if (!joined.ahead.includes(part)) this.#awaitNoMore(joined, part);
    this.#lookAhead(joined);
    if (joined.ahead.length === 0) this.#finish(joined);
  }

  #awaitNoMore(joined: Joined, part: string): void {
    const all = this.#awaited.get(part);
    if (all?.delete(joined) === true && all.size === 0) this.#awaited.delete(part);
  }

  #finish({ id, underWay }: Joined): void {
    if (!this.#joined.delete(id)) return;
    const hasher = underWay?.hasher ?? createHash("sha256");
    if (hasher.digest("hex") !== id) this.#wrong.add(id);
  }

  #hold(part: string, bytes: Uint8Array<ArrayBuffer>): void {
    this.#release(part);
    this.#held.set(part, bytes);
    this.#heldBytes += bytes.length;
  }

  #release(part: string): void {
    const bytes = this.#held.get(part);
    if (bytes === undefined) return;
    this.#held.delete(part);
    this.#heldBytes -= bytes.length;
    releaseMemory(bytes);
  }

  /** Releases the oldest part. Contents that still wait for it first read the parts before it. */
  async #makeRoom(): Promise<void> {
    for (const part of this.#held.keys()) {
      for (const joined of [...this.#awaited.get(part) ?? []]) await this.#catchUp(joined, part);
      return this.#release(part);
    }
  }

  /** Continues a content until it has had this part once. */
  async #catchUp(joined: Joined, part: string): Promise<void> {
    try {
      while (joined.ahead.includes(part)) if (await this.#goOn(joined) === part) return;
    } catch (error) {
      if (!(error instanceof DamagedContent)) throw error;
      this.#giveUp(joined); // what it lacks is said at the end
    }
  }

  /** Adds the next part to a content, wherever it comes from. @returns its id */
  async #goOn(joined: Joined): Promise<string | undefined> {
    const next = joined.ahead[0];
    if (next === undefined) return undefined;
    const bytes = this.#held.get(next) ?? await this.#read(next, joined.id);
    for (const each of new Set([joined, ...this.#awaited.get(next) ?? []])) {
      if (each.ahead[0] === next) this.#feed(each, next, bytes);
    }
    return next;
  }

  #giveUp(joined: Joined): void {
    for (const part of joined.ahead) this.#awaitNoMore(joined, part);
  }
}

function wordsOf(id: string): [number, number] {
  return [parseInt(id.slice(0, 8), 16), parseInt(id.slice(8, 16), 16)];
}
