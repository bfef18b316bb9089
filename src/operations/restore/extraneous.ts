/**
 * Finding, and removing, what a restore's target has and the snapshot doesn't. The target is walked as a backup of it
 * would be, with everything left out that the snapshot's backup left out: whatever such a backup would not have seen is
 * not removed either. So what is excluded from backups survives a restore, and nothing beyond a mount point, or through a
 * symlink, is touched.
 */
import { type Apath, nameOf, parentOf, TOP } from "../../core/apath.ts";
import { Fault } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { Descent } from "../../platform/descent.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { parseFilter } from "../../source/filter.ts";
import type { SourceRoot } from "../../source/placement.ts";
import type { Found } from "../../source/walk.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import type { LeftOut } from "../../snapshot/root.ts";
import type { Storage } from "../../storage/storage.ts";
import { type BackupExclusions, readBackupExclusions } from "../sources/excluded_at_backup.ts";
import { OrderedLookup } from "../../core/lockstep.ts";
import type { Yielder } from "../../core/yielding.ts";
import { type Chooser, chooser, type RestoreFilter } from "./restore_entries.ts";
import { isMarker } from "./restore_marker.ts";
import { absoluteOf, meets, type PathMapping, placeOf } from "./path_mapping.ts";
import { walkAsBackedUp } from "../sources/walk_as_backed_up.ts";

const LOST_AND_FOUND = "/lost+found";

export interface ExtraneousOptions {
  /** Id of the snapshot. */
  readonly snapshot: string;
  readonly manifest: Manifest;
  readonly choice: RestoreFilter;
  readonly routes: readonly PathMapping[];
  /** False: only say what would be removed. */
  readonly removes: boolean;
  /** Is told the absolute path of everything that is removed. */
  readonly removed: (path: Raw) => void;
  /** By which paths of targets are followed. */
  readonly disk: Disk;
  readonly monitor: Monitor;
  readonly pace: Yielder;
}

export class CannotDelete extends Fault {
  readonly code = "cannot-delete";
  readonly hint = "Restore without `--delete`, or into an empty directory";
  constructor(why: string) {
    super(`Cannot tell what should not be there from what could not be backed up: ${why}`);
  }
}

/** Files come before the directories that held them. @throws CannotDelete, DamagedManifest, DamagedContent, Interrupted */
export async function removeExtraneous(storage: Storage, options: ExtraneousOptions): Promise<void> {
  const { manifest, routes, monitor } = options;
  const leftOut = assertDeletable(manifest);
  for (const { target } of routes) assertNotSystem(storage, target, manifest);
  const then = readBackupExclusions(storage, { manifest, leftOut, monitor });
  if (then.unaccounted > 0) {
    throw new CannotDelete(`the backup had ${then.unaccounted} problems with what the snapshot doesn't name`);
  }
  for (const route of routes) {
    for (const root of rootsAlong(route, manifest, options.disk)) {
      await new Removal(storage, root, { ...options, route, leftOut, then }).run();
    }
  }
}

function assertDeletable({ root }: Manifest): LeftOut {
  if (!root.complete) throw new CannotDelete("the snapshot is incomplete");
  if (root.leftOut === undefined) throw new CannotDelete("the snapshot doesn't say what its backup left out");
  if (root.leftOut.unlisted) throw new CannotDelete("the snapshot has only what was on a list");
  return root.leftOut;
}

