/** What a snapshot is to say of itself from now on. */
import type { Clock } from "../../core/clock.ts";
import { defined } from "../../core/defined.ts";
import type { Root, RootChanges } from "../../snapshot/root.ts";
import { changedTags, type TagChanges } from "../forget/tag.ts";

/** Absent: as it is. */
export interface NewFacts extends Partial<TagChanges> {
  readonly host?: string;
  readonly name?: string;
  /** "": none. */
  readonly description?: string;
  /** When it was begun, ms since 1970; its end moves along. */
  readonly startMs?: number;
}

/** Those that differ from what the root says. */
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
