/**
 * Reads contents, all or a part of them, unit by unit, and compares them with their ids. An item that is damaged in one
 * unit may be intact in another; only an item that is intact nowhere counts as damaged.
 */
import { hash } from "node:crypto";
import { type ContentId, knownContentId } from "../../core/content_id.ts";
import { Interrupted } from "../../core/fault.ts";
import { collectingEvery } from "../../core/garbage.ts";
import { ItemSet } from "../../core/item_set.ts";
import { isInPart } from "../../core/subset.ts";
import type { ObjectReport, ScanReport, ScanRequest } from "../../snapshot/repository.ts";
import { kindOfItem, LIST_SUFFIX, type UnitItem } from "../pack/items.ts";
import { isDamage, MISSING, type VaultContents } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";
import { handedWith, type StoredFrames, type Verified, type VerifyBatch } from "../threads/frame_batch.ts";
import type { VaultPool } from "../threads/vault_executor.ts";
import { type FrameJob, framesBetween, FrameSource } from "./frame_source.ts";
import { LargeCheck } from "./large_check.ts";
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

/** Frames of a unit, with the items to read in them. */
interface CheckJob extends FrameJob {
  readonly items: VerifyBatch["items"];
}

const MOST_BYTES = 48 * 1024 * 1024, AHEAD = 3;
/** What an item takes here and on its way to a thread, in bytes. */
const ITEM_BYTES = 512;
const ITEMS_PER_COLLECTION = 50_000;
/** Size in bytes up to which a unit is fetched whole, and compared with its name too. */
const MOST_WHOLE_BYTES = 20 * 1024 * 1024;
/** Plain bytes of parts that a thread hands over at once. */
const MOST_PART_BYTES = 8 * 1024 * 1024;
/** Items that a thread looks at, at once. */
const MOST_ITEMS = 4096;

export class DataCheck implements Disposable {
  readonly #vault: CheckedData;
  readonly #request: ScanRequest;
  readonly #source: FrameSource;
  /** Large contents to be checked. */
  readonly #large: LargeCheck;
  /** Resolves when the parts of the previous job have been joined: parts are joined in the order of jobs. */
  #turn: Promise<void> = Promise.resolve();
  /** Units of tiny files have very many items, and all that is said of them becomes garbage at once. */
  readonly #collect = collectingEvery(ITEMS_PER_COLLECTION);
  /** Items that were reported as intact. */
  readonly #told = new ItemSet();
  /** Items that were damaged in one unit, and will be searched for in others at the end. */
  readonly #doubtful = new Map<string, { readonly why: string; readonly isPart: boolean }>();
  /** Items that are intact nowhere, each with a description of the damage. */
  readonly #lost = new Map<string, string>();

  constructor(vault: CheckedData, request: ScanRequest) {
    this.#vault = vault;
    this.#request = request;
    this.#source = new FrameSource(vault.objects, request.signal);
    this.#large = new LargeCheck(vault.contents);
  }

  [Symbol.dispose](): void {
    this.#large[Symbol.dispose]();
  }

