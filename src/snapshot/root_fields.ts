/** Combines what the backup knows and what the engine adds into a root. */
import type { Root } from "./root.ts";
import { FORMAT_VERSION } from "./origin.ts";

/** Fields of a root that the engine adds. */
export type EngineFields = Pick<Root, "storage" | "sequence" | "previous" | "tree" | "private" | "complete" | "hunks">;

/** Fields of a root that the backup provides. */
export type RootFields = Omit<
  Root,
  keyof EngineFields | "version" | "replaces" | "formerly" | "recovered" | "for" | "origin"
>;

/** Builds a root. The order of its fields is the order of the bytes. */
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
