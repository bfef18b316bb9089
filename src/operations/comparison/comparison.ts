/**
 * Compares the source with the previous snapshot of its series: walks the source, and decides for everything it finds
 * whether it has changed. This is the only place with that decision: a backup acts on it, and a plan reports it.
 */
import type { Apath } from "../../core/apath.ts";
import type { DetailFields, Entry, StatFields } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { beginsWith, isBelow, movedPath, type Raw, textOf } from "../../core/raw.ts";
import type { Stat } from "../../core/stat.ts";
import { withCurrentXattrs } from "./current_xattrs.ts";
import { looksChanged, StaticPaths, statOf, withoutHardLink } from "./static_paths.ts";
import { UnfitPatterns } from "./unfit_patterns.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import { isThere, RealPaths } from "../sources/sources.ts";
import type { Dir, Disk } from "../../platform/disk.ts";
import { LookAhead, lookAheadThreads } from "../../platform/look_ahead.ts";
import type { Machine } from "../../platform/machine.ts";
import { encodeEntry, parseLine, statPrefix, withoutSigns } from "../../snapshot/entry_line.ts";
import { StaticChanged } from "../../snapshot/faults.ts";
import type { Manifest } from "../../snapshot/manifest.ts";
import { PreviousEntries, type PreviousLine } from "../../snapshot/previous_entries.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { ChangeSignals, RacyTimestamps } from "../../source/change_detection.ts";
import { type Filter, parseFilterOf } from "../../source/filter.ts";
import { PathSelection } from "../../source/path_selection.ts";
import { originOf, type SourceRoot } from "../../source/placement.ts";
import { type Exclusion, type Found, walk, type WalkBatch } from "../../source/walk.ts";
import type { OpenedRepository } from "../opened.ts";
import { type BackupEntry, NOWHERE } from "./backup_entry.ts";
import type { Selection } from "./selection.ts";
import { type Compared, findCompared } from "./series.ts";
import { type SourcePlace, sourcePlace } from "./source_place.ts";

export interface ComparisonListener {
  /** Called for each exclusion, with the reason. */
  excluded?(exclusion: Exclusion): void;
  /** Called in order for each object that the source no longer contains. */
  gone?(line: PreviousLine): void;
  /** Called in order for objects that the source no longer contains but that are kept. */
  kept?(entry: Entry, line: PreviousLine): void;
  /** Called for paths of a selection's `only` that don't exist, or are in no source. */
  missing?(path: Raw): void;
  outside?(path: Raw): void;
}

interface Listening {
  readonly monitor: Monitor;
  readonly listener: ComparisonListener;
}

export class Comparison {
  readonly roots: readonly SourceRoot[];
  /** Name of the series. */
  readonly series: string;
  /** The snapshots that the new one builds on, newest first: partial ones since the last complete one, and that one. */
  readonly previous: readonly SnapshotInfo[];
  readonly #machine: Machine;
  readonly #disk: Disk;
  readonly #own: OwnPlaces;
  readonly #selection: Selection;
  readonly #monitor: Monitor;
  readonly #listener: ComparisonListener;
  readonly #filter: Filter;
  readonly #choice: PathSelection | undefined;
  readonly #before: PreviousEntries;
  readonly #signs: ChangeSignals;
  readonly #racy: RacyTimestamps;
  readonly #statics: StaticPaths | undefined;
  readonly #links = new HardLinks();
  readonly #force: boolean;

  /**
   * Finds the sources, and the snapshots to compare them with.
   * @throws NoSource, SourceInStorage, BadPattern, DamagedManifest, DamagedContent
   */
  static async begin(
    repository: OpenedRepository,
    selection: Selection,
    monitor: Monitor,
    listener: ComparisonListener = {},
  ): Promise<Comparison> {
    const compared = await findCompared(repository, selection, monitor);
    return new Comparison(repository.machine, compared, selection, { monitor, listener });
  }

