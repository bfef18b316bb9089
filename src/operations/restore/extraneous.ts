/**
 * Finds and removes what a restore's target contains but the snapshot doesn't. The target is walked as a backup of it
 * would be, with the excludes of the snapshot's backup: what such a backup would not have seen is not removed. So what
 * is excluded from backups survives a restore, and nothing beyond a mount point or a symlink is touched.
 */
import { type Apath, nameOf, parentOf, parseApath, relativeOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { OrderedLookup } from "../../core/merge_by_path.ts";
import { baseName, joinRaw, parentPath, type Raw, textOf } from "../../core/raw.ts";
import { Descent } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { ContentReader } from "../../snapshot/repository.ts";
import type { LeftOut } from "../../snapshot/root.ts";
import { parseFilter } from "../../source/filter.ts";
import type { SourceRoot } from "../../source/placement.ts";
import type { Found } from "../../source/walk.ts";
import { type BackupExclusions, readBackupExclusions } from "../sources/excluded_at_backup.ts";
import { walkAsBackedUp } from "../sources/walk_as_backed_up.ts";
import { absoluteOf, meets, type PathMapping, placeOf } from "./path_mapping.ts";
import { chooser } from "./restore_entries.ts";
import { isMarker } from "./restore_marker.ts";
import type { RestorePlan } from "./restore_plan.ts";

const LOST_AND_FOUND = "/lost+found";

export class CannotDelete extends Fault {
  readonly code = "cannot-delete";
  readonly hint = "Restore without `--delete`, or into an empty directory";
  constructor(why: string) {
    super(`Cannot distinguish files to delete from files that could not be backed up: ${why}`);
  }
}

/**
 * Removes extraneous objects; files come before the directories that contain them.
 * @param how `removes`: false only reports; `removed` is called with the absolute path of each object
 * @throws CannotDelete, DamagedManifest, DamagedContent, Interrupted
 */
export async function removeExtraneous(
  plan: RestorePlan,
  reader: ContentReader,
  how: { readonly removes: boolean; readonly removed: (path: Raw) => void },
): Promise<void> {
  const { manifest, mappings, monitor, disk } = plan;
  const leftOut = assertDeletable(manifest);
  for (const { target } of mappings) assertNotSystem(plan.repository.machine.disk, target, manifest);
  const then = await readBackupExclusions(reader, { manifest, leftOut, monitor });
  if (then.unaccounted > 0) {
    throw new CannotDelete(`the backup had ${then.unaccounted} problems with what the snapshot doesn't name`);
  }
  for (const mapping of mappings) {
    for (const root of rootsAlong(mapping, manifest, disk)) {
      const removal = new Removal(plan, { mapping, root, then, ...how });
      await removal.run(reader);
    }
  }
}

function assertDeletable({ root }: Manifest): LeftOut {
  if (!root.complete) throw new CannotDelete("the snapshot is incomplete");
  if (root.leftOut === undefined) throw new CannotDelete("the snapshot doesn't record what its backup excluded");
  if (root.leftOut.unlisted) throw new CannotDelete("the snapshot has only what was on a list");
  return root.leftOut;
}

/** A slip of the finger must not empty the whole machine. */
function assertNotSystem(disk: Disk, target: Raw, { root }: Manifest): void {
  if (!isWhole(disk, target) || root.sources.some(({ path }) => path === "/")) return;
  throw new CannotDelete("the target is the whole system, and the snapshot is not of that");
}

function isWhole(disk: Disk, path: Raw): boolean {
  try {
    return disk.realPath(path) === "/";
  } catch (error) {
    if (error instanceof DiskFault) return false;
    throw error;
  }
}

/** Directories in the target that correspond to sources. A symlink in the place of one leads outside: it is none. */
function* rootsAlong(mapping: PathMapping, manifest: Manifest, disk: Disk): Generator<SourceRoot> {
  for (const source of manifest.root.sources) {
    const at = parseApath(source.at), place = placeOf(mapping, at);
    if (place === undefined || !isDirectory(manifest, at)) continue;
    const directory = openBelow(disk, mapping.target, place);
    if (directory === undefined) continue;
    directory[Symbol.dispose]();
    yield { path: absoluteOf(mapping, place), at, kind: "dir", nested: [] };
  }
}

function isDirectory(manifest: Manifest, at: Apath): boolean {
  return at === TOP || manifest.entry(at)?.kind === "dir";
}

/** Undefined if it is not there, or no directory. */
function openBelow(disk: Disk, target: Raw, place: Apath): Dir | undefined {
  try {
    using top = disk.openDir(target);
    return top.openPath(relativeOf(place));
  } catch (error) {
    if (error instanceof DiskFault && ["ENOENT", "ENOTDIR", "ELOOP"].includes(error.errno)) return undefined;
    throw error;
  }
}

class Removal {
  readonly #plan: RestorePlan;
  readonly #mapping: PathMapping;
  readonly #root: SourceRoot;
  readonly #then: BackupExclusions;
  readonly #removes: boolean;
  readonly #removed: (path: Raw) => void;
  readonly #isChosen: ReturnType<typeof chooser>;
  readonly #wanted: OrderedLookup<Entry>;
  /**
   * Directories that should not be there, by apath; in the order of the walk, so that what is deeper comes later. `going`:
   * names in it that go as well.
   */
  readonly #doomed = new Map<Apath, { readonly relative: Raw; going: number }>();

  constructor(plan: RestorePlan, how: {
    readonly mapping: PathMapping;
    readonly root: SourceRoot;
    readonly then: BackupExclusions;
    readonly removes: boolean;
    readonly removed: (path: Raw) => void;
  }) {
    this.#plan = plan;
    this.#mapping = how.mapping;
    this.#root = how.root;
    this.#then = how.then;
    this.#removes = how.removes;
    this.#removed = how.removed;
    this.#isChosen = chooser(plan);
    this.#wanted = new OrderedLookup(plan.manifest.entries(how.root.at));
  }

  async run(reader: ContentReader): Promise<void> {
    const { repository, manifest, monitor, yielder, disk } = this.#plan;
    const batches = await walkAsBackedUp(repository, reader, {
      disk,
      manifest,
      root: this.#root,
      monitor,
      leavesOutToo: this.#spares(),
      oneFileSystem: true,
    });
    for (const { parent, relative, found } of batches) {
      await yielder.yieldIfDue();
      for (const object of found) this.#look(object, parent, relative);
    }
    this.#removeDirectories();
  }

  /** Paths that this restore doesn't cover, and those that ignore files excluded from the backup. */
  #spares(): (path: Apath, isDirectory: boolean) => boolean {
    const { paths, request: { exclude } } = this.#plan, { at } = this.#root;
    const spared = parseFilter(exclude);
    return (path, isDirectory) =>
      (paths.length > 0 && !paths.some((chosen) => meets(path, chosen))) ||
      spared.decide(path, isDirectory)?.negated === false || this.#then.leavesOut(path, at, isDirectory);
  }

  #look({ name, path, stat }: Found, parent: Dir, relative: Raw): void {
    const entry = this.#wanted.at(path);
    const isRight = entry !== undefined && (entry.kind === "dir" || stat.kind !== "dir");
    if (isRight || name === "" || !this.#isChosen({ path, kind: stat.kind }) || this.#isNobodys(path, parent)) return;
    if (stat.isMountPoint) {
      return this.#plan.monitor.notice(`${textOf(this.#absoluteOf(path))} stays: something is mounted there`);
    }
    if (stat.kind === "dir") {
      this.#doomed.set(path, { relative: joinRaw(relative, name), going: 0 });
    } else if (!this.#removes || this.#attempt(() => parent.unlink(name))) this.#report(path);
  }

  /** What is at the top of a target and comes from no source: our own mark, and what `mkfs` makes. */
  #isNobodys(path: Apath, parent: Dir): boolean {
    const place = placeOf(this.#mapping, path);
    if (place === undefined || parentOf(place) !== TOP) return false;
    return place === LOST_AND_FOUND || isMarker(parent, nameOf(place), this.#plan.request.snapshot.id);
  }

  /** Only those that hold nothing else: what was excluded from backups may be in them. */
  #removeDirectories(): void {
    if (this.#doomed.size === 0) return;
    using top = this.#plan.disk.openDir(this.#root.path);
    using descent = new Descent(top);
    let kept = 0;
    for (const [path, doomed] of [...this.#doomed].reverse()) {
      if (this.#removeDirectory(descent, doomed)) this.#report(path);
      else kept++;
    }
    if (kept === 0) return;
    this.#plan.monitor.notice(`${kept} directories that the snapshot doesn't have stay: they hold excluded files`);
  }

  #removeDirectory(descent: Descent, { relative, going }: { readonly relative: Raw; readonly going: number }): boolean {
    const isEmpty = () => {
      using own = descent.open(relative);
      return own.list().names.length === (this.#removes ? 0 : going);
    };
    let isGone = false;
    this.#attempt(() => {
      if (!isEmpty()) return;
      using parent = descent.open(parentPath(relative));
      isGone = !this.#removes || parent.rmdir(baseName(relative));
    });
    return isGone;
  }

  #report(path: Apath): void {
    const around = this.#doomed.get(parentOf(path)), { monitor } = this.#plan;
    if (around !== undefined) around.going++;
    monitor.count("removedEntries");
    if (this.#removes) monitor.status?.("removed", textOf(path));
    this.#removed(this.#absoluteOf(path));
  }

  /** Where a path of the snapshot is in the target; all that are walked have a place there. */
  #absoluteOf(path: Apath): Raw {
    return absoluteOf(this.#mapping, placeOf(this.#mapping, path) ?? TOP);
  }

  #attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#plan.monitor.problem(error);
      return false;
    }
  }
}
