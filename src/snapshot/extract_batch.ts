/** Work that a restore gives to an engine: files to write, and their results. */
import type { ContentId } from "../core/content_id.ts";
import type { FaultData } from "../core/fault_data.ts";
import type { Raw } from "../core/raw.ts";
import type { MetadataLoss, Overwrite, WantedAttributes, WriteOutcome } from "../core/restore_terms.ts";

/** Regular files of one target directory. Plain data: it travels between threads. */
export interface ExtractBatch {
  readonly rootPath: Raw;
  /** A directory above `rootPath` below which no link is followed, also none that comes meanwhile; absent: no matter. */
  readonly beneath?: Raw;
  readonly relative: Raw;
  readonly overwrite: Overwrite;
  /** Nothing was in the target when the restore began: files are made under their own names at once. */
  readonly isFresh: boolean;
  /** Of {@link partialName}. */
  readonly key: string;
  /** Files may share the blocks of the storage, zeros among them, where the file system can do that. */
  readonly clones: boolean;
  readonly files: readonly ExtractTask[];
}

export interface ExtractTask extends WantedAttributes {
  readonly name: Raw;
  readonly content: ContentId;
  readonly size: number;
  readonly sparse: boolean;
}

export interface ExtractResult {
  readonly how: Exclude<WriteOutcome, "refused">;
  /** Written. */
  readonly bytes: number;
  /** The file could not be restored. */
  readonly problem: FaultData | undefined;
  /** What it had and could not be given. */
  readonly losses: readonly MetadataLoss[];
}

/** What a restore wants to know again of a file, when it has been written. Plain data. */
export interface FileNote {
  /** Number of the directory that it is restored into. */
  readonly target: number;
  /** Of an entry with several names. */
  readonly hardLink?: string;
  /** To be set in the end. */
  readonly flags?: readonly string[];
}

/** Files of a restore, written in the order in which an engine reads best: what lies together comes together, and once. */
export interface Extraction extends AsyncDisposable {
  /**
   * Takes files of one target directory, which is there.
   * @param notes one for each file
   * @returns results of those that need no content; undefined: the file is written by {@link run}
   * @throws DiskFault that every file would meet
   */
  add(batch: ExtractBatch, notes: readonly FileNote[]): Promise<readonly (ExtractResult | undefined)[]>;
  /** Writes them all, once. @throws DiskFault that every file would meet, Interrupted */
  run(): AsyncIterable<ExtractedFile>;
}

export interface ExtractedFile {
  /** Directory of the file, as in its batch. */
  readonly relative: Raw;
  readonly name: Raw;
  readonly size: number;
  readonly note: FileNote;
  readonly result: ExtractResult;
}
