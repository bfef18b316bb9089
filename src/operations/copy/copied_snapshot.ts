/** A snapshot on its way from one repository into another, as the target gets it. */
import type { Awaitable } from "../../core/awaitable.ts";
import { type ContentId, hunkIdOf, type RootId } from "../../core/content_id.ts";
import { type Algorithm, hashBytes } from "../../core/digest.ts";
import type { Entry } from "../../core/entry.ts";
import { ownText } from "../../core/raw.ts";
import { parseLine } from "../../snapshot/entry_line.ts";
import { encodeHunk, type HunkRef } from "../../snapshot/hunk.ts";
import type { ContentReader, Repository } from "../../snapshot/repository.ts";
import type { HunkWithBytes, ReceivedFile, SnapshotSource } from "../../snapshot/snapshot_sink.ts";

export interface CopiedSnapshot {
  /** Bytes of the root. */
  readonly root: Uint8Array<ArrayBuffer>;
  readonly hunks: readonly HunkRef[];
  /** Files of a hunk that have contents. @throws DamagedManifest, DamagedContent */
  files(hunk: number): Iterable<CopiedFile>;
  /** The first lines of a hunk, as a hunk. */
  beginning(hunk: number, lines: number): HunkWithBytes;
  /** For what has to come, and for what is found to be needed once more. */
  readonly source: SnapshotSource;
}

export interface CopiedFile {
  readonly file: ReceivedFile;
  /** Lines of the hunk up to its own. */
  readonly lines: number;
}

/** Where copies come from. */
export interface CopySource {
  readonly from: Repository;
  readonly reader: ContentReader;
}

/** As it is: its id stays. */
export async function unchangedSnapshot({ from, reader }: CopySource, id: RootId): Promise<CopiedSnapshot> {
  const root = await from.object(id), manifest = await from.manifest(id);
  return {
    root,
    hunks: manifest.root.hunks,
    *files(hunk) {
      let lines = 0;
      for (const entry of manifest.hunkEntries(hunk)) {
        const { content } = entry;
        lines++;
        if (content !== undefined) yield { file: fileOf(content, entry, reader), lines };
      }
    },
    beginning: (hunk, lines) => hunkOf(manifest.lines(hunk).slice(0, lines), from.algorithm),
    source: {
      read: (content) => reader.read(content),
      hunk: (hunk): Awaitable<Uint8Array<ArrayBuffer>> => from.object(hunk),
    },
  };
}

function fileOf(content: ContentId, entry: Entry, reader: ContentReader): ReceivedFile {
  const file = { content, entry, open: () => reader.read(content) };
  return reader.partsOf === undefined ? file : { ...file, parts: async () => await reader.partsOf?.(content) };
}

/** @param lines at least one */
export function hunkOf(lines: readonly string[], algorithm: Algorithm): HunkWithBytes {
  const [first] = lines;
  if (first === undefined) throw new Error("A hunk has no lines");
  const bytes = encodeHunk(lines), id = hunkIdOf(hashBytes(algorithm, bytes));
  return { ref: { first: ownText(parseLine(first).path), count: lines.length, id }, bytes };
}
