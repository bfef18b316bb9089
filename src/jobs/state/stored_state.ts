/** Schemas of the service's state files. Readers get only values that match. */
import * as z from "zod";
import { parseJson } from "../../core/json.ts";
import { type Raw, rawOf } from "../../core/raw.ts";

/** ISO 8601, UTC, in a year of four digits: the year and the month name a file. */
const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/)
  .refine((text) => Number.isFinite(Date.parse(text)));
const digits = z.string().regex(/^\d{1,20}$/);
const count = z.number().int().nonnegative();
const told = z.object({ code: z.string(), message: z.string(), hint: z.string() });

const ENTRY = z.object({
  run: z.string().min(1),
  /** Name of the job file, as text. */
  name: z.string(),
  kind: z.string().nullable(),
  outcome: z.enum(["done", "problems", "failed", "rejected", "cancelled"]),
  start: moment,
  end: moment,
  /** Text of the job file; null if only a root remembers the job, or if the file was too long: see `kept`. */
  text: z.string().nullable(),
  counts: z.record(z.string(), z.number()),
  /** The first of them. */
  problems: z.array(told),
  problemCount: count,
  snapshot: z.string().exactOptional(),
  error: told.exactOptional(),
  /** Recovered from a root. */
  recovered: z.literal(true).exactOptional(),
  /** Where the job file is now, below the job directory: it was too long for this line. */
  kept: z.string().exactOptional(),
});

const RECORD = z.object({
  format: z.literal("backup-tool job"),
  version: z.literal(1),
  run: z.string().min(1).max(64),
  name: z.string(),
  text: z.string(),
  mark: z.object({ inode: digits, mtime: z.string().regex(/^-?\d{1,30}$/), size: count }),
  start: moment,
  phase: z.enum(["begun", "published", "ended"]),
  untrusted: z.string().exactOptional(),
  copy: digits.exactOptional(),
  snapshot: z.string().exactOptional(),
  chosen: z.array(z.string()).exactOptional(),
  entry: ENTRY.exactOptional(),
}).refine(({ phase, entry }) => phase !== "ended" || entry !== undefined);

const TURNS = z.object({
  format: z.literal("backup-tool recurring"),
  version: z.literal(1),
  jobs: z.record(z.string(), z.unknown()),
});

const TURN = z.object({ seen: moment, due: moment.exactOptional() });

export type HistoryEntry = Readonly<z.infer<typeof ENTRY>>;
export type StoredRecord = Readonly<z.infer<typeof RECORD>>;

/** When a recurring job was last seen, and the run that is being submitted. Times in ms since 1970. */
export interface Turn {
  /** The next run is the first one after this time. */
  readonly seen: number;
  readonly due?: number;
}

/** Parses a line of the history; undefined if it is invalid. */
export function readEntry(line: string): HistoryEntry | undefined {
  return judged(ENTRY, line);
}

/** Parses the record of the job file of that name; undefined if it is invalid. */
export function readRecord(text: string, name: Raw): StoredRecord | undefined {
  const record = judged(RECORD, text);
  return record === undefined || rawOf(record.name) !== name ? undefined : record;
}

/** Parses recurring.json: turns by name. `lost` describes what of it, or all of it, was damaged. */
export function readTurns(text: string): { readonly turns: Map<string, Turn>; readonly lost: readonly string[] } {
  const state = judged(TURNS, text);
  if (state === undefined) return { turns: new Map(), lost: ["all of it"] };
  const turns = new Map<string, Turn>(), lost: string[] = [];
  for (const [name, value] of Object.entries(state.jobs)) {
    const { data } = TURN.safeParse(value);
    if (data === undefined) lost.push(name);
    else turns.set(name, { seen: Date.parse(data.seen), ...(data.due !== undefined && { due: Date.parse(data.due) }) });
  }
  return { turns, lost };
}

function judged<T>(schema: z.ZodType<T>, text: string): T | undefined {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return undefined; // truncated by a crash, empty, or not written by this program
  }
  return schema.safeParse(value).data;
}
