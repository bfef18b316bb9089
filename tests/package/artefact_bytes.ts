/** What an artefact is, as bytes. */
import { type Bytes, bytesOf } from "../../scripts/package/archives/archive.ts";
import type { Artefact } from "../../scripts/package/release.ts";

export type { Artefact };

export function bytesOfArtefact({ content }: Artefact): Bytes {
  return bytesOf(content);
}
