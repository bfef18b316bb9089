/**
 * Recognises the directories that belong to this storage and this program. Paths are not enough: bind mounts, second
 * volumes of a container, unions and FUSE file systems show one directory under many paths. A place is therefore
 * recognised by device and inode, its own and those of everything above it; by its location in its file system
 * according to the table of mounts, which finds any part that is mounted elsewhere; and, where device and inode differ
 * too, by the id in its `db/main` or by what it holds.
 */
import type { Monitor } from "../../core/monitor.ts";
import {
  baseName,
  isBelow,
  joinRaw,
  movedPath,
  parentPath,
  type Raw,
  relativeTo,
  ROOT,
  textOf,
} from "../../core/raw.ts";
import { includesSorted } from "../../core/sorted.ts";
import type { Stat } from "../../core/stat.ts";
import { type Dir, type Disk, DiskFault, type Mount } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import type { OwnPlace, OwnPlaces, StillCopy } from "../../platform/own_places.ts";
import {
  A_PART,
  A_VIEW,
  ARCHIVE,
  CONTENT,
  DB,
  isPart,
  placeIn,
  placeOfName,
  STATE,
  THE_STORAGE,
  TREE,
  YEAR,
} from "./own_names.ts";
import type { Settings } from "./settings.ts";
import { peekStorageId } from "./settings_file.ts";

/** A directory of this storage or program, and its real path. */
interface OwnRoot {
  readonly path: Raw;
  readonly kind: "storage" | "state";
}

/** One own place, and how to stat it now. */
interface Known {
  readonly place: OwnPlace;
  readonly look: () => Stat | undefined;
}

/** Location of an object, whichever mount shows it: `path` is relative to the top of the file system. */
interface Location {
  readonly device: string;
  readonly path: Raw;
  /** As {@link Mount.shows}. */
  readonly shows: readonly Raw[];
}

/** What is needed from a storage to recognise its places. */
export interface StorageOfPlaces {
  readonly machine: Pick<Machine, "disk" | "state">;
  readonly dir: Dir;
  readonly settings: Settings;
}

export class StoragePlaces implements OwnPlaces {
  readonly #storage: StorageOfPlaces;
  readonly #disk: Disk;
  readonly #monitor: Pick<Monitor, "notice">;
  readonly #roots: readonly OwnRoot[];
  /** Own places by {@link keyOf}. */
  readonly #known = new Map<string, Known>();
  readonly #paths = new Map<Raw, OwnPlace>();

