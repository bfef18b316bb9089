/**
 * Combines all objects of `index/`: which units exist, what they contain, and which may be relied on. The result
 * doesn't depend on the order of the objects, nor on duplicates.
 */
import type { IndexObject, LedgerLine, Mark, UnitLine } from "./index_object.ts";
import type { UnitItem } from "../pack/items.ts";

/** "live": no ledger in force lists the unit. */
export type UnitState = "live" | Mark;

/** Rank of the states in which a unit is less and less reliable. */
const GRAVITY: Readonly<Record<UnitState, number>> = { live: 0, unused: 1, doomed: 2, gone: 3 };

/** Facts about a unit, without its items. */
export interface UnitFacts extends Omit<UnitLine, "items"> {
  readonly state: UnitState;
  /** Start of that state; of several times the earliest. Undefined for live units. */
  readonly since: string | undefined;
}

export interface JoinedUnit extends UnitFacts {
  readonly items: readonly UnitItem[];
}

export interface NamedIndex {
  /** Name of the index object. */
  readonly name: string;
  readonly object: IndexObject;
}

export interface JoinedIndex {
  /** Units by name, except those that are gone. */
  readonly units: ReadonlyMap<string, JoinedUnit>;
  /** Lines of all ledgers in force by unit, also for units that no index line describes. */
  readonly marks: ReadonlyMap<string, LedgerLine>;
  /** Names of index objects that don't count, because others supersede them. */
  readonly superseded: ReadonlySet<string>;
  /** Units whose lines contradict each other; none of these lines is used. */
  readonly contradictions: readonly string[];
}

/** Combines index objects. @param objects all that are listed and can be read */
export function joinIndex(objects: Iterable<NamedIndex>): JoinedIndex {
  const all = [...objects];
  // Those of superseded objects count too: a name that was superseded once must not come back to life.
  const superseded = new Set(all.flatMap(({ object }) => object.supersedes));
  const inForce = all.filter(({ name }) => !superseded.has(name)).map(({ object }) => object);
  const marks = joinMarks(inForce.flatMap((object) => object.kind === "ledger" ? object.marks : []));
  const lines = inForce.flatMap((object) => object.kind === "units" ? object.units : []);
  const units = new Map<string, JoinedUnit>(), contradictions: string[] = [];
  for (const [unit, ofUnit] of Map.groupBy(lines, ({ unit }) => unit)) {
    const mark = marks.get(unit);
    if (mark?.mark === "gone") continue;
    const joined = joinLines(ofUnit);
    if (joined === undefined) contradictions.push(unit);
    else units.set(unit, { ...joined, state: mark?.mark ?? "live", since: mark?.since });
  }
  return { units, marks, superseded, contradictions: contradictions.sort() };
}

function joinMarks(lines: readonly LedgerLine[]): ReadonlyMap<string, LedgerLine> {
  const marks = new Map<string, LedgerLine>();
  for (const line of lines) {
    const known = marks.get(line.unit);
    if (known === undefined || isGraver(line, known)) marks.set(line.unit, line);
  }
  return marks;
}

/** True if ledger line `a` overrides `b`. */
export function isGraver(a: LedgerLine, b: LedgerLine): boolean {
  const difference = GRAVITY[a.mark] - GRAVITY[b.mark];
  if (difference !== 0) return difference > 0;
  const later = Date.parse(a.since) - Date.parse(b.since);
  return later < 0 || (later === 0 && a.since < b.since);
}

/** One line with the items of all; undefined if the lines don't describe the same object. */
function joinLines(lines: readonly UnitLine[]): UnitLine | undefined {
  const [first, ...others] = lines as [UnitLine, ...UnitLine[]];
  if (!others.every((other) => shapeOf(other) === shapeOf(first))) return undefined;
  return { ...first, items: joinItems(lines.flatMap(({ items }) => items)) };
}

/** Items of all lines of a unit, each once, in their order in the unit. */
export function joinItems(all: Iterable<UnitItem>): readonly UnitItem[] {
  const items = new Map<string, UnitItem>();
  for (const item of all) {
    const key = `${item.id} ${item.digest ?? ""}`, known = items.get(key);
    // An item may be in a unit twice: any place will do, but it has to be the same whoever is read first.
    if (known === undefined || isBefore(item, known)) items.set(key, item);
  }
  return [...items.values()].sort((a, b) => isBefore(a, b) ? -1 : 1);
}

/** True if item `a` comes before `b` in their unit. */
export function isBefore(a: UnitItem, b: UnitItem): boolean {
  if (a.frame !== b.frame) return a.frame < b.frame;
  if (a.at !== b.at) return a.at < b.at;
  if (a.id !== b.id) return a.id < b.id;
  return a.size !== b.size ? a.size < b.size : (a.digest ?? "") < (b.digest ?? "");
}

/** The properties in which all lines of a unit have to agree. */
function shapeOf({ unitClass, size, head, frames }: UnitLine): string {
  return JSON.stringify([unitClass, size, [...head], frames]);
}

/** True if a writer may rely on the contents of a unit in that state. */
export function isReliable(state: UnitState): boolean {
  return GRAVITY[state] <= GRAVITY.unused;
}
