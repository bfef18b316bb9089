/**
 * All objects of `index/` together: which units there are, what is in them, and which may be relied on. The result is the
 * same in whatever order the objects come, and however often one comes.
 */
import type { IndexObject, LedgerLine, Mark, UnitLine } from "./index_object.ts";
import type { UnitItem } from "../pack/items.ts";

/** "live": no ledger in force names it. */
export type UnitState = "live" | Mark;

/** Why a unit may not be relied on, in rising order. */
const GRAVITY: Readonly<Record<UnitState, number>> = { live: 0, unused: 1, doomed: 2, gone: 3 };

/** What is known of a unit, but for its items. */
export interface UnitFacts extends Omit<UnitLine, "items"> {
  readonly state: UnitState;
  /** Since when it is in that state; undefined for live ones. Of several times the earliest. */
  readonly since: string | undefined;
}

export interface JoinedUnit extends UnitFacts {
  readonly items: readonly UnitItem[];
}

export interface NamedIndex {
  /** Name of the object. */
  readonly name: string;
  readonly object: IndexObject;
}

export interface JoinedIndex {
  /** By name. Units that are gone are not among them. */
  readonly units: ReadonlyMap<string, JoinedUnit>;
  /** Everything that ledgers in force say, by unit: also of units that no line describes. */
  readonly marks: ReadonlyMap<string, LedgerLine>;
  /** Names of index objects that don't count: another one supersedes them. */
  readonly superseded: ReadonlySet<string>;
  /** Units whose lines contradict each other: none of these is used. */
  readonly contradictions: readonly string[];
}

/** @param objects all that are listed and can be read */
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

/** True if a line of a ledger decides, and not the other one. */
export function isGraver(a: LedgerLine, b: LedgerLine): boolean {
  const difference = GRAVITY[a.mark] - GRAVITY[b.mark];
  if (difference !== 0) return difference > 0;
  const later = Date.parse(a.since) - Date.parse(b.since);
  return later < 0 || (later === 0 && a.since < b.since);
}

/** One line with the items of all; undefined if they don't describe the same object. */
function joinLines(lines: readonly UnitLine[]): UnitLine | undefined {
  const [first, ...others] = lines as [UnitLine, ...UnitLine[]];
  if (!others.every((other) => shapeOf(other) === shapeOf(first))) return undefined;
  return { ...first, items: joinItems(lines.flatMap(({ items }) => items)) };
}

/** Items of all lines of a unit, each once, in the order in which they lie there. */
export function joinItems(all: Iterable<UnitItem>): readonly UnitItem[] {
  const items = new Map<string, UnitItem>();
  for (const item of all) {
    const key = `${item.id} ${item.digest ?? ""}`, known = items.get(key);
    // An item may be in a unit twice: any place will do, but it has to be the same whoever is read first.
    if (known === undefined || isBefore(item, known)) items.set(key, item);
  }
  return [...items.values()].sort((a, b) => isBefore(a, b) ? -1 : 1);
}

/** True if an item lies before another one in their unit. */
export function isBefore(a: UnitItem, b: UnitItem): boolean {
  if (a.frame !== b.frame) return a.frame < b.frame;
  if (a.at !== b.at) return a.at < b.at;
  if (a.id !== b.id) return a.id < b.id;
  return a.size !== b.size ? a.size < b.size : (a.digest ?? "") < (b.digest ?? "");
}

/** What all lines of a unit have to agree in. */
function shapeOf({ unitClass, size, head, frames }: UnitLine): string {
  return JSON.stringify([unitClass, size, [...head], frames]);
}

/** True if a writer may rely on what lies in a unit of that state. */
export function isReliable(state: UnitState): boolean {
  return GRAVITY[state] <= GRAVITY.unused;
}
