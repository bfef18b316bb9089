/** When each series was last proven restorable, for `stats` and `check --status`. */
import { groupedBySeries } from "../../core/series.ts";
import type { OpenedRepository } from "../opened.ts";
import { drillKey, type DrillNote, readDrillNotes } from "./drill_notes.ts";

/** An existing series, and what this machine knows of its drills. */
export type SeriesProof = Pick<DrillNote, "host" | "name" | "sources" | "proven" | "failed">;

/**
 * Lists the series, least recently proven first, beginning with those never proven. Only drills from this machine are
 * known.
 */
export async function drillStatus(repository: OpenedRepository): Promise<readonly SeriesProof[]> {
  const complete = (await repository.snapshots()).filter(({ complete }) => complete);
  const notes = new Map(readDrillNotes(repository.machine, repository.id).map((note) => [drillKey(note), note]));
  const series = groupedBySeries(complete).flatMap((members): SeriesProof[] => {
    const newest = members.at(-1);
    if (newest === undefined) return [];
    const { host, name, sources } = newest, { proven = null, failed = null } = notes.get(drillKey(newest)) ?? {};
    return [{ host, name, sources, proven, failed }];
  });
  return series.sort((a, b) => (a.proven ?? "") < (b.proven ?? "") ? -1 : (a.proven ?? "") > (b.proven ?? "") ? 1 : 0);
}
