/** Reads db/main, recovers it from a snapshot where it is lost, and writes it once. */
import { openDirIfThere } from "../../platform/open_optional.ts";
import type { Monitor } from "../../core/monitor.ts";
import { baseName, joinRaw, parentPath, type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { removeRecursively } from "../../platform/remove_recursively.ts";
import { DamagedSettings } from "../../snapshot/origin.ts";
import { clearForFile } from "./quarantine.ts";
import { NoStorage } from "./faults.ts";
import { recoverSettings } from "./recover_settings.ts";
import { encodeSettings, parseSettings, type Settings, storageIdIn } from "./settings.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp"), MAIN = rawOf("main");
const LARGEST_SETTINGS_BYTES = 64 * 1024;

/**
 * The settings; if they are lost, those of a snapshot. Writes nothing. @throws NoStorage, NewerFormat, DamagedSettings
 */
export function readSettings(storage: Dir, path: Raw, monitor: Monitor): Settings {
  const text = readSmall(storage, joinRaw(DB, MAIN));
  if (text !== undefined) return parseSettings(text);
  using content = openDirIfThere(storage, CONTENT);
  if (content === undefined) throw new NoStorage(path, whyNone(storage));
  const settings = recoverSettings(content);
  if (settings === undefined) throw new NoStorage(path, "db/main is missing and content/ holds no snapshot");
  monitor.notice("db/main was missing; the settings were taken from a snapshot");
  return settings;
}

/** The id of a storage, from its `db/main`; undefined if the directory is no storage. @throws DiskFault */
export function peekStorageId(directory: Dir): string | undefined {
  try {
    const text = readSmall(directory, joinRaw(DB, MAIN));
    return text === undefined ? undefined : storageIdIn(text);
  } catch (error) {
    if (error instanceof DamagedSettings) return undefined;
    throw error;
  }
}

/** Why a directory is no storage. An empty one is often the mount point of a missing disk. */
function whyNone(directory: Dir): string {
  return directory.list().names.length === 0 ? "the directory is empty" : "it has no db/main and no content/";
}

function readSmall(storage: Dir, path: Raw): string | undefined {
  const name = baseName(path);
  using directory = openDirIfThere(storage, parentPath(path));
  if (directory?.stat(name)?.kind !== "file") return undefined;
  using file = directory.open(name);
  if (file === undefined) return undefined;
  const bytes = new Uint8Array(LARGEST_SETTINGS_BYTES + 1), got = file.read(bytes, 0);
  if (got > LARGEST_SETTINGS_BYTES) throw new DamagedSettings("it is too large");
  return new TextDecoder().decode(bytes.subarray(0, got));
}

/** Writes the settings again if they are lost. Only for the writer. */
export function renewSettings(storage: Dir, settings: Settings, monitor: Monitor): void {
  try {
    using db = storage.openDir(DB);
    if (db.stat(MAIN)?.kind !== "file") writeSettings(storage, settings);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    monitor.notice(`db/main could not be written again: ${error.message}`);
  }
}

/** Writes the settings; they are durable on return. */
export function writeSettings(storage: Dir, settings: Settings): void {
  using temp = storage.openDir(TMP);
  using db = storage.openDir(DB);
  removeRecursively(temp, MAIN);
  using file = temp.create(MAIN, 0o444);
  if (file === undefined) throw new DiskFault("EEXIST", "create", MAIN);
  file.write(new TextEncoder().encode(encodeSettings(settings)), 0);
  file.sync();
  clearForFile(storage, db, MAIN, rawOf("db-main"));
  temp.rename(MAIN, db, MAIN);
  db.sync();
  storage.sync();
}
