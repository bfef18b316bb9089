/**
 * Collects what all snapshots need of a vault: their hunks, the contents that these name, and the parts and lists of
 * large ones.
 */
import { type ContentId, type HunkId, knownContentId, type RootId } from "../../core/content_id.ts";
import { ItemSet } from "../../core/item_set.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Yielder } from "../../core/yielding.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { DamagedManifest } from "../../snapshot/entry_line.ts";
import { contentsOf } from "../../snapshot/hunk_contents.ts";
import type { HunkRef } from "../../snapshot/hunk.ts";
import { kindOfItem, LIST_SUFFIX, type UnitClass, type UnitItem } from "../pack/items.ts";
import type { StoredRoot } from "../store/root_store.ts";
import { NearHomes } from "../store/near_homes.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";
import { eachAtOnce } from "./each_at_once.ts";
import type { FoundList, ListFinder } from "./lists.ts";

/** Hunks that are requested at once. */
const HUNKS_AT_ONCE = 8;

/** Items that have to stay. It may match some by chance that are not needed; it lacks none. */
export class NeededItems {
  readonly #ids: Readonly<Record<UnitClass, ItemSet>> = { data: new ItemSet(), meta: new ItemSet() };

  add(unitClass: UnitClass, id: string): void {
    this.#ids[unitClass].add(id);
  }

  /** @param digest of the list's bytes: one content may have several lists */
  addList(digest: string): void {
    this.#ids.meta.add(digest + LIST_SUFFIX);
  }

  has(unitClass: UnitClass, { id, digest }: Pick<UnitItem, "id" | "digest">): boolean {
    return this.#ids[unitClass].has(digest === undefined ? id : digest + LIST_SUFFIX);
  }
}

/** What no existing unit holds, of one snapshot. */
export interface Missing {
  contents: number;
  hunks: number;
}

export interface Needs {
  readonly items: NeededItems;
  /** Incomplete snapshots: each missing content or hunk counts for the first snapshot that needs it. */
  readonly missing: ReadonlyMap<RootId, Missing>;
  /** Ids of items that would help, as units list them. */
  readonly wanted: Readonly<Record<UnitClass, ReadonlySet<string>>>;
  /** Snapshots that can't be read completely, each with a description of the damage. */
  readonly unreadable: ReadonlyMap<string, string>;
}

export interface HunkSource {
  /** Reads and verifies a hunk. @throws DamagedContent */
  hunk(id: HunkId): Promise<Uint8Array<ArrayBuffer>>;
}

export interface NeedsSource {
  readonly index: Pick<UnitIndex, "homesOf" | "unitNames" | "unit" | "itemsOf" | "linesOf">;
  readonly contents: HunkSource;
  readonly lists: ListFinder;
  /** Units that an index lists, but that don't exist. */
  readonly lost: ReadonlySet<string>;
}

export interface Collecting {
  readonly pace: Yielder;
  readonly monitor: Monitor;
}

/** Collects the needs. @param hunks of all snapshots, each once @throws Interrupted, PlaceUnavailable */
export async function collectNeeds(
  source: NeedsSource,
  hunks: Iterable<WantedHunk>,
  options: Collecting,
): Promise<Needs> {
  const collector = new Collector(source, options);
  await collector.addAll(hunks);
  return collector;
}

export interface WantedHunk {
  /** One of the snapshots that need the hunk. */
  readonly root: RootId;
  readonly ref: HunkRef;
}

export function hunksOf({ id, root: { hunks } }: StoredRoot): WantedHunk[] {
  return hunks.map((ref) => ({ root: id, ref }));
}

class Collector implements Needs {
  readonly items = new NeededItems();
  readonly missing = new Map<RootId, Missing>();
  readonly wanted = { data: new Set<string>(), meta: new Set<string>() };
  readonly unreadable = new Map<string, string>();
  readonly #source: NeedsSource;
  readonly #options: Collecting;
  /** Contents for which some unit has a list. */
  readonly #listed: ReadonlySet<string>;
  /** Large or missing contents that were already looked at. */
  readonly #seen = new Set<string>();
  readonly #whole = new ItemSet();
  readonly #homes: NearHomes;

