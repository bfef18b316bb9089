/**
 * The survey that a prune makes before it decides (P1): the index, then the existing units, then the snapshots, in this
 * order. Every mark that it finds was therefore written before it listed the snapshots: later snapshots are checked by
 * their writers.
 */
import { objectKey } from "../../backend/backend.ts";
import type { HunkId, RootId } from "../../core/content_id.ts";
import { pluralText } from "../../core/size_text.ts";
import { UnknownReferences } from "../../snapshot/faults.ts";
import { NeededMissing, NewerObject } from "../format/faults.ts";
import { encodeIndex, type IndexObject, type UnitLine } from "../index/index_object.ts";
import type { RootStore } from "../store/root_store.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { IndexObjectFacts, UnitIndex } from "../store/unit_index.ts";
import {
  type Collecting,
  collectNeeds,
  hunksOf,
  type HunkSource,
  type Missing,
  type Needs,
  type WantedHunk,
} from "./needed.ts";
import type { ListFinder } from "./lists.ts";
import { portionsOf } from "./portions.ts";
import type { PruneRules } from "./rules.ts";
import { readTail } from "../store/stored_units.ts";

/** What a prune works on. */
export interface PrunedVault {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  /** Verified hunks, from the cache or the vault. */
  readonly contents: HunkSource;
  readonly roots: RootStore;
  readonly lists: ListFinder;
  /** Host that is recorded as the writer of what the prune stores. */
  readonly host: string;
}

/** Result of a survey. */
export interface Survey {
  /** Time in ms since 1970, by the clock of the place. */
  readonly nowMs: number;
  /** Objects of `index/` by name, including superseded ones. */
  readonly objects: ReadonlyMap<string, IndexObjectFacts>;
  /** Objects of `data/`: names and stored bytes. */
  readonly stored: ReadonlyMap<string, number>;
  /** Units that an index lists, but that don't exist. */
  readonly lost: ReadonlySet<string>;
  readonly roots: ReadonlySet<RootId>;
  readonly needs: Needs;
}

export interface SurveyOptions extends Collecting {
  /** Snapshots that are treated as forgotten. */
  readonly without: ReadonlySet<RootId>;
  /** True if nothing may be written: units that no index lists are then only noted in memory. */
  readonly isPreview: boolean;
  readonly rules: PruneRules;
}

/** Most rounds of a survey: one may find lists, the next one lists that they name, then parts. */
const MOST_ROUNDS = 5;

/**
 * Surveys the vault until everything needed is found.
 * @throws NeededMissing, UnknownReferences, NewerObject, Interrupted, PlaceUnavailable
 */
export async function survey(vault: PrunedVault, options: SurveyOptions): Promise<Survey> {
  // What is deleted hangs on every row of the cache.
  await vault.index.recheck();
  let seen = await lookOnce(vault, options);
  const { tails, stop } = options.rules;
  for (let round = 0; round < MOST_ROUNDS && tails && seen.needs.missing.size > 0; round++) {
    // Somebody may have stored its index since: only units that nobody lists a second time are looked into.
    if (round > 0 && await listFromTails(vault, seen, options) === 0 && !await isOutdated(vault, seen)) break;
    if (round === 0 || !options.isPreview) await vault.index.refresh();
    seen = await lookOnce(vault, options);
  }
  if (stop) assertKnown(vault, seen);
  return seen;
}

/** True if index objects were stored since: other writers may have finished while snapshots were read. */
async function isOutdated({ index }: PrunedVault, { objects }: Survey): Promise<boolean> {
  await index.refresh();
  return index.objects().some(({ name }) => !objects.has(name));
}

async function lookOnce(vault: PrunedVault, { without, ...options }: SurveyOptions): Promise<Survey> {
  const { index, objects, roots: store } = vault;
  assertKnownVersions(index);
  const listed = new Map(Array.from(index.objects(), (object) => [object.name, object]));
  const nowMs = await objects.backend.now(), stored = new Map(await objects.list("data"));
  const lost = await lostUnits(vault, stored);
  const { roots, hunks } = await rootsIn(store, without);
  const needs = await collectNeeds({ ...vault, lost }, hunks, options);
  return { nowMs, objects: listed, stored, lost, roots, needs };
}

