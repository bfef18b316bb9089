/** New metadata for a snapshot. */
import type { Clock } from "../../core/clock.ts";
import { defined } from "../../core/defined.ts";
import type { Root, RootChanges } from "../../snapshot/root.ts";
import { changedTags, type TagChanges } from "../forget/tag.ts";

/** Absent fields stay unchanged. */
export interface NewFacts extends Partial<TagChanges> {
  readonly host?: string;
  readonly name?: string;
  /** "" removes it. */
  readonly description?: string;
  /** Start of the backup, in ms since 1970; its end is shifted equally. */
  readonly startMs?: number;
}

/** The fields that differ from those of the root. */
export function changesOf(root: Root, facts: NewFacts, clock: Clock): RootChanges {
  const { host, name } = facts, tags = changedTags(root.tags, { add: [], remove: [], set: undefined, ...facts });
  return defined<RootChanges>({
    description: facts.description === (root.description ?? "") ? undefined : facts.description,
    host: host === root.host ? undefined : host,
    ...(name !== undefined && name !== root.name && { name, named: true }),
    ...timesOf(root, facts.startMs, clock),
    tags: JSON.stringify(tags) === JSON.stringify(root.tags) ? undefined : tags,
  });
}

function timesOf(root: Root, startMs: number | undefined, clock: Clock): RootChanges {
  const before = Date.parse(root.start);
  if (startMs === undefined || startMs === before) return {};
  return {
    start: new Date(startMs).toISOString(),
    end: new Date(startMs + Date.parse(root.end) - before).toISOString(),
    timeZone: clock.zone,
    offsetMinutes: clock.offsetMinutes(startMs),
  };
}
