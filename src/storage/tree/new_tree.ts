/** The tree of a new snapshot, if the storage's file system allows one. */
import { type Apath, relativeOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import type { Machine } from "../../platform/machine.ts";
import type { SinkRequest, TreeDirectory, TreeOutput, TreePlace } from "../../snapshot/snapshot_sink.ts";
import { openDirIfThere } from "../../platform/open_optional.ts";
import { nameInWork } from "../layout/own_names.ts";
import { probeLinks } from "./probe_links.ts";
import { TreeBuilder } from "./tree_builder.ts";
import { existingTree, freeTreeName, pointLatest, type StorageOfTrees, treeName } from "./tree_places.ts";

export interface StorageForTree extends StorageOfTrees {
  readonly machine: Pick<Machine, "clock" | "disk" | "random">;
}

/** Begins a tree. @returns undefined, after a notice, if the file system has no hard links */
export function newTree(storage: StorageForTree, request: SinkRequest, monitor: Monitor): NewTree | undefined {
  const { links, colons } = probeLinks(storage.dir);
  if (links) return new NewTree(storage, request, colons);
  monitor.notice("This file system has no hard links: backing up without browsable trees");
  return undefined;
}

export class NewTree implements TreeOutput, Disposable {
  /** Path relative to the storage. */
  readonly name: string;
  readonly #storage: StorageForTree;
  readonly #series: string;
  readonly #builder: TreeBuilder;
  /** Tree of the newest complete snapshot of the series, relative to the storage. */
  readonly #before: Raw | undefined;

  /** @param colons true if names may contain `:` */
  constructor(storage: StorageForTree, { startMs, isPrivate, previous, series }: SinkRequest, colons: boolean) {
    const { disk, clock, random } = storage.machine;
    this.#storage = storage;
    this.#series = series;
    this.name = freeTreeName(treeName(startMs, clock, colons), (candidate) => isTreeTaken(storage, candidate));
    this.#builder = new TreeBuilder(storage.dir, disk, { name: nameInWork(random), isPrivate });
    const whole = previous.find(({ complete }) => complete);
    const before = whole && existingTree(storage, whole);
    this.#before = before === undefined ? undefined : rawOf(before);
  }

  [Symbol.dispose](): void {
    this.#builder[Symbol.dispose]();
  }

  placeOf(directory: Apath): TreePlace {
    return {
      tree: this.#builder.directory(directory),
      before: this.#before && joinRaw(this.#before, relativeOf(directory)),
    };
  }

  open(directory: Apath): TreeDirectory {
    const builder = this.#builder, opened = builder.open(directory);
    return {
      makeDirectory: (entry) => builder.makeDirectory(opened, entry),
      makeSymlink: (link) => builder.makeSymlink(opened, link),
      [Symbol.dispose]: () => opened[Symbol.dispose](),
    };
  }

  enter(directory: Apath): void {
    this.#builder.enter(directory);
  }

  finish(directory: Entry): void {
    if (directory.path === TOP) this.#builder.setTop(directory);
    else this.#builder.expect(directory);
  }

  /** Counts files that could not be linked because their names are taken. */
  noteTaken(names: number): void {
    this.#builder.noteTaken(names);
  }

  /** Completes the tree. Once everything in it is durable, it can be published. */
  close(monitor: Monitor): void {
    this.#builder.finish(monitor);
  }

  /** Makes the tree visible, durably. Its snapshot must exist. */
  publish(): void {
    this.#builder.publish(this.name);
    pointLatest(this.#storage.dir, this.#series, this.name);
  }
}

function isTreeTaken(storage: StorageOfTrees, name: string): boolean {
  const slash = name.indexOf("/");
  const year = rawOf(name.slice(0, slash));
  if (storage.snapshots().some((snapshot) => snapshot.tree === name)) return true;
  using directory = openDirIfThere(storage.dir, year);
  return directory?.stat(rawOf(name.slice(slash + 1))) !== undefined;
}
