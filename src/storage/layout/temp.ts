/** tmp/: work in progress, which the next writer removes. Files that can't be removed do no harm. */
import type { Monitor } from "../../core/monitor.ts";
import { type Raw, rawOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";
import { makeDirectory, setAside } from "./quarantine.ts";
import { tryToRemove } from "../../platform/remove_recursively.ts";

const TMP = rawOf("tmp");
const PRIVATE = 0o700;

/**
 * True for the work of a job. Jobs keep what a killed run had done in tmp/, under the names of their files, and remove
 * it themselves.
 */
function isWorkOfJob(name: Raw): boolean {
  return /\.jsonc?$/i.test(name);
}

/** Creates or empties tmp/. Only for a writer. */
export function emptyTemp(storage: Dir, monitor: Monitor): void {
  const stuck: DiskFault[] = [];
  let hasWork = false;
  {
    using temp = storage.openDir(TMP);
    for (const name of temp.list().names) {
      const fault = isWorkOfJob(name) ? undefined : tryToRemove(temp, name);
      if (fault !== undefined) stuck.push(fault);
      hasWork ||= isWorkOfJob(name);
    }
  }
  if (stuck.length === 0) return;
  const [{ message }] = stuck as [DiskFault];
  // A new one, for what stays may have a name that is needed.
  const isMounted = stuck.some(({ errno }) => errno === "EBUSY");
  const place = hasWork || isMounted ? undefined : tryToReplace(storage);
  monitor.notice(
    `tmp/ can't be emptied: ${message}${place === undefined ? "" : `; what was in it is now in ${place}`}`,
  );
}

function tryToReplace(storage: Dir): string | undefined {
  try {
    const place = setAside(storage, storage, TMP, TMP);
    storage.mkdir(TMP, PRIVATE);
    return place;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    makeDirectory(storage, storage, TMP, PRIVATE);
    return undefined;
  }
}
