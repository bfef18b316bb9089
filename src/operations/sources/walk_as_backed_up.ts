/**
 * Walking a directory as the backup of a snapshot would walk it now: with the snapshot's options. What such a backup
 * would not see is neither told as new, nor removed.
 */
import { type Apath, isWithin, parentOf, TOP } from "../../core/apath.ts";
import type { Monitor } from "../../core/monitor.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import type { Disk } from "../../platform/disk.ts";
import { type Filter, parseFilter } from "../../source/filter.ts";
import { IGNORE_FILE, type Layer, parseIgnoreFile } from "../../source/ignore_file.ts";
import type { SourceRoot } from "../../source/placement.ts";
import { walk, type WalkBatch } from "../../source/walk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { LeftOut, Root } from "../../snapshot/root.ts";
import type { Storage } from "../../storage/storage.ts";
import { contentText } from "./excluded_at_backup.ts";
import { OrderedLookup } from "../../core/lockstep.ts";

export interface AsBackedUp {
  /** By which the directory's path is followed; default: the machine's. */
  readonly disk?: Disk;
  readonly manifest: Manifest;
  /** The directory, and its place in the snapshot. */
  readonly root: SourceRoot;
  readonly monitor: Monitor;
  /** Leaves out more than the backup did. @param path in the snapshot */
  readonly leavesOutToo?: (path: Apath, isDirectory: boolean) => boolean;
  /** What is mounted in the directory isn't entered, also if the backup did. */
  readonly oneFileSystem?: true;
}

/** What old snapshots that don't say were made with. */
const USUAL: LeftOut = { ignored: true, caches: false, mounts: false, largerThan: null, unlisted: false };
const LEAVE = { pattern: "", negated: false };

/** Paths are those in the snapshot. @throws SourceGone, DamagedManifest, DamagedContent */
export function walkAsBackedUp(storage: Storage, options: AsBackedUp): Generator<WalkBatch> {
  const { manifest, root, monitor, oneFileSystem } = options;
  const { leftOut = USUAL } = manifest.root;
  return walk(options.disk ?? storage.machine.disk, [root], {
    filter: filterOf(options, leftOut.unlisted),
    layer: leftOut.ignored ? layerAbove(storage, options) : undefined,
    ignoreFiles: leftOut.ignored,
    oneFileSystem: oneFileSystem ?? leftOut.mounts,
    excludeCaches: leftOut.caches,
    largestBytes: leftOut.largerThan ?? undefined,
    own: storage.ownPlaces([], monitor),
    monitor,
  });
}

function filterOf({ manifest, root, leavesOutToo }: AsBackedUp, isUnlisted: boolean): Filter {
  const excludes = parseFilter(manifest.root.excludes);
  const listed = isUnlisted ? new OrderedLookup(manifest.within(root.at)) : undefined;
  return {
    isEmpty: excludes.isEmpty && leavesOutToo === undefined && listed === undefined,
    decide(path, isDirectory) {
      const apath = (root.at === TOP ? path : root.at + path) as Apath;
      if (leavesOutToo?.(apath, isDirectory) || (listed !== undefined && listed.at(apath) === undefined)) return LEAVE;
      const inSource = pathInSource(apath, manifest.root);
      return inSource === undefined ? undefined : excludes.decide(inSource, isDirectory);
    },
  };
}

/** The path by which patterns of the command line know an object; undefined for a source itself, and what is above. */
function pathInSource(path: Apath, { sources }: Root): Apath | undefined {
  for (const { at: text } of sources) {
    const at = rawOf(text) as string as Apath;
    if (path !== at && isWithin(path, at)) return (at === TOP ? path : path.slice(at.length)) as Apath;
  }
  return undefined;
}

/** What files in the directories above the walked one say of it, as the snapshot has them. */
function layerAbove(storage: Storage, { manifest, root, monitor }: AsBackedUp): Layer | undefined {
  const source = manifest.root.sources.map(({ at }) => rawOf(at) as string as Apath)
    .find((at) => isWithin(root.at, at));
  const above: Apath[] = [];
  for (let at = root.at; source !== undefined && at !== source;) above.push(at = parentOf(at));
  let layer: Layer | undefined;
  for (const directory of above.reverse()) {
    const file = manifest.entry((directory === TOP ? `/${IGNORE_FILE}` : `${directory}/${IGNORE_FILE}`) as Apath);
    if (file?.kind !== "file") continue;
    const filter = parseIgnoreFile(contentText(storage, file), textOf(file.path), monitor);
    const inside = root.at.slice(directory === TOP ? 0 : directory.length);
    layer = { filter: filterFrom(filter, inside), prefixLength: 0, above: layer };
  }
  return layer;
}

/** A filter for paths in the directory `inside` of those that `filter` is about. */
function filterFrom(filter: Filter, inside: string): Filter {
  return {
    isEmpty: filter.isEmpty,
    decide: (path, isDirectory) => filter.decide((inside + path) as Apath, isDirectory),
  };
}
