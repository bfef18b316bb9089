/** The run of one job: the services that its work uses, and its results for the history. */
import type { Phase } from "../../core/monitor.ts";
import type { RootId } from "../../core/content_id.ts";
import { Fault } from "../../core/fault.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { Yielder } from "../../core/yielding.ts";
import type { JobMonitor, JobProgress } from "./job_monitor.ts";
import type { JobRecord } from "../state/job_state.ts";
import type { Log } from "../log/log.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import { GuardedDisk } from "../../operations/guarded_disk.ts";
import type { HookSet } from "../../operations/hooks/hook_set.ts";
import { openRepository, unlockAt, type UnlockedVault, type VaultLogin } from "../../operations/open.ts";
import { NO_SECRETS, type SecretWorld } from "../../operations/vaults/login.ts";
import { placeNamed } from "../../operations/vaults/place.ts";
import { hasScheme, type LinkSettings, type NamedVault } from "../../operations/vaults/vault_settings.ts";
import { absolutePath } from "../schema/schema.ts";
import type { OpenedRepository } from "../../operations/opened.ts";
import type { Machine } from "../../platform/machine.ts";
import { type JobMark, parseRoot, type Root } from "../../snapshot/root.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { Storage } from "../../storage/storage.ts";

/** What all jobs have in common. */
export interface JobSetup {
  readonly machine: Machine;
  readonly host: string;
  readonly user: string;
  /** Number of worker threads for jobs that name none. */
  readonly workers: number;
  readonly log: Log;
  /** Called at the start of each phase of a job. */
  readonly onPhase?: ((phase: Phase) => void) | undefined;
  /** Called regularly with the progress of a job. */
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
  readonly signal: AbortSignal;
  /** Directory where this machine records what it does to sources; absent: they can't be locked. */
  readonly lockState?: Raw;
  /** Vaults in the configuration. */
  readonly vaults?: Readonly<Record<string, NamedVault>>;
  /** Hooks in the configuration. */
  readonly hooks?: readonly HookSet[];
  /** Sources of the secrets that open vaults. Absent: none can be opened. */
  readonly secrets?: SecretWorld;
}

export interface RunOptions {
  readonly setup: JobSetup;
  readonly storage: Storage;
  readonly monitor: JobMonitor;
  /** Absolute path of the temporary directory of all jobs, which `temp` is open on. */
  readonly tempPath: Raw;
  readonly temp: Dir;
  /** Paths that must not be removed, such as the job directory. */
  readonly own: readonly Raw[];
  readonly record: JobRecord;
  /** Saves a record durably. */
  readonly save: (record: JobRecord) => void;
  /** True if another job, which has not begun, is waiting. */
  readonly othersWait: () => boolean;
}

/** Snapshots looked at for one that this run has made: newer ones can only come from people, in the meantime. */
const MOST_LOOKED_AT = 1000;

/** The series of a run's snapshot. */
export interface Series {
  readonly host: string;
  /** Undefined for any name. */
  readonly name: string | undefined;
}

export class JobRun {
  readonly setup: JobSetup;
  readonly storage: Storage;
  readonly monitor: JobMonitor;
  readonly tempPath: Raw;
  readonly temp: Dir;
  readonly protectedPaths: readonly Raw[];
  readonly pace: Yielder;
  readonly othersWait: () => boolean;
  readonly #save: (record: JobRecord) => void;
  readonly #held = new AsyncDisposableStack();
  #repository: OpenedRepository;
  #worksElsewhere = false;
  #record: JobRecord;
  #snapshot: SnapshotInfo | undefined;