  async *run(): AsyncGenerator<ScanReport> {
    const { pool } = this.#vault, ids = this.#chosenIds();
    using needs = new Needs<UnitItem>();
    const isWhole = ids === undefined, inOrder = new Set<string>();
    if (isWhole) await this.#noteAllLarge(inOrder);
    else yield reportOf(await this.#note(ids, needs));
    this.#large.start();
    const jobs = isWhole ? this.#allJobs(inOrder) : this.#jobsFor(needs);
    const limits = { width: pool.width + AHEAD, bytes: MOST_BYTES, bytesOf: memoryOf };
    yield* pipeline(this.#unlessStopped(jobs), (job) => this.#check(job, isWhole), limits);
    await this.#lookElsewhere();
    yield* this.#largeReports();
    yield reportOf(this.#doubtfulReports());
  }

  /** Ids of the contents to read; undefined: everything. */
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

  /** Notes what to read. @returns contents that are not complete */
  async #note(ids: Iterable<string>, needs: Needs<UnitItem>): Promise<ObjectReport[]> {
    const missing: ObjectReport[] = [];
    // Which content it is a part of says that nobody asked for it alone.
    const wanted = ({ unit, item }: Home, of: ContentId) =>
      needs.add(unit.unit, item.frame, { ...item, part: { of, from: 0 } });
    for (const text of ids) {
      if (this.#request.signal.aborted) throw new Interrupted();
      const id = knownContentId(text), home = this.#homeOf(id);
      if (home !== undefined) needs.add(home.unit.unit, home.item.frame, home.item);
      else if (!await this.#noteLarge(id, wanted)) missing.push({ id, kind: "content", damage: MISSING });
    }
    return missing;
  }

  #homeOf(id: string): Home | undefined {
    const { index, sizes } = this.#vault;
    return index.homesOf(id, "data").find((home) => sizes.isThere(home));
  }

  /** @returns false if none of its lists has all its parts */
  async #noteLarge(id: ContentId, onPart: (home: Home, id: ContentId) => void): Promise<boolean> {
    return await this.#large.note(id, (home) => this.#vault.sizes.isThere(home), (part) => {
      const home = this.#homeOf(part);
      if (home !== undefined) onPart(home, id);
    });
  }

  /** @param inOrder receives the units with their parts, in an order in which the contents can be assembled */
  async #noteAllLarge(inOrder: Set<string>): Promise<void> {
    for (const id of this.#allLarge()) {
      if (this.#request.signal.aborted) throw new Interrupted();
      await this.#noteLarge(id, ({ unit }) => inOrder.add(unit.unit));
    }
  }

  *#unlessStopped(jobs: Iterable<CheckJob>): Generator<CheckJob> {
    for (const job of jobs) {
      if (this.#request.signal.aborted) throw new Interrupted();
      yield job;
    }
  }

  *#allJobs(first: ReadonlySet<string>): Generator<CheckJob> {
    const { index } = this.#vault;
    for (const name of new Set([...first, ...index.unitNames()])) {
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

  /** False for an item that was already reported: it may be in several units. */
  #isNew(id: string): boolean {
    if (this.#told.has(id)) return false;
    this.#told.add(id);
    return true;
  }

  #check(job: CheckJob, isWhole: boolean): Promise<ScanReport> {
    const before = this.#turn, { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    return this.#checkInTurn(job, isWhole, before).finally(resolve);
  }

  /** @param before its parts have to wait for this */
  async #checkInTurn(job: CheckJob, isWhole: boolean, before: Promise<void>): Promise<ScanReport> {
    const { unit: { unitClass }, items } = job, read: ObjectReport[] = [], damages = new Map<string, string>();
    for await (const verified of this.#verified(job, isWhole, read)) {
      for (const { id, damage } of verified.damages) damages.set(id, damage);
      if (verified.bytes.length > 0) await before;
      for (const { id, bytes } of verified.bytes) await this.#large.take(id, bytes);
    }
    let bytes = 0;
    this.#collect(countOf(items));
    for (const item of items.flat()) {
      bytes += item.size;
      const damage = damages.get(item.id);
      if (damage !== undefined) this.#doubt(item, damage);
      else if (item.part === undefined && this.#isNew(item.id)) read.push(...soundOf(item.id, unitClass));
    }
    return { seen: 0, read, bytes, strays: 0 };
  }

