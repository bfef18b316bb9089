/**
 * What the catalog keeps of an entry, taken from its line in a manifest without parsing all of it. Two lines with the
 * same state count as one version: times and numbers that only the file system cares about (ctime, inode) are not part
 * of it, nor is which names are hard links of each other.
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { type Apath, TOP } from "../../core/apath.ts";
import type { ContentId } from "../../core/content_id.ts";
import type { NsText } from "../../core/entry.ts";
import { Fault } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import { encodeEntry, parseLine } from "../line.ts";

export interface LineState {
  readonly path: Apath;
  /** JSON without braces: kind, mode, uid, gid, user, group, device. */
  readonly attributes: string;
  readonly size: number;
  readonly mtime: NsText;
  readonly content: ContentId | undefined;
  /** JSON: target, xattrs (their digest), problems; undefined for the many that have none. */
  readonly detail: string | undefined;
}

/** Everything up to the content of a line without escapes in its path, with the fields in the order of FORMAT.md. */
const PLAIN_LINE = new RegExp(
  String.raw`\{"path":"([^"\\]+)",("kind":"\w+")(?:,"size":(\d+))?,"mtime":"(-?\d+)"(?:,"ctime":"-?\d+")?` +
    String.raw`(?:,"inode":"\d+")?(,"mode":"[0-7]{4}","uid":\d+,"gid":\d+(?:,"user":"(?:[^"\\]|\\.)*")?` +
    String.raw`(?:,"group":"(?:[^"\\]|\\.)*")?(?:,"device":\[\d+,\d+\])?)(?:,"content":"([0-9a-f]+)")?`,
  "y",
);
/** The rest of a line about which the catalog has nothing to say. */
const PLAIN_REST =
  /^(?:,"hardLink":"[^"\\]*")?(?:,"sparse":true)?(?:,"birthtime":"-?\d+")?(?:,"flags":\[[^\]\\]*\])?\}$/;

/**
 * Reads the line between `start` and `end` (where its newline is).
 * @param text bytes of a hunk as characters 0 to 255
 * @returns undefined for what is no entry: `check` tells of it, and the catalog does without
 */
export function stateOf(text: string, start: number, end: number): LineState | undefined {
  PLAIN_LINE.lastIndex = start;
  const found = PLAIN_LINE.exec(text);
  if (found === null || PLAIN_LINE.lastIndex >= end) return stateOfOdd(text.slice(start, end));
  const [, path, kind, size, mtime, mode, content] = found;
  return {
    path: path as Apath,
    attributes: kind! + mode!,
    size: size === undefined ? 0 : Number(size),
    mtime: mtime!,
    content: content as ContentId | undefined,
    detail: detailOf(text, PLAIN_LINE.lastIndex, end),
  };
}

/** A line with escapes in its path, or not written as this tool writes them: parsed, and written again. */
function stateOfOdd(line: string): LineState | undefined {
  try {
    const entry = parseLine(decoded(line));
    const plain = rawOf(encodeEntry({ ...entry, path: TOP }));
    return { ...stateOf(plain, 0, plain.length)!, path: entry.path };
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function detailOf(text: string, from: number, end: number): string | undefined {
  if (end - from === 1) return undefined;
  const rest = text.slice(from, end);
  if (PLAIN_REST.test(rest)) return undefined;
  const { target, xattrs, problems } = JSON.parse(decoded(`{${rest.slice(1)}`)) as Record<string, unknown>;
  const digest = xattrs === undefined ? undefined : hash("sha1", JSON.stringify(xattrs)).slice(0, 16);
  const detail = JSON.stringify({ target, xattrs: digest, problems });
  return detail === "{}" ? undefined : detail;
}

function decoded(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

export function isSameState(a: LineState, b: LineState): boolean {
  return a.content === b.content && a.mtime === b.mtime && a.size === b.size && a.attributes === b.attributes &&
    a.detail === b.detail;
}
