/** Work that a restore gives to an engine: files to write, and their results. */
import type { ContentId } from "../core/content_id.ts";
import type { FaultData } from "../core/fault_data.ts";
import type { Raw } from "../core/raw.ts";
import type { MetadataLoss, Overwrite, WantedAttributes, WriteOutcome } from "../core/restore_terms.ts";

/** Regular files of one target directory. Plain data: it travels between threads. */
export interface ExtractBatch {
  readonly rootPath: Raw;
  /**
   * A directory above `rootPath`; below it no symlink is followed, not even one that appears meanwhile. Absent: no
   * restriction.
   */
  readonly beneath?: Raw;
  readonly relative: Raw;
  readonly overwrite: Overwrite;
  /** The target was empty when the restore began: files are created under their final names at once. */
  readonly isFresh: boolean;
  /** Key for {@link partialName}. */
  readonly key: string;
  /** Files may share blocks with the storage, zeros included, where the file system supports that. */
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
  /** Bytes that were written. */
  readonly bytes: number;
  /** The file could not be restored. */
  readonly problem: FaultData | undefined;
  /** Metadata that the file had and that could not be restored. */
  readonly losses: readonly MetadataLoss[];
}

/** What a restore needs to remember of a file until it has been written. Plain data. */
export interface FileNote {
  /** Number of the directory that it is restored into. */
  readonly target: number;
  /** Identifies an entry with several names. */
  readonly hardLink?: string;
  /** File flags that are set at the end. */
  readonly flags?: readonly string[];
}

/** Files of a restore, written in the order that the engine reads best: neighbours together, and nothing twice. */
export interface Extraction extends AsyncDisposable {
  /**
   * Adds files of one target directory, which must exist.
   * @param notes one for each file
   * @returns results of the files that need no content; undefined for those that {@link run} will write
   * @throws DiskFault that would affect every file
   */
  add(batch: ExtractBatch, notes: readonly FileNote[]): Promise<readonly (ExtractResult | undefined)[]>;
  /** Writes all added files; to be called once. @throws DiskFault that would affect every file, Interrupted */
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
