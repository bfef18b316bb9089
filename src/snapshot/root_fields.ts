/** A root, put together of what the backup knows and what the engine adds. */
import type { Root } from "./root.ts";
import { FORMAT_VERSION } from "./origin.ts";

/** What an engine adds to the root of a new snapshot. */
export type EngineFields = Pick<Root, "storage" | "sequence" | "previous" | "tree" | "private" | "complete" | "hunks">;

/** What a backup says of its snapshot. */
export type RootFields = Omit<
  Root,
  keyof EngineFields | "version" | "replaces" | "formerly" | "recovered" | "for" | "origin"
>;

/** The order of the fields is that of the bytes. */
export function rootOf(
  { start, end, timeZone, offsetMinutes, totals, tool, ...said }: RootFields,
  { storage, sequence, previous, tree, private: isPrivate, complete, hunks }: EngineFields,
): Root {
  return {
    version: FORMAT_VERSION,
    storage,
    sequence,
    previous,
    start,
    end,
    timeZone,
    offsetMinutes,
    tree,
    private: isPrivate,
    ...said,
    complete,
    totals,
    tool,
    hunks,
  };
}
