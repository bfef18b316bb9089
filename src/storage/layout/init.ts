/** Creates a new storage. */
import type { Algorithm } from "../../core/digest.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { newUuid } from "../../core/uuid.ts";
import { type Dir, makeDirectories } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { checkHexSplit } from "../../snapshot/origin.ts";
import { makeLeafDirectories } from "./directories.ts";
import { StorageExists } from "./faults.ts";
import type { Settings } from "./settings.ts";
import { writeSettings } from "./settings_file.ts";
import { clearUnfinished, unfinishedLacks } from "./unfinished.ts";
import { takeWriterLock } from "./writer_lock.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
const PRIVATE = 0o700, PUBLIC = 0o755;

/**
 * Creates a storage in an empty or new directory, or completes an interrupted creation. The storage exists once db/main
 * does, which is written last.
 * @throws StorageExists, Locked, BadUsage, DiskFault
 */
export function initStorage(
  machine: Machine,
  path: Raw,
  options: { readonly algorithm: Algorithm; readonly hexSplit: readonly number[] },
): void {
  checkHexSplit(options.hexSplit);
  using storage = makeDirectories(machine.disk, path, PUBLIC);
  assertMayBegin(storage, path);
  storage.mkdir(DB, PRIVATE);
  using db = storage.openDir(DB);
  using _lock = takeWriterLock(storage, db, { holder: "init", clock: machine.clock });
  // Another run may have made one in the meantime.
  assertMayBegin(storage, path);
  for (const name of [CONTENT, TMP]) storage.mkdir(name, PRIVATE);
  clearUnfinished(storage);
  const settings: Settings = {
    version: 1,
    id: newUuid(machine.random),
    algorithm: options.algorithm,
    hexSplit: options.hexSplit,
    created: new Date(machine.clock.nowMs()).toISOString(),
  };
  makeLeafDirectories(storage, settings);
  writeSettings(storage, settings);
}

function assertMayBegin(storage: Dir, path: Raw): void {
  const why = unfinishedLacks(storage);
  if (why !== undefined) throw new StorageExists(path, why);
}
