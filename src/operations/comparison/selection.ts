/** What a backup, or a plan of one, is of. */
import type { Raw } from "../../core/raw.ts";
import type { Detection } from "../../source/change_detection.ts";
import type { Source } from "../sources/sources.ts";

export interface Selection {
  readonly sources: readonly Source[];
  /** Names at the top of the snapshot that something else than a source has. */
  readonly reserved?: readonly Raw[];
  /** Name of the series; by default it is made from the names of the sources. */
  readonly name: string | undefined;
  /** Patterns in gitignore syntax. */
  readonly excludes: readonly string[];
  /** Those of them that were typed for this run: a notice says if nothing fits one. */
  readonly expected?: readonly string[];
  /** Follow .backupignore files in the sources. */
  readonly ignoreFiles: boolean;
  readonly oneFileSystem: boolean;
  readonly excludeCaches: boolean;
  /** Exclude directories that hold a file of one of these names. */
  readonly markers?: readonly Raw[];
  readonly largestBytes: number | undefined;
  readonly host: string;
  readonly detection?: Detection;
  /** Patterns in gitignore syntax: what matches, and what is below it, should never change. */
  readonly statics?: readonly string[];
  /** Absolute paths in the sources: only they and what is below them. */
  readonly only?: readonly Raw[];
}
