/** Failures of the catalog. */
import { Fault } from "../core/fault.ts";

/** Cause of a failure: the file, disk space, permissions, or concurrent access. Only a damaged file is rebuilt. */
export type Trouble = "damaged" | "full" | "unreadable" | "busy";

const HINTS: Readonly<Record<Trouble, string>> = {
  damaged: "Run `backup-tool rebuild`: the catalog is only a cache",
  full: "Free some space on the disk of the storage; no backup is affected",
  unreadable: "Check the disk of the storage and the system's log; no backup is affected",
  busy: "Try again when others have ended their work",
};

/** The catalog's file is unusable, or SQLite lacks something that it needs to work on it. */
export class CatalogFault extends Fault {
  readonly code = "catalog-failed";
  readonly trouble: Trouble;
  constructor(why: string, trouble: Trouble = "damaged") {
    super(`The catalog can't be used: ${why}`);
    this.trouble = trouble;
  }
  get hint(): string {
    return HINTS[this.trouble];
  }
}
