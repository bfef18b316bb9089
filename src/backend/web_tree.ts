/** Reads files over HTTP as they were listed; the server identifies their state by an ETag. */
import { PlaceUnavailable } from "./faults.ts";
import type { Http, HttpAnswer } from "./http.ts";
import { lengthOf } from "./http_body.ts";
import { type PieceRange, RemoteChanged, type RemoteEntry } from "./remote_tree.ts";
import { isPart } from "./web_objects.ts";

const OK = 200, PARTIAL = 206, MISSING = 404, TAKEN = 412, BEYOND = 416;

/** Reads a piece of a file. @throws RemoteChanged, and what {@link Http.send} throws */
export async function webPiece(
  http: Http,
  url: URL,
  path: string,
  entry: RemoteEntry,
  { from, length, signal }: PieceRange,
): Promise<Uint8Array<ArrayBuffer>> {
  const what = `read ${path}`, last = from + length - 1;
  const headers = { range: `bytes=${from}-${last}`, ...(isStrong(entry.etag) && { "if-match": entry.etag }) };
  const expects = [OK, PARTIAL, MISSING, TAKEN, BEYOND];
  const answer = await http.send({ method: "GET", url, what, headers, signal, expects });
  if (answer.status >= 400 || !isSame(answer, entry)) throw new RemoteChanged(path);
  if (!isPart(answer)) return ofWhole(answer, path, entry, from, length);
  if (answer.headers.get("content-range") !== `bytes ${from}-${last}/${entry.size}`) throw new RemoteChanged(path);
  if (answer.bytes.length !== length) throw new PlaceUnavailable(what, "the server gives less than was asked for");
  return answer.bytes;
}

/** Verifies that a file has not changed. @throws RemoteChanged, and what {@link Http.send} throws */
export async function verifyWeb(
  http: Http,
  url: URL,
  path: string,
  entry: RemoteEntry,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Each piece was of the state that has this name.
  if (isStrong(entry.etag) && entry.size > 0) return;
  const answer = await http.send({ method: "HEAD", url, what: `look at ${path}`, signal, expects: [OK, MISSING] });
  const size = lengthOf(answer.headers) ?? entry.size,
    modifiedMs = Date.parse(answer.headers.get("last-modified") ?? "");
  const isMoved = entry.mtimeMs !== undefined && !Number.isNaN(modifiedMs) &&
    Math.floor(modifiedMs / 1000) !== Math.floor(entry.mtimeMs / 1000);
  if (answer.status !== OK || size !== entry.size || isMoved || !isSame(answer, entry)) throw new RemoteChanged(path);
}

/** One that stands for exactly these bytes. */
function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && /^"[^"]*"$/.test(etag);
}

function isSame({ headers }: HttpAnswer, { etag }: RemoteEntry): boolean {
  const now = headers.get("etag") ?? undefined;
  return !isStrong(etag) || !isStrong(now) || now === etag;
}

/** A server that knows no ranges gives everything each time. */
function ofWhole(
  { bytes }: HttpAnswer,
  path: string,
  { size }: RemoteEntry,
  from: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  if (bytes.length !== size) throw new RemoteChanged(path);
  return length === size ? bytes : bytes.slice(from, from + length);
}

/** URL of a path below `top`, which ends with a slash. */
export function urlBelow(top: URL, path: string, isDirectory: boolean): URL {
  const url = new URL(top), inner = path.split("/").map(encodeURIComponent).join("/");
  url.pathname += inner + (isDirectory && path !== "" ? "/" : "");
  return url;
}
