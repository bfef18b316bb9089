/**
 * A restore from a vault: all wanted files are noted first, by the frames that hold them. Then each frame is fetched
 * and opened once, unit by unit, and written to all its targets. What fails is retried with the next home of the item
 * in another round; if an object is gone, the index is read again before that.
 */
import { MissingObject } from "../../backend/faults.ts";
import type { ContentId } from "../../core/content_id.ts";
import { Fault, Interrupted } from "../../core/fault.ts";
import { Descents } from "../../platform/descent.ts";
import type { Disk } from "../../platform/disk.ts";
import { Meter } from "../../platform/meter.ts";
import { StopFlag } from "../../platform/stop_flag.ts";
import type { ExtractBatch, ExtractedFile, Extraction, ExtractResult, FileNote } from "../../snapshot/extract_batch.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { FileWriter, isFatal } from "../../target/file_writer.ts";
import { removeQuietly } from "../../target/replacing.ts";
import { type ContentList, isDamage, MISSING, type VaultContents, WRONG_TOGETHER } from "../store/contents.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";
import { type Directory, type Granted, handedWith, type StoredFrames, type Wish } from "../threads/frame_batch.ts";
import { failed } from "../threads/frame_extract.ts";
import type { VaultPool } from "../threads/vault_executor.ts";
import { type FrameJob, framesBetween, type FrameSource } from "./frame_source.ts";
import { type LargeFile, newLargeFile, type WantedFile } from "./large_file.ts";
import { NearHomes } from "../store/near_homes.ts";
import { Needs } from "./needs.ts";
import { pipeline } from "./pipeline.ts";
import { WishBatch } from "./wish_batch.ts";

export interface ExtractionParts {
  readonly index: UnitIndex;
  readonly contents: VaultContents;
  readonly source: FrameSource;
  readonly pool: VaultPool;
  readonly disk: Disk;
  readonly signal: AbortSignal;
}

/** Most bytes of ranges that are in progress. */
const MOST_BYTES = 40 * 1024 * 1024;
/** Most bytes of one range: units come in parts, so that threads have work early, and all connections are in use. */
const MOST_RANGE_BYTES = 4 * 1024 * 1024;
/** Ranges in progress in addition to those that threads work on. */
const AHEAD = 7;
/** Most wishes that a thread gets at once. */
const MOST_WISHES = 1024;

/** Something to be written from a frame. */
type Need = FileNeed | PartNeed;

interface FileNeed {
  readonly at: number;
  readonly size: number;
  /** Index of the target's top directory, which many files share. */
  readonly top: number;
  readonly relative: Directory["relative"];
  readonly task: WantedFile["task"];
  readonly note: FileNote;
}

interface PartNeed {
  readonly at: number;
  readonly size: number;
  readonly id: string;
  readonly of: ContentId;
  /** The attempt to assemble the file that needs the part; needs of a former attempt are ignored. */
  readonly attempt: number;
  readonly offset: number;
}

export class VaultExtraction implements Extraction {
  readonly #parts: ExtractionParts;
  readonly #homes: NearHomes;
  readonly #targets: Descents;
  readonly #tools: ConstructorParameters<typeof FileWriter>[2];
  readonly #tops: Omit<Directory, "relative">[] = [];
  #needs: Needs<Need>;
  readonly #newNeeds: () => Needs<Need>;
  /** Large contents by id. */
  readonly #large = new Map<ContentId, LargeFile>();
  /** Homes that failed, as unit and item. */
  readonly #tried = new Set<string>();

  /** @param mostInMemory number of needs; more are kept in a temporary file */
  constructor(parts: ExtractionParts, mostInMemory?: number) {
    this.#parts = parts;
    this.#homes = new NearHomes(parts.index);
    this.#targets = new Descents(parts.disk);
    this.#tools = { algorithm: "sha256", buffer: new Uint8Array(4096), stop: new StopFlag(), meter: new Meter() };
    this.#newNeeds = () => new Needs(mostInMemory);
    this.#needs = this.#newNeeds();
  }

