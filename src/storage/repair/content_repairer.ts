/**
 * Replaces a damaged content by an intact copy: from trees that have copies of their own, from the files that were
 * backed up, or from other storages. A copy is used only if its checksum matches.
 */
import { unlessFault } from "../../core/fault.ts";
import { Buffer } from "node:buffer";
import { type Apath, apathWithin, isWithin, nameOf, parentOf, placeApath, relativeOf, TOP } from "../../core/apath.ts";
import { classOfId, type ContentId, isDigestOf, type RootId } from "../../core/content_id.ts";
import { digestHexLength, isCollisionResistant } from "../../core/digest.ts";
import { DigestStream } from "../../core/digest_stream.ts";
import { baseName, joinRaw, parentPath, type Raw, rawOf, textOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { type Dir, DiskFault, type OpenFile } from "../../platform/disk.ts";
import { readingAroundHoles } from "../../platform/holes.ts";
import { atOnce } from "../../core/steps.ts";
import type { Root } from "../../snapshot/root.ts";
import { CHUNK_BYTES, type ContentStore } from "../content/content_store.ts";
import { clearForFile } from "../layout/quarantine.ts";
import { itemPath } from "../layout/item_path.ts";
import type { DamagedFile } from "./affected_paths.ts";
import type { RepairSource } from "./repair_source.ts";
import type { Storage } from "../storage.ts";

/** What the repairer needs to know of a snapshot. */
export interface SnapshotPlaces {
  readonly sources: Root["sources"];
  /** Path of its tree in the storage; undefined if there is none. */
  readonly tree: Raw | undefined;
}

export interface HealerOptions {
  readonly snapshots: ReadonlyMap<RootId, SnapshotPlaces>;
  readonly others: readonly RepairSource[];
  /** Absolute paths of directories that may have the backed-up files, at their paths in snapshots or in a source. */
  readonly directories: readonly Raw[];
  /** False: only look for an intact copy. */
  readonly heals: boolean;
}

/** A file that may have the lost content. */
interface RepairCandidate {
  /** Description for people. */
  readonly from: string;
  /** A file of a tree to which a link may be enough. */
  readonly tree?: { readonly dir: Raw; readonly name: Raw };
  open(): OpenFile | undefined;
}

const CONTENT = rawOf("content"), TEMP = rawOf("tmp"), TEMP_NAME = rawOf("repaired");
/** Bits that disqualify a file as an item: others may write to it. */
const WRITE_BITS = 0o222;
/** Mode of a repaired item: it is unknown which users may read all files with that content. */
const OWNER_READS = 0o400;

export class ContentRepairer implements Disposable {
  readonly #storage: Storage;
  readonly #store: ContentStore;
  readonly #options: HealerOptions;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);

  constructor(storage: Storage, options: HealerOptions) {
    this.#storage = storage;
    this.#store = storage.contents();
    this.#options = options;
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** Description of the damage of a content; undefined if it is intact. */
  diagnose({ id, size }: DamagedFile): string | undefined {
    const found = this.#store.sizeOf(id);
    if (found === undefined) return "it is missing";
    if (found !== size) return `it has ${found} bytes instead of ${size}`;
    try {
      using item = this.#store.open(id);
      return this.#isSound(item, id, size) ? undefined : "its bytes don't match its checksum";
    } catch (error) {
      if (error instanceof DiskFault) return error.message;
      throw error;
    }
  }

  /** Paths in the storage of objects that were moved out of the way of contents since the last call. */
  takeAside(): string[] {
    return [...this.#store.takeAside(), ...this.#aside.splice(0)];
  }
  readonly #aside: string[] = [];

  /** Repairs a content. @returns where the intact copy came from; undefined if there is none */
  heal(file: DamagedFile): string | undefined {
    for (const remedy of this.#remedies(file)) {
      using found = unlessFault(() => remedy.open(), undefined);
      if (found === undefined || !this.#fits(found, file)) continue;
      if (this.#options.heals) this.#put(file, found, remedy);
      return remedy.from;
    }
    return undefined;
  }

  /** As `heal`, with a copy that the caller found. @returns false if it doesn't match */
  healWith(file: DamagedFile, open: () => OpenFile | undefined): boolean {
    using found = open();
    if (found === undefined || !this.#fits(found, file)) return false;
    if (this.#options.heals) this.#put(file, found, { from: "", open });
    return true;
  }

  #put(file: DamagedFile, found: OpenFile, remedy: RepairCandidate): void {
    const before = this.#statItem(file.id);
    if (!this.#putName(file, remedy)) this.#putCopy(file, found);
    for (const { path, snapshots } of file.affected) {
      for (const id of snapshots) this.#mendTree(this.#options.snapshots.get(id)?.tree, path, file, before);
    }
  }

  #putCopy(file: DamagedFile, found: OpenFile): void {
    const { gid } = this.#storage.machine.disk;
    const { id } = atOnce(this.#store.storeStream({
      size: file.size,
      sparse: file.sparse,
      read: readingAroundHoles(found),
      cloneTo: (target) => target.cloneFrom(found),
    }, { mode: OWNER_READS, gid, mtime: file.mtime, hasAcl: false, expected: file.id }));
    if (id !== file.id) throw new Error(`Content ${file.id} was stored as ${id}`);
  }

  /**
   * Links an item that lost its name, but still exists under the one in a tree. @returns false if that isn't possible
   */
  #putName({ id }: DamagedFile, { tree }: RepairCandidate): boolean {
    if (tree === undefined) return false;
    const { dir, name } = itemPath(this.#storage.settings, id);
    using from = this.#storage.dir.openPath(tree.dir);
    const stat = from.stat(tree.name);
    if (stat === undefined || (stat.mode & WRITE_BITS) !== 0 || stat.uid !== this.#storage.machine.disk.uid) {
      return false;
    }
    using temp = this.#storage.dir.openDir(TEMP);
    using leaf = this.#storage.dir.openPath(joinRaw(CONTENT, dir));
    temp.unlink(TEMP_NAME);
    if (from.link(tree.name, temp, TEMP_NAME) !== "linked") return false;
    const aside = clearForFile(this.#storage.dir, leaf, name, rawOf(id));
    if (aside !== undefined) this.#aside.push(aside);
    temp.rename(TEMP_NAME, leaf, name);
    return true;
  }

  #statItem(id: string): Stat | undefined {
    const { dir, name } = itemPath(this.#storage.settings, id);
    try {
      using leaf = this.#storage.dir.openPath(joinRaw(CONTENT, dir));
      return leaf.stat(name);
    } catch (error) {
      if (error instanceof DiskFault) return undefined;
      throw error;
    }
  }

  /** Replaces the damaged item in a tree by a link to the intact one. */
  #mendTree(tree: Raw | undefined, path: Apath, { id, size }: DamagedFile, before: Stat | undefined): void {
    if (tree === undefined) return;
    const name = nameOf(path);
    using directory = unlessFault(
      () => this.#storage.dir.openPath(joinRaw(tree, relativeOf(parentOf(path)))),
      undefined,
    );
    const there = directory?.stat(name);
    if (directory === undefined || there?.kind !== "file" || there.inode === this.#statItem(id)?.inode) return;
    const isOld = before !== undefined && there.inode === before.inode && there.device === before.device;
    if (!isOld && this.#isSoundIn(directory, name, id, size)) return;
    const { mtime } = directory.statSelf();
    using temp = this.#storage.dir.openDir(TEMP);
    temp.unlink(TEMP_NAME);
    this.#store.linkOrCopy(id, temp, TEMP_NAME);
    temp.rename(TEMP_NAME, directory, name);
    directory.setSelfAttributes({ mtime });
  }

  #isSoundIn(directory: Dir, name: Raw, id: string, size: number): boolean {
    using file = directory.open(name);
    return file !== undefined && this.#isSound(file, id, size);
  }

  /**
   * True if a file has the wanted content. With a weak digest, the bytes of another content must not be taken for it.
   */
  #fits(found: OpenFile, { id, size }: DamagedFile): boolean {
    if (!this.#isSound(found, id, size)) return false;
    if (isCollisionResistant(this.#storage.settings.algorithm)) return true;
    return !this.#siblings(id).some((sibling) => this.#isSame(found, sibling));
  }

  /** Ids of other contents with the same digest. */
  #siblings(id: string): ContentId[] {
    const { hexSplit, algorithm } = this.#storage.settings;
    const { dir, name } = itemPath({ hexSplit }, id);
    const digits = digestHexLength(algorithm);
    using leaf = this.#storage.dir.openPath(joinRaw(CONTENT, dir));
    const ids = leaf.list().names.map((other) => id.slice(0, id.length - name.length) + other);
    return ids.filter((other) =>
      other !== id && other.startsWith(id.slice(0, digits)) && classOfId(other, digits) === "content"
    ) as ContentId[];
  }

  #isSame(found: OpenFile, sibling: ContentId): boolean {
    using item = this.#store.open(sibling);
    const other = new Uint8Array(CHUNK_BYTES);
    for (let at = 0;;) {
      const got = found.read(this.#buffer, at), gotOther = item.read(other, at);
      if (Buffer.compare(this.#buffer.subarray(0, got), other.subarray(0, gotOther)) !== 0) return false;
      if (got === 0) return true;
      at += got;
    }
  }

  #isSound(file: OpenFile, id: string, size: number): boolean {
    if (file.stat().size !== size) return false;
    const read = new DigestStream(this.#storage.settings.algorithm, readingAroundHoles(file), this.#buffer).run();
    return read.size === size && isDigestOf(id, read.digest);
  }

  *#remedies(file: DamagedFile): Generator<RepairCandidate> {
    yield* this.#inTrees(file);
    yield* this.#inSources(file);
    for (const other of this.#options.others) {
      for (const open of other.candidates(file)) yield { from: other.path, open };
    }
  }

  *#inTrees({ id, affected }: DamagedFile): Generator<RepairCandidate> {
    const damaged = this.#statItem(id);
    for (const { path, snapshots } of affected) {
      for (const snapshot of snapshots) {
        const tree = this.#options.snapshots.get(snapshot)?.tree;
        if (tree === undefined) continue;
        const dir = joinRaw(tree, relativeOf(parentOf(path))), name = nameOf(path);
        const open = () => {
          using directory = unlessFault(() => this.#storage.dir.openPath(dir), undefined);
          const isOther = directory?.stat(name)?.inode !== damaged?.inode;
          return isOther ? directory?.open(name) : undefined;
        };
        yield { from: textOf(joinRaw(tree, relativeOf(path))), tree: { dir, name }, open };
      }
    }
  }

  *#inSources({ affected }: DamagedFile): Generator<RepairCandidate> {
    const tried = new Set<Raw>();
    for (const { path, snapshots } of affected) {
      for (const snapshot of snapshots) {
        for (const { path: source, at } of this.#options.snapshots.get(snapshot)?.sources ?? []) {
          const own = sourcePath(rawOf(source), placeApath(rawOf(at)), path);
          for (const place of [...(own === undefined ? [] : [own]), ...this.#inDirectories(path, at)]) {
            if (tried.has(place)) continue;
            tried.add(place);
            yield { from: textOf(place), open: () => this.#openSource(place) };
          }
        }
      }
    }
  }

  #inDirectories(path: Apath, at: string): Raw[] {
    return this.#options.directories.flatMap((directory) => placesIn(directory, path, at));
  }

  #openSource(path: Raw): OpenFile | undefined {
    using directory = this.#storage.machine.disk.openDir(parentPath(path));
    return directory.open(baseName(path));
  }
}

/** Path in a source of a snapshot's file; undefined if it came from another source. */
function sourcePath(source: Raw, at: Apath, path: Apath): Raw | undefined {
  if (!source.startsWith("/") || !isWithin(path, at)) return undefined;
  return joinRaw(source, relativeOf(apathWithin(path, at)));
}

/**
 * Paths at which a directory may have a file of a snapshot. @param at place in the snapshot of the source that the file
 * came from
 */
export function placesIn(directory: Raw, path: Apath, at: string): Raw[] {
  const source = placeApath(rawOf(at)), places = [joinRaw(directory, relativeOf(path))];
  const isInside = source !== TOP && path !== source && isWithin(path, source);
  return isInside ? [...places, joinRaw(directory, relativeOf(apathWithin(path, source)))] : places;
}
