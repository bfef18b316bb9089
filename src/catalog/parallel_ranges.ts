/**
 * Traverses the manifests of several snapshots in parallel: in ranges of paths for which every manifest has a single
 * hunk, so that hunks shared by several of them are read once.
 */
import { Buffer } from "node:buffer";
import { between, NOTHING, type Piece } from "./hunk_diff.ts";
import { type Apath, compareApath } from "../core/apath.ts";
import type { HunkId } from "../core/content_id.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";

/** Paths at or after `from` and before `to`; undefined: to the end. */
export interface Range {
  readonly from: Apath;
  readonly to: Apath | undefined;
}

/**
 * Yields ranges such that hunks of all manifests begin only at their start, and moves the cursors to the hunks of each
 * range.
 */
export function* ranges(cursors: readonly Cursor[]): Generator<Range> {
  for (let from = nextStart(cursors); from !== undefined;) {
    for (const cursor of cursors) cursor.moveTo(from);
    const to = nextStart(cursors);
    yield { from, to };
    from = to;
  }
}

function nextStart(cursors: readonly Cursor[]): Apath | undefined {
  let least: Apath | undefined;
  for (const { next } of cursors) {
    if (next !== undefined && (least === undefined || compareApath(next, least) < 0)) least = next;
  }
  return least;
}

/** A position among the hunks of a manifest. */
export class Cursor {
  readonly source: Pick<ManifestSource, "root" | "text">;
  #index = -1;

  constructor(source: Pick<ManifestSource, "root" | "text">) {
    this.source = source;
  }

  /** Id of the current hunk; undefined before the first. */
  get hunk(): HunkId | undefined {
    return this.source.root.hunks[this.#index]?.id;
  }

  /** First path of the next hunk; undefined after the last. */
  get next(): Apath | undefined {
    return this.source.root.hunks[this.#index + 1]?.first;
  }

  moveTo(path: Apath): void {
    while (this.next !== undefined && compareApath(this.next, path) <= 0) this.#index++;
  }

  /** Lines of the current hunk in the range. */
  piece({ from, to }: Range, texts: Texts): Piece {
    const hunk = this.source.root.hunks[this.#index];
    if (hunk === undefined) return NOTHING;
    const bytes = texts.get(hunk.id, () => this.source.text(this.#index));
    return between(bytes, hunk.first === from ? undefined : from, this.next === to ? undefined : to);
  }
}

/** Texts of the current hunks. */
export class Texts {
  readonly #texts = new Map<HunkId, Buffer>();

  get(id: HunkId, read: () => Uint8Array<ArrayBuffer>): Buffer {
    let text = this.#texts.get(id);
    if (text === undefined) {
      const bytes = read();
      this.#texts.set(id, text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    return text;
  }

  forgetBut(cursors: readonly Cursor[]): void {
    const needed = new Set(cursors.map(({ hunk }) => hunk));
    for (const id of this.#texts.keys()) if (!needed.has(id)) this.#texts.delete(id);
  }
}