  /** Removes what was begun and is not finished. */
  [Symbol.asyncDispose](): Promise<void> {
    for (const large of this.#large.values()) this.#abandon(large);
    this.#targets[Symbol.dispose]();
    this.#needs[Symbol.dispose]();
    return Promise.resolve();
  }

  add(
    { files, ...directory }: ExtractBatch,
    notes: readonly FileNote[],
  ): Promise<readonly (ExtractResult | undefined)[]> {
    const settled = directory.isFresh ? [] : this.#settle({ files, ...directory });
    for (const [i, task] of files.entries()) {
      // There is a note for each file.
      if (settled[i] === undefined) this.#want({ directory, task, note: notes[i]! });
    }
    return Promise.resolve(files.map((_, i) => settled[i]));
  }

  /** Settles files that need no content. */
  #settle(batch: ExtractBatch): (ExtractResult | undefined)[] {
    using target = this.#targets.open(batch.rootPath, batch.relative, batch.beneath);
    const writer = new FileWriter(target, batch, this.#tools);
    return batch.files.map((task) => orFailed(() => writer.settle(task, { isItem: () => false })));
  }

  /** Notes a wanted file. @param why it is retried, or a description of the damage if no unit holds it */
  #want(file: WantedFile, why = MISSING): void {
    const { content } = file.task, home = this.#homeOf(content);
    if (home !== undefined) return this.#noteFile(file, home);
    const large = this.#large.get(content);
    if (large === undefined) this.#large.set(content, newLargeFile(content, file, why));
    else large.targets.push(file);
  }

