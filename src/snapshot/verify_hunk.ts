/**
 * Verifies a hunk and the contents that it names: it is sound and in order, and the contents exist with the right
 * sizes.
 */
import type { Apath } from "../core/apath.ts";
import type { ContentId } from "../core/content_id.ts";
import type { HunkRef } from "./hunk.ts";
import { ownText } from "../core/raw.ts";
import { contentFactsOf } from "./entry_line.ts";
import { linesOf, parsedLines } from "./manifest.ts";

export interface VerifiedHunk {
  /** Path of the hunk's last entry. */
  readonly last: Apath;
  readonly damaged: readonly DamagedItem[];
}

/** A content that is not as a hunk says, and what is wrong with it. */
export interface DamagedItem {
  readonly id: string;
  readonly what: string;
}

/** What the entries of a sound hunk say of their contents: plain data. */
export interface HunkFacts {
  /** Path of the hunk's last entry. */
  readonly last: Apath;
  /** In the order of the entries. These strings keep the text of the whole hunk in memory. */
  readonly contents: readonly ContentId[];
  /** Size of each in bytes. */
  readonly sizes: readonly number[];
}

/**
 * Verifies one hunk.
 * @param bytes of the hunk, verified
 * @param sizeOf the size of a content, which should be `expected`; undefined if it doesn't exist
 * @throws DamagedContent, DamagedManifest of the hunk itself
 */
export function verifyHunk(
  ref: HunkRef,
  bytes: Uint8Array<ArrayBuffer>,
  sizeOf: (id: ContentId, expected: number) => number | undefined,
): VerifiedHunk {
  const { last, contents, sizes } = factsOfHunk(ref, bytes);
  const damaged = contents.flatMap((id, i) => damageOf(id, sizes[i]!, sizeOf(id, sizes[i]!)) ?? []);
  return { last, damaged };
}

/** The first half of {@link verifyHunk}, which needs nothing but the hunk. @throws DamagedContent, DamagedManifest */
export function factsOfHunk(ref: HunkRef, bytes: Uint8Array<ArrayBuffer>): HunkFacts {
  let last = ref.first;
  const contents: ContentId[] = [], sizes: number[] = [];
  for (const { path, content, size } of parsedLines(linesOf(bytes, ref), ref, contentFactsOf)) {
    last = path;
    if (content === undefined) continue;
    contents.push(content);
    sizes.push(size);
  }
  return { last: ownText(last), contents, sizes };
}

/** @param there size in bytes of what exists; undefined: nothing does @returns undefined if all is well */
export function damageOf(id: ContentId, size: number, there: number | undefined): DamagedItem | undefined {
  if (there === size) return undefined;
  const what = there === undefined ? "it is missing" : `it has ${there} bytes instead of ${size}`;
  return { id: ownText(id), what };
}
