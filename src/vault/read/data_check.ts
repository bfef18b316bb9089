/**
 * Reads contents and compares them with their ids, unit by unit: all of them, or a part. What is wrong in one unit may
 * be whole in another; only what is whole nowhere is damaged.
 */
import { hash } from "node:crypto";
import { objectKey } from "../../backend/backend.ts";
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import { Interrupted } from "../../core/fault.ts";
import { ItemSet } from "../../core/item_set.ts";
import { isInPart } from "../../core/subset.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import type { ObjectReport, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import { kindOfItem, LIST_SUFFIX, type UnitItem } from "../pack/items.ts";
import { isDamage, MISSING, type VaultContents } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";
import type { Damages, StoredFrames, VerifyBatch } from "../threads/frame_batch.ts";
import type { VaultPool } from "../threads/vault_executor.ts";
import { type FrameJob, FrameSource } from "./frame_source.ts";
import { Needs } from "./needs.ts";
import { pipeline } from "./pipeline.ts";
import type { UnitSizes } from "./unit_sizes.ts";

interface CheckedData {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
  readonly sizes: UnitSizes;
  readonly pool: VaultPool;
}

/** Frames of a unit, with the items in them that are to be read. */
interface CheckJob extends FrameJob {
  readonly items: VerifyBatch["items"];
}

const MOST_BYTES = 48 * 1024 * 1024, AHEAD = 3;
/** A unit of this size is fetched whole, and compared with its name too. */
const MOST_WHOLE_BYTES = 20 * 1024 * 1024;

export class DataCheck {
  readonly #vault: CheckedData;
  readonly #request: ScanRequest;
  readonly #source: FrameSource;
  /** Large contents that were asked for. */
  readonly #large = new Set<ContentId>();
  /** Items that were told to be whole. */
  readonly #told = new ItemSet();
  /** Items that were wrong in one unit, and are looked for in others at the end. */
  readonly #doubtful = new Map<string, { readonly why: string; readonly isPart: boolean }>();
  /** Items that are whole nowhere, and why. */
  readonly #lost = new Map<string, string>();
  /** Those that some content is put together from. */
  readonly #lostParts = new Set<string>();

  constructor(vault: CheckedData, request: ScanRequest) {
    this.#vault = vault;
    this.#request = request;
    this.#source = new FrameSource(vault.objects, request.signal);
  }

  async *run(): AsyncGenerator<ScanReport> {
    const { pool } = this.#vault, ids = this.#chosenIds();
    using needs = new Needs<UnitItem>();
    if (ids !== undefined) yield reportOf(await this.#note(ids, needs));
    const jobs = ids === undefined ? this.#allJobs() : this.#jobsFor(needs);
    const limits = { width: pool.width + AHEAD, bytes: MOST_BYTES, bytesOf: ({ range }: CheckJob) => range.length };
    const isWhole = ids === undefined;
    yield* pipeline(this.#unlessStopped(jobs), (job) => this.#check(job, isWhole), limits);
    await this.#lookElsewhere();
    yield* this.#largeReports(isWhole);
    yield reportOf(this.#doubtfulReports());
  }

  /** Undefined: everything is read. */
  #chosenIds(): Iterable<string> | undefined {
    const { chosen, part } = this.#request;
    if (chosen !== undefined || part === undefined) return chosen;
    return this.#allContents((id) => isInPart(id, part));
  }

  *#allContents(isWanted: (id: string) => boolean): Generator<string> {
    for (const id of this.#allLarge()) if (isWanted(id)) yield id;
    const { index } = this.#vault;
    for (const name of index.unitNames()) {
      if (index.unit(name)?.unitClass !== "data") continue;
      for (const { id } of index.itemsOf(name)) if (isWanted(id)) yield id;
    }
  }

  /** @returns contents of which something is missing */
  async #note(ids: Iterable<string>, needs: Needs<UnitItem>): Promise<ObjectReport[]> {
    const missing: ObjectReport[] = [];
    for (const text of ids) {
      if (this.#request.signal.aborted) throw new Interrupted();
      const id = knownContentId(text), home = this.#homeOf(id);
      if (home !== undefined) needs.add(home.unit.unit, home.item.frame, home.item);
      else if (await this.#noteParts(id, needs)) this.#large.add(id);
      else missing.push({ id, kind: "content", damage: MISSING });
    }
    return missing;
  }

  #homeOf(id: string): Home | undefined {
    const { index, sizes } = this.#vault;
    return index.homesOf(id, "data").find((home) => sizes.isThere(home));
  }

  async #noteParts(id: ContentId, needs: Needs<UnitItem>): Promise<boolean> {
    for await (const list of this.#vault.contents.lists(id, (home) => this.#vault.sizes.isThere(home))) {
      for await (const parts of list.parts()) {
        for (const part of parts) {
          const home = this.#homeOf(part.id);
          // Which content it is a part of says that nobody asked for it alone.
          if (home === undefined) continue;
          needs.add(home.unit.unit, home.item.frame, { ...home.item, part: { of: id, from: 0 } });
        }
      }
      return true;
    }
    return false;
  }

  *#unlessStopped(jobs: Iterable<CheckJob>): Generator<CheckJob> {
    for (const job of jobs) {
      if (this.#request.signal.aborted) throw new Interrupted();
      yield job;
    }
  }

  *#allJobs(): Generator<CheckJob> {
    const { index } = this.#vault;
    for (const name of index.unitNames()) {
      const byFrame = Map.groupBy(index.itemsOf(name), ({ frame }) => frame);
      yield* this.#jobsOf(name, byFrame.keys(), (frame) => byFrame.get(frame) ?? []);
    }
  }

