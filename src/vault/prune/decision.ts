/** Decides what a prune does with every unit (P2, P3), from the survey alone. */
import type { LedgerLine, Mark } from "../index/index_object.ts";
import { isReliable } from "../index/join.ts";
import type { UnitClass, UnitItem } from "../pack/items.ts";
import type { UnitIndex } from "../store/unit_index.ts";
import { Homes, type HomesSeen } from "./homes.ts";
import { RepeatedItems } from "./repeated_items.ts";
import { chooseRepack, type PartlyUsed } from "./repack_choice.ts";
import type { PrunePace } from "./rules.ts";

export type UnitsView = Pick<UnitIndex, "unitNames" | "unit" | "itemsOf" | "countOf" | "homesOf" | "marks">;

export interface Seen extends HomesSeen {
  /** Time of the survey, ms since 1970. */
  readonly nowMs: number;
  /** Existing units and their stored bytes. */
  readonly stored: ReadonlyMap<string, number>;
}

export interface DecisionOptions extends PrunePace {
  /** False without a full key: contents can't be repacked then. */
  readonly canReadData: boolean;
  /** For tests: age in ms from which tombstones are dropped. */
  readonly dropTombstonesAfterMs?: number;
}

/** Numbers of items, and of stored bytes. */
export interface Amounts {
  contents: number;
  hunks: number;
  bytes: number;
}

export interface Decision {
  /** Lines of the next ledger, without units that are repacked: those are doomed once that is done. */
  readonly marks: ReadonlyMap<string, LedgerLine>;
  /** Names of units to repack. */
  readonly repack: readonly string[];
  /** Which homes of items count. What is stored from now on is none of them. */
  readonly homes: Pick<Homes, "isUsedHere">;
  /** Names of units to delete: all that still exist and have a tombstone. */
  readonly deleted: readonly string[];
  /** Number of items of each unit, for choosing index objects to rewrite. */
  readonly itemCounts: ReadonlyMap<string, number>;
  /** Unreferenced items; their bytes are a proportional share of the stored bytes. */
  readonly unneeded: Amounts;
  readonly neededItems: number;
  readonly orphans: number;
  /** Orphans that no ledger knew. */
  readonly newOrphans: ReadonlySet<string>;
  readonly orphanBytes: number;
  readonly deletedBytes: number;
}

