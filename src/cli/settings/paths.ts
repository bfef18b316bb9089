/** Paths as users type them. */
import { type Apath, apathOf } from "../../core/apath.ts";
import { BadUsage } from "../../core/fault.ts";
import { type Raw, rawOf, textOf } from "../../core/raw.ts";
import { pathOf } from "../../core/written_path.ts";
import type { World } from "../world.ts";

/** The absolute path; see core/written_path.ts. @throws BadUsage */
export function absolutePath({ here }: Pick<World, "here">, text: string): Raw {
  return pathOf(text, here);
}

/** A path in a snapshot. The first slash may be missing, and final ones are ignored. @throws BadPath, BadUsage */
export function snapshotPath(text: string): Apath {
  if (text === "") throw new BadUsage("A path is empty", "Name one, or `/` for everything; is a variable not set?");
  const trimmed = rawOf(text).replace(/^\/+|\/+$/g, "");
  return apathOf(`/${trimmed}`);
}

/** Text of a file that an argument names. @param mostBytes the rest is not read @throws BadUsage, DiskFault */
export function readNamedFile(world: World, path: string, mostBytes?: number): string {
  return world.readTextFile(textOf(absolutePath(world, path)), mostBytes);
}