  /**
   * @param more directories that must not be touched either, such as that of the jobs; they need not exist
   * @param monitor receives a notice about other storages
   */
  constructor(storage: StorageOfPlaces, more: readonly Raw[], monitor: Pick<Monitor, "notice">) {
    this.#storage = storage;
    this.#disk = storage.machine.disk;
    this.#monitor = monitor;
    const path = this.#disk.realPath(storage.dir.path);
    const state = [...storage.machine.state ?? [], ...more].flatMap((each) => this.#realPath(each) ?? []);
    this.#roots = [
      ...[path, ...this.#behind(path)].map((each) => ({ path: each, kind: "storage" as const })),
      ...state.map((each) => ({ path: each, kind: "state" as const })),
    ];
    for (const { path, kind } of this.#roots) this.#paths.set(path, kind === "storage" ? THE_STORAGE : STATE);
    this.#learn();
  }

  #realPath(path: Raw): Raw | undefined {
    return orUndefined(() => this.#disk.realPath(path));
  }

  /** Directories of another file system that `path` shows. */
  #behind(path: Raw): Raw[] {
    const at = this.#locationOf(path), stat = this.#stat(path);
    const shown = (at?.shows ?? []).flatMap((top) => this.#realPath(joinRaw(top, relativeTo(ROOT, at!.path))) ?? []);
    return shown.filter((real) => real !== path && isLikely(this.#stat(real), stat));
  }

  #learn(): void {
    const parts = this.#storage.dir.list().names.filter((name) => isPart(name) || name === ARCHIVE);
    for (const { path, kind } of this.#roots) {
      this.#know(kind === "storage" ? THE_STORAGE : STATE, () => this.#stat(path));
      if (kind === "state") continue;
      for (const name of parts) this.#know(placeIn(THE_STORAGE, name), () => this.#stat(joinRaw(path, name)));
    }
    this.#know(THE_STORAGE, () => this.#storage.dir.statSelf());
  }

  #know(place: OwnPlace, look: () => Stat | undefined): void {
    const stat = look();
    if (stat?.kind === "dir" && stat.inode !== "0") this.#known.set(keyOf(stat), { place, look });
  }

  /** Finds a place by device and inode, and checks it: they may be reused once its directory is gone. */
  #byInode(stat: Stat): OwnPlace | undefined {
    const key = keyOf(stat);
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    const now = known.look();
    return now !== undefined && keyOf(now) === key ? known.place : undefined;
  }

  #stat(path: Raw): Stat | undefined {
    return orUndefined(() => this.#disk.statDirectory(path));
  }

  addCopies(copies: readonly StillCopy[]): void {
    for (const { path, kind } of this.#roots) {
      for (const copy of copies) {
        if (!isBelow(path, copy.origin)) continue;
        this.#paths.set(movedPath(path, copy.origin, copy.path), kind === "storage" ? THE_STORAGE : STATE);
      }
    }
  }

  isPart(name: Raw): boolean {
    return isPart(name);
  }

  whyNotFound(path: Raw, name: Raw, stat: Stat): string | undefined {
    const place = this.#placeFound(path, name, stat);
    return place === undefined || place.kind === "archive" ? undefined : place.why;
  }

  isOfStorage(parent: Dir, name: Raw, stat: Stat): boolean {
    const kind = this.#placeFound(joinRaw(parent.path, name), name, stat)?.kind;
    if (kind !== undefined) return kind !== "state";
    // On another device that may be the same, seen otherwise.
    return stat.device !== this.#device && this.#hasOurIdIn(parent, name);
  }

  #placeFound(path: Raw, name: Raw, stat: Stat): OwnPlace | undefined {
    return this.#paths.get(path) ?? this.#byInode(stat) ?? placeOfName(name) ??
      (stat.isMountPoint ? this.#atMount(path) : undefined);
  }

  whyNotListed(directory: Dir, names: readonly Raw[]): string | undefined {
    return this.#placeByListing(directory, names)?.why;
  }

  around(path: Raw): OwnPlace | undefined {
    return this.#byPath(path) ?? this.#byAncestors(path) ?? this.#byLocation(path) ?? this.#byContents(path);
  }

  heldBy(path: Raw): { readonly path: Raw; readonly place: OwnPlace } | undefined {
    const key = this.#keyAt(path);
    const at = this.#locationOf(path);
    for (const root of this.#roots) {
      const location = this.#ownLocations().find((own) => own.root === root)?.location;
      const isHeld = root.path === path || isBelow(root.path, path) ||
        [...ancestors(root.path)].some((above) => key !== undefined && this.#keyAt(above) === key) ||
        (location !== undefined && this.#isShownBy(path, at, location, root.path));
      if (isHeld) return { path: root.path, place: root.kind === "storage" ? THE_STORAGE : STATE };
    }
    for (const { point } of this.#disk.mounts()) {
      const place = isBelow(point, path) && this.#stat(point) !== undefined ? this.around(point) : undefined;
      if (place !== undefined) return { path: point, place };
    }
    return undefined;
  }

  #keyAt(path: Raw): string | undefined {
    const stat = this.#stat(path);
    return stat === undefined || stat.inode === "0" ? undefined : keyOf(stat);
  }

  #byPath(path: Raw): OwnPlace | undefined {
    for (const root of this.#roots) {
      if (path === root.path || isBelow(path, root.path)) return placeIn(root, relativeTo(root.path, path));
    }
    return undefined;
  }

  /** Finds a place by the directory or one above it: by inode, by name, or by our `db/main`. */
  #byAncestors(path: Raw): OwnPlace | undefined {
    for (const above of ancestors(path)) {
      const stat = this.#stat(above);
      if (stat === undefined) continue;
      const known = this.#byInode(stat) ?? placeOfName(baseName(above)) ??
        (this.#hasOurId(above) ? A_VIEW : undefined);
      if (known === undefined) continue;
      const { inside } = known;
      return inside === undefined || above === path ? known : placeIn(known, joinRaw(inside, relativeTo(above, path)));
    }
    return undefined;
  }

  #hasOurId(path: Raw): boolean {
    return this.#isOurId(() => this.#disk.openDir(path));
  }