/** Makes the decision. @param pause awaited between units, as there may be very many */
export function decide(
  view: UnitsView,
  seen: Seen,
  options: DecisionOptions,
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<Decision> {
  return new Deciding(view, seen, options).decide(pause);
}

/** How much of a unit is used. */
interface Use {
  readonly items: number;
  readonly bytes: number;
  readonly usedItems: number;
  readonly usedBytes: number;
}

class Deciding {
  readonly #view: UnitsView;
  readonly #seen: Seen;
  readonly #options: DecisionOptions;
  #homes: Homes;
  readonly #former: ReadonlyMap<string, LedgerLine>;
  readonly #marks = new Map<string, LedgerLine>();
  readonly #partlyUsed: PartlyUsed[] = [];
  readonly #itemCounts = new Map<string, number>();
  readonly #unneeded = { contents: 0, hunks: 0, bytes: 0 };
  #neededItems = 0;
  #liveBytes = 0;
  #orphans = { orphans: 0, orphanBytes: 0 };
  readonly #newOrphans = new Set<string>();

  constructor(view: UnitsView, seen: Seen, options: DecisionOptions) {
    this.#view = view;
    this.#seen = seen;
    this.#options = options;
    this.#homes = new Homes(view, seen);
    this.#former = new Map(Array.from(view.marks(), (line) => [line.unit, line]));
  }

  async decide(pause: () => Promise<void>): Promise<Decision> {
    this.#keepTombstones();
    this.#homes = new Homes(this.#view, this.#seen, await this.#repeated(pause));
    for (const name of this.#view.unitNames()) {
      await pause();
      this.#decideUnit(name);
    }
    for (const [name, bytes] of this.#seen.stored) this.#decideOrphan(name, bytes);
    const deleted = [...this.#seen.stored.keys()].filter((name) => this.#marks.get(name)?.mark === "gone");
    return {
      marks: this.#marks,
      homes: this.#homes,
      repack: chooseRepack(this.#partlyUsed, { liveBytes: this.#liveBytes, ...this.#options }),
      deleted,
      itemCounts: this.#itemCounts,
      unneeded: this.#unneeded,
      neededItems: this.#neededItems,
      ...this.#orphans,
      newOrphans: this.#newOrphans,
      deletedBytes: deleted.reduce((sum, name) => sum + (this.#seen.stored.get(name) ?? 0), 0),
    };
  }

  async #repeated(pause: () => Promise<void>): Promise<RepeatedItems> {
    let items = 0;
    for (const name of this.#view.unitNames()) items += this.#view.countOf(name);
    const repeated = new RepeatedItems(items);
    for (const name of this.#view.unitNames()) {
      await pause();
      for (const { id } of this.#view.itemsOf(name)) repeated.add(id);
    }
    return repeated;
  }

  /** Keeps tombstones forever: a deleted unit must not come back, whoever lists it later. */
  #keepTombstones(): void {
    const { dropTombstonesAfterMs = Infinity } = this.#options;
    for (const line of this.#former.values()) {
      if (line.mark !== "gone") continue;
      if (this.#seen.nowMs - Date.parse(line.since) < dropTombstonesAfterMs) this.#marks.set(line.unit, line);
    }
  }

  #decideUnit(name: string): void {
    const unit = this.#view.unit(name);
    if (unit === undefined) return;
    const items = this.#view.itemsOf(name);
    this.#itemCounts.set(name, items.length);
    if (this.#seen.lost.has(name)) return this.#mark(name, "gone");
    const isLive = isReliable(unit.state);
    const isUsed = (item: UnitItem) => isLive ? this.#homes.isUsedHere(unit, item) : this.#homes.isOnlyHere(unit, item);
    const use = useOf(items, isUsed);
    this.#count(unit.unitClass, unit.size, use);
    if (!isLive) return this.#decideDoomed(name, use);
    if (use.usedItems === 0) return this.#decideUnused(name);
    this.#liveBytes += unit.size;
    if (use.usedItems < use.items) {
      const unusedBytes = unit.size * (1 - shareOf(use));
      this.#partlyUsed.push({ name, unitClass: unit.unitClass, bytes: unit.size, unusedBytes });
    }
  }

  /**
   * Decides on a doomed unit. The snapshots were listed after its mark was written: later ones are checked by their
   * writers.
   */
  #decideDoomed(name: string, { usedItems }: Use): void {
    if (this.#ageMs(name) < this.#options.graceMs) this.#mark(name, "doomed");
    else if (usedItems === 0) this.#mark(name, "gone");
  }

  #decideUnused(name: string): void {
    const { keepUnusedMs } = this.#options, isOver = this.#ageMs(name) >= keepUnusedMs;
    this.#mark(name, keepUnusedMs === 0 || isOver ? "doomed" : "unused");
  }

  /** Decides on a unit that no index lists: its writer is at work or was killed. Nothing relies on it. */
  #decideOrphan(name: string, bytes: number): void {
    if (this.#view.unit(name) !== undefined || this.#former.get(name)?.mark === "gone") return;
    this.#orphans.orphans++;
    this.#orphans.orphanBytes += bytes;
    if (!this.#former.has(name)) this.#newOrphans.add(name);
    if (this.#former.get(name)?.mark !== "doomed") this.#decideUnused(name);
    else this.#decideDoomed(name, { items: 0, bytes: 0, usedItems: 0, usedBytes: 0 });
  }

  /** Time in ms that a unit has been in its state; negative if it is live. */
  #ageMs(name: string): number {
    const line = this.#former.get(name);
    return line === undefined ? -1 : this.#seen.nowMs - Date.parse(line.since);
  }

  /**
   * Sets a unit's mark. If it is unchanged, it keeps its time, except one in the future from a clock that was ahead.
   */
  #mark(unit: string, mark: Mark): void {
    const { nowMs } = this.#seen, line = this.#former.get(unit);
    const sinceMs = line?.mark === mark ? Math.min(nowMs, Date.parse(line.since)) : nowMs;
    this.#marks.set(unit, { unit, mark, since: new Date(sinceMs).toISOString() });
  }

  #count(unitClass: UnitClass, bytes: number, use: Use): void {
    this.#neededItems += use.usedItems;
    this.#unneeded[unitClass === "data" ? "contents" : "hunks"] += use.items - use.usedItems;
    this.#unneeded.bytes += Math.round(bytes * (1 - shareOf(use)));
  }
}

function useOf(items: readonly UnitItem[], isUsed: (item: UnitItem) => boolean): Use {
  let bytes = 0, usedItems = 0, usedBytes = 0;
  for (const item of items) {
    bytes += item.size;
    if (!isUsed(item)) continue;
    usedItems++;
    usedBytes += item.size;
  }
  return { items: items.length, bytes, usedItems, usedBytes };
}

/** Used share of a unit, 0 to 1. Empty items take no noticeable space. */
function shareOf({ items, bytes, usedItems, usedBytes }: Use): number {
  if (bytes > 0) return usedBytes / bytes;
  return items === 0 ? 0 : usedItems / items;
}
