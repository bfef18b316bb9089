/**
 * Trees: the browsable copies of snapshots. A tree is built in tmp/ and renamed into place when its snapshot exists.
 * It is a convenience; nothing is lost with it.
 */
import { type Apath, isWithin, nameOf, relativeOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { baseName, joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { ACL_ATTRIBUTE } from "../../platform/acl.ts";
import { Descent } from "../../platform/descent.ts";
import { type Attributes, type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import type { TreeSymlink } from "../../snapshot/snapshot_sink.ts";
import { modeWithoutGroup } from "../content/access.ts";
import { makeDirectory } from "../layout/quarantine.ts";

const PRIVATE = 0o700;
export const PUBLIC = 0o755;

/**
 * Attributes of a directory in a tree. Without the right to set owner or group, bits that would serve other users are
 * removed. The same holds for an ACL: the group bits are then only its mask.
 */
function directoryAttributes(entry: Entry, disk: Disk): Attributes {
  const { mtime, uid, gid, xattrs = {} } = entry;
  const isGroupTrue = (disk.uid === 0 || gid === disk.gid) && !(ACL_ATTRIBUTE in xattrs);
  const mode = isGroupTrue ? entry.mode : modeWithoutGroup(entry.mode);
  return disk.uid === 0 ? { uid, gid, mode, mtime } : { mode, mtime };
}

interface Frame {
  readonly path: Apath;
  /** Directories in this one, whose attributes are set once everything in them exists. */
  readonly children: Entry[];
}

/**
 * A tree under construction. {@link makeDirectory} makes directories before their contents. Directories that {@link
 * enter} leaves get their attributes, which has to wait until all links in them are made.
 */
export class TreeBuilder implements Disposable {
  readonly #storage: Dir;
  readonly #disk: Disk;
  /** Path of the tree under construction, relative to the storage. */
  readonly place: Raw;
  #frames: Frame[] = [];
  readonly #top: Dir;
  readonly #descent: Descent;
  #topEntry: Entry | undefined;
  /** Directories whose name belongs to another object, which may be a file, and so a content. */
  readonly #others = new Set<Apath>();
  /** True for a source below private directories: the tree is private too. */
  readonly #isPrivate: boolean;
  #takenNames = 0;

  constructor(storage: Dir, disk: Disk, options: { name: string; isPrivate: boolean }) {
    this.#storage = storage;
    this.#disk = disk;
    this.#isPrivate = options.isPrivate;
    this.place = rawOf(`tmp/${options.name}`);
    using temp = storage.openDir(rawOf("tmp"));
    temp.mkdir(rawOf(options.name), PRIVATE);
    this.#top = temp.openDir(rawOf(options.name));
    this.#descent = new Descent(this.#top);
  }

  [Symbol.dispose](): void {
    this.#descent[Symbol.dispose]();
    this.#top[Symbol.dispose]();
  }

  /** Path of the tree's directory for `apath`, relative to the storage. */
  directory(apath: Apath): Raw {
    return joinRaw(this.place, relativeOf(apath));
  }

  open(apath: Apath): Dir {
    return this.#descent.open(relativeOf(apath));
  }

  /** Sets the attributes for the tree's own directory. */
  setTop(entry: Entry): void {
    this.#topEntry = entry;
  }

  /**
   * Makes an empty directory. An object that already has its name, where a file system takes two names for one, is left
   * alone.
   */
  makeDirectory(parent: Dir, entry: Entry): void {
    if (!parent.mkdir(nameOf(entry.path), PRIVATE)) this.#others.add(entry.path);
  }

  /** Makes a symlink. If its name is taken, it is only counted as missing. */
  makeSymlink(parent: Dir, { name, target, uid, gid, mtime }: TreeSymlink): void {
    try {
      parent.symlink(target, name);
    } catch (error) {
      if (!(error instanceof DiskFault) || error.errno !== "EEXIST") throw error;
      return this.noteTaken(1);
    }
    parent.setAttributes(name, this.#disk.uid === 0 ? { uid, gid, mtime } : { mtime });
  }

  /** Counts files and links that are not in the tree because their names are taken. */
  noteTaken(names: number): void {
    this.#takenNames += names;
  }

  /** Announces that the next entries are in `directory`: everything outside of it is finished. */
  enter(directory: Apath): void {
    while (this.#frames.length > 0 && !isWithin(directory, this.#frames.at(-1)!.path)) this.#leave();
    if (this.#frames.at(-1)?.path !== directory) this.#frames.push({ path: directory, children: [] });
  }

  /** Adds a directory whose contents are still to come. */
  expect(entry: Entry): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) throw new Error(`No directory was entered that holds ${entry.path}`);
    frame.children.push(entry);
  }

  #leave(): void {
    const frame = this.#frames.pop();
    if (frame === undefined || frame.children.length === 0) return;
    using parent = this.open(frame.path);
    for (const child of frame.children) {
      if (this.#others.has(child.path)) continue;
      parent.setAttributes(nameOf(child.path), directoryAttributes(child, this.#disk));
    }
  }

  /**
   * Completes the tree. Once everything in it is durable, it can be published. @param monitor receives a notice about
   * what is missing in it
   */
  finish(monitor: Pick<Monitor, "notice">): void {
    while (this.#frames.length > 0) this.#leave();
    if (this.#takenNames === 0) return;
    monitor.notice(
      `${this.#takenNames} files and links are not in the tree: this file system takes their names for those of others`,
    );
  }

  /**
   * Makes the tree visible as `name`, relative to the storage, durably. Everything below its top has to be durable
   * already.
   */
  publish(name: string): void {
    const [year, rest] = name.split("/") as [string, string];
    makeDirectory(this.#storage, this.#storage, rawOf(year), PUBLIC);
    using temp = this.#storage.openDir(rawOf("tmp"));
    using years = this.#storage.openDir(rawOf(year));
    if (years.stat(rawOf(rest)) !== undefined) throw new DiskFault("EEXIST", "create the tree", rawOf(name));
    temp.rename(baseName(this.place), years, rawOf(rest));
    // A directory can't be moved by somebody who may not write to it, so it gets its mode afterwards.
    using tree = years.openDir(rawOf(rest));
    tree.setSelfAttributes(this.#topAttributes());
    tree.sync();
    years.sync();
    this.#storage.sync();
  }

  #topAttributes(): Attributes {
    if (this.#topEntry === undefined) return { mode: this.#isPrivate ? PRIVATE : PUBLIC };
    const attributes = directoryAttributes(this.#topEntry, this.#disk);
    return this.#isPrivate ? { ...attributes, mode: this.#topEntry.mode & PRIVATE } : attributes;
  }
}