/** A slip of the finger must not empty the whole machine. */
function assertNotSystem({ machine }: Storage, target: Raw, { root }: Manifest): void {
  if (!isWhole(machine.disk, target) || root.sources.some(({ path }) => path === "/")) return;
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
function* rootsAlong(route: PathMapping, manifest: Manifest, disk: Disk): Generator<SourceRoot> {
  for (const source of manifest.root.sources) {
    const at = rawOf(source.at) as unknown as Apath, place = placeOf(route, at);
    if (place === undefined || !isDirectory(manifest, at)) continue;
    const directory = openBelow(disk, route.target, place);
    if (directory === undefined) continue;
    directory[Symbol.dispose]();
    yield { path: absoluteOf(route, place), at, kind: "dir", nested: [] };
  }
}

function isDirectory(manifest: Manifest, at: Apath): boolean {
  return at === TOP || manifest.entry(at)?.kind === "dir";
}

/** Undefined if it is not there, or no directory. */
function openBelow(disk: Disk, target: Raw, place: Apath): Dir | undefined {
  try {
    using top = disk.openDir(target);
    return top.openPath(place.slice(1) as Raw);
  } catch (error) {
    if (error instanceof DiskFault && ["ENOENT", "ENOTDIR", "ELOOP"].includes(error.errno)) return undefined;
    throw error;
  }
}

interface RemovalOptions extends ExtraneousOptions {
  readonly route: PathMapping;
  readonly leftOut: LeftOut;
  readonly then: BackupExclusions;
}

/** A directory that should not be there. */
interface ExtraneousDirectory {
  readonly relative: Raw;
  /** Names in it that go as well. */
  going: number;
}

class Removal {
  readonly #storage: Storage;
  readonly #root: SourceRoot;
  readonly #options: RemovalOptions;
  readonly #isChosen: Chooser;
  readonly #wanted: OrderedLookup;
  /** By apath; in the order of the walk, so that what is deeper comes later. */
  readonly #doomed = new Map<Apath, ExtraneousDirectory>();

  constructor(storage: Storage, root: SourceRoot, options: RemovalOptions) {
    this.#storage = storage;
    this.#root = root;
    this.#options = options;
    this.#isChosen = chooser(options.choice);
    this.#wanted = new OrderedLookup(options.manifest.entries(root.at));
  }

  async run(): Promise<void> {
    const { manifest, monitor, pace, disk } = this.#options;
    const batches = walkAsBackedUp(this.#storage, {
      disk,
      manifest,
      root: this.#root,
      monitor,
      leavesOutToo: this.#spares(),
      oneFileSystem: true,
    });
    for (const { parent, relative, found } of batches) {
      await pace.yieldIfDue();
      for (const object of found) this.#look(object, parent, relative);
    }
    this.#removeDirectories();
  }

  /** What this restore is not about, and what the backup left out by files that it had. */
  #spares(): (path: Apath, isDirectory: boolean) => boolean {
    const { choice, then } = this.#options, { at } = this.#root;
    const spared = parseFilter(choice.exclude);
    return (path, isDirectory) =>
      (choice.paths.length > 0 && !choice.paths.some((chosen) => meets(path, chosen))) ||
      spared.decide(path, isDirectory)?.negated === false || then.leavesOut(path, at, isDirectory);
  }

  #look({ name, path, stat }: Found, parent: Dir, relative: Raw): void {
    const entry = this.#wanted.at(path);
    const isRight = entry !== undefined && (entry.kind === "dir" || stat.kind !== "dir");
    if (isRight || name === "" || !this.#isChosen({ path, kind: stat.kind }) || this.#isNobodys(path, parent)) return;
    if (stat.isMountPoint) {
      return this.#options.monitor.notice(`${this.#whereIs(path)} stays: something is mounted there`);
    }
    if (stat.kind === "dir") {
      this.#doomed.set(path, { relative: (relative === "" ? name : `${relative}/${name}`) as Raw, going: 0 });
    } else if (!this.#options.removes || this.#attempt(() => parent.unlink(name))) this.#tell(path);
  }

  /** What is at the top of a target and comes from no source: our own mark, and what `mkfs` makes. */
  #isNobodys(path: Apath, parent: Dir): boolean {
    const place = placeOf(this.#options.route, path);
    if (place === undefined || parentOf(place) !== TOP) return false;
    return place === LOST_AND_FOUND || isMarker(parent, nameOf(place), this.#options.snapshot);
  }

  /** Only those that hold nothing else: what was excluded from backups may be in them. */
  #removeDirectories(): void {
    if (this.#doomed.size === 0) return;
    using top = this.#options.disk.openDir(this.#root.path);
    using descent = new Descent(top);
    let kept = 0;
    for (const [path, doomed] of [...this.#doomed].reverse()) {
      if (this.#removeDirectory(descent, doomed)) this.#tell(path);
      else kept++;
    }
    if (kept === 0) return;
    this.#options.monitor.notice(`${kept} directories that the snapshot doesn't have stay: they hold what it left out`);
  }

  #removeDirectory(descent: Descent, { relative, going }: ExtraneousDirectory): boolean {
    const slash = relative.lastIndexOf("/");
    const isEmpty = () => {
      using own = descent.open(relative);
      return own.list().names.length === (this.#options.removes ? 0 : going);
    };
    let isGone = false;
    this.#attempt(() => {
      if (!isEmpty()) return;
      using parent = descent.open(relative.slice(0, Math.max(slash, 0)) as Raw);
      isGone = !this.#options.removes || parent.rmdir(relative.slice(slash + 1) as Raw);
    });
    return isGone;
  }

  #tell(path: Apath): void {
    const around = this.#doomed.get(parentOf(path));
    if (around !== undefined) around.going++;
    this.#options.monitor.count("removedEntries");
    const { route, removes, monitor, removed } = this.#options;
    if (removes) monitor.status?.("removed", textOf(path));
    removed(absoluteOf(route, placeOf(route, path)!));
  }

  #whereIs(path: Apath): string {
    const { route } = this.#options;
    return textOf(absoluteOf(route, placeOf(route, path)!));
  }

  #attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#options.monitor.problem(error);
      return false;
    }
  }
}
