/** Prepares the places of a service when it starts: locks them, and removes what earlier runs have left. */
import type { Monitor } from "../../core/monitor.ts";
import { joinRaw, type Raw, rawOf } from "../../core/raw.ts";
import { pluralText } from "../../core/size_text.ts";
import { type Dir, type Disk, DiskFault } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { tryToRemove } from "../../platform/remove_recursively.ts";
import { openStorage, type Storage } from "../../storage/storage.ts";
import { ServiceRunning, SplitTemp } from "../faults.ts";
import type { Log } from "../log/log.ts";
import { CONTROL } from "../queue/job_directory.ts";
import { recoverHistory } from "../state/history.ts";
import { moveAside } from "../state/text_file.ts";
import type { JobPlaces } from "./job_executor.ts";

const PRIVATE = 0o700, PRIVATE_FILE = 0o600;
const DB = rawOf("db"), TMP = rawOf("tmp"), LOCK = rawOf("lock"), SERVE_LOCK = rawOf("serve.lock");

/**
 * Opens the directory of records and locks, and locks the job directory.
 * @param held receives both, to close them
 * @throws ServiceRunning
 */
export function lockJobs(jobs: Dir, path: Raw, held: DisposableStack): Dir {
  jobs.mkdir(CONTROL, PRIVATE);
  const control = held.use(jobs.openDir(CONTROL));
  keepPrivate(control);
  if (control.stat(LOCK)?.kind === "dir") moveAside(control, LOCK);
  held.use(lockedFile(control, LOCK, path));
  return control;
}

export interface StorageCheck {
  readonly machine: Omit<Machine, "workerScript">;
  readonly places: JobPlaces;
  readonly log: Log;
  readonly monitor: Monitor;
}

/**
 * Verifies that the storage exists, that no other service uses it, and that the jobs' temporary directory is on its
 * file system.
 * @param held receives the storage's lock
 * @returns the places of the jobs
 * @throws ServiceRunning, SplitTemp, NoStorage
 */
export function lockStorage({ machine, places, log, monitor }: StorageCheck, held: DisposableStack): JobPlaces {
  using storage = openStorage({ ...machine, workerScript: undefined }, places.storage, monitor);
  storage.dir.mkdir(DB, PRIVATE);
  using db = storage.dir.openDir(DB);
  held.use(lockedFile(db, SERVE_LOCK, places.storage));
  recover(storage, log);
  if (places.temp === undefined) return places;
  using temp = machine.disk.openDir(places.temp);
  const { device } = temp.statSelf(), own = storage.dir.statSelf().device;
  if (device !== own) throw new SplitTemp({ path: places.temp, device }, { path: places.storage, device: own });
  temp.mkdir(CONTROL, PRIVATE);
  return { ...places, temp: joinRaw(places.temp, CONTROL) };
}

/** Jobs don't wait for it: each will say by itself if nothing can be written there. */
function recover(storage: Storage, log: Log): void {
  try {
    const recovered = recoverHistory(storage) ?? 0;
    if (recovered === 0) return;
    const message = `The history was rebuilt from the snapshots: ${pluralText(recovered, "job")}`;
    log({ level: "warning", event: "history-recovered", message });
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    log({ level: "warning", event: "history-lost", message: `The history can't be rebuilt: ${error.message}` });
  }
}

/**
 * Removes temporary files of jobs that no longer have a record, because nobody will continue them.
 * @param begun names of the jobs that have a record
 */
export function clearTemp(disk: Disk, { storage: path, temp }: JobPlaces, begun: ReadonlySet<Raw>, log: Log): void {
  using storage = disk.openDir(path);
  storage.mkdir(TMP, PRIVATE);
  using directory = temp === undefined ? storage.openDir(TMP) : disk.openDir(temp);
  for (const name of directory.list().names) {
    if (!/\.jsonc?$/i.test(name) || begun.has(name)) continue;
    const fault = tryToRemove(directory, name);
    if (fault === undefined) continue;
    log({ level: "warning", event: "left-over", message: `What a job has left can't be removed: ${fault.message}` });
  }
}

function lockedFile(directory: Dir, name: Raw, path: Raw): Disposable {
  const file = directory.openOrCreate(name, PRIVATE_FILE);
  if (file.tryLock()) return file;
  file[Symbol.dispose]();
  throw new ServiceRunning(path);
}

/** Somebody may have made it for us, with the mode of any directory. */
function keepPrivate(control: Dir): void {
  if ((control.statSelf().mode & 0o077) === 0) return;
  try {
    control.setSelfAttributes({ mode: PRIVATE });
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error; // its files are private each
  }
}
