/** The tree that a new snapshot gets, if the storage's file system allows it. */
import { openDirIfThere } from "../../platform/open_optional.ts";
import type { Monitor } from "../../core/monitor.ts";
import { rawOf } from "../../core/raw.ts";
import type { Storage } from "../storage.ts";
import { probeLinks } from "./probe_links.ts";
import { nameInWork } from "../layout/own_names.ts";
import { TreeBuilder } from "./tree_builder.ts";
import { freeTreeName, treeName } from "./tree_places.ts";

/** @returns undefined, with a notice, where there are no hard links */
export function newTree(
  storage: Storage,
  startMs: number,
  isPrivate: boolean,
  monitor: Monitor,
): { readonly name: string; readonly builder: TreeBuilder } | undefined {
  const { disk, clock, random } = storage.machine;
  const { links, colons } = probeLinks(storage.dir);
  if (!links) {
    monitor.notice("This file system has no hard links: backing up without browsable trees");
    return undefined;
  }
  const name = freeTreeName(treeName(startMs, clock, colons), (candidate) => isTreeTaken(storage, candidate));
  return { name, builder: new TreeBuilder(storage.dir, disk, { name: nameInWork(random), isPrivate }) };
}

function isTreeTaken(storage: Storage, name: string): boolean {
  const slash = name.indexOf("/");
  const year = rawOf(name.slice(0, slash));
  if (storage.snapshots().some((snapshot) => snapshot.tree === name)) return true;
  using directory = openDirIfThere(storage.dir, year);
  return directory?.stat(rawOf(name.slice(slash + 1))) !== undefined;
}

/** Of names that the storage's file system takes for others of the same directory. */
export function noticeTaken(names: number, monitor: Monitor): void {
  if (names === 0) return;
  monitor.notice(
    `${names} files and links are not in the tree: this file system takes their names for those of others`,
  );
}
