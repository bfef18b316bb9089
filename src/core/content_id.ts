/**
 * Names of everything in `content/`. An id is the lower-case hex digest of the bytes. Different contents with the same
 * digest are distinguished by a suffix of one octet, 00 to ef. The suffix f0 marks a snapshot root, f1 a hunk of a
 * manifest.
 */
import { BadId } from "./fault.ts";
import { beginsWith, type Branded } from "./raw.ts";

/** Names one distinct file content. */
export type ContentId = Branded<string, "ContentId">;
/** Names a snapshot by its root. */
export type RootId = Branded<string, "RootId">;
/** Names a hunk of a manifest. */
export type HunkId = Branded<string, "HunkId">;

export const ROOT_SUFFIX = "f0";
export const HUNK_SUFFIX = "f1";
/** The last suffix of a content; the first is 00. */
export const LAST_CONTENT_SUFFIX = 0xef;

const HEX = /^(?:[0-9a-f]{2})+$/;
const ZERO = 0x30, NINE = 0x39, SMALL_A = 0x61, SMALL_F = 0x66;

/** True if all characters are lower-case hex digits. Much quicker than the expression: this runs for every item. */
function isHex(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!((code >= ZERO && code <= NINE) || (code >= SMALL_A && code <= SMALL_F))) return false;
  }
  return true;
}

/** True if `id` may name a content with this digest. */
export function isDigestOf(id: string, digest: string): boolean {
  return beginsWith(id, digest);
}

/** Parses a content id. @param digestHexLength hex digits of the storage's digest @throws BadId */
export function parseContentId(text: string, digestHexLength: number): ContentId {
  const plain = text.length === digestHexLength;
  const suffixed = text.length === digestHexLength + 2 && text.slice(-2) <= "ef";
  if (!HEX.test(text) || !(plain || suffixed)) throw new BadId("content id", text);
  return text as ContentId;
}

export function parseRootId(text: string, digestHexLength: number): RootId {
  return parseReserved(text, digestHexLength, ROOT_SUFFIX, "snapshot id") as RootId;
}

export function parseHunkId(text: string, digestHexLength: number): HunkId {
  return parseReserved(text, digestHexLength, HUNK_SUFFIX, "hunk id") as HunkId;
}

/** Classifies the name of an item in `content/`; undefined if it is not a valid id. */
export function classOfId(text: string, digestHexLength: number): "content" | "root" | "hunk" | undefined {
  const { length } = text;
  if ((length !== digestHexLength && length !== digestHexLength + 2) || !isHex(text)) return undefined;
  if (length === digestHexLength) return "content";
  const suffix = text.slice(-2);
  if (suffix <= "ef") return "content";
  return suffix === ROOT_SUFFIX ? "root" : suffix === HUNK_SUFFIX ? "hunk" : undefined;
}

function parseReserved(text: string, digestHexLength: number, suffix: string, what: string): string {
  if (!HEX.test(text) || text.length !== digestHexLength + 2 || !text.endsWith(suffix)) throw new BadId(what, text);
  return text;
}

/**
 * @param digest lower-case hex
 * @param suffix 0 to {@link LAST_CONTENT_SUFFIX}, for one of several contents with this digest
 */
export function contentIdOf(digest: string, suffix?: number): ContentId {
  return (suffix === undefined ? digest : digest + suffix.toString(16).padStart(2, "0")) as ContentId;
}

/** @param digest lower-case hex of the root's bytes */
export function rootIdOf(digest: string): RootId {
  return (digest + ROOT_SUFFIX) as RootId;
}

/** @param digest lower-case hex of the hunk's bytes */
export function hunkIdOf(digest: string): HunkId {
  return (digest + HUNK_SUFFIX) as HunkId;
}

/**
 * Brands text that this program wrote as a content id earlier, for example in its catalog or for another thread. It is
 * not checked.
 */
export function knownContentId(text: string): ContentId {
  return text as ContentId;
}

/** Brands text that this program wrote as a snapshot id earlier. It is not checked. */
export function knownRootId(text: string): RootId {
  return text as RootId;
}

/** Brands text that this program wrote as a hunk id earlier. It is not checked. */
export function knownHunkId(text: string): HunkId {
  return text as HunkId;
}
