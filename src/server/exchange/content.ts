/** Replies with file contents: ranges, tags and names, and nothing that a browser would execute. */
import { BadRequest } from "./problem.ts";
import type { Site } from "./site.ts";
import type { ByteRange, FileBody } from "../reader/reader.ts";
import { type ExpectedContent, verifiedFile } from "../reader/verified_file.ts";
import type { Exchange, Reply } from "./route.ts";
import { nameOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import { msOfNs } from "../../core/time_text.ts";
import { encodedSegment } from "./target.ts";
import { NotDumped } from "../../operations/browse/dump/dump.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Types that a browser may display; all others can only be saved. */
const INLINE: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  mp4: "video/mp4",
  m4v: "video/mp4",
  webm: "video/webm",
  mp3: "audio/mpeg",
  flac: "audio/flac",
  ogg: "audio/ogg",
  txt: "text/plain; charset=utf-8",
};

/** All media types that {@link contentReply} gives. */
export const CONTENT_TYPES: readonly string[] = [
  "application/octet-stream",
  ...new Set(Object.values(INLINE).map((type) => type.split(";")[0]!)),
];

/** The media type for display in a page; undefined if it may not be displayed. @param name of a file */
export function inlineType(name: string): string | undefined {
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase();
  return ending !== undefined && Object.hasOwn(INLINE, ending) ? INLINE[ending] : undefined;
}

const CONDITIONS = ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range"];

/** True if a request will most likely be answered with the whole contents. */
export function wantsBody({ method, headers }: Pick<Exchange, "method" | "headers">): boolean {
  return method === "GET" && !CONDITIONS.some((name) => headers.has(name));
}

/** Reply with a file of a snapshot. @param given its contents, if they were asked for @throws BadRequest for anything else, NotDumped for one without content */
export function contentReply(exchange: Exchange, entry: Entry, given?: FileBody): Reply {
  const { headers, target, site } = exchange, { kind, content, size, path, mtime } = entry;
  if (kind !== "file") throw new BadRequest("That is no file", "Directories come as an archive, below /archive");
  if (content === undefined) throw new NotDumped(path);
  const name = nameOf(path), etag = `"${content}"`, mtimeMs = msOfNs(mtime);
  const type = target.query.get("inline") === undefined ? undefined : inlineType(name);
  const common = {
    etag,
    "accept-ranges": "bytes",
    "last-modified": new Date(mtimeMs).toUTCString(),
    "cache-control": "private, no-cache, no-transform",
  };
  if (isOther(headers, etag, mtimeMs)) return { status: 412, headers: common };
  if (isKnown(headers, etag, mtimeMs)) return { status: 304, headers: common };
  const disposition = dispositionOf(name, type === undefined ? "attachment" : "inline");
  const described = {
    ...common,
    "content-type": type ?? "application/octet-stream",
    "content-security-policy": "default-src 'none'; sandbox",
    "content-disposition": disposition,
  };
  const range = rangeOf(headers, { etag, size, mtimeMs });
  if (range === "unsatisfiable") return { status: 416, headers: { ...common, "content-range": `bytes */${size}` } };
  const { from, to } = range ?? { from: 0, to: size }, length = { "content-length": String(to - from) };
  const isHead = exchange.method === "HEAD";
  const whole = { id: content, size }, isWhole = range === undefined;
  const body = isHead || to === from ? "" : isWhole ? bodyOf(site, whole, given) : partOf(site, whole, range);
  if (range === undefined) return { status: 200, headers: { ...described, ...length }, body };
  return {
    status: 206,
    headers: { ...described, ...length, "content-range": `bytes ${from}-${to - 1}/${size}` },
    body,
  };
}

/** A part of a content. To the end, whatever length it has there: only then it is verified. */
function partOf({ reader }: Site, { id, size }: ExpectedContent, { from, to }: ByteRange): AsyncIterable<Bytes> {
  return reader.content(id, { from, to: to === size ? Infinity : to });
}

function bodyOf({ reader }: Site, content: ExpectedContent, given: FileBody | undefined): Reply["body"] & object {
  if (given?.kind === "bytes") return given.bytes;
  return given?.kind === "file" ? verifiedFile(given, content, reader) : reader.content(content.id);
}

/** The header Content-Disposition (RFC 6266): with a name in ASCII for old clients, and the real one. */
export function dispositionOf(name: string, kind: "attachment" | "inline"): string {
  const plain = textOf(name).replace(/[^ !#$&'()+,.0-9;=@A-Za-z[\]^_`{}~-]/g, "_");
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encodedSegment(name)}`;
}

/** True if the client wants it only as it was, and it is no longer that. */
function isOther(headers: Headers, etag: string, mtimeMs: number): boolean {
  const tags = headers.get("if-match"), since = headers.get("if-unmodified-since");
  if (tags !== null) return tags.trim() !== "*" && !tags.split(",").some((tag) => tag.trim() === etag);
  return since !== null && Math.floor(mtimeMs / 1000) > Math.floor(Date.parse(since) / 1000);
}

function isKnown(headers: Headers, etag: string, mtimeMs: number): boolean {
  const tags = headers.get("if-none-match"), since = headers.get("if-modified-since");
  if (tags !== null) {
    return tags.trim() === "*" || tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
  }
  return since !== null && Math.floor(mtimeMs / 1000) <= Math.floor(Date.parse(since) / 1000);
}

interface Whole {
  readonly etag: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** The requested range. Several ranges, and unreadable ones, are ignored, as RFC 9110 allows. */
function rangeOf(headers: Headers, { etag, size, mtimeMs }: Whole): ByteRange | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
  if (first === undefined || last === undefined || first === "" && last === "") return undefined;
  const condition = headers.get("if-range");
  if (condition !== null && condition !== etag && Date.parse(condition) !== Math.floor(mtimeMs / 1000) * 1000) {
    return undefined;
  }
  if (first === "") return suffix(Number(last), size);
  const from = Number(first), to = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "unsatisfiable" : { from, to };
}

function suffix(bytes: number, size: number): ByteRange | "unsatisfiable" {
  return bytes === 0 || size === 0 ? "unsatisfiable" : { from: Math.max(0, size - bytes), to: size };
}
