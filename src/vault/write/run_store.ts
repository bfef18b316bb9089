/**
 * The store of one writer: everything that a snapshot relies on goes through it. There are no locks in a vault, so the
 * index may have changed when it is read again; {@link refresh} finds out.
 */
import { type ContentId, type HunkId, knownContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { SnapshotSource } from "../../snapshot/snapshot_sink.ts";
import type { Disk } from "../../platform/disk.ts";
import { DamagedContent } from "../../snapshot/faults.ts";
import { VaultChanged } from "../format/faults.ts";
import { isReliable } from "../index/join.ts";
import { LIST_SUFFIX, type UnitClass } from "../pack/items.ts";
import type { ContentLists, EncodedList } from "../pack/parts_list.ts";
import { hunkName, storedListName } from "../pack/tar_names.ts";
import { type NewItem, OWN_FIELDS } from "../pack/unit_writer.ts";
import type { HunkStore } from "../store/hunk_store.ts";
import type { VaultContents } from "../store/contents.ts";
import type { SealedObjects } from "../store/sealed_objects.ts";
import type { Home, UnitIndex } from "../store/unit_index.ts";
import { type Compression, levelOf } from "./compression.ts";
import { MetaPacker } from "./meta_packer.ts";
import type { FinishedBody, NextUnit, PackDesk } from "./pack_desk.ts";
import { idsOf, type PackedLine } from "./packed_line.ts";
import { UnitPacker } from "./unit_packer.ts";
import { UnitUploads } from "./unit_uploads.ts";

export interface RunOptions {
  /** Host that is recorded as the writer of index objects. */
  readonly host: string;
  /** Target for the stored size of a unit in bytes. */
  readonly unitBytes: number;
  /** Stored size in bytes from which units are made in a file. */
  readonly mostUnitInMemory: number;
  /** Most units that are uploaded at once. */
  readonly mostUploads: number;
  /** Number of items from which stored units are listed before a flush. */
  readonly mostUnlisted: number;
  readonly compression: Compression;
  readonly disk: Disk;
  /** A local directory for units that are too large for memory. */
  readonly spool: Raw | undefined;
  /** Called with the time at the place, in ms since 1970, when the first unit is stored. */
  readonly onPlaceTime?: (ms: number) => void;
}

export interface RunParts {
  readonly objects: SealedObjects;
  readonly index: UnitIndex;
  readonly contents: VaultContents;
  readonly hunks: HunkStore;
}

/** Number of hunks that are written to the cache at once: some megabytes. */
const HUNKS_IN_COMMIT = 64;
/**
 * Age in ms of this run from which units themselves are listed: a place may have lost objects that its first listing
 * lacked.
 */
const LONG_MS = 12 * 60 * 60_000;

export class RunStore implements PackDesk, AsyncDisposable {
  readonly index: UnitIndex;
  readonly objects: SealedObjects;
  readonly contents: VaultContents;
  readonly hunks: HunkStore;
  readonly meta: MetaPacker;
  readonly options: RunOptions;
  readonly #uploads: UnitUploads;
  /** Contents and parts that a caller was asked to store, and that are not in an index yet. */
  readonly #claimed = new Set<string>();
  /** Hunks of new snapshots that aren't in the cache yet. */
  #newHunks = new Map<HunkId, Uint8Array<ArrayBuffer>>();
  /** Contents that were found damaged: existing copies don't count. */
  readonly #damaged = new Set<string>();
  /** Names of the units that this writer has stored and listed. */
  readonly #own: string[] = [];
  /** Units that the index lists, but the place doesn't have. */
  #absent: ReadonlySet<string> = new Set();

  constructor({ objects, index, contents, hunks }: RunParts, options: RunOptions) {
    this.objects = objects;
    this.index = index;
    this.contents = contents;
    this.hunks = hunks;
    this.options = options;
    const listed = (line: PackedLine) => this.#noteListed(line);
    this.#uploads = new UnitUploads(objects, index, { ...options, listed });
    this.meta = new MetaPacker(this.packer("meta"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#uploads[Symbol.asyncDispose]();
  }

  /** A packer for this thread. */
  packer(unitClass: UnitClass): UnitPacker {
    const { unitBytes, compression, disk } = this.options, vault = this.objects.access.config.id;
    return new UnitPacker(this, disk, { vault, unitClass, unitBytes, level: levelOf(compression) });
  }

  /** Requires these contents to be stored again, with all of their parts, whatever the index says. */
  async distrust(contents: Iterable<ContentId>): Promise<void> {
    for (const content of contents) {
      this.#damaged.add(content);
      for (const part of await this.contents.partsOf(content) ?? []) this.#damaged.add(part);
    }
  }

  /** A home of an item that a new snapshot may rely on, as of the last {@link refresh}. */
  homeOf(id: string, unitClass: UnitClass): Home | undefined {
    const home = this.index.reliableHome(id, unitClass);
    if (home === undefined || this.#absent.size === 0) return home;
    return this.index.homesOf(id, unitClass).find(({ unit }) => this.isReliable(unit.unit));
  }

  isReliable(unit: string): boolean {
    return this.index.isReliable(unit) && !this.#absent.has(unit);
  }

  /** True if an item exists, or is being stored. */
  has(id: string, unitClass: UnitClass): boolean {
    if (unitClass === "meta") return this.meta.isPending(id) || this.homeOf(id, "meta") !== undefined;
    return this.#claimed.has(id) || (!this.#damaged.has(id) && this.homeOf(id, "data") !== undefined);
  }

  /** As {@link has}, for a content that may be cut: its list is looked up, but not read. */
  hasContent(content: string): boolean {
    return this.has(content, "data") || (!this.#damaged.has(content) && this.has(content + LIST_SUFFIX, "meta"));
  }

  claim(ids: readonly string[]): Promise<readonly boolean[]> {
    return Promise.resolve(ids.map((id) => this.#claim(id)));
  }

  #claim(id: string): boolean {
    if (this.has(id, "data")) return false;
    this.#claimed.add(id);
    this.#damaged.delete(id);
    return true;
  }

  /**
   * Stores a hunk, unless it exists. Keeps it at hand in any case: it may be removed from the vault before the new
   * snapshot is there. @param bytes must not change until {@link keepUp} @returns whether it was new
   */
  addHunk(id: HunkId, bytes: Uint8Array<ArrayBuffer>): boolean {
    this.#newHunks.set(id, bytes);
    if (this.has(id, "meta")) return false;
    this.meta.add(rawItem(id, hunkName(id), bytes));
    return true;
  }

  /**
   * The bytes of a hunk that may have been removed from the vault since this run began.
   * @param source has the hunks of a snapshot that is copied, but not the beginning of one that a checkpoint ends with
   * @throws VaultChanged, DamagedContent if the source can't read it
   */
  async hunkAgain(id: HunkId, source?: Pick<SnapshotSource, "hunk">): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#newHunks.get(id) ?? this.hunks.kept(id) ?? await source?.hunk(id);
    if (bytes !== undefined) return bytes;
    try {
      return await this.contents.hunk(id);
    } catch (error) {
      throw error instanceof DamagedContent ? new VaultChanged() : error;
    }
  }

  /** Packs the hunks and lists added so far. */
  async keepUp(): Promise<void> {
    if (this.#newHunks.size >= HUNKS_IN_COMMIT) this.#keepNewHunks();
    await this.meta.drain();
  }

  #keepNewHunks(): void {
    this.hunks.keep(this.#newHunks);
    this.#newHunks = new Map();
  }

  async keepLists({ content, top, inner }: ContentLists): Promise<boolean> {
    const id = content + LIST_SUFFIX;
    if (this.meta.isPending(id)) return false;
    const home = this.homeOf(id, "meta");
    if (
      home !== undefined && home.item.digest === top.digest && inner.every(({ digest }) => this.has(digest, "meta"))
    ) {
      return false;
    }
    // Cut otherwise, it is as good, if all of its parts are there.
    if (home !== undefined && await this.hasParts(knownContentId(content))) return false;
    for (const list of inner) this.#keepList(list.digest, list);
    this.#keepList(id, top);
    return true;
  }

  #keepList(id: string, { bytes, digest }: EncodedList): void {
    if (!this.has(id, "meta") || id !== digest) this.meta.add({ ...listItem(id, storedListName(id), bytes), digest });
  }

  /** True if a large content has a list and everything that it names exists. Reads the list. */
  async hasParts(content: ContentId): Promise<boolean> {
    return (await this.contents.reliableHomes(content))?.every(({ unit }) => this.isReliable(unit.unit)) ?? false;
  }

  begin(unitClass: UnitClass): Promise<NextUnit> {
    return this.#uploads.begin(unitClass);
  }

  hand(unit: FinishedBody): Promise<void> {
    return this.#uploads.hand(unit);
  }

  /** Stores what was packed, and its index. Packers in other threads must have handed over their open units before. */
  async flush(): Promise<void> {
    this.#keepNewHunks();
    await this.meta.finish();
    await this.#uploads.flush();
    this.meta.settle();
  }

  #noteListed(line: PackedLine): void {
    this.#own.push(line.unit);
    for (const id of idsOf(line)) this.#claimed.delete(id);
  }

  /**
   * Checks that everything claimed is in a unit; to be called only while no packer is at work. @throws Error otherwise
   */
  assertAllPacked(): void {
    const [id] = this.#claimed;
    if (id !== undefined) throw new Error(`${id} and ${this.#claimed.size - 1} others were not packed`);
  }

  /** As {@link refresh}, when a snapshot begins. */
  async catchUp(): Promise<void> {
    if (!this.index.takeOpening()) await this.refresh();
  }

  /** Refreshes the index and, in a long run, the list of existing units. */
  async refresh(): Promise<void> {
    await this.index.refresh();
    const { firstMs } = this.#uploads, { backend } = this.objects;
    if (firstMs === undefined || await backend.now({ roughly: true }) - firstMs < LONG_MS) return;
    const there = await this.objects.list("data");
    this.#absent = new Set([...this.index.unitNames()].filter((unit) => !there.has(unit)));
  }

  /** Names of the units that this writer has stored and listed, in this order; grows. */
  get own(): readonly string[] {
    return this.#own;
  }

  /** Names of the units that may be relied on. */
  *reliable(): Generator<string> {
    for (const unit of this.index.unitNames()) if (this.isReliable(unit)) yield unit;
  }

  /** True if there are data units that may not be relied on, whose contents are not known without looking. */
  get hasDoubtful(): boolean {
    for (const unit of this.index.unitNames()) {
      const facts = this.index.unit(unit);
      if (facts?.unitClass === "data" && !(isReliable(facts.state) && !this.#absent.has(unit))) return true;
    }
    return false;
  }
}

/** An item that is already compressed. */
function rawItem(id: string, name: Raw, bytes: Uint8Array<ArrayBuffer>): NewItem {
  return { id, name, fields: OWN_FIELDS, bytes, lane: "raw" };
}

export function listItem(id: string, name: Raw, bytes: Uint8Array<ArrayBuffer>): NewItem {
  return { id, name, fields: OWN_FIELDS, bytes, lane: "compressed" };
}
