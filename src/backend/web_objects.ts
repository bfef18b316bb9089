/** Reads objects over HTTP; shared by all kinds of places that use it. */
import { type GetOptions, lengthIn, type ObjectKey, partsOf } from "./backend.ts";
import { MissingObject, PlaceRefuses, PlaceUnavailable } from "./faults.ts";
import type { Http, HttpAnswer } from "./http.ts";
import { lengthOf } from "./http_body.ts";

const OK = 200, PARTIAL = 206, MISSING = 404, BEYOND = 416;
const SPLIT_DIGITS = 2;

/**
 * Path of an object relative to the top.
 * @param isSplit true: `data/` is split by the first digits of names, as on disks
 */
export function pathOf(key: ObjectKey, isSplit: boolean): string {
  const parts = partsOf(key);
  if (parts?.kind !== "data" || !isSplit) return key;
  return `data/${parts.name.slice(0, SPLIT_DIGITS)}/${parts.name}`;
}

/** Reads an object. @throws MissingObject, ShortObject, and what {@link Http.send} throws */
export async function getObject(
  http: Http,
  url: URL,
  key: ObjectKey,
  options: GetOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const what = `read ${key}`, { range, signal } = options;
  if (range?.length === 0) return await nothingAt(http, url, key, options);
  const headers: Record<string, string> = range === undefined
    ? {}
    : { range: `bytes=${range.from}-${range.from + range.length - 1}` };
  const answer = await http.send({
    method: "GET",
    url,
    what,
    headers,
    // Threads may share it; nothing here distinguishes that.
    into: options.into as Uint8Array<ArrayBuffer> | undefined,
    signal,
    expects: [OK, PARTIAL, MISSING, BEYOND],
  });
  if (answer.status === MISSING) throw new MissingObject(key);
  if (answer.status === BEYOND) return await nothingAt(http, url, key, options);
  if (range === undefined) return whole(answer, what);
  return isPart(answer) ? partial(answer, key, options) : cut(answer.bytes, key, options);
}

/** Some servers, such as rclone's S3, send a part with status 200. */
export function isPart({ status, headers }: HttpAnswer): boolean {
  return status === PARTIAL || headers.has("content-range");
}

/**
 * Requests the size of an object.
 * @param send replaces HEAD where that doesn't work
 * @throws what {@link Http.send} throws
 */
export async function headObject(
  http: Http,
  url: URL,
  key: ObjectKey,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const what = `look for ${key}`;
  const answer = await http.send({ method: "HEAD", url, what, signal, expects: [OK, MISSING] });
  if (answer.status === MISSING) return undefined;
  const size = lengthOf(answer.headers);
  if (size === undefined) throw new PlaceRefuses(what, "the server does not say how large it is", UNFIT);
  return size;
}

/** The server's time in ms since 1970, from the Date of any answer. @throws PlaceRefuses */
export function timeOf({ headers }: HttpAnswer): number {
  const time = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(time)) throw new PlaceRefuses("find out the server's time", "its answers have no Date", UNFIT);
  return time;
}

export const UNFIT = "Something between here and the server may change answers; else another kind of server is needed";

function whole(answer: HttpAnswer, what: string): Uint8Array<ArrayBuffer> {
  if (isPart(answer)) throw new PlaceUnavailable(what, "the server gives a part of it where all was asked for");
  return answer.bytes;
}

function partial({ headers, bytes }: HttpAnswer, key: ObjectKey, options: GetOptions): Uint8Array<ArrayBuffer> {
  const found = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  const [from, last, size] = [Number(found?.[1]), Number(found?.[2]), Number(found?.[3])];
  const expected = Number.isNaN(size) ? options.range?.length ?? 0 : lengthIn(size, key, options);
  const isWhole = bytes.length === last - from + 1;
  // Also what stands for another answer, late or twice.
  const isAsAsked = isWhole && from === options.range?.from && bytes.length >= expected;
  if (!isAsAsked) throw new PlaceUnavailable(`read ${key}`, "the server gives another part than was asked for");
  // Some servers, such as sabre/dav, take "0-0" for everything.
  return bytes.length === expected ? bytes : bytes.slice(0, expected);
}

/** Of an answer with everything, from a server that knows no ranges. */
function cut(bytes: Uint8Array<ArrayBuffer>, key: ObjectKey, options: GetOptions): Uint8Array<ArrayBuffer> {
  const from = options.range?.from ?? 0;
  return bytes.slice(from, from + lengthIn(bytes.length, key, options));
}

/** HTTP has no range without bytes: the size shows whether there are none. */
async function nothingAt(
  http: Http,
  url: URL,
  key: ObjectKey,
  options: GetOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = await headObject(http, url, key, options.signal);
  if (size === undefined) throw new MissingObject(key);
  if (lengthIn(size, key, options) === 0) return new Uint8Array(0);
  throw new PlaceUnavailable(`read ${key}`, "the server refuses a part that is there");
}