/**
 * Checks that all objects are of a known version: others may say that something is needed, or gone. @throws NewerObject
 */
export function assertKnownVersions(index: Pick<UnitIndex, "unusable">): void {
  for (const fault of index.unusable.values()) if (fault instanceof NewerObject) throw fault;
}

/**
 * Roots and their hunks. The roots are listed twice, because one may replace another during a listing; those in either
 * listing count. They are read one after the other: all at once might take too much memory.
 */
async function rootsIn(store: RootStore, without: ReadonlySet<RootId>) {
  for (;;) {
    const heads = [...await store.heads(), ...await store.heads()];
    const roots = new Set(heads.map(({ id }) => id).filter((id) => !without.has(id)));
    const hunks = new Map<HunkId, WantedHunk>();
    let isWhole = true;
    for (const id of roots) {
      const found = await store.find(id);
      if (found === undefined) isWhole = false; // it was forgotten just now, or has another root
      else for (const hunk of hunksOf(found)) if (!hunks.has(hunk.ref.id)) hunks.set(hunk.ref.id, hunk);
    }
    if (isWhole) return { roots, hunks: hunks.values() };
  }
}

/** @param stored receives units that are missing in the listing although they exist */
async function lostUnits({ index, objects }: PrunedVault, stored: Map<string, number>): Promise<ReadonlySet<string>> {
  const lost = new Set<string>();
  for (const name of index.unitNames()) {
    if (stored.has(name)) continue;
    const size = await objects.backend.head(objectKey("data", name));
    if (size === undefined) lost.add(name);
    else stored.set(name, size);
  }
  return lost;
}

/** Lists units that have missing items, from their tails. @returns the number of these units */
async function listFromTails(vault: PrunedVault, seen: Survey, { isPreview }: SurveyOptions): Promise<number> {
  const { index, objects: { access }, host } = vault, { wanted } = seen.needs;
  const lines: UnitLine[] = [];
  for (const [unit, size] of unlisted(index, seen.stored)) {
    const line = await readTail(vault.objects, unit, size);
    if (line?.items.some(({ id }) => wanted[line.unitClass].has(id)) === true) lines.push(line);
  }
  const written = new Date(seen.nowMs).toISOString();
  for (const units of portionsOf(lines)) {
    const object: IndexObject = { kind: "units", vault: access.config.id, host, written, supersedes: [], units };
    if (isPreview) index.add(PREVIEW, object);
    else await vault.objects.put("index", encodeIndex(object, vault.objects.auth));
  }
  return lines.length;
}

/** Stands for the index object that a prune would write; the next refresh of the index drops it. */
const PREVIEW = "0".repeat(64);

/** Existing units that no index lists and that have no tombstone. */
function* unlisted(index: UnitIndex, stored: ReadonlyMap<string, number>): Generator<[string, number]> {
  const gone = new Set<string>();
  for (const { unit, mark } of index.marks()) if (mark === "gone") gone.add(unit);
  for (const [unit, size] of stored) if (index.unit(unit) === undefined && !gone.has(unit)) yield [unit, size];
}

/** Checks that nothing is unknown or missing. @throws UnknownReferences, NeededMissing */
function assertKnown({ roots }: PrunedVault, { needs: { missing, unreadable } }: Survey): void {
  const unknown = new Map(unreadable);
  for (const [name, fault] of roots.unusable) unknown.set(`snapshots/${name}`, fault.message);
  if (unknown.size > 0) throw new UnknownReferences(unknown);
  if (missing.size > 0) throw new NeededMissing(new Map(Array.from(missing, ([id, what]) => [id, missingText(what)])));
}

function missingText({ contents, hunks }: Missing): string {
  const texts = [contents > 0 && pluralText(contents, "content"), hunks > 0 && pluralText(hunks, "hunk")];
  return texts.filter((text) => text !== false).join(" and ");
}