  #hasOurIdIn(parent: Dir, name: Raw): boolean {
    return this.#isOurId(() => parent.openDir(name));
  }

  #isOurId(open: () => Dir): boolean {
    return orUndefined(() => {
      using directory = open();
      return peekStorageId(directory) === this.#storage.settings.id;
    }) === true;
  }

  get #device(): string {
    return this.#deviceFound ??= this.#storage.dir.statSelf().device;
  }
  #deviceFound: string | undefined;

  /**
   * Finds a place through a bind mount of any part, however deep. The table of mounts is checked before it is believed.
   */
  #byLocation(path: Raw): OwnPlace | undefined {
    const at = this.#locationOf(path);
    if (at === undefined) return undefined;
    const key = this.#keyAt(path);
    for (const { root, location: own } of this.#ownLocations()) {
      if (own.device !== at.device || (at.path !== own.path && !isBelow(at.path, own.path))) continue;
      const inside = relativeTo(own.path, at.path);
      if (key !== undefined && this.#keyAt(joinRaw(root.path, inside)) === key) return placeIn(root, inside);
    }
    return this.#byWhatIsShown(path, at);
  }

  /** Finds a place through a file system that reports which directories it shows. */
  #byWhatIsShown(path: Raw, { shows, path: inside }: Location): OwnPlace | undefined {
    for (const top of shows) {
      const real = this.#realPath(joinRaw(top, relativeTo(ROOT, inside)));
      if (real === undefined || real === path || !isLikely(this.#stat(real), this.#stat(path))) continue;
      const place = this.#byPath(real) ?? this.#byAncestors(real);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** True if the directory at `own` is visible below `path`. */
  #isShownBy(path: Raw, at: Location | undefined, own: Location, ownPath: Raw): boolean {
    if (at?.device !== own.device || (own.path !== at.path && !isBelow(own.path, at.path))) return false;
    const key = this.#keyAt(ownPath);
    return key !== undefined && this.#keyAt(joinRaw(path, relativeTo(at.path, own.path))) === key;
  }

  /** Locations of our directories; computed once, because there may be hundreds of mounts. */
  #ownLocations(): readonly { readonly root: OwnRoot; readonly location: Location }[] {
    return this.#locations ??= this.#roots.flatMap((root) => {
      const location = this.#locationOf(root.path);
      return location === undefined ? [] : [{ root, location }];
    });
  }
  #locations: readonly { readonly root: OwnRoot; readonly location: Location }[] | undefined;

  #locationOf(path: Raw): Location | undefined {
    return orUndefined(() => {
      using directory = this.#disk.openDir(path);
      const id = directory.mountId();
      const mount = this.#disk.mounts().find((one) => one.id === id);
      return mount && locationIn(mount, path);
    });
  }

  #atMount(path: Raw): OwnPlace | undefined {
    return this.#byLocation(path) ?? (this.#hasOurId(path) ? A_VIEW : undefined);
  }

  #byContents(path: Raw): OwnPlace | undefined {
    // Bind mounts and hard facts are known by now: what is left to find has a device of its own.
    if (this.#stat(path)?.device === this.#device) return undefined;
    return orUndefined(() => {
      using directory = this.#disk.openDir(path);
      return this.#placeByListing(directory, [...directory.list().names].sort());
    });
  }

  /** Finds a place by names that only a storage, or a part of ours, contains. */
  #placeByListing(directory: Dir, names: readonly Raw[]): OwnPlace | undefined {
    if (includesSorted(names, DB) && this.#isOurs(directory)) return A_VIEW;
    const [first] = names;
    if (first === undefined) return undefined;
    if (TREE.test(first)) return this.#isYear(directory, first) ? A_PART : undefined;
    if (first !== this.#firstLeaf) return undefined;
    return orUndefined(() => {
      using content = this.#storage.dir.openDir(CONTENT);
      return isSameObject(content.stat(first), directory.stat(first)) ? A_PART : undefined;
    });
  }

  get #firstLeaf(): string {
    return "0".repeat(this.#storage.settings.hexSplit[0] ?? 0);
  }

  #isOurs(directory: Dir): boolean {
    const id = orUndefined(() => peekStorageId(directory));
    if (id === undefined || id === this.#storage.settings.id) return id !== undefined;
    this.#monitor.notice(`${textOf(directory.path)} is another storage, and is taken for ordinary files`);
    return false;
  }

  #isYear(directory: Dir, tree: Raw): boolean {
    const seen = orUndefined(() => directory.stat(tree));
    return this.#storage.dir.list().names.filter((name) => YEAR.test(name)).some((name) => {
      return orUndefined(() => {
        using year = this.#storage.dir.openDir(name);
        return isSameObject(year.stat(tree), seen);
      }) === true;
    });
  }
}

function keyOf({ device, inode }: Stat): string {
  return `${device}/${inode}`;
}

/**
 * True for two views of one object. Where a file system assigns its own devices and inodes, the times of change still
 * match.
 */
function isSameObject(one: Stat | undefined, other: Stat | undefined): boolean {
  if (one === undefined || other === undefined || one.kind !== other.kind) return false;
  if (one.inode !== "0" && keyOf(one) === keyOf(other)) return true;
  return one.ctime !== undefined && one.ctime === other.ctime && one.mtime === other.mtime && one.links === other.links;
}

/** True if two objects that are said to be the same probably are; times may be some seconds old there. */
function isLikely(one: Stat | undefined, other: Stat | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return (one.inode !== "0" && one.inode === other.inode) || isSameObject(one, other);
}

function locationIn({ device, root, point, shows }: Mount, path: Raw): Location {
  return { device, path: joinRaw(root, relativeTo(point, path)), shows };
}

/** The path itself, then all directories above it. */
function* ancestors(path: Raw): Generator<Raw> {
  for (let at = path; at !== ROOT; at = parentPath(at)) yield at;
  yield ROOT;
}

/** The result of `look`; undefined if it can't be read. */
function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof DiskFault) return undefined;
    throw error;
  }
}
