/** Shapes of replies: the status, jobs, and plans. */
import * as z from "zod";
import { named } from "./named.ts";
import { SNAPSHOT, TIME, VERIFICATION } from "./stored.ts";
import { PHASES } from "../../../core/monitor.ts";

const COUNT = z.int().min(0), TEXT = z.string();
const COUNTS = z.record(TEXT, z.number());
const OUTCOME = z.enum(["done", "problems", "failed", "rejected", "cancelled"]);
const FAULT = z.object({ code: TEXT, message: TEXT, hint: TEXT });

const RUNNING = named(
  "RunningJob",
  z.object({
    file: TEXT,
    since: TIME,
    isCancelled: z.boolean(),
    progress: z.object({
      job: TEXT,
      phase: z.enum(PHASES).nullable(),
      place: TEXT,
      counts: COUNTS,
      total: z.object({ items: COUNT.optional(), bytes: COUNT.optional() }).describe("As far as it is known"),
    }).optional(),
  }),
);
const SERIES_STATUS = named(
  "SeriesStatus",
  z.object({
    host: TEXT,
    name: TEXT,
    last: z.object({ id: TEXT, time: TIME, files: COUNT, bytes: COUNT, problems: COUNT }),
    snapshots: COUNT,
    state: z.enum(["ok", "late", "failed"]),
    runs: z.array(z.object({
      run: TEXT.optional().describe("For the role read and above"),
      outcome: OUTCOME,
      start: TIME,
      end: TIME,
    })).describe("The last ones that backed it up, newest first"),
    next: TIME.optional(),
    recurring: TEXT.optional(),
  }),
);
const SERIES_LAST = SNAPSHOT.extend({ problems: COUNT });
export const ALL_SERIES = named("AllSeries", z.array(SERIES_STATUS.extend({ last: SERIES_LAST })));
export const ONE_SERIES = named(
  "OneSeries",
  SERIES_STATUS.omit({ last: true }).extend({ snapshots: z.array(SNAPSHOT) }),
);
export const STATUS = named(
  "Status",
  z.object({
    version: TEXT,
    storage: z.object({
      id: TEXT.optional(),
      contentBytes: COUNT.optional(),
      logicalBytes: COUNT.optional(),
      freeBytes: COUNT.optional(),
      path: TEXT.optional().describe("For the role admin"),
    }),
    series: z.array(SERIES_STATUS),
    verification: VERIFICATION.optional(),
    running: RUNNING.optional(),
    waiting: COUNT,
    alerts: z.array(z.object({
      id: TEXT.describe("Changes when the reason does"),
      code: TEXT,
      since: TIME,
      subject: TEXT,
      message: TEXT,
      hint: TEXT,
      dismissed: z.object({ by: TEXT, at: TIME }).optional(),
    })),
  }),
);

const RECURRING = named(
  "RecurringJob",
  z.object({
    file: TEXT,
    kind: TEXT.optional(),
    name: TEXT.optional(),
    every: TEXT.optional(),
    next: z.array(TIME),
    problems: z.array(TEXT).describe("Why the file is no valid job"),
    isEditable: z.boolean(),
    pausedUntil: TIME.optional(),
  }),
);
export const JOBS = named(
  "Jobs",
  z.union([
    z.object({ running: RUNNING.optional(), waiting: z.array(TEXT), recurring: z.array(RECURRING) }),
    z.object({ running: z.boolean(), waiting: COUNT })
      .describe("For the role watch, and for accounts of some series only"),
  ]),
);
export const NEW_JOB = named("NewJob", z.object({ file: TEXT }));

const RUN = {
  kind: TEXT.nullable(),
  outcome: OUTCOME,
  start: TIME,
  end: TIME,
  problemCount: COUNT,
};
export const RUN_PAGE = named(
  "RunPage",
  z.object({
    items: z.array(z.object({
      ...RUN,
      code: TEXT.optional().describe("Of what made it fail"),
      run: TEXT.optional(),
      name: TEXT.optional(),
      snapshot: TEXT.optional(),
      message: TEXT.optional(),
    })).describe("Run, name, snapshot and message are for the role read and above"),
    next: TEXT.optional().describe("For `after`; absent at the end"),
  }),
);
export const ONE_RUN = named(
  "Run",
  z.object({
    ...RUN,
    run: TEXT,
    name: TEXT,
    counts: COUNTS,
    problems: z.array(FAULT).describe("The first of them"),
    snapshot: TEXT.optional(),
    error: FAULT.optional(),
    recovered: z.literal(true).optional(),
    kept: TEXT.optional(),
    text: TEXT.nullable().optional().describe("Of the job, for the role admin"),
  }),
);

export const RESTORE_PLAN = named(
  "RestorePlan",
  z.object({
    counts: COUNTS.describe("Numbers of all changes by action"),
    changes: z.array(z.object({ action: z.enum(["create", "replace", "remove", "refuse"]), path: TEXT })),
  }),
);
const AMOUNT = z.object({ files: COUNT, bytes: COUNT, others: COUNT });
export const BACKUP_PLAN = named(
  "BackupPlan",
  z.object({
    host: TEXT,
    series: TEXT,
    previous: z.object({ id: TEXT, time: TIME }).optional(),
    new: AMOUNT,
    changed: AMOUNT,
    again: AMOUNT,
    unchanged: AMOUNT,
    gone: AMOUNT,
    excluded: z.array(z.object({ by: TEXT, entries: COUNT, bytes: COUNT })),
    unreadable: COUNT,
    readFiles: COUNT,
    readBytes: COUNT,
    store: z.object({ contents: COUNT, bytes: COUNT, diskBytes: COUNT, packedBytes: z.number().min(0) }),
    storageBytes: z.number().min(0),
    units: COUNT.optional(),
    largest: z.array(z.object({ path: TEXT, bytes: COUNT, state: z.enum(["new", "changed", "again"]) })),
    problems: z.array(TEXT),
  }),
);
export const FOLDERS = named(
  "Folders",
  z.object({
    path: TEXT.nullable().describe("Null above all of them"),
    folders: z.array(z.object({ name: TEXT, path: TEXT })),
    isWhole: z.boolean().describe("False if there are more"),
  }),
);
