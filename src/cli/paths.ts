/** Paths as people type them. */
import { type Apath, apathOf } from "../core/apath.ts";
import { type Raw, rawOf } from "../core/raw.ts";
import type { World } from "./world.ts";

/** Absolute, without a final slash. `..` stays: what it means depends on links, and the file system knows. */
export function absolutePath(world: World, text: string): Raw {
  return (world.absolutePath(text).replace(/(?:\/\.?)+$/, "") || "/") as Raw;
}

/** A path inside a snapshot; the first slash may be missing, and final ones are ignored. @throws BadPath */
export function snapshotPath(text: string): Apath {
  const trimmed = rawOf(text).replace(/^\/+|\/+$/g, "");
  return apathOf(`/${trimmed}`);
}
