/** State that the parts of the keeper share. */
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
  /** Reports a root that can't be read; once for each root, however often the roots are read. */
  readonly reportRoot: (id: RootId, fault: Fault) => void;
}

/** True if rebuilding the catalog may help: it doesn't against lack of space or a failing disk. */
export function isDamage(fault: Fault): boolean {
  if (fault instanceof CatalogFault) return fault.trouble === "damaged" || fault.trouble === "busy";
  return !(fault instanceof DiskFault);
}
