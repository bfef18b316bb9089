/** The one place that turns a location into an engine. */
import type { Monitor } from "../core/monitor.ts";
import type { Raw } from "../core/raw.ts";
import type { Machine } from "../platform/machine.ts";
import { openStorage } from "../storage/storage.ts";
import type { OpenedRepository } from "./opened.ts";

/**
 * Opens a repository for whatever every engine can do. What only a storage can do asks for a storage (openStorage).
 * @param location absolute path of a storage
 * @throws NoStorage, NewerFormat, DamagedSettings, SplitStorage
 */
export function openRepository(machine: Machine, location: Raw, monitor: Monitor): Promise<OpenedRepository> {
  return Promise.try(() => openStorage(machine, location, monitor));
}
