/** Making a new storage. */
import type { Random } from "../../core/clock.ts";
import type { Algorithm } from "../../core/digest.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { makeDirectories } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { checkHexSplit } from "../../snapshot/origin.ts";
import { makeLeafDirectories } from "./directories.ts";
import { StorageExists } from "./faults.ts";
import type { Settings } from "./settings.ts";
import { writeSettings } from "./settings_file.ts";

const DB = rawOf("db"), CONTENT = rawOf("content"), TMP = rawOf("tmp");
const PRIVATE = 0o700, PUBLIC = 0o755;

/** Makes a storage in an empty or new directory. @throws StorageExists, BadUsage, DiskFault */
export function initStorage(
  machine: Machine,
  path: Raw,
  options: { readonly algorithm: Algorithm; readonly hexSplit: readonly number[] },
): void {
  checkHexSplit(options.hexSplit);
  using storage = makeDirectories(machine.disk, path, PUBLIC);
  const names = storage.list().names.filter((name) => name !== "lost+found");
  if (names.includes(DB)) throw new StorageExists(path, "there is one already");
  if (names.length > 0) throw new StorageExists(path, "the directory is not empty");
  for (const name of [DB, CONTENT, TMP]) storage.mkdir(name, PRIVATE);
  const settings: Settings = {
    version: 1,
    id: uuid(machine.random),
    algorithm: options.algorithm,
    hexSplit: options.hexSplit,
    created: new Date(machine.clock.nowMs()).toISOString(),
  };
  makeLeafDirectories(storage, settings);
  writeSettings(storage, settings);
}

/** RFC 9562, version 4. */
function uuid(random: Random): string {
  const bytes = random(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
