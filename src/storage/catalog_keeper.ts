/**
 * Keeps the catalog in step with `content/`, which is the truth. A catalog that is missing, damaged, of another storage
 * or older than the newest root is never used: it is brought up to date or made again, in memory if need be.
 */
import type { RootId } from "../core/content_id.ts";
import { Fault } from "../core/fault.ts";
import { type Raw, rawOf, textOf } from "../core/raw.ts";
import { type Dir, DiskFault } from "../platform/disk.ts";
import { type Catalog, createCatalog, isCatalogFailure, memoryCatalog, openCatalog } from "./catalog/catalog.ts";
import type { ManifestSource, SnapshotInfo } from "./catalog/catalog.ts";
import { rebuild } from "./catalog/rebuild.ts";
import { Locked } from "./faults.ts";
import { ForeignSnapshot } from "./root.ts";
import { DamagedSettings } from "./settings.ts";
import type { Storage } from "./storage.ts";
import { removeRecursively } from "./tree.ts";

const NAME = rawOf("catalog.sqlite");

export class CatalogKeeper implements Disposable {
  readonly #storage: Storage;
  #catalog: Catalog | undefined;
  #owned = false;
  /** Why the catalog on disk is no longer to be used, although it could be opened. */
  #distrust: string | undefined;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** Whether the writer lock is ours: only then is the file changed. */
  ownedBy(writer: boolean): void {
    this.#close();
    this.#owned = writer;
  }

  current(): Catalog {
    return this.#catalog ??= this.#open();
  }

  /** Does something with the catalog; one that turns out to be damaged is made again first. `action` may run twice. */
  use<T>(action: (catalog: Catalog) => T): T {
    try {
      return action(this.current());
    } catch (error) {
      if (!isCatalogFailure(error)) throw error;
      this.#close();
      this.#distrust = `can't be used (${error.message})`;
      return action(this.current());
    }
  }

  /** Takes up a snapshot that has just been committed. */
  add(id: RootId): void {
    this.use((catalog) => {
      if (!catalog.generation().includes(id)) this.#apply(catalog, this.#storage.manifestSource(id));
      catalog.setFingerprint(this.#storage.contentFingerprint());
    });
  }

  rebuild(): Catalog {
    this.#close();
    return this.#catalog = this.#owned ? this.#rebuildFile() : this.#makeInMemory();
  }

  #close(): void {
    this.#catalog?.[Symbol.dispose]();
    this.#catalog = undefined;
  }

  #open(): Catalog {
    const opened = this.#openFile(!this.#owned);
    if ("stale" in opened) return this.#owned ? this.#renew(opened.stale) : this.#openBetter(opened.stale);
    if (this.#agrees(opened)) return opened;
    if (this.#owned) {
      this.#tellVanished(opened);
      if (this.#catchUp(opened)) return opened;
    }
    opened[Symbol.dispose]();
    const why = "does not know all snapshots";
    return this.#owned ? this.#renew(why) : this.#openBetter(why);
  }

  /** True if the catalog knows exactly the roots that are there. Cheap unless `content/` has changed since. */
  #agrees(catalog: Catalog): boolean {
    const fingerprint = this.#storage.contentFingerprint();
    if (catalog.fingerprint() === fingerprint) return true;
    const known = new Set<string>(catalog.generation());
    const there = this.#storage.rootIds();
    if (there.length !== known.size || !there.every((id) => known.has(id))) return false;
    if (this.#owned) catalog.setFingerprint(fingerprint);
    return true;
  }

  /** Adds newer roots to a catalog that merely lacks them; false if that is not all that is wrong. */
  #catchUp(catalog: Catalog): boolean {
    const there = this.#storage.rootIds();
    const isThere = new Set<string>(there);
    const known = catalog.snapshots();
    if (!known.every(({ id }) => isThere.has(id))) return false;
    const isKnown = new Set<string>(known.map(({ id }) => id));
    const missing = this.#sources(there.filter((id) => !isKnown.has(id)));
    const newest = known.at(-1)?.sequence ?? 0;
    if (missing.some(({ root }) => root.sequence <= newest)) return false;
    for (const source of missing) this.#apply(catalog, source);
    catalog.setFingerprint(this.#storage.contentFingerprint());
    return true;
  }

  #openFile(readOnly: boolean): Catalog | { readonly stale: string } {
    if (this.#distrust !== undefined) return { stale: this.#distrust };
    return openCatalog(this.#path("db"), this.#storage.settings.id, { readOnly });
  }

  /** Puts a new catalog in the place of a bad one; on a full disk, one that lasts for this run. */
  #renew(why: string): Catalog {
    this.#announce(why);
    try {
      return this.#rebuildFile();
    } catch (error) {
      if (!isCatalogFailure(error) && !(error instanceof DiskFault)) throw error;
      this.#storage.monitor.notice(`The catalog can't be written, and will be made again: ${error.message}`);
      return this.#makeInMemory();
    }
  }

  #makeInMemory(): Catalog {
    return this.#fill(memoryCatalog(this.#storage.settings.id));
  }