  #homeOf(id: string): Home | undefined {
    return this.#homes.find(id, ({ unit }) => this.#tried.size === 0 || !this.#tried.has(`${unit.unit} ${id}`));
  }

  #noteFile({ directory: { relative, ...top }, task, note }: WantedFile, { unit, item }: Home): void {
    this.#needs.add(unit.unit, item.frame, {
      at: item.at,
      size: item.size,
      top: this.#topOf(top),
      relative,
      task,
      note,
    });
  }

  #topOf(top: Omit<Directory, "relative">): number {
    const { rootPath, beneath, overwrite, isFresh, key } = top;
    const found = this.#tops.findLastIndex((known) =>
      known.rootPath === rootPath && known.beneath === beneath && known.overwrite === overwrite &&
      known.isFresh === isFresh && known.key === key
    );
    return found >= 0 ? found : this.#tops.push(top) - 1;
  }

  async *run(): AsyncGenerator<ExtractedFile> {
    yield* await this.#planLarge();
    while (!this.#needs.isEmpty) {
      const needs = this.#needs;
      this.#needs = this.#newNeeds();
      try {
        const { width } = this.#parts.pool, limits = { width: width + AHEAD, bytes: MOST_BYTES, bytesOf };
        for await (const done of pipeline(this.#jobs(needs), (job) => this.#do(job, needs), limits)) yield* done;
      } finally {
        needs[Symbol.dispose]();
      }
      yield* await this.#planLarge();
    }
  }

  /** Jobs, unit by unit. For units that the index no longer has, other homes are searched. */
  *#jobs(needs: Needs<Need>): Generator<FrameJob> {
    const { index, source, signal } = this.#parts;
    for (const { unit, frames } of needs.units()) {
      if (signal.aborted) throw new Interrupted();
      const facts = index.unit(unit);
      if (facts !== undefined) yield* source.jobsOf(facts, frames, MOST_RANGE_BYTES);
      else for (const need of allOf(needs, unit, frames)) this.#lookElsewhere(need, unit, MISSING);
    }
  }

  async #do(job: FrameJob, needs: Needs<Need>): Promise<ExtractedFile[]> {
    const { unit: { unit }, range: { frames } } = job;
    let stored: StoredFrames;
    try {
      stored = await this.#parts.source.fetch(job);
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (error instanceof MissingObject) {
        await this.#parts.index.refresh();
        this.#homes.forget();
      }
      for (const need of allOf(needs, unit, frames)) this.#lookElsewhere(need, unit, error.message);
      return [];
    }
    if (this.#parts.signal.aborted) throw new Interrupted();
    const done: ExtractedFile[] = [];
    let batch = new WishBatch<Need>(frames.length);
    for (const [at, frame] of frames.entries()) {
      for (const need of needs.of(unit, frame)) {
        const wish = this.#wishOf(need, batch, done);
        if (wish === undefined) continue;
        batch.add(at, wish, need);
        if (batch.size < MOST_WISHES) continue;
        done.push(...await this.#extract(batch, stored, unit, false));
        batch = new WishBatch(frames.length);
      }
    }
    if (batch.size > 0) done.push(...await this.#extract(batch, stored, unit, true));
    this.#parts.source.release(stored.stored);
    return done;
  }

  /** The wish for a need; undefined if there is nothing to do. A file that could not be begun is added to `done`. */
  #wishOf(need: Need, batch: WishBatch<Need>, done: ExtractedFile[]): Wish | undefined {
    const { at, size } = need;
    if ("task" in need) {
      const { task } = need;
      return { id: task.content, at, size, task, directory: batch.directory(this.#directoryOf(need)) };
    }
    const large = this.#large.get(need.of);
    if (large?.attempt !== need.attempt || large.damage !== undefined) return undefined;
    const begun = large.begun ??= this.#begin(large, done);
    if (begun === undefined) return undefined;
    const { file: { directory, task: { sparse } }, name } = begun;
    return { id: need.id, at, size, directory: batch.directory(directory), name, offset: need.offset, sparse };
  }

  #directoryOf({ top, relative }: FileNeed): Directory {
    const found = this.#tops[top];
    if (found === undefined) throw new RangeError(`There is no target ${top}`);
    return { ...found, relative };
  }

  async #extract(
    batch: WishBatch<Need>,
    frames: StoredFrames,
    unit: string,
    isLast: boolean,
  ): Promise<ExtractedFile[]> {
    const { directories, needs } = batch,
      first = batch.wishes.findIndex(isWished),
      last = batch.wishes.findLastIndex(isWished);
    const wishes = batch.wishes.slice(first, last + 1), isAll = isLast && wishes.length === batch.wishes.length;
    const some = isAll ? frames : framesBetween(frames, first, last);
    const load = { items: needs.length, bytes: some.stored.length }, handed = handedWith(some);
    const granted = await this.#parts.pool.run("frames", { frames: some, directories, wishes }, load, handed);
    const done: ExtractedFile[] = [];
    for (const [i, need] of needs.entries()) {
      const result = granted[i];
      if (result !== undefined) await this.#take(need, result, unit, done);
    }
    return done;
  }

  async #take(need: Need, granted: Granted, unit: string, done: ExtractedFile[]): Promise<void> {
    if (granted !== "part" && "damage" in granted) return this.#lookElsewhere(need, unit, granted.damage);
    if ("task" in need) {
      if (granted !== "part") done.push(extracted(this.#wantedOf(need), granted.result));
      return;
    }
    const large = this.#large.get(need.of);
    if (large?.attempt !== need.attempt) return;
    if (granted !== "part") return this.#failFirst(large, granted.result, done);
    if (--large.missing === 0) await this.#finish(large, done);
  }

  #wantedOf(need: FileNeed): WantedFile {
    return { directory: this.#directoryOf(need), task: need.task, note: need.note };
  }

  /** Notes that a home failed, and searches for another one. */
  #lookElsewhere(need: Need, unit: string, why: string): void {
    if ("task" in need) {
      this.#tried.add(`${unit} ${need.task.content}`);
      return this.#want(this.#wantedOf(need), why);
    }
    this.#tried.add(`${unit} ${need.id}`);
    const large = this.#large.get(need.of);
    if (large?.attempt !== need.attempt || large.damage !== undefined) return;
    const home = this.#homeOf(need.id);
    if (home?.item.size === need.size) this.#notePart(home, need);
    else large.damage = why; // another list may do without that part
  }

  #notePart({ unit, item }: Home, need: Omit<PartNeed, "at">): void {
    this.#needs.add(unit.unit, item.frame, { ...need, at: item.at });
  }

  /** Finds a list for each large content that has none yet. @returns the files that can't be assembled */
  async #planLarge(): Promise<ExtractedFile[]> {
    const done: ExtractedFile[] = [];
    for (const large of this.#large.values()) {
      if (large.damage === undefined) continue;
      this.#abandon(large);
      if (!await this.#planNext(large)) this.#giveUp(large, done);
    }
    return done;
  }

  /** Plans with the next list whose parts are all available. @returns false if there is none */
  async #planNext(large: LargeFile): Promise<boolean> {
    let number = 0;
    for await (const list of this.#parts.contents.lists(large.content)) {
      if (number++ < large.triedLists) continue;
      large.triedLists = number;
      if (await this.#planParts(large, list)) return true;
    }
    return false;
  }

  async #planParts(large: LargeFile, list: ContentList): Promise<boolean> {
    const attempt = ++large.attempt;
    let offset = 0, missing = 0;
    for await (const parts of list.parts()) {
      for (const { id, size } of parts) {
        const home = this.#homeOf(id);
        if (home?.item.size !== size) return false;
        this.#notePart(home, { id, size, of: large.content, attempt, offset });
        missing++;
        offset += size;
      }
    }
    large.missing = missing;
    large.damage = undefined;
    return missing > 0;
  }

  #giveUp(large: LargeFile, done: ExtractedFile[]): void {
    const result = failed(new DamagedContent(large.content, large.damage ?? MISSING));
    done.push(...large.targets.map((file) => extracted(file, result)));
    this.#large.delete(large.content);
  }

  /** Begins the first file for which that is possible. */
  #begin(large: LargeFile, done: ExtractedFile[]): LargeFile["begun"] {
    for (let file = large.targets[0]; file !== undefined; file = large.targets[0]) {
      const { directory, task } = file;
      try {
        using target = this.#targets.open(directory.rootPath, directory.relative, directory.beneath);
        return { file, name: new FileWriter(target, { ...directory, files: [] }, this.#tools).begin(task) };
      } catch (error) {
        if (!(error instanceof Fault) || isFatal(error)) throw error;
        done.push(extracted(file, failed(error)));
        large.targets.shift();
      }
    }
    this.#large.delete(large.content);
    return undefined;
  }

  /** Gives up the first target, which can't be written; the next one begins again with the same list. */
  #failFirst(large: LargeFile, result: ExtractResult, done: ExtractedFile[]): void {
    const file = large.targets.shift();
    if (file === undefined || large.damage !== undefined) return;
    done.push(extracted(file, result));
    if (large.targets.length > 0) {
      large.triedLists--;
      large.damage = MISSING;
      return;
    }
    this.#abandon(large);
    this.#large.delete(large.content);
  }

  async #finish(large: LargeFile, done: ExtractedFile[]): Promise<void> {
    const { begun } = large, { pool } = this.#parts;
    if (begun === undefined) return;
    const { file: { directory, task }, name } = begun, load = { items: 1, bytes: task.size };
    const result = await pool.run("finish", { directory, task, name }, load);
    large.begun = undefined;
    if (result.problem?.code === "damaged-content") {
      large.damage = WRONG_TOGETHER;
      return;
    }
    if (result.how !== "written") return this.#failFirst(large, result, done);
    const [first, ...others] = large.targets;
    this.#large.delete(large.content);
    if (first !== undefined) done.push(extracted(first, result));
    for (const file of others) {
      const batch = { from: { directory, name: task.name }, directory: file.directory, task: file.task };
      done.push(extracted(file, await pool.run("copy", batch, load)));
    }
  }

  #abandon(large: LargeFile): void {
    const { begun } = large;
    if (begun === undefined) return;
    large.begun = undefined;
    const { directory } = begun.file;
    try {
      using target = this.#targets.open(directory.rootPath, directory.relative, directory.beneath);
      removeQuietly(target, begun.name);
    } catch (error) {
      if (!(error instanceof Fault)) throw error; // the directory is gone, and so is the file
    }
  }
}

function isWished(wishes: readonly Wish[]): boolean {
  return wishes.length > 0;
}

function* allOf<T>(needs: Needs<T>, unit: string, frames: Iterable<number>): Generator<T> {
  for (const frame of frames) yield* needs.of(unit, frame);
}

function bytesOf({ range }: FrameJob): number {
  return range.length;
}

function extracted({ directory, task, note }: WantedFile, result: ExtractResult): ExtractedFile {
  return { relative: directory.relative, name: task.name, size: task.size, note, result };
}

function orFailed(action: () => ExtractResult | undefined): ExtractResult | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Fault) || isFatal(error)) throw error;
    return failed(error);
  }
}
