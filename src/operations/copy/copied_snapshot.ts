/** A snapshot that is being copied, in the form that the target receives. */
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
  /** Encoded root. */
  readonly root: Uint8Array<ArrayBuffer>;
  readonly hunks: readonly HunkRef[];
  /** Yields the files of a hunk that have contents. @throws DamagedManifest, DamagedContent */
  files(hunk: number): Iterable<CopiedFile>;
  /** Makes a hunk of the first `lines` lines of a hunk. */
  beginning(hunk: number, lines: number): HunkWithBytes;
  /** Provides the missing contents, and those that turn out to be needed again. */
  readonly source: SnapshotSource;
}

export interface CopiedFile {
  readonly file: ReceivedFile;
  /** Number of lines of the hunk up to and including this file's. */
  readonly lines: number;
}

/** The repository to copy from, and its reader. */
export interface CopySource {
  readonly from: Repository;
  readonly reader: ContentReader;
}

/** Prepares a snapshot to be copied unchanged, so that it keeps its id. */
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

/** Makes a hunk. @param lines at least one */
export function hunkOf(lines: readonly string[], algorithm: Algorithm): HunkWithBytes {
  const [first] = lines;
  if (first === undefined) throw new Error("A hunk has no lines");
  const bytes = encodeHunk(lines), id = hunkIdOf(hashBytes(algorithm, bytes));
  return { ref: { first: ownText(parseLine(first).path), count: lines.length, id }, bytes };
}