  constructor(source: NeedsSource, options: Collecting) {
    this.#source = source;
    this.#options = options;
    this.#homes = new NearHomes(source.index);
    this.#listed = listedContents(source.index);
  }

  async addAll(hunks: Iterable<WantedHunk>): Promise<void> {
    await eachAtOnce(hunks, HUNKS_AT_ONCE, (hunk) => this.#addHunk(hunk));
  }

  async #addHunk({ root, ref }: WantedHunk): Promise<void> {
    const { pace, monitor } = this.#options;
    await pace.yieldIfDue();
    monitor.count("readHunks");
    this.items.add("meta", ref.id);
    if (!this.#isThere("meta", ref.id)) {
      this.wanted.meta.add(ref.id);
      this.#missingOf(root).hunks++;
      return;
    }
    const ids = await this.#contentsOf(root, ref);
    for (const id of ids) {
      if (!await this.#addContent(knownContentId(id))) this.#missingOf(root).contents++;
    }
  }

  async #contentsOf(root: RootId, ref: HunkRef): Promise<readonly string[]> {
    try {
      return contentsOf(await this.#source.contents.hunk(ref.id), ref);
    } catch (error) {
      if (!(error instanceof DamagedContent || error instanceof DamagedManifest)) throw error;
      if (!this.unreadable.has(root)) this.unreadable.set(root, error.message);
      return [];
    }
  }

  /** Adds a content with its parts and lists. @returns false if it is missing, on its first occurrence */
  async #addContent(id: ContentId): Promise<boolean> {
    if (this.#whole.has(id) && !this.#listed.has(id)) return true;
    if (this.#seen.has(id)) return true;
    const isWhole = this.#isThere("data", id);
    if (isWhole) {
      this.items.add("data", id);
      this.#whole.add(id);
      if (!this.#listed.has(id)) return true;
    }
    this.#seen.add(id);
    // A false item may stand for a large content: its lists stay all the same.
    const hasList = this.#listed.has(id) && await this.#addLists(id);
    if (isWhole || hasList) return true;
    this.wanted.data.add(id);
    this.wanted.meta.add(id + LIST_SUFFIX);
    return false;
  }

  /** Adds all lists whose parts all exist, with these parts. @returns false if there is none */
  async #addLists(id: ContentId): Promise<boolean> {
    let isThere = false;
    for (const list of await this.#source.lists.of(id, this.#source.lost)) {
      if (!this.#isComplete(list)) continue;
      isThere = true;
      this.items.addList(list.digest);
      for (const inner of list.inner) this.items.add("meta", inner);
      for (const part of list.parts) this.items.add("data", part);
    }
    return isThere;
  }

  #isComplete({ inner, parts, isWhole }: FoundList): boolean {
    const lacking = parts.filter((part) => !this.#isThere("data", part));
    const without = inner.filter((list) => !this.#isThere("meta", list));
    for (const part of lacking) this.wanted.data.add(part);
    for (const list of without) this.wanted.meta.add(list);
    return isWhole && lacking.length + without.length === 0;
  }

  #isThere(unitClass: UnitClass, id: string): boolean {
    const { index, lost } = this.#source, isGood = ({ unit }: Home) => !lost.has(unit.unit);
    if (unitClass === "data") return this.#homes.find(id, isGood) !== undefined;
    return index.homesOf(id, unitClass).some(isGood);
  }

  #missingOf(root: RootId): Missing {
    const missing = this.missing.get(root) ?? { contents: 0, hunks: 0 };
    this.missing.set(root, missing);
    return missing;
  }
}

function listedContents(index: NeedsSource["index"]): ReadonlySet<string> {
  const listed = new Set<string>();
  for (const name of index.unitNames()) {
    if (index.unit(name)?.unitClass !== "meta") continue;
    for (const { id } of index.itemsOf(name)) {
      if (kindOfItem(id) === "list") listed.add(id.slice(0, -LIST_SUFFIX.length));
    }
  }
  return listed;
}
