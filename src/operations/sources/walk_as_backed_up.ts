/**
 * Walks a directory as the backup of a snapshot would walk it now, with the snapshot's options. What such a backup
 * would not see is neither reported as new nor removed.
 */
import { type Apath, apathWithin, childOf, isWithin, movedApath, parentOf, parseApath, TOP } from "../../core/apath.ts";
import { OrderedLookup } from "../../core/merge_by_path.ts";
import type { Monitor } from "../../core/monitor.ts";
import { rawOf, textOf } from "../../core/raw.ts";
import type { Disk } from "../../platform/disk.ts";
import { type Filter, parseFilterOf } from "../../source/filter.ts";
import { IGNORE_FILE, type Layer, parseIgnoreFile } from "../../source/ignore_file.ts";
import type { SourceRoot } from "../../source/placement.ts";
import { walk, type WalkBatch } from "../../source/walk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { LeftOut } from "../../snapshot/root.ts";
import type { OpenedRepository } from "../opened.ts";
import { contentText } from "./excluded_at_backup.ts";

export interface AsBackedUp {
  /** Resolves the path of the directory. Default: the machine's disk. */
  readonly disk?: Disk;
  readonly manifest: Manifest;
  /** The directory, and its path in the snapshot. */
  readonly root: SourceRoot;
  readonly monitor: Monitor;
  /** Excludes additional paths. @param path in the snapshot */
  readonly leavesOutToo?: (path: Apath, isDirectory: boolean) => boolean;
  /** Don't enter file systems mounted in the directory, even if the backup did. */
  readonly oneFileSystem?: true;
}

/** What old snapshots that don't say were made with. */
const USUAL: LeftOut = { ignored: true, caches: false, mounts: false, largerThan: null, unlisted: false };
const LEAVE = { pattern: "", negated: false };

/** Walks the directory; paths are those in the snapshot. @throws SourceGone, DamagedManifest, DamagedContent */
export async function walkAsBackedUp(
  repository: OpenedRepository,
  reader: ContentReader,
  options: AsBackedUp,
): Promise<Generator<WalkBatch>> {
  const { manifest, root, monitor, oneFileSystem } = options;
  const { leftOut = USUAL } = manifest.root;
  return walk(options.disk ?? repository.machine.disk, [root], {
    filter: filterOf(options, leftOut.unlisted),
    layer: leftOut.ignored ? await layerAbove(reader, options) : undefined,
    ignoreFiles: leftOut.ignored,
    oneFileSystem: oneFileSystem ?? leftOut.mounts,
    excludeCaches: leftOut.caches,
    markers: leftOut.markers?.map(rawOf),
    largestBytes: leftOut.largerThan ?? undefined,
    own: repository.ownPlaces([], monitor),
    monitor,
  });
}

/** Patterns of the command line know nothing of a source itself, and of what is above. */
function filterOf({ manifest, root, leavesOutToo }: AsBackedUp, isUnlisted: boolean): Filter {
  const { excludes } = manifest.root;
  const sources = manifest.root.sources.map(({ at, path }) => {
    return { at: parseApath(at), filter: parseFilterOf(excludes, rawOf(path)) };
  });
  const listed = isUnlisted ? new OrderedLookup(manifest.within(root.at)) : undefined;
  return {
    isEmpty: sources.every(({ filter }) => filter.isEmpty) && leavesOutToo === undefined && listed === undefined,
    decide(path, isDirectory) {
      const apath = movedApath(path, TOP, root.at);
      if (leavesOutToo?.(apath, isDirectory) || (listed !== undefined && listed.at(apath) === undefined)) return LEAVE;
      const source = sources.find(({ at }) => apath !== at && isWithin(apath, at));
      return source?.filter.decide(apathWithin(apath, source.at), isDirectory);
    },
  };
}

/** What files in the directories above the walked one say of it, as the snapshot has them. */
async function layerAbove(
  reader: ContentReader,
  { manifest, root, monitor }: AsBackedUp,
): Promise<Layer | undefined> {
  const source = manifest.root.sources.map(({ at }) => parseApath(at)).find((at) => isWithin(root.at, at));
  const above: Apath[] = [];
  for (let at = root.at; source !== undefined && at !== source;) above.push(at = parentOf(at));
  let layer: Layer | undefined;
  for (const directory of above.reverse()) {
    const file = manifest.entry(childOf(directory, IGNORE_FILE));
    if (file?.kind !== "file") continue;
    const filter = parseIgnoreFile(await contentText(reader, file), textOf(file.path), monitor);
    const inside = apathWithin(root.at, directory);
    layer = { filter: filterFrom(filter, inside), prefixLength: 0, above: layer };
  }
  return layer;
}

/** A filter for paths in the directory `inside` of those that `filter` is about. */
function filterFrom(filter: Filter, inside: Apath): Filter {
  return {
    isEmpty: filter.isEmpty,
    decide: (path, isDirectory) => filter.decide(movedApath(path, TOP, inside), isDirectory),
  };
}
