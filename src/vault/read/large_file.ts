/** A large content that a restore puts together from parts, which come in any order. */
import type { ContentId } from "../../core/content_id.ts";
import type { Raw } from "../../core/raw.ts";
import type { ExtractTask, FileNote } from "../../snapshot/extract_batch.ts";
import type { Directory } from "../threads/frame_batch.ts";

/** A file that is asked for. */
export interface WantedFile {
  readonly directory: Directory;
  readonly task: ExtractTask;
  readonly note: FileNote;
}

/** A file that is being made. */
export interface BegunFile {
  readonly file: WantedFile;
  /** Its name until it is finished. */
  readonly name: Raw;
}

export interface LargeFile {
  readonly content: ContentId;
  /** Which have no result yet: the first is put together, the others are copied from it. */
  targets: WantedFile[];
  /** Lists of its parts that were tried. */
  triedLists: number;
  attempt: number;
  begun: BegunFile | undefined;
  /** Parts that are to come. */
  missing: number;
  /** Why the list at hand won't do; what comes of its parts means nothing then. */
  damage: string | undefined;
}

/** Nothing is planned for it yet. */
export function newLargeFile(content: ContentId, target: WantedFile, damage: string): LargeFile {
  return { content, targets: [target], triedLists: 0, attempt: 0, begun: undefined, missing: 0, damage };
}