  *#jobsFor(needs: Needs<UnitItem>): Generator<CheckJob> {
    for (const { unit, frames } of needs.units()) {
      yield* this.#jobsOf(unit, frames, (frame) => uniqueItems(needs.of(unit, frame)));
    }
  }

  *#jobsOf(
    name: string,
    frames: Iterable<number>,
    itemsOf: (frame: number) => readonly UnitItem[],
  ): Generator<CheckJob> {
    const { index, sizes } = this.#vault, unit = index.unit(name);
    if (unit === undefined) return; // it was removed, and what is needed of it is elsewhere
    const there: number[] = [];
    for (const frame of frames) {
      if (sizes.isFrameThere(unit, frame)) there.push(frame);
      else for (const item of itemsOf(frame)) this.#doubt(item, MISSING);
    }
    const mostBytes = unit.size <= MOST_WHOLE_BYTES ? unit.size : undefined;
    for (const job of this.#source.jobsOf(unit, there, mostBytes)) {
      yield { ...job, items: job.range.frames.map(itemsOf) };
    }
  }

  #doubt({ id, part }: UnitItem, why: string): void {
    const isPart = part !== undefined && this.#doubtful.get(id)?.isPart !== false;
    this.#doubtful.set(id, { why, isPart });
  }

  /** What is in several units is told once. */
  #isNew(id: string): boolean {
    if (this.#told.has(id)) return false;
    this.#told.add(id);
    return true;
  }

  async #check(job: CheckJob, isWhole: boolean): Promise<ScanReport> {
    const { unit: { unitClass }, items } = job, read: ObjectReport[] = [];
    const damages = new Map((await this.#damagesOf(job, isWhole, read)).map(({ id, damage }) => [id, damage]));
    let bytes = 0;
    for (const item of items.flat()) {
      bytes += item.size;
      const damage = damages.get(item.id);
      if (damage !== undefined) this.#doubt(item, damage);
      else if (item.part === undefined && this.#isNew(item.id)) read.push(...soundOf(item.id, unitClass));
    }
    return { seen: 0, read, bytes, strays: 0 };
  }

  async #damagesOf(job: CheckJob, isWhole: boolean, read: ObjectReport[]): Promise<Damages> {
    const { pool } = this.#vault, { unit: { unit }, items } = job;
    let frames: StoredFrames;
    try {
      frames = isWhole ? await this.#fetchWhole(job, read) : await this.#source.fetch(job);
    } catch (error) {
      if (!isDamage(error)) throw error;
      read.push({ id: `data/${unit}`, kind: "object", damage: error.message });
      return items.flat().map(({ id }) => ({ id, damage: error.message }));
    }
    const load = { items: 1, bytes: frames.stored.length };
    return await pool.run("verify", { frames, items }, load, [frames.stored.buffer]);
  }

  /** All bytes of a unit of usual size: some are in no item. */
  async #fetchWhole(job: CheckJob, read: ObjectReport[]): Promise<StoredFrames> {
    const { unit: { unit, size } } = job;
    if (size > MOST_WHOLE_BYTES) return await this.#source.fetch(job);
    const whole = await this.#vault.objects.backend.get(objectKey("data", unit), { signal: this.#request.signal });
    if (hash("sha256", whole) !== unit) {
      read.push({ id: `data/${unit}`, kind: "object", damage: "A unit is damaged: its bytes don't match its name" });
    }
    return await this.#source.cut(job, whole);
  }

  /** Items that were wrong are read from wherever else they are. */
  async #lookElsewhere(): Promise<void> {
    for (const [id, { why }] of this.#doubtful) {
      const damage = await this.#vault.contents.damageOf(id, why);
      if (damage !== undefined) this.#lost.set(id, damage);
    }
  }

  #doubtfulReports(): ObjectReport[] {
    const reports: ObjectReport[] = [], { index } = this.#vault;
    for (const [id, { isPart }] of this.#doubtful) {
      const damage = this.#lost.get(id);
      if (damage === undefined && !this.#isNew(id)) continue;
      const isData = index.homesOf(id, "data").length > 0;
      if (kindOfItem(id) === "hunk") reports.push({ id, kind: "hunk", damage });
      else if (isData && !isPart) reports.push({ id, kind: "content", damage, isPart: this.#lostParts.has(id) });
    }
    return reports;
  }

  async *#largeReports(isWhole: boolean): AsyncGenerator<ScanReport> {
    const ids = isWhole ? this.#allLarge() : this.#large;
    for (const id of ids) {
      if (this.#request.signal.aborted) throw new Interrupted();
      yield reportOf([{ id, kind: "content", damage: await this.#damageOfLarge(id) }]);
    }
  }

  *#allLarge(): Generator<ContentId> {
    const { index } = this.#vault, seen = new Set<string>();
    for (const name of index.unitNames()) {
      if (index.unit(name)?.unitClass !== "meta") continue;
      for (const { id } of index.itemsOf(name)) {
        if (kindOfItem(id) !== "list" || seen.has(id)) continue;
        seen.add(id);
        yield knownContentId(id.slice(0, -LIST_SUFFIX.length));
      }
    }
  }

  /** By its parts, which have been read. */
  async #damageOfLarge(id: ContentId): Promise<string | undefined> {
    let why = MISSING;
    for await (const list of this.#vault.contents.lists(id)) {
      const lost = await this.#firstLost(list.parts());
      if (lost === undefined) return undefined;
      why = lost;
    }
    return why;
  }

  async #firstLost(parts: AsyncIterable<readonly { readonly id: string }[]>): Promise<string | undefined> {
    let found: string | undefined;
    try {
      for await (const some of parts) {
        for (const { id } of some) {
          const why = this.#lost.get(id);
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

function soundOf(id: string, unitClass: "data" | "meta"): ObjectReport[] {
  const kind = kindOfItem(id);
  if (kind === "hunk") return [{ id, kind, damage: undefined }];
  return unitClass === "data" ? [{ id, kind: "content", damage: undefined }] : [];
}

/** A part may be asked for by several contents. */
function uniqueItems(items: Iterable<UnitItem>): UnitItem[] {
  const unique = new Map<string, UnitItem>();
  for (const item of items) if (item.part === undefined || !unique.has(item.id)) unique.set(item.id, item);
  return [...unique.values()];
}

function reportOf(read: readonly ObjectReport[]): ScanReport {
  return { seen: 0, read, bytes: 0, strays: 0 };
}
