/** Translates S3's error codes for people who run backups. */
import type { Fault } from "../core/fault.ts";
import { PlaceFull, PlaceRefuses, PlaceUnavailable } from "./faults.ts";
import type { HttpAnswer } from "./http.ts";
import { oneLine, retryAfter } from "./http_faults.ts";
import { childText, parseXml } from "./xml.ts";

/** The error that an answer reports. */
export interface S3Error {
  readonly code: string;
  readonly message: string;
  /** Region of the bucket, if reported. */
  readonly region: string | undefined;
}

/** An error is short; an object that begins like one is not looked through. */
const MOST_BYTES = 64 * 1024;
const REGION_HEADER = "x-amz-bucket-region";

const LATER = new Set([
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "RequestTimeout",
  "OperationAborted",
  "ServerBusy",
  "Throttling",
]);
const FULL = new Set([
  "QuotaExceeded",
  "InsufficientStorage",
  "InsufficientCapacity",
  "StorageFull",
  "XMinioStorageFull",
]);
export const EXPIRED: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
  "RequestExpired",
  "InvalidToken",
]);

/** Codes to what is wrong, and what to do. */
const REFUSED: Readonly<Record<string, readonly [string, string]>> = {
  InvalidAccessKeyId: ["the server does not know the access key", "Check the access key, and the address"],
  SignatureDoesNotMatch: ["the secret key does not fit the access key", "Check the secret access key, and the region"],
  AccessDenied: ["the server does not allow it", "Check what the access key may do with this bucket"],
  NoSuchBucket: ["there is no such bucket", "Make the bucket, or check its name and the address"],
  InvalidObjectState: ["it was moved to an archive", "Have the provider restore it, then run the same again"],
  AuthorizationHeaderMalformed: ["the region is wrong", "Name the region: `?region=...` after the location"],
  InvalidStorageClass: ["there is no such storage class", "Check `storage-class` in the location"],
  InvalidArgument: ["the server does not accept a setting", "Check `storage-class` and `retention` in the location"],
  InvalidRequest: [
    "the server can't do that",
    "Is object lock switched on for this bucket, if `retention` is asked for?",
  ],
};
const OTHER_CREDENTIALS = "Get new credentials; those that a credentials command gives are renewed without asking";

/** Parses the error in an answer; undefined if it reports none. */
export function s3ErrorIn({ status, headers, bytes }: HttpAnswer): S3Error | undefined {
  const region = headers.get(REGION_HEADER) ?? undefined;
  const text = bytes.length > MOST_BYTES ? "" : new TextDecoder().decode(bytes);
  const element = /<Error[\s>]/.test(text.slice(0, 500)) ? parseXml(text.trimStart()) : undefined;
  if (element?.name !== "Error") return status < 300 ? undefined : { code: "", message: "", region };
  return {
    code: oneLine(childText(element, "Code") ?? ""),
    message: oneLine(childText(element, "Message") ?? ""),
    region: region ?? childText(element, "Region"),
  };
}

/** The request, and the host that it was sent to. */
export interface S3Asked {
  readonly what: string;
  readonly host: string;
  /** How far this machine's clock is ahead of the server's. */
  readonly aheadMs: number;
}

/** Makes a fault for an error; undefined if the status already says everything. */
export function faultOfS3({ what, host, aheadMs }: S3Asked, error: S3Error, answer: HttpAnswer): Fault | undefined {
  const { code, message } = error,
    said = `${host} answers ${code}${message === "" ? "" : `, ${JSON.stringify(message)}`}`;
  if (LATER.has(code)) {
    const retryAfterMs = retryAfter(answer.headers);
    return new PlaceUnavailable(what, said, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  if (FULL.has(code)) return new PlaceFull(what, said);
  if (code === "RequestTimeTooSkewed") return skewed(what, aheadMs);
  if (EXPIRED.has(code)) return new PlaceRefuses(what, `the credentials have expired (${code})`, OTHER_CREDENTIALS);
  const known = REFUSED[code];
  if (known !== undefined) return new PlaceRefuses(what, `${known[0]} (${code})`, known[1]);
  if (code === "") return undefined;
  // An error in an answer that says that all is well.
  return answer.status < 300 || answer.status >= 500 ? new PlaceUnavailable(what, said) : new PlaceRefuses(what, said);
}

function skewed(what: string, aheadMs: number): Fault {
  const minutes = Math.round(Math.abs(aheadMs) / 60_000), by = `${minutes} min ${aheadMs < 0 ? "behind" : "ahead of"}`;
  return new PlaceRefuses(
    what,
    `the clock of this machine is ${by} the server's, which takes nothing that is more than 15 min off`,
    "Set this machine's clock, and have it kept right (NTP)",
  );
}
