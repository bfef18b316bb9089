/** Predicts what a backup would do: the same walk and the same comparison, but nothing is stored. */
import { typeOf } from "../../catalog/compression_ratios.ts";
import type { Apath } from "../../core/apath.ts";
import { countingProblems, type Monitor } from "../../core/monitor.ts";
import { textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import type { BackupEntry } from "../comparison/backup_entry.ts";
import { Comparison } from "../comparison/comparison.ts";
import type { Selection } from "../comparison/selection.ts";
import type { OpenedRepository } from "../opened.ts";
import { ManifestEstimate } from "./manifest_estimate.ts";
import { packedGrowth } from "./packed_growth.ts";
import { type Estimate, type KnownContents, StoreEstimate } from "./store_estimate.ts";
import { NotInSources } from "../sources/sources.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { contentOfLine, parseLine } from "../../snapshot/entry_line.ts";
import type { ContentIndex } from "../../snapshot/repository.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { type ExcludingRule, type Exclusion, NoSource } from "../../source/walk.ts";

export interface PlanRequest extends Selection {
  /** True if the backup would make a tree. */
  readonly tree: boolean;
  /** Stored size of the units into which contents are packed. Absent: they are kept as files. */
  readonly unitBytes?: number;
  readonly signal: AbortSignal;
}

export interface Amount {
  readonly files: number;
  /** Total size of the files. */
  readonly bytes: number;
  /** Directories, symlinks and special files. */
  readonly others: number;
}

export interface ExcludedByRule {
  readonly rule: ExcludingRule;
  /** Number of excluded entries; those below an excluded directory aren't counted. */
  readonly entries: number;
  /** Total size of the excluded files among them. */
  readonly bytes: number;
}

export type PlannedState = "new" | "changed" | "again";

export interface PlannedFile {
  readonly path: Apath;
  readonly bytes: number;
  readonly state: PlannedState;
}

export interface Plan {
  readonly host: string;
  readonly series: string;
  /** The snapshot that the source was compared with. */
  readonly previous: SnapshotInfo | undefined;
  readonly new: Amount;
  readonly changed: Amount;
  /** Unchanged files to be read again, because the storage has lost their contents, or they are damaged. */
  readonly again: Amount;
  readonly unchanged: Amount;
  readonly gone: Amount;
  /** Rules in descending order of excluded entries. */
  readonly excluded: readonly ExcludedByRule[];
  /** Number of unreadable objects; each was reported to the monitor. */
  readonly unreadable: number;
  readonly readFiles: number;
  readonly readBytes: number;
  /** Estimate of the data that the storage doesn't have. */
  readonly store: Estimate;
  /** Estimate of the growth of the storage on its disk: contents, manifest and tree. */
  readonly storageBytes: number;
  /** Number of new units; undefined where contents are kept as files. */
  readonly units: number | undefined;
  /** The largest of the files to be read, in descending order of size. */
  readonly largest: readonly PlannedFile[];
}

const MOST_LARGEST = 10;

/** Makes the plan. @throws SourceGone, NoSource, SourceInStorage, BadPattern, Interrupted */
export async function plan(repository: OpenedRepository, request: PlanRequest, monitor: Monitor): Promise<Plan> {
  using index = await repository.contentIndex();
  const { algorithm } = repository, ratios = await repository.query((catalog) => catalog.ratios());
  const planning = new Planning(request, { index, algorithm, ratios }, monitor);
  return await planning.make(repository);
}

interface Tally {
  files: number;
  bytes: number;
  others: number;
}

class Planning {
  readonly #request: PlanRequest;
  readonly #monitor: Monitor;
  readonly #index: ContentIndex;
  readonly #estimate: StoreEstimate;
  readonly #manifest: ManifestEstimate;
  readonly #tallies = { new: tally(), changed: tally(), again: tally(), unchanged: tally(), gone: tally() };
  readonly #excluded = new Map<string, { rule: ExcludingRule; entries: number; bytes: number }>();
  readonly #largest: PlannedFile[] = [];
  #unreadable = 0;

  constructor(request: PlanRequest, known: KnownContents, monitor: Monitor) {
    this.#request = request;
    this.#monitor = countingProblems(monitor, () => this.#unreadable++);
    this.#index = known.index;
    this.#estimate = new StoreEstimate(known);
    this.#manifest = new ManifestEstimate(request.tree);
  }

  async make(repository: OpenedRepository): Promise<Plan> {
    const comparison = await Comparison.begin(repository, this.#request, this.#monitor, {
      excluded: (exclusion) => this.#exclude(exclusion),
      gone: ({ text }) => this.#lose(text),
      missing: (path) => this.#monitor.problem(new NoSource(path)),
      outside: (path) => this.#monitor.problem(new NotInSources(path)),
    });
    const pace = new Yielder(repository.machine.clock, this.#request.signal);
    for (const { apath, parent, found } of comparison.batches()) {
      this.#monitor.current(textOf(apath));
      for (const one of found) {
        await pace.yieldIfDue();
        this.#take(comparison.compare(one, parent), parent);
      }
    }
    return this.#result(comparison);
  }

  #take(entry: BackupEntry, parent: Dir): void {
    const { path, stat, line, head } = entry;
    const isFile = stat.kind === "file";
    const state = this.#stateOf(entry);
    this.#manifest.add(path, line, head, isFile);
    if (isFile && state !== "unchanged" && !this.#look(parent, entry)) return;
    this.#monitor.status?.(state === "again" ? "changed" : state, textOf(path));
    const tallied = this.#tallies[state];
    if (!isFile) return void tallied.others++;
    tallied.files++;
    tallied.bytes += stat.size;
    if (state !== "unchanged") this.#rank({ path, bytes: stat.size, state });
  }

  #stateOf({ stat, line, from }: BackupEntry): PlannedState | "unchanged" {
    if (from === undefined) return "new";
    if (line === undefined) return "changed";
    if (stat.kind !== "file") return "unchanged";
    const content = contentOfLine(line);
    return content !== undefined && this.#index.has(content) ? "unchanged" : "again";
  }

  /** Opens a file that the backup would read. @returns false if it can't be read */
  #look(parent: Dir, { path, name, stat }: BackupEntry): boolean {
    try {
      using file = parent.open(name);
      if (file !== undefined) this.#estimate.add(file, stat.size, typeOf(name));
      return file !== undefined;
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      this.#monitor.problem(error);
      this.#monitor.status?.("failed", textOf(path));
      return false;
    }
  }

  #rank(file: PlannedFile): void {
    const list = this.#largest;
    const at = list.findIndex(({ bytes }) => bytes < file.bytes);
    list.splice(at < 0 ? list.length : at, 0, file);
    list.length = Math.min(list.length, MOST_LARGEST);
  }

  #lose(line: string): void {
    const { path, kind, size } = parseLine(line), { gone } = this.#tallies;
    this.#monitor.status?.("gone", textOf(path));
    this.#manifest.lose();
    if (kind !== "file") return void gone.others++;
    gone.files++;
    gone.bytes += size;
  }

  #exclude({ rule, stat }: Exclusion): void {
    const key = JSON.stringify(rule);
    let found = this.#excluded.get(key);
    if (found === undefined) this.#excluded.set(key, found = { rule, entries: 0, bytes: 0 });
    found.entries++;
    if (stat?.kind === "file") found.bytes += stat.size;
  }

  #growth(store: Estimate): Pick<Plan, "storageBytes" | "units"> {
    const { unitBytes } = this.#request;
    if (unitBytes !== undefined) return packedGrowth(store, this.#manifest.packed(), unitBytes);
    return { storageBytes: store.diskBytes + this.#manifest.result(), units: undefined };
  }

  #result({ series, previous }: Comparison): Plan {
    const read = [this.#tallies.new, this.#tallies.changed, this.#tallies.again];
    const store = this.#estimate.result();
    return {
      host: this.#request.host,
      series,
      previous: previous[0],
      ...this.#tallies,
      excluded: [...this.#excluded.values()].sort((a, b) => b.entries - a.entries),
      unreadable: this.#unreadable,
      readFiles: read.reduce((sum, { files }) => sum + files, 0),
      readBytes: read.reduce((sum, { bytes }) => sum + bytes, 0),
      store,
      ...this.#growth(store),
      largest: this.#largest,
    };
  }
}

function tally(): Tally {
  return { files: 0, bytes: 0, others: 0 };
}