  constructor({ setup, storage, monitor, tempPath, temp, own, record, save, othersWait }: RunOptions) {
    this.setup = setup;
    this.storage = storage;
    this.monitor = monitor;
    this.tempPath = tempPath;
    this.temp = temp;
    this.protectedPaths = own;
    this.pace = new Yielder(setup.machine.clock, setup.signal);
    this.#record = record;
    this.#save = save;
    this.othersWait = othersWait;
    this.#repository = storage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Closes the repositories that were opened for the job. */
  async close(): Promise<void> {
    await this.#held.disposeAsync();
  }

  /** The repository that the job works on: the storage of the service, unless the job names another. */
  get repository(): OpenedRepository {
    return this.#repository;
  }

  /** True if the job uses another storage or vault than that of the service. */
  get worksElsewhere(): boolean {
    return this.#worksElsewhere;
  }

  /** Switches the job to another storage or vault. @throws what {@link open} throws */
  async use(location: string): Promise<void> {
    this.#repository = await this.open(location);
  }

  /**
   * Opens a storage or vault until the job ends.
   * @param location an absolute path, `scheme:...`, or a name in the configuration
   * @throws ForeignLink, and what opening throws
   */
  async open(location: string, link: LinkSettings = {}): Promise<OpenedRepository> {
    const { at, login } = this.#way(location, link);
    return this.#held.use(await openRepository(this.setup.machine, at, this.monitor, login));
  }

  /** Opens a vault of which only the place and the keys are needed. */
  async unlock(location: string): Promise<UnlockedVault> {
    const { at, login } = this.#way(location, {});
    return this.#held.use(await unlockAt(this.setup.machine, at, this.monitor, login));
  }

  /** Where a location is, and what opens it. @throws ForeignLink */
  #way(location: string, link: LinkSettings): { readonly at: string; readonly login: VaultLogin } {
    this.#worksElsewhere = true;
    const { machine, vaults = {}, secrets = NO_SECRETS, host, signal } = this.setup;
    const place = placeNamed(location, link, {
      vaults,
      env: secrets.env,
      absolute: (path) => textOf(absolutePath(path)),
    });
    // What the configuration names is its own.
    const isPath = place.name === undefined && !hasScheme(place.location);
    const at = isPath ? guardedPath(machine.disk, place.location) : place.location;
    return { at, login: { settings: place.settings, secrets, host, signal } };
  }

  get record(): JobRecord {
    return this.#record;
  }

  /** Changes the record and saves it durably. */
  update(changes: Partial<JobRecord>): void {
    this.#record = { ...this.#record, ...changes };
    this.#save(this.#record);
  }

  /** The mark of this job for the root of a snapshot. */
  mark(kind: string): JobMark {
    return { name: this.monitor.job, kind, run: this.#record.run };
  }

  /** Finds the complete snapshot that this run has made, maybe before a restart; undefined if there is none. */
  async findSnapshot(series: Series): Promise<SnapshotInfo | undefined> {
    if (this.#snapshot !== undefined) return this.#snapshot;
    const candidates = (await this.#repository.snapshots()).filter(({ complete, host, name }) =>
      complete && host === series.host && name === (series.name ?? name)
    );
    const newest = candidates.slice(-MOST_LOOKED_AT).reverse();
    for (const snapshot of newest) {
      if ((await this.#rootOf(snapshot.id))?.job?.run !== this.#record.run) continue;
      this.noteSnapshot(snapshot);
      return snapshot;
    }
    return undefined;
  }

  /** Reads a root; undefined if that fails. */
  async #rootOf(id: RootId): Promise<Root | undefined> {
    try {
      return parseRoot(await this.#repository.object(id));
    } catch (error) {
      if (error instanceof Fault && error.code.startsWith("damaged-")) return undefined;
      throw error;
    }
  }

  noteSnapshot(snapshot: SnapshotInfo): void {
    this.#snapshot = snapshot;
  }

  get snapshot(): SnapshotInfo | undefined {
    return this.#snapshot;
  }
}

/** Where a path really leads. One that isn't there stays as it is. @throws ForeignLink, DiskFault */
function guardedPath(disk: Disk, path: string): string {
  try {
    return textOf(new GuardedDisk(disk).realPath(rawOf(path)));
  } catch (error) {
    if (error instanceof DiskFault && error.errno === "ENOENT") return path;
    throw error;
  }
}
