/** Estimates the growth of a vault, with the measured overhead of packing. */
import type { ManifestEstimate } from "./manifest_estimate.ts";
import type { Estimate } from "./store_estimate.ts";

/** Overhead of a content: header and entry in its unit, compressed, and its line in the index. */
const CONTENT_BYTES = 45 + 44;
/** Overhead of a hunk: its entry in the index, and its line in the root. */
const HUNK_BYTES = 44, ROOT_LINE_BYTES = 45;
/** Overhead of an object: age's header, keys and checksums. */
const OBJECT_BYTES = 250;

/** @param unitBytes stored size of a unit */
export function packedGrowth(
  store: Estimate,
  manifest: ReturnType<ManifestEstimate["packed"]>,
  unitBytes: number,
): { readonly storageBytes: number; readonly units: number } {
  const data = store.contents === 0 ? 0 : store.packedBytes + store.contents * CONTENT_BYTES;
  const meta = manifest.bytes + manifest.newHunks * HUNK_BYTES;
  const units = Math.ceil(data / unitBytes) + Math.ceil(meta / unitBytes);
  // Besides units one object of the index, if there is anything new, and the root.
  const objects = units + (units > 0 ? 2 : 1);
  return { storageBytes: Math.round(data + meta + manifest.hunks * ROOT_LINE_BYTES + objects * OBJECT_BYTES), units };
}
