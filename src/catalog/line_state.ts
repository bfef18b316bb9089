/**
 * The part of an entry that the catalog keeps, read from its line in a manifest without parsing all of it. Lines with
 * the same state count as one version: times and numbers that matter only to the file system (ctime, inode) are not
 * part of it, nor is which names are hard links of each other.
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { type Apath, isApath, TOP } from "../core/apath.ts";
import { type ContentId, knownContentId } from "../core/content_id.ts";
import type { Entry, NsText } from "../core/entry.ts";
import { unlessFault } from "../core/fault.ts";
import { rawOf, textOf } from "../core/raw.ts";
import { CONTENT_ID, encodeEntry, parseLine } from "../snapshot/entry_line.ts";

export interface EntryState {
  readonly path: Apath;
  /** JSON without braces: kind, mode, uid, gid, user, group, device. */
  readonly attributes: string;
  readonly size: number;
  readonly mtime: NsText;
  readonly content: ContentId | undefined;
  /** JSON of target, xattrs (their digest) and problems; undefined for the many entries that have none. */
  readonly detail: string | undefined;
}

/** Up to 4294967295. */
const ID =
  String.raw`(?:0|[1-9]\d{0,8}|[1-3]\d{9}|4[01]\d{8}|42[0-8]\d{7}|429[0-3]\d{6}|4294[0-8]\d{5}|42949[0-5]\d{4}|` +
  String.raw`429496[0-6]\d{3}|4294967[01]\d{2}|42949672[0-8]\d|429496729[0-5])`;
const NAME = String.raw`"(?:[^"\\\0-\x1f]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*"`;
/** Everything up to the content of a line without escapes in its path and names, with the fields in the order of FORMAT.md. */
const PLAIN_LINE = new RegExp(
  String
    .raw`\{"path":"([^"\\\0-\x1f]+)",("kind":"(?:file|dir|symlink|fifo|socket|char|block)")(?:,"size":(0|[1-9]\d{0,15}))?` +
    String.raw`,"mtime":"(-?\d{1,20})"(?:,"ctime":"-?\d{1,20}")?(?:,"inode":"\d{1,20}")?` +
    String.raw`(,"mode":"[0-7]{4}","uid":${ID},"gid":${ID}(?:,"user":${NAME})?(?:,"group":${NAME})?` +
    String.raw`(?:,"device":\[${ID},${ID}\])?)(?:,"content":"(${CONTENT_ID})")?`,
  "y",
);
/** The rest of a line about which the catalog has nothing to say. */
const PLAIN_REST =
  /^(?:,"hardLink":"[^"\\]*")?(?:,"sparse":true)?(?:,"birthtime":"-?\d+")?(?:,"flags":\[[^\]\\]*\])?\}$/;

/**
 * Parses the line between `start` and `end` (the position of its newline).
 * @param text bytes of a hunk as characters 0 to 255
 * @returns undefined if the line is not a valid entry: `check` reports it, and the catalog skips it
 */
export function stateOf(text: string, start: number, end: number): EntryState | undefined {
  PLAIN_LINE.lastIndex = start;
  const found = PLAIN_LINE.exec(text);
  if (found === null || PLAIN_LINE.lastIndex >= end) return stateOfOdd(text.slice(start, end));
  const [, path, kind, size, mtime, mode, content] = found;
  const bytes = Number(size ?? 0), rest = PLAIN_LINE.lastIndex;
  if (!isApath(path!) || !Number.isSafeInteger(bytes)) return undefined;
  const isPlain = end - rest === 1 || PLAIN_REST.test(text.slice(rest, end));
  const entry = isPlain ? undefined : unlessFault(() => parseLine(decoded(text.slice(start, end))), undefined);
  if (!isPlain && entry === undefined) return undefined;
  return {
    path,
    attributes: kind! + mode!,
    size: bytes,
    mtime: mtime!,
    content: content === undefined ? undefined : knownContentId(content),
    detail: entry && detailOf(entry),
  };
}

/** A line with escapes in its path, or not written as this tool writes them: parsed, and written again. */
function stateOfOdd(line: string): EntryState | undefined {
  const entry = unlessFault(() => parseLine(decoded(line)), undefined);
  if (entry === undefined) return undefined;
  const plain = rawOf(encodeEntry({ ...entry, path: TOP }));
  PLAIN_LINE.lastIndex = 0;
  if (!PLAIN_LINE.test(plain)) return undefined;
  return { ...stateOf(plain, 0, plain.length)!, path: entry.path };
}

function detailOf({ target, xattrs, problems }: Entry): string | undefined {
  const digest = xattrs === undefined ? undefined : hash("sha1", JSON.stringify(xattrs)).slice(0, 16);
  const detail = JSON.stringify({
    target: target === undefined ? undefined : textOf(target),
    xattrs: digest,
    problems,
  });
  return detail === "{}" ? undefined : detail;
}

function decoded(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

export function isSameState(a: EntryState, b: EntryState): boolean {
  return a.content === b.content && a.mtime === b.mtime && a.size === b.size && a.attributes === b.attributes &&
    a.detail === b.detail;
}
