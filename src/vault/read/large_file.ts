/** A large content that a restore assembles from parts, which arrive in any order. */
import type { ContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { ExtractTask, FileNote } from "../../snapshot/extract_batch.ts";
import type { Directory } from "../threads/frame_batch.ts";

/** A file to restore. */
export interface WantedFile {
  readonly directory: Directory;
  readonly task: ExtractTask;
  readonly note: FileNote;
}

/** A file that was begun. */
export interface BegunFile {
  readonly file: WantedFile;
  /** Name of the file until it is finished. */
  readonly name: Raw;
}

export interface LargeFile {
  readonly content: ContentId;
  /** Files without a result: the first is assembled, the others are copied from it. */
  targets: WantedFile[];
  /** Number of lists that were tried. */
  triedLists: number;
  attempt: number;
  begun: BegunFile | undefined;
  /** Number of parts that are still to come. */
  missing: number;
  /** Why the current list can't be used, in which case its parts are ignored; undefined if it can. */
  damage: string | undefined;
}

/** A large content for which nothing is planned yet. */
export function newLargeFile(content: ContentId, target: WantedFile, damage: string): LargeFile {
  return { content, targets: [target], triedLists: 0, attempt: 0, begun: undefined, missing: 0, damage };
}
