/** From a location, as people write it, to the place that it means. */
import type { Clock, Random } from "../core/clock.ts";
import { BadUsage } from "../core/fault.ts";
import { rawOf } from "../core/raw.ts";
import type { Disk } from "../platform/disk.ts";
import type { Backend } from "./backend.ts";
import type { CredentialSource } from "./credentials.ts";
import type { PlaceUnavailable } from "./faults.ts";
import { openFileBackend } from "./file.ts";

export type { CredentialSource };

/** What a machine has, and what may be said about a place. */
export interface OpenOptions {
  readonly disk: Disk;
  readonly random: Random;
  readonly clock: Clock;
  /** Makes the place if it is missing. Default: it has to be there. */
  readonly create?: boolean;
  /** Where the name, password or keys for it come from. Default: nowhere. */
  readonly credentials?: CredentialSource;
  /** Requests at once. Default: 4. */
  readonly connections?: number;
  /** Bytes a second, up and down. Default: as fast as it goes. */
  readonly limits?: { readonly upload?: number; readonly download?: number };
  /** Called before a failed request is tried again. */
  readonly onRetry?: (fault: PlaceUnavailable, waitMs: number) => void;
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
// deno-lint-ignore require-await -- a failure is a rejection
export async function openBackend(location: string, options: OpenOptions): Promise<Backend> {
  if (isRemote(location)) {
    throw new BadUsage(`Cannot open ${JSON.stringify(location)}: there is no such kind of place`, "Give a directory");
  }
  return openFileBackend(rawOf(location.replace(/^file:(?:\/\/(?=\/))?/, "")), options);
}
