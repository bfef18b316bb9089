/**
 * Repacks what is still needed of some units. Entries are taken over unchanged, with their names; each content is
 * verified on the way. Copies for people are kept while they are useful. Threads open the frames and pack.
 */
import { MissingObject, ShortObject } from "../../backend/faults.ts";
import { knownRootId, type RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { fromFaultData } from "../../core/fault_data.ts";
import type { WorkOptions } from "../../core/work.ts";
import type { Machine } from "../../platform/machine.ts";
import { DamagedObject } from "../format/faults.ts";
import type { UnitFacts } from "../index/join.ts";
import { kindOfItem, type UnitItem } from "../pack/items.ts";
import type { WantedItem } from "../pack/taken_items.ts";
import { readContents } from "../pack/unit_reader.ts";
import type { UnitContents } from "../pack/unit_json.ts";
import { FrameSource } from "../read/frame_source.ts";
import { openUnit } from "../store/stored_units.ts";
import type { PackDesk } from "../write/pack_desk.ts";
import { PackThreads } from "../write/pack_threads.ts";
import { UnitUploads } from "../write/unit_uploads.ts";
import { eachAtOnce } from "./each_at_once.ts";
import type { Homes } from "./homes.ts";
import type { NeededItems } from "./needed.ts";
import type { PrunedVault } from "./survey.ts";

/** Units that are moved at once: one is fetched while others are packed. */
const UNITS_AT_ONCE = 3;

export interface RepackOptions extends WorkOptions {
  readonly machine: Machine;
  /** Target for the stored size of a new unit, which is made in memory. */
  readonly unitBytes: number;
  /** Units that are uploaded at once. */
  readonly mostUploads: number;
  readonly items: NeededItems;
  readonly roots: ReadonlySet<RootId>;
  /** For items with several homes: which one counts. */
  readonly homes: Pick<Homes, "isUsedHere">;
  /** Called before each unit; may throw. */
  readonly pause: () => Promise<void>;
  /** Called for units that can't be read; they stay as they are. */
  readonly problem: (fault: Error) => void;
}

/** @returns the units whose used items are all in other units now, with the index for these stored */
export async function repack(
  vault: PrunedVault,
  names: readonly string[],
  options: RepackOptions,
): Promise<readonly string[]> {
  const { objects, index, host } = vault, { unitBytes, mostUploads, machine, workers, signal } = options;
  const made = {
    host,
    unitBytes,
    mostUploads,
    mostUnitInMemory: Infinity,
    disk: machine.disk,
    spool: undefined,
    mostUnlisted: Infinity,
  };
  await using uploads = new UnitUploads(objects, index, made);
  const store = { ...deskOf(uploads), objects, options: { unitBytes, compression: "default" } } as const;
  await using threads = new PackThreads(store, { machine, workers, signal, ratios: new Map() });
  const mover = new Mover(vault, threads, options), moved: string[] = [];
  await eachAtOnce(names, UNITS_AT_ONCE, async (name) => {
    await options.pause();
    const facts = index.unit(name);
    if (facts !== undefined && await isDone(() => mover.move(facts), options)) moved.push(name);
  });
  await threads.finish();
  await uploads.flush();
  return moved;
}

/** What is moved is claimed from nobody: it is in one place, and will be in another one. */
function deskOf(uploads: UnitUploads): PackDesk {
  return {
    begin: (unitClass) => uploads.begin(unitClass),
    hand: (unit) => uploads.hand(unit),
    claim: (ids) => Promise.resolve(ids.map(() => true)),
    keepLists: () => Promise.resolve(true),
  };
}

/** Moves the used items of units. */
class Mover {
  readonly #vault: PrunedVault;
  readonly #threads: PackThreads;
  readonly #options: RepackOptions;
  readonly #source: FrameSource;

  constructor(vault: PrunedVault, threads: PackThreads, options: RepackOptions) {
    this.#vault = vault;
    this.#threads = threads;
    this.#options = options;
    this.#source = new FrameSource(vault.objects, options.signal);
  }

  /**
   * Moves those of one unit. If it turns out to be damaged, some items are in two units then. @throws DamagedObject,
   * MissingObject, ShortObject, and what threads report
   */
  async move(facts: UnitFacts): Promise<void> {
    const { objects, index } = this.#vault, { homes } = this.#options, { unit, unitClass, frames } = facts;
    const contents = await readContents(await openUnit(objects, facts), objects.access.config.id);
    const used = index.itemsOf(unit).filter((item) => homes.isUsedHere(facts, item));
    const wanted = [...wantedItems(used, contents), ...copiesIn(contents, this.#options)];
    const byFrame = Map.groupBy(wanted, ({ frame }) => frame);
    if (byFrame.keys().some((frame) => frames[frame] === undefined)) {
      throw new DamagedObject(`data/${unit}`, "a frame is missing");
    }
    for (const job of this.#source.jobsOf(facts, byFrame.keys())) {
      const fetched = await this.#source.fetch(job);
      const items = job.range.frames.map((frame) => byFrame.get(frame) ?? []);
      const fault = await this.#threads.taken({ unitClass, frames: fetched, items });
      this.#source.release(fetched.stored);
      if (fault !== undefined) throw fromFaultData(fault);
    }
  }
}

/** The items with what an index doesn't have of them: which content a part is of. */
function wantedItems(used: readonly UnitItem[], { items }: UnitContents): WantedItem[] {
  const keyOf = ({ id, frame, at }: UnitItem) => `${id} ${frame} ${at}`;
  const parts = new Map(items.flatMap((item) => item.part === undefined ? [] : [[keyOf(item), item.part]]));
  return used.map((item) => {
    const part = parts.size === 0 ? undefined : parts.get(keyOf(item));
    return { ...item, ...(part && { part }), isCopy: false };
  });
}

/** Copies that are still useful: lists of needed contents, and existing roots. */
function copiesIn({ copies }: UnitContents, { items, roots }: RepackOptions): WantedItem[] {
  const isOfUse = (copy: UnitItem) => {
    return kindOfItem(copy.id) === "root" ? roots.has(knownRootId(copy.id)) : items.has("meta", copy);
  };
  return copies.filter(isOfUse).map((copy) => ({ ...copy, isCopy: true }));
}

/** Codes of faults of a unit that can't be read, wherever that was found. */
const UNREADABLE: ReadonlySet<string> = new Set(
  [
    "damaged-object",
    "missing-object",
    "short-object",
  ] satisfies (DamagedObject | MissingObject | ShortObject)["code"][],
);

/** Runs `action`. @returns false if the unit can't be read completely */
async function isDone(action: () => Promise<void>, { problem }: RepackOptions): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (!(error instanceof Fault && UNREADABLE.has(error.code))) throw error;
    problem(error);
    return false;
  }
}
