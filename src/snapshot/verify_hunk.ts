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
  readonly damaged: readonly { readonly id: string; readonly what: string }[];
}

/**
 * Verifies one hunk.
 * @param read returns the verified bytes of a hunk
 * @param sizeOf the size of a content, which should be `expected`; undefined if it doesn't exist
 * @throws DamagedContent, DamagedManifest of the hunk itself
 */
export function verifyHunk(
  ref: HunkRef,
  read: (id: HunkRef["id"]) => Uint8Array<ArrayBuffer>,
  sizeOf: (id: ContentId, expected: number) => number | undefined,
): VerifiedHunk {
  let last = ref.first;
  const damaged: { id: string; what: string }[] = [];
  for (const { path, content, size } of parsedLines(linesOf(read(ref.id), ref), ref, contentFactsOf)) {
    last = path;
    if (content === undefined) continue;
    const there = sizeOf(content, size);
    if (there === size) continue;
    const what = there === undefined ? "it is missing" : `it has ${there} bytes instead of ${size}`;
    damaged.push({ id: ownText(content), what });
  }
  return { last: ownText(last), damaged };
}
