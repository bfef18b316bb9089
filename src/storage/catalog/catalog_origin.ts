/** What the keeper needs from the storage whose catalog it keeps. */
import type { Clock } from "../../core/clock.ts";
import type { RootId } from "../../core/content_id.ts";
import type { Monitor } from "../../core/monitor.ts";
import type { Dir } from "../../platform/disk.ts";
import type { Manifest, ManifestSource } from "../../snapshot/manifest.ts";
import type { ItemListing } from "../content/item_listing.ts";
import type { ManifestStore } from "../content/manifest_store.ts";
import type { Settings } from "../layout/settings.ts";

export interface CatalogOrigin {
  readonly machine: { readonly clock: Clock };
  readonly dir: Dir;
  readonly settings: Pick<Settings, "id" | "algorithm" | "hexSplit">;
  readonly monitor: Monitor;
  readonly listing: Pick<ItemListing, "rootIds" | "fingerprint">;
  readonly manifests: Pick<ManifestStore, "has" | "readRoot" | "remove" | "writeHunk" | "writeRoot">;
  manifestSource(id: RootId): ManifestSource;
  manifest(id: RootId): Manifest;
  hasWriter(): boolean;
}
