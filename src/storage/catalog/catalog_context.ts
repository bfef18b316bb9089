/** What the parts of the keeper share. */
import type { CatalogFile } from "../../catalog/catalog_file.ts";
import { CatalogFault } from "../../catalog/faults.ts";
import type { RootId } from "../../core/content_id.ts";
import type { Fault } from "../../core/fault.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { CatalogOrigin } from "./catalog_origin.ts";
import type { CatalogStamp } from "./catalog_stamp.ts";
import type { CatalogState } from "./catalog_state.ts";

export interface CatalogContext {
  readonly origin: CatalogOrigin;
  readonly file: CatalogFile;
  readonly state: CatalogState;
  readonly stamp: CatalogStamp;
  /** Reports a root that can't be read: once is enough, however often the roots are read. */
  readonly reportRoot: (id: RootId, fault: Fault) => void;
}

/** Whether making the catalog again may help: not against a want of room, nor against a failing disk. */
export function isDamage(fault: Fault): boolean {
  if (fault instanceof CatalogFault) return fault.trouble === "damaged" || fault.trouble === "busy";
  return !(fault instanceof DiskFault);
}
