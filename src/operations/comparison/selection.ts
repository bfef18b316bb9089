/** The objects that a backup, or a plan of one, includes. */
import type { Raw } from "../../core/raw.ts";
import type { Detection } from "../../source/change_detection.ts";
import type { Source } from "../sources/sources.ts";

export interface Selection {
  readonly sources: readonly Source[];
  /** Names at the top of the snapshot that are reserved for something other than a source. */
  readonly reserved?: readonly Raw[];
  /** Name of the series; by default it is derived from the names of the sources. */
  readonly name: string | undefined;
  /** Patterns in gitignore syntax. */
  readonly excludes: readonly string[];
  /** The excludes that were typed for this run: a notice is shown for each that matches nothing. */
  readonly expected?: readonly string[];
  /** Follow .backupignore files in the sources. */
  readonly ignoreFiles: boolean;
  readonly oneFileSystem: boolean;
  readonly excludeCaches: boolean;
  /** Exclude directories that contain a file of one of these names. */
  readonly markers?: readonly Raw[];
  readonly largestBytes: number | undefined;
  readonly host: string;
  readonly detection?: Detection;
  /** Patterns in gitignore syntax for static paths: matches, and what is below them, should never change. */
  readonly statics?: readonly string[];
  /** Absolute paths in the sources; restricts the backup to them and what is below them. */
  readonly only?: readonly Raw[];
}
