/** Making a catalog from manifests. */
import type { Catalog, ManifestSource } from "./catalog.ts";

/** @param manifests by sequence */
export function rebuild(catalog: Catalog, manifests: Iterable<ManifestSource>): void {
  const newest = new Map<string, ManifestSource>();
  for (const manifest of manifests) {
    const series = JSON.stringify([manifest.root.host, manifest.root.name]);
    catalog.apply(manifest, newest.get(series));
    if (manifest.root.complete) newest.set(series, manifest);
  }
}
