/**
 * The catalog of a vault. It is kept beside the rest of the cache, and follows the vault's snapshots. A catalog that is
 * missing, damaged or of other snapshots is rebuilt from roots and hunks; where it can't be kept, in memory.
 */
import { type Catalog, memoryCatalog } from "../../catalog/catalog.ts";
import { CatalogFile } from "../../catalog/catalog_file.ts";
import type { Temp } from "../../catalog/database.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import { CATALOG_NAME } from "../../catalog/place.ts";
import type { VerificationRecord } from "../../catalog/verification_record.ts";
import { renumbered, type RootHeader, withoutReplaced } from "../../catalog/snapshot_order.ts";
import { Fault, unlessFault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { VerifiedItem } from "../../snapshot/repository.ts";
import type { CachePlace } from "../cache/cache_place.ts";
import { FileNote } from "../cache/file_note.ts";
import { agrees, CatalogUpdate } from "./catalog_update.ts";
import type { HunkStore } from "./hunk_store.ts";
import type { RootStore } from "./root_store.ts";

export interface CatalogSources {
  /** Absent: the catalog is in memory. */
  readonly place: CachePlace | undefined;
  /** Id of the vault. */
  readonly id: string;
  readonly roots: RootStore;
  readonly hunks: HunkStore;
  readonly monitor: Pick<Monitor, "notice">;
}

/** @param record of verifications, if the catalog is on disk: notes are written to both */
export type ChangeOfCatalog = (catalog: Catalog, record: VerificationRecord | undefined) => void;

/**
 * Records the results of a check. @param items may be iterated several times @param atMs time of the check, ms since
 * 1970
 */
export function notingVerified(items: Iterable<VerifiedItem>, atMs: number): ChangeOfCatalog {
  return (catalog, record) => {
    catalog.recordVerified(items, atMs);
    record?.add(items, atMs, catalog.verifications);
  };
}

/** Largest catalog that gets a digest: some tens of milliseconds. */
const MOST_DIGESTED_BYTES = 64 * 1024 * 1024;

/** A catalog on disk, beside the rest of the cache. */
interface CatalogOnDisk extends Disposable {
  readonly place: CachePlace;
  readonly file: CatalogFile;
  readonly note: FileNote;
}

interface OpenedCatalog {
  readonly catalog: Catalog;
  /** The snapshots that it knows. */
  readonly of: string;
  /** Version of the roots at the last check that it knows all of them. */
  version: number;
  readonly isOnDisk: boolean;
}

export class VaultCatalog implements Disposable {
  readonly #sources: CatalogSources;
  readonly #disk: CatalogOnDisk | undefined;
  #opened: OpenedCatalog | undefined;
  readonly #retired: Catalog[] = [];
  /** Queries whose answers are still produced. */
  #inUse = 0;
  #pending: Promise<Catalog> | undefined;

  constructor(sources: CatalogSources) {
    this.#sources = sources;
    const { place, id } = sources;
    if (place === undefined) return;
    const notice = (text: string) => sources.monitor.notice(text);
    const file = new CatalogFile(place.top, id, notice), note = new FileNote(place, CATALOG_NAME, MOST_DIGESTED_BYTES);
    this.#disk = { place, file, note, [Symbol.dispose]: () => file[Symbol.dispose]() };
  }

  [Symbol.dispose](): void {
    this.#retire();
    this.#closeRetired();
    this.#disk?.[Symbol.dispose]();
  }

  /**
   * Retires the open catalog: others may still use it, so it is closed when the next one is retired, or at the end. A
   * server sees a new one after each backup.
   */
  #retire(): void {
    if (this.#opened === undefined) return;
    if (this.#inUse === 0) this.#closeRetired();
    this.#retired.push(this.#opened.catalog);
    this.#opened = undefined;
  }

  #closeRetired(): void {
    for (const catalog of this.#retired.splice(0)) catalog[Symbol.dispose]();
  }

  /** As {@link CatalogFile.tempFor}, beside the catalog. Absent where there is nothing on disk. */
  tempFor(bytes: number): Temp {
    return this.#disk?.file.tempFor(bytes);
  }

  /** The snapshots of the vault in order, without those that were replaced. */
  async heads(): Promise<readonly RootHeader[]> {
    return renumbered(withoutReplaced(await this.#sources.roots.heads()));
  }

  /** A catalog that knows the vault's present snapshots. */
  current(): Promise<Catalog> {
    return this.#pending ??= this.#current().finally(() => this.#pending = undefined);
  }

  async #current(): Promise<Catalog> {
    const heads = await this.heads(), of = heads.map(({ id, root }) => `${root.sequence} ${id}`).join("\n");
    const { version } = this.#sources.roots;
    if (this.#opened?.of === of) {
      this.#opened.version = version;
      return this.#opened.catalog;
    }
    this.#retire();
    const onDisk = await this.#fromDisk(heads), catalog = onDisk ?? await this.#inMemory(heads);
    this.#opened = { catalog, of, version, isOnDisk: onDisk !== undefined };
    return catalog;
  }

  /** A catalog that knows the snapshots that this run has seen: the place is listed only for the first question. */
  async #atHand(): Promise<Catalog> {
    const isCurrent = this.#opened?.version === this.#sources.roots.version;
    return isCurrent && this.#opened !== undefined ? this.#opened.catalog : await this.current();
  }

  /** Queries the catalog. One that turns out to be damaged is rebuilt first; `question` may be called twice. */
  async query<T>(question: (catalog: Catalog) => T): Promise<T> {
    try {
      return question(await this.#atHand());
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error;
      this.#distrust();
      return question(await this.current());
    }
  }

  /**
   * As {@link query}, for many answers that are produced one by one. After a failure, the next query finds a better
   * catalog.
   */
  async queryEach<T>(question: (catalog: Catalog) => Iterable<T>): Promise<Iterable<T>> {
    const answers = question(await this.#atHand());
    this.#inUse++;
    return this.#each(answers);
  }

  *#each<T>(answers: Iterable<T>): Generator<T> {
    try {
      yield* answers;
    } catch (error) {
      if (error instanceof CatalogFault) this.#distrust();
      throw error;
    } finally {
      this.#inUse--;
    }
  }

  #distrust(): void {
    this.#retire();
    this.#disk?.note.remove();
  }

  /** Queries what only the catalog knows, in whatever state it is: updating it for that would cost too much. */
  notes<T>(question: (catalog: Catalog) => T): T | undefined {
    if (this.#opened !== undefined) return question(this.#opened.catalog);
    const opened = this.#disk && this.#openNotes(this.#disk, "read");
    if (opened === undefined) return undefined;
    using held = opened;
    return question(held);
  }

  /** Records something in the catalog, if there is one. What can't be written is lost. */
  note(action: ChangeOfCatalog): void {
    if (this.#disk === undefined) return void (this.#opened && action(this.#opened.catalog, undefined));
    using lock = this.#disk.place.lockCatalog();
    const opened = lock && this.#openNotes(this.#disk, "update");
    if (opened === undefined) return;
    {
      using held = opened;
      unlessFault(() => action(held, this.#disk?.file.record), undefined);
    }
    this.#disk.note.write();
  }

  #openNotes({ file, note }: CatalogOnDisk, mode: "read" | "update"): Catalog | undefined {
    return unlessFault(() => {
      const opened = note.agrees() ? file.open(mode, true) : undefined;
      return opened === undefined || "stale" in opened ? undefined : opened;
    }, undefined);
  }

  /** Changes what only the catalog knows. What can't be written is lost. */
  async change(action: ChangeOfCatalog): Promise<void> {
    const catalog = await this.current();
    if (this.#opened?.isOnDisk !== true || this.#disk === undefined) return action(catalog, undefined);
    const { file, note, place } = this.#disk;
    try {
      using _lock = place.lockCatalog();
      const opened = _lock && file.open("update");
      if (opened === undefined || "stale" in opened) throw new CatalogFault("others are at work on it", "busy");
      using held = opened;
      action(held, file.record);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#sources.monitor.notice(`The catalog of the vault can't be changed: ${error.message}`);
    }
    note.write();
  }

  async #fromDisk(heads: readonly RootHeader[]): Promise<Catalog | undefined> {
    if (this.#disk === undefined) return undefined;
    const { place } = this.#disk, opened = this.#open(this.#disk, heads);
    if (opened !== undefined) return opened;
    using lock = place.lockCatalog();
    if (lock === undefined) return undefined;
    // Whoever held it may have done the work.
    return this.#open(this.#disk, heads) ?? await this.#bringUpToDate(this.#disk, heads);
  }

  #open({ file, note }: CatalogOnDisk, heads: readonly RootHeader[]): Catalog | undefined {
    using held = new DisposableStack();
    try {
      const opened = note.agrees() ? file.open("read", true) : undefined;
      if (opened === undefined || "stale" in opened || !agrees(held.use(opened), heads)) return undefined;
      held.move();
      return opened;
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
  }

  async #bringUpToDate(disk: CatalogOnDisk, heads: readonly RootHeader[]): Promise<Catalog | undefined> {
    const { file, note } = disk;
    try {
      await new CatalogUpdate(this.#sources, heads).run(file, note.agrees());
      note.write();
      return this.#open(disk, heads);
    } catch (error) {
      if (!(error instanceof CatalogFault) && !isOfDisk(error)) throw error;
      this.#sources.monitor.notice(`The catalog of the vault can't be kept: ${error.message}`);
      return undefined;
    }
  }

  async #inMemory(heads: readonly RootHeader[]): Promise<Catalog> {
    const catalog = memoryCatalog({ id: this.#sources.id, temp: undefined });
    await new CatalogUpdate(this.#sources, heads).fill(catalog);
    return catalog;
  }
}

function isOfDisk(error: unknown): error is Fault {
  return error instanceof Fault && error.code === "disk";
}