  async *#verified(job: CheckJob, isWhole: boolean, read: ObjectReport[]): AsyncGenerator<Verified> {
    const { pool } = this.#vault, { unit: { unit } } = job;
    let frames: StoredFrames;
    try {
      frames = isWhole ? await this.#fetchWhole(job, read) : await this.#source.fetch(job);
    } catch (error) {
      if (!isDamage(error)) throw error;
      read.push({ id: `data/${unit}`, kind: "object", damage: error.message });
      return yield { damages: job.items.flat().map(({ id }) => ({ id, damage: error.message })), bytes: [] };
    }
    for (const batch of this.#batchesOf(job, frames)) {
      const load = { items: 1, bytes: batch.frames.stored.length };
      yield await pool.run("verify", batch, load, handedWith(batch.frames));
    }
    this.#source.release(frames.stored);
  }

  /** One batch, unless there are too many items, or parts, for memory. */
  *#batchesOf({ unit: { unitClass }, items }: CheckJob, frames: StoredFrames): Generator<VerifyBatch> {
    const isWanted = ({ id }: UnitItem) => unitClass === "data" && this.#large.maybeWants(id);
    let first = 0, bytes = 0, count = 0, wanted = new Set<string>();
    for (const [at, some] of items.entries()) {
      count += some.length;
      for (const { id, size } of some.filter(isWanted)) {
        wanted.add(id);
        bytes += size;
      }
      const isLast = at === items.length - 1;
      if (bytes < MOST_PART_BYTES && count < MOST_ITEMS && !isLast) continue;
      const own = isLast && first === 0 ? frames : framesBetween(frames, first, at);
      yield { frames: own, items: items.slice(first, at + 1), wanted };
      [first, bytes, count, wanted] = [at + 1, 0, 0, new Set()];
    }
  }

  /** Fetches a unit of usual size completely, because some of its bytes belong to no item. */
  async #fetchWhole(job: CheckJob, read: ObjectReport[]): Promise<StoredFrames> {
    const { unit: { unit, size } } = job;
    if (size > MOST_WHOLE_BYTES) return await this.#source.fetch(job);
    let whole = await this.#source.fetchWhole(job.unit), isRight = await this.#hasDigest(whole, unit);
    if (!isRight) {
      // What was changed on its way only is right the second time.
      this.#source.release(whole);
      whole = await this.#source.fetchWhole(job.unit);
      isRight = await this.#hasDigest(whole, unit);
    }
    if (!isRight) {
      read.push({ id: `data/${unit}`, kind: "object", damage: "A unit is damaged: its bytes don't match its name" });
    }
    return await this.#source.cut(job, whole);
  }

  /** Threads take the bytes where they are, if that is possible: else this is sooner done here. */
  async #hasDigest(bytes: Uint8Array, name: string): Promise<boolean> {
    if (bytes.buffer instanceof ArrayBuffer) return hash("sha256", bytes) === name;
    return await this.#vault.pool.run("digest", { bytes }, { items: 1, bytes: bytes.length }) === name;
  }

  /** Reads damaged items from their other homes. */
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
      else if (isData && !isPart) reports.push({ id, kind: "content", damage, isPart: this.#large.isLostPart(id) });
    }
    return reports;
  }

  async *#largeReports(): AsyncGenerator<ScanReport> {
    for (const id of this.#large.ids) {
      if (this.#request.signal.aborted) throw new Interrupted();
      yield reportOf([{ id, kind: "content", damage: await this.#large.damageOf(id, this.#lost) }]);
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
}

/** In bytes. */
function memoryOf({ range, items }: CheckJob): number {
  return range.length + countOf(items) * ITEM_BYTES;
}

function countOf(items: CheckJob["items"]): number {
  return items.reduce((sum, { length }) => sum + length, 0);
}

function soundOf(id: string, unitClass: "data" | "meta"): ObjectReport[] {
  const kind = kindOfItem(id);
  if (kind === "hunk") return [{ id, kind, damage: undefined }];
  return unitClass === "data" ? [{ id, kind: "content", damage: undefined }] : [];
}

/** Items without duplicates of parts, which several contents may need. */
function uniqueItems(items: Iterable<UnitItem>): UnitItem[] {
  const unique = new Map<string, UnitItem>();
  for (const item of items) if (item.part === undefined || !unique.has(item.id)) unique.set(item.id, item);
  return [...unique.values()];
}

function reportOf(read: readonly ObjectReport[]): ScanReport {
  return { seen: 0, read, bytes: 0, strays: 0 };
}
