/** Opens the place that a location, as people write it, refers to. */
import type { Clock, Random } from "../core/clock.ts";
import { Interrupted } from "../core/fault.ts";
import { rawOf } from "../core/raw.ts";
import type { Disk } from "../platform/disk.ts";
import type { Backend } from "./backend.ts";
import { checked } from "./checked.ts";
import { atMost } from "./connections.ts";
import { Credentials, type CredentialSource } from "./credentials.ts";
import type { DavOptions } from "./dav.ts";
import type { Sleep } from "./decorator.ts";
import type { PlaceUnavailable } from "./faults.ts";
import { openFileBackend } from "./file.ts";
import { Allowance, limited } from "./limited.ts";
import { parseLocation, type Place } from "./location.ts";
import { attempt, retrying, type RetryOptions } from "./retrying.ts";

/** Requests at once. */
export const CONNECTIONS = 4;

export type { CredentialSource };

/** Services of this machine, and settings for the place. */
export interface OpenOptions {
  readonly disk: Disk;
  readonly random: Random;
  readonly clock: Clock;
  /** Creates the place if it is missing. Default: it must exist. */
  readonly create?: boolean;
  /** Source of user name, password or keys. Default: none. */
  readonly credentials?: CredentialSource;
  /** Number of concurrent requests. Default: 4. */
  readonly connections?: number;
  /** Bytes per second, up and down. Default: unlimited. */
  readonly limits?: { readonly upload?: number; readonly download?: number };
  /** After an abort, what fails is not tried again. */
  readonly signal?: AbortSignal;
  /** Called before a failed request is retried. */
  readonly onRetry?: (fault: PlaceUnavailable, waitMs: number) => void;
}

/**
 * Opens a place.
 * @param location an absolute path, `file:` and a path, or `rest:`, `s3:`, `dav:`, `sftp:` and an address (location.ts)
 * @throws BadUsage for an unknown kind of place, DiskFault, BadCredentials, ExposedSecret; for remote places with
 * `create`, everything that a request may throw
 */
export async function openBackend(location: string, options: OpenOptions): Promise<Backend> {
  const place = parseLocation(location);
  if (place.kind === "file") return openDirectory(place.path, options);
  const { http, retry } = linkTo(place, options);
  const opened = await attempt(() => openRemote(place, http, options.create ?? false), retry);
  return checked(retrying(atMost(options.connections ?? CONNECTIONS, opened), retry));
}

type RemotePlace = Exclude<Place, { readonly kind: "file" }>;

/** Makes what all requests to a place share. */
export function linkTo(
  place: RemotePlace,
  { clock, random, limits, credentials, signal, onRetry }: OpenOptions,
): { readonly http: DavOptions; readonly retry: RetryOptions } {
  const sleep = sleepBy(clock);
  const up = new Allowance(limits?.upload, clock, sleep), down = new Allowance(limits?.download, clock, sleep);
  const secrets = new Credentials(credentials ?? {}, place.kind), caFile = place.settings.get("ca-file");
  return {
    http: { clock, random, credentials: secrets, up, down, caFile },
    retry: { sleep, random, ...(signal && { signal }), ...(onRetry && { onRetry }) },
  };
}

function openDirectory(path: string, options: OpenOptions): Backend {
  const { clock, limits } = options, backend = openFileBackend(rawOf(path), options);
  // A share may be slow, too.
  const isLimited = limits?.upload !== undefined || limits?.download !== undefined;
  return isLimited ? limited(backend, { ...limits, clock, sleep: sleepBy(clock) }) : backend;
}

/** What each kind needs is loaded only when it is used. */
async function openRemote(
  place: RemotePlace,
  options: DavOptions,
  create: boolean,
): Promise<Backend> {
  switch (place.kind) {
    case "rest":
      return await (await import("./rest.ts")).openRest(place, options, create);
    case "dav":
      return await (await import("./dav.ts")).openDav(place, options, create);
    case "s3":
      return await (await import("./s3.ts")).openS3(place, options, create);
    case "sftp":
      return await (await import("./sftp.ts")).openSftp(place, options, create);
  }
}

function sleepBy(clock: Clock): Sleep {
  return async (ms, signal) => {
    await clock.sleep(ms, signal);
    if (signal?.aborted === true) throw new Interrupted();
  };
}