  private constructor(machine: Machine, compared: Compared, selection: Selection, { monitor, listener }: Listening) {
    const { detection = {}, only, statics = [] } = selection;
    const { roots, own, filter, series, previous } = compared;
    this.#machine = machine;
    this.#disk = machine.disk;
    this.#selection = selection;
    this.#monitor = monitor;
    this.#listener = listener;
    this.#filter = filter;
    this.#own = own;
    this.roots = roots;
    this.series = series;
    this.previous = previous.map(({ snapshot }) => snapshot);
    this.#choice = only && this.#choose(only);
    const manifests = previous.map(({ manifest }) => manifest);
    this.#statics = this.#staticPaths(statics, manifests);
    this.#before = new PreviousEntries(manifests, {
      damaged: (fault) => monitor.notice(`The previous snapshot can't help: ${fault.message}`),
      ...(this.#statics !== undefined || listener.gone ? { gone: (line: PreviousLine) => this.#lose(line) } : {}),
    });
    this.#signs = new ChangeSignals(machine.disk, detection);
    this.#racy = new RacyTimestamps(this.previous.map(({ time, end }) => ({
      startMs: Date.parse(time),
      endMs: Date.parse(end),
    })));
    this.#force = detection.force === true;
  }

  /** Reports paths that no source holds. */
  #choose(paths: readonly Raw[]): PathSelection {
    const real = new RealPaths(this.#disk);
    const chosen: Raw[] = [];
    for (const path of paths) {
      const found = real.of(path);
      const root = this.roots.find((one) => found === originOf(one) || isBelow(found, originOf(one)));
      if (root === undefined) this.#listener.outside?.(path);
      else chosen.push(movedPath(found, originOf(root), root.path));
    }
    return new PathSelection(chosen);
  }

  #staticPaths(patterns: readonly string[], manifests: readonly Manifest[]): StaticPaths | undefined {
    if (patterns.length === 0) return undefined;
    const round = this.previous[0]?.sequence ?? 0;
    return new StaticPaths(this.#disk, manifests, { patterns, roots: this.roots, round });
  }

  #lose(line: PreviousLine): void {
    if (this.#statics?.keeps(line.text) !== true) return this.#listener.gone?.(line);
    const entry = withoutHardLink(parseLine(line.text));
    if (entry.kind !== "dir") this.#monitor.problem(new StaticChanged(textOf(entry.path), "it is gone"));
    this.#listener.kept?.(entry, line);
  }

  /**
   * Yields batches in apath order; everything in a batch must be compared before the next is requested.
   * @throws SourceGone
   */
  *batches(): Generator<WalkBatch> {
    const { ignoreFiles, oneFileSystem, excludeCaches, markers, largestBytes } = this.#selection;
    const { excluded } = this.#listener, { excludes, expected = [] } = this.#selection;
    // Who looks only at some paths doesn't learn what would fit others.
    const unfit = new UnfitPatterns(this.#choice === undefined ? excludes : [], expected, this.roots);
    const leaveOut = (exclusion: Exclusion) => {
      unfit.note(exclusion);
      excluded?.call(this.#listener, exclusion);
    };
    using ahead = this.#lookAhead();
    yield* walk(this.#disk, this.roots, {
      filter: this.#filter,
      filterOf: (root) => parseFilterOf(excludes, originOf(root)),
      ignoreFiles,
      oneFileSystem,
      excludeCaches,
      markers,
      largestBytes,
      own: this.#own,
      choice: this.#choice,
      ahead,
      excluded: excluded !== undefined || !unfit.isEmpty ? leaveOut : undefined,
      monitor: this.#monitor,
    });
    unfit.tell(this.#monitor);
    this.#before.finish();
    for (const path of this.#choice?.missing ?? []) if (!isThere(this.#disk, path)) this.#listener.missing?.(path);
  }

  #lookAhead(): LookAhead | undefined {
    const { workerScript: script, clock } = this.#machine;
    return script && LookAhead.on(this.#disk, { start: lookAheadThreads(script), clock });
  }

  /** Compares one object. @param parent directory that contains the object */
  compare({ name, path, stat }: Found, parent: Dir): BackupEntry {
    this.#signs.learn(stat, parent, name);
    const seen = this.seenOf(stat);
    const head = statPrefix(path, seen);
    const from = this.#before.at(path, head);
    const learnt = stat.kind === "dir" ? NO_DETAILS : this.#links.of(stat);
    const taken = from === undefined || this.#force
      ? undefined
      : this.#takenOver(from, head, learnt.hardLink, seen.ctime ?? seen.mtime);
    const line = taken !== undefined && seen.ctime === undefined && this.#disk.abilities.xattrs
      ? withCurrentXattrs(taken, { head, kind: stat.kind, name, parent, disk: this.#disk })
      : taken;
    const entry: BackupEntry = {
      path,
      name,
      stat,
      head,
      line,
      from,
      learnt,
      guarded: false,
      place: NOWHERE,
      directory: undefined,
      bytes: undefined,
    };
    if (this.#statics === undefined || from === undefined) return entry;
    if (stat.kind !== "dir" && from.text.includes(`,"kind":"dir",`)) this.#statics.lose(path);
    return this.#statics.guards(path, from.text) ? this.#guard(entry, from) : entry;
  }

  /** A static file: it is kept as it was if it shows a change, and read if it may have changed, or if it is its turn. */
  #guard(entry: BackupEntry, from: PreviousLine): BackupEntry {
    const { path, stat, line } = entry;
    if (line !== undefined && this.#statics?.isDue(path) !== true) return entry;
    const old = withoutHardLink(parseLine(from.text));
    if (!looksChanged(old, stat)) return { ...entry, line: undefined, guarded: true };
    const what = stat.kind === "file" ? "it has another size or time" : `it has become a ${stat.kind}`;
    this.#monitor.problem(new StaticChanged(textOf(path), what));
    // What is in a new directory comes after it, and has to have a directory.
    if (stat.kind === "dir") return entry;
    return { ...entry, stat: statOf(old), head: statPrefix(path, old), line: encodeEntry(old), learnt: NO_DETAILS };
  }

  /** The old line, if it still says everything; without signs that don't count any more. */
  #takenOver(from: PreviousLine, head: string, hardLink: string | undefined, stamp: string): string | undefined {
    const { text } = from, isSame = from.isUsual ? hardLink === undefined : isUnchanged(text, head, hardLink);
    const line = isSame ? text : withoutOldSigns(text, head, hardLink);
    return line === undefined || this.#racy.has(stamp) ? undefined : line;
  }

  /** The location that a path of the snapshot has, or had, in the sources. */
  placeOf(path: Apath): SourcePlace {
    return sourcePlace(this.roots, path);
  }

  /** Skips an entry that comes from elsewhere, so that it doesn't count as gone. */
  passOver(entry: Entry): void {
    this.#before.at(entry.path, statPrefix(entry.path, entry));
  }

  /** The stat fields of the line of an object that was compared. */
  seenOf(stat: Stat): StatFields {
    const user = this.#disk.userName(stat.uid), group = this.#disk.groupName(stat.gid);
    const { ctime, inode } = this.#signs.of(stat);
    // Not by spreading: this is done once for each entry.
    const seen: { -readonly [Field in keyof StatFields]: StatFields[Field] } = {
      kind: stat.kind,
      size: stat.kind === "file" ? stat.size : 0,
      mtime: stat.mtime,
      mode: stat.mode,
      uid: stat.uid,
      gid: stat.gid,
    };
    if (ctime && stat.ctime !== undefined) seen.ctime = stat.ctime;
    if (inode) seen.inode = stat.inode;
    if (user !== undefined) seen.user = user;
    if (group !== undefined) seen.group = group;
    if (stat.kind === "char" || stat.kind === "block") seen.device = { major: stat.major, minor: stat.minor };
    return seen;
  }
}

const NO_DETAILS: DetailFields = {};
const SPARSE: DetailFields = { sparse: true };

/** Files with several names: which of them belong together. Devices are numbered as they appear. */
class HardLinks {
  readonly #devices = new Map<string, number>();

  of(stat: Stat): DetailFields {
    const sparse = isSparse(stat) ? SPARSE : NO_DETAILS;
    if (stat.links < 2) return sparse;
    let device = this.#devices.get(stat.device);
    if (device === undefined) this.#devices.set(stat.device, device = this.#devices.size);
    return { hardLink: `${device}:${stat.inode}`, ...sparse };
  }
}

function isSparse(stat: Stat): boolean {
  return stat.kind === "file" && stat.blocks !== undefined && stat.blocks * 512 < stat.size;
}

/**
 * True if the old line begins with what was seen now, and holds all that is to be known of the object. A line whose
 * hard link is numbered otherwise than in this run could be taken for a name of another file.
 */
function isUnchanged(line: string, head: string, hardLink: string | undefined): boolean {
  const next = line[head.length];
  return (next === "," || next === "}") && beginsWith(line, head) && !line.includes(`,"problems":`, head.length) &&
    (hardLink === undefined || line.includes(`,"hardLink":"${hardLink}"`, head.length));
}

/** The old line without signs that don't count any more, if it says everything then. */
function withoutOldSigns(text: string, head: string, hardLink: string | undefined): string | undefined {
  const line = withoutSigns(text, head);
  return line !== text && isUnchanged(line, head, hardLink) ? line : undefined;
}
