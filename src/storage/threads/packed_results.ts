/**
 * Results of files on their way between threads: as columns, for copying an object for each file takes five times as
 * long as copying a few long strings and arrays.
 */
import { knownContentId } from "../../core/content_id.ts";
import type { StoreResult } from "../../snapshot/ingest_batch.ts";

/** Plain data; as many in each column as there are results. */
export interface PackedResults {
  /** Content ids, separated by " "; empty for a result that is in `others`. */
  readonly contents: string;
  readonly bytes: Float64Array<ArrayBuffer>;
  /** See {@link codeOf}. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** Results that say more than these columns, which are few. */
  readonly others: ReadonlyMap<number, StoreResult>;
}

const HOWS = ["new", "known"] as const, LINKS = ["none", "linked", "copied", "taken"] as const;

export function packResults(results: readonly StoreResult[]): PackedResults {
  const contents: string[] = [], others = new Map<number, StoreResult>();
  const bytes = new Float64Array(results.length), codes = new Uint8Array(results.length);
  for (const [i, result] of results.entries()) {
    const isPlain = saysNoMore(result);
    contents.push(isPlain ? result.content! : "");
    if (!isPlain) others.set(i, result);
    bytes[i] = result.bytes;
    codes[i] = codeOf(result);
  }
  return { contents: contents.join(" "), bytes, codes, others };
}

export function unpackResults({ contents, bytes, codes, others }: PackedResults): StoreResult[] {
  if (codes.length === 0) return [];
  return contents.split(" ").map((content, i) =>
    others.get(i) ?? {
      content: knownContentId(content),
      how: HOWS[codes[i]! >> 2]!,
      bytes: bytes[i]!,
      seen: undefined,
      xattrs: undefined,
      link: LINKS[codes[i]! & 3]!,
      problem: undefined,
    }
  );
}

function saysNoMore({ content, how, seen, xattrs, problem }: StoreResult): boolean {
  const isUsual = how === "new" || how === "known";
  return isUsual && content !== undefined && seen === undefined && xattrs === undefined && problem === undefined;
}

/** How it was stored and how it is linked, in one number; without a meaning for a result that is in `others`. */
function codeOf({ how, link }: StoreResult): number {
  return (how === "known" ? 1 : 0) << 2 | LINKS.indexOf(link);
}
