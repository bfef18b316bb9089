/**
 * Repacks what is still needed of some units. Entries are taken over unchanged, with their names; each content is
 * verified on the way. Copies for people are kept while they are useful.
 */
import { MissingObject, ShortObject } from "../../backend/faults.ts";
import { objectKey } from "../../backend/backend.ts";
import { knownRootId, type RootId } from "../../core/content_id.ts";
import { DamagedObject } from "../format/faults.ts";
import { encodeIndex, type IndexObject, lineOf, type UnitLine } from "../index/index_object.ts";
import type { UnitFacts } from "../index/join.ts";
import { kindOfItem, type UnitClass, type UnitFrame, type UnitItem } from "../pack/items.ts";
import { tarEntries } from "../pack/tar_reader.ts";
import { framesIn, planRanges } from "../pack/frame_ranges.ts";
import { itemIn, readContents } from "../pack/unit_reader.ts";
import type { UnitContents } from "../pack/unit_json.ts";
import { type LaneName, PackBuffers, type TakenItem, UnitWriter } from "../pack/unit_writer.ts";
import { makeHead } from "../seal/age_header.ts";
import { MemoryOutput } from "../seal/output.ts";
import { sealInto } from "../seal/sealer.ts";
import { recipientFor, type SealedObjects } from "../store/sealed_objects.ts";
import type { NeededItems } from "./needed.ts";
import { portionsOf } from "./portions.ts";
import { openUnit } from "../store/stored_units.ts";
import type { PrunedVault } from "./survey.ts";

const TAR_BLOCK_BYTES = 512, LEVEL = 3, SALT_BYTES = 16;
/** Bytes that are fetched at once. */
const MOST_RANGE_BYTES = 16 * 1024 * 1024;

export interface RepackOptions {
  /** Target for the stored size of a new unit, which is made in memory. */
  readonly unitBytes: number;
  readonly items: NeededItems;
  readonly roots: ReadonlySet<RootId>;
  /** For items with several homes: whether this is the one that counts. */
  readonly isUsedHere: (unit: UnitFacts, item: UnitItem) => boolean;
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
  const packers = {
    data: new Repacker(vault.objects, "data", options),
    meta: new Repacker(vault.objects, "meta", options),
  };
  const moved: string[] = [];
  for (const name of names) {
    await options.pause();
    const facts = vault.index.unit(name);
    if (facts === undefined) continue;
    if (await isDone(() => move(vault, facts, { ...options, packer: packers[facts.unitClass] }), options)) {
      moved.push(name);
    }
  }
  const lines = [...await packers.data.finish(), ...await packers.meta.finish()];
  const { objects, index, host } = vault, { access: { config }, auth, backend } = objects;
  for (const units of portionsOf(lines)) {
    const written = new Date(await backend.now({ roughly: true })).toISOString();
    const object: IndexObject = { kind: "units", vault: config.id, host, written, supersedes: [], units };
    index.add(await objects.put("index", encodeIndex(object, auth)), object);
  }
  return moved;
}

/**
 * Moves the used items of a unit. If it turns out to be damaged, some items are in two units then. @throws
 * DamagedObject, MissingObject
 */
async function move(
  { objects, index }: PrunedVault,
  facts: UnitFacts,
  { packer, ...options }: RepackOptions & { readonly packer: Repacker },
): Promise<void> {
  const stored = await openUnit(objects, facts), contents = await readContents(stored, objects.access.config.id);
  const used = index.itemsOf(facts.unit).filter((item) => options.isUsedHere(facts, item));
  const wanted = [
    ...used.map((item) => ({ ...item, ...partOf(contents, item), isCopy: false })),
    ...copiesIn(contents, options),
  ];
  const byFrame = Map.groupBy(wanted, ({ frame }) => frame), { body } = stored, { frames } = facts;
  if (byFrame.keys().some((frame) => frames[frame] === undefined)) {
    throw new DamagedObject(body.what, "a frame is missing");
  }
  for (const range of planRanges(frames, byFrame.keys(), MOST_RANGE_BYTES)) {
    const bytes = await stored.read(body.storedRange(range));
    for (const { index, plain } of framesIn(bytes, range, { body, frames })) {
      if (plain instanceof DamagedObject) throw plain;
      for (const item of entriesOf(plain, byFrame.get(index) ?? [], { what: body.what, lane: laneOf(frames[index]) })) {
        await packer.add(item);
      }
    }
  }
}

