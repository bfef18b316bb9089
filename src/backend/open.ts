/** From a location, as people write it, to the place that it means. */
import type { Random } from "../core/clock.ts";
import { BadUsage } from "../core/fault.ts";
import { rawOf } from "../core/raw.ts";
import type { Disk } from "../platform/disk.ts";
import type { Backend } from "./backend.ts";
import { openFileBackend } from "./file.ts";

export interface OpenOptions {
  readonly disk: Disk;
  readonly random: Random;
  /** Makes the place if it is missing. Default: it has to be there. */
  readonly create?: boolean;
}

/** `s3:`, `rest:` ...; a single letter is a drive. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/;

/** True for what is no path on this machine. */
export function isRemote(location: string): boolean {
  const scheme = SCHEME.exec(location)?.[1];
  return scheme !== undefined && scheme !== "file";
}

/**
 * @param location an absolute path, or `file:` and one
 * @throws BadUsage for a kind of place that there is not, DiskFault
 */
export function openBackend(location: string, options: OpenOptions): Backend {
  if (isRemote(location)) {
    throw new BadUsage(`Cannot open ${JSON.stringify(location)}: there is no such kind of place`, "Give a directory");
  }
  return openFileBackend(rawOf(location.replace(/^file:(?:\/\/(?=\/))?/, "")), options);
}