  /** Has the catalog brought up to date, on disk if the storage can be written, else for this run only. */
  #openBetter(why: string): Catalog {
    try {
      using _writer = this.#storage.write("rebuilding the catalog");
      this.current();
    } catch (error) {
      if (!(error instanceof Locked || error instanceof DiskFault)) throw error;
    }
    const opened = this.#openFile(true);
    if (!("stale" in opened)) {
      if (this.#agrees(opened)) return opened;
      opened[Symbol.dispose]();
    }
    this.#announce(why);
    return this.#makeInMemory();
  }

  #announce(why: string): void {
    if (this.#storage.rootIds().length === 0) return;
    this.#storage.monitor.notice(`The catalog ${why}; rebuilding it from content/`);
  }

  /** Only the catalog remembers a snapshot whose root is lost. */
  #tellVanished(catalog: Catalog): void {
    const there = new Set<string>(this.#storage.rootIds());
    for (const { id, tree, time } of catalog.snapshots()) {
      if (there.has(id)) continue;
      this.#storage.monitor.notice(`The snapshot ${id.slice(0, 12)} (${tree ?? time}) is gone from content/`);
    }
  }

  #rebuildFile(): Catalog {
    using temp = this.#storage.dir.openDir(rawOf("tmp"));
    using db = this.#storage.dir.openDir(rawOf("db"));
    removeDatabase(temp);
    {
      using made = this.#fill(createCatalog(this.#path("tmp"), this.#storage.settings.id));
      made.setFingerprint(this.#storage.contentFingerprint());
    }
    removeDatabase(db);
    temp.rename(NAME, db, NAME);
    this.#distrust = undefined;
    const opened = this.#openFile(false);
    if ("stale" in opened) throw new Error(`A catalog that was just made can't be used: it ${opened.stale}`);
    return opened;
  }

  #fill(catalog: Catalog): Catalog {
    rebuild(catalog, this.#sources(this.#storage.rootIds()));
    return catalog;
  }

  /**
   * Manifests of roots by sequence; a damaged root is a problem of its own and hides no other.
   * @throws DamagedSettings if none of them is of this storage
   */
  #sources(ids: readonly RootId[]): ManifestSource[] {
    const sources: ManifestSource[] = [], foreign: ForeignSnapshot[] = [];
    for (const id of ids) {
      try {
        sources.push(this.#storage.manifestSource(id));
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error instanceof ForeignSnapshot) foreign.push(error);
        else this.#storage.monitor.problem(error);
      }
    }
    if (sources.length === 0 && foreign[0] !== undefined) {
      throw new DamagedSettings(`its "id" is wrong: all snapshots belong to the storage ${foreign[0].storage}`);
    }
    for (const fault of foreign) this.#storage.monitor.problem(fault);
    return renumbered(sources);
  }

  #apply(catalog: Catalog, source: ManifestSource): void {
    const previous = previousOf(source, catalog.snapshots());
    catalog.apply(source, previous && withSequence(this.#storage.manifestSource(previous.id), previous.sequence));
  }

  #path(directory: "db" | "tmp"): string {
    return `${textOf(this.#storage.path)}/${directory}/${textOf(NAME)}`;
  }
}

/**
 * In order, each with a sequence of its own. Two roots have the same one if the first could not be read when the second
 * was made (damaged since healed, or of a newer format); the later one, and whatever it runs into, moves on.
 */
function renumbered(sources: readonly ManifestSource[]): ManifestSource[] {
  const key = ({ id, root }: ManifestSource) => root.start + id;
  const ordered = sources.toSorted((a, b) => a.root.sequence - b.root.sequence || (key(a) < key(b) ? -1 : 1));
  let last = 0;
  return ordered.map((source) => withSequence(source, last = Math.max(source.root.sequence, last + 1)));
}

function withSequence(source: ManifestSource, sequence: number): ManifestSource {
  return source.root.sequence === sequence ? source : { ...source, root: { ...source.root, sequence } };
}

/** With what SQLite may have left beside it, which would spoil a new one. */
function removeDatabase(directory: Dir): void {
  for (const leftover of ["", "-journal", "-wal", "-shm"]) removeRecursively(directory, (NAME + leftover) as Raw);
}

/** The complete snapshot of the same series that comes right before. */
function previousOf(source: ManifestSource, snapshots: readonly SnapshotInfo[]): SnapshotInfo | undefined {
  const { host, name, sequence } = source.root;
  return snapshots.findLast((other) =>
    other.complete && other.host === host && other.name === name && other.sequence < sequence
  );
}
