/**
 * A marker file in the target of an unfinished restore, so that the same command continues it. Its name contains the id
 * of the snapshot, so that no file of the snapshot has that name; other files of a similar name are not ours.
 */
import { type Raw, rawOf } from "../../core/raw.ts";
import type { Dir } from "../../platform/disk.ts";

const NAME = ".backup-tool-restoring";
const ID_DIGITS = 12;
/** Names used by former versions. A user's file may have the same name: its content decides. */
const FORMER_NAME = rawOf(NAME);
const MOST_BYTES = 4096;
const FORMAT = "backup-tool restore";

export function markerName(snapshot: string): Raw {
  return rawOf(`${NAME}-${snapshot.slice(0, ID_DIGITS)}`);
}

/** Creates the marker: everything in the directory belongs to an unfinished restore, which can be continued. */
export function setMarker(dir: Dir, snapshot: string): void {
  const name = markerName(snapshot);
  dir.unlink(name);
  using file = dir.create(name, 0o600);
  file?.write(new TextEncoder().encode(`${JSON.stringify({ format: FORMAT, snapshot })}\n`), 0);
}

/** Removes the markers of this snapshot, including a truncated one. */
export function removeMarkers(dir: Dir, snapshot: string): void {
  const name = markerName(snapshot);
  if (isMarker(dir, name, snapshot) || dir.stat(name)?.size === 0) dir.unlink(name);
  if (isMarker(dir, FORMER_NAME, snapshot)) dir.unlink(FORMER_NAME);
}

/** True if a restore of the snapshot into the directory was interrupted. */
export function hasMarker(dir: Dir, snapshot: string): boolean {
  return [markerName(snapshot), FORMER_NAME].some((name) => isMarker(dir, name, snapshot));
}

/** True if a file is a marker according to its contents. */
export function isMarker(dir: Dir, name: Raw, snapshot: string): boolean {
  if (name !== markerName(snapshot) && name !== FORMER_NAME) return false;
  return dir.stat(name)?.kind === "file" && snapshotOf(dir, name) === snapshot;
}

function snapshotOf(dir: Dir, name: Raw): string | undefined {
  using file = dir.open(name);
  const bytes = new Uint8Array(MOST_BYTES);
  try {
    const fields: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, file?.read(bytes, 0) ?? 0)));
    if (typeof fields !== "object" || fields === null || !("format" in fields) || !("snapshot" in fields)) {
      return undefined;
    }
    return fields.format === FORMAT ? String(fields.snapshot) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
