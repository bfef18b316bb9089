/** Keeps the directories of a service out of the storage, where others remove and replace files. */
import { BadUsage } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { EMPTY, joinRaw, type Raw, splitRaw, textOf } from "../../core/raw.ts";
import { BadJobDirectory } from "../faults.ts";
import type { JobPlaces } from "./job_executor.ts";
import { realPathOfNearest } from "../../operations/restore/restore_target.ts";
import type { OwnPlaces } from "../../platform/own_places.ts";
import type { Disk } from "../../platform/disk.ts";
import type { Machine } from "../../platform/machine.ts";
import { openStorage } from "../../storage/storage.ts";

const TMP = "tmp", ARCHIVE = "archive";

/** Verifies that. @throws BadJobDirectory, BadUsage, and what opening the storage throws */
export function assertApart(machine: Omit<Machine, "workerScript">, places: JobPlaces, monitor: Monitor): void {
  using storage = openStorage({ ...machine, workerScript: undefined }, places.storage, monitor);
  const own = storage.ownPlaces([], monitor);
  const jobs = partAt(machine.disk, own, places.jobs);
  if (jobs !== undefined) throw new BadJobDirectory(places.jobs, "it belongs to the storage");
  if (places.temp === undefined) return;
  const part = partAt(machine.disk, own, places.temp);
  if (part === undefined || part === TMP) return;
  const quoted = JSON.stringify(textOf(places.temp));
  throw new BadUsage(`Cannot prepare imports in ${quoted}: it belongs to the storage`, "Give a directory beside it");
}

/** Which part of the storage a directory is, or is in; "" for the storage itself; undefined for what others may use. */
function partAt(disk: Disk, own: OwnPlaces, path: Raw): string | undefined {
  const { real, missing } = realPathOfNearest(disk, path);
  const place = own.around(real);
  if (place === undefined || place.kind === "state") return undefined;
  const [name = EMPTY] = splitRaw(joinRaw(place.inside ?? EMPTY, missing), "/");
  return name === "" || name === ARCHIVE || own.isPart(name) ? name : undefined;
}