/** Lane for a frame's items: what was stored uncompressed is incompressible. */
function laneOf(frame: UnitFrame | undefined): LaneName {
  return frame !== undefined && frame.length < frame.plainBytes ? "compressed" : "raw";
}

/** The part information of an item, which an index doesn't have. */
function partOf({ items }: UnitContents, { id, frame, at }: UnitItem): Pick<UnitItem, "part"> {
  const found = items.find((item) => item.id === id && item.frame === frame && item.at === at);
  return found?.part === undefined ? {} : { part: found.part };
}

type Wanted = UnitItem & { readonly isCopy: boolean };

/** Copies that are still useful: lists of needed contents, and existing roots. */
function copiesIn({ copies }: UnitContents, { items, roots }: RepackOptions): Wanted[] {
  const isOfUse = (copy: UnitItem) => {
    return kindOfItem(copy.id) === "root" ? roots.has(knownRootId(copy.id)) : items.has("meta", copy);
  };
  return copies.filter(isOfUse).map((copy) => ({ ...copy, isCopy: true }));
}

/** @param plain the bytes of a frame */
function entriesOf(
  plain: Uint8Array<ArrayBuffer>,
  items: readonly Wanted[],
  { what, lane }: { readonly what: string; readonly lane: LaneName },
): TakenItem[] {
  const entries = new Map(Array.from(tarEntries(plain), (entry) => [entry.at, entry]));
  return items.map(({ id, digest, part, size, at, isCopy, ...place }) => {
    itemIn(plain, { ...place, id, at, size, ...(digest !== undefined && { digest }) }, what);
    const entry = entries.get(at);
    if (entry?.size !== size) throw new DamagedObject(what, `${id} is not where its tar file has an entry`);
    const end = at + Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
    const taken = { entry: plain.subarray(entry.from, end), at: at - entry.from };
    return { id, size, lane, isCopy, ...taken, ...(digest !== undefined && { digest }), ...(part && { part }) };
  });
}

/** Runs `action`. @returns false if the unit can't be read completely */
async function isDone(action: () => Promise<void>, { problem }: RepackOptions): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    const isDamaged = error instanceof DamagedObject || error instanceof MissingObject || error instanceof ShortObject;
    if (!isDamaged) throw error;
    problem(error);
    return false;
  }
}

/** Writes new units of one class. */
class Repacker {
  readonly #objects: SealedObjects;
  readonly #unitClass: UnitClass;
  readonly #unitBytes: number;
  readonly #output = MemoryOutput.own();
  readonly #buffers = new PackBuffers();
  readonly #lines: UnitLine[] = [];
  #writer: UnitWriter | undefined;

  constructor(objects: SealedObjects, unitClass: UnitClass, { unitBytes }: RepackOptions) {
    this.#objects = objects;
    this.#unitClass = unitClass;
    this.#unitBytes = unitBytes;
  }

  async add(item: TakenItem): Promise<void> {
    if (this.#writer?.isFull === true) await this.#store();
    this.#writer ??= await this.#begin();
    this.#writer.take(item);
  }

  async #begin(): Promise<UnitWriter> {
    const { access, random } = this.#objects, recipient = recipientFor(access, this.#unitClass);
    const head = recipient === undefined ? undefined : await makeHead([recipient], random);
    this.#output.reset();
    return new UnitWriter({
      vault: access.config.id,
      unitClass: this.#unitClass,
      ...(recipient === undefined && { salt: random(SALT_BYTES).toHex() }),
      sealer: sealInto(this.#output, head),
      unitBytes: this.#unitBytes,
      level: LEVEL,
      buffers: this.#buffers,
    });
  }

  async #store(): Promise<void> {
    const finished = this.#writer?.finish();
    this.#writer = undefined;
    if (finished === undefined) return;
    await this.#objects.backend.put(objectKey("data", finished.id), this.#output.bytes, { isFresh: true });
    this.#lines.push(lineOf(finished));
  }

  /** @returns the index lines of all new units */
  async finish(): Promise<readonly UnitLine[]> {
    await this.#store();
    return this.#lines;
  }
}
