/**
 * Jobs for programs, and the page's forms for them. Job files are composed here key by key, never taken over as text.
 */
import { z } from "zod";
import { begunLinesReply, jsonReply, LINES, wantsLines } from "./json.ts";
import { aboutChoice, aboutCount, choiceOf, countOf, textParameter } from "./parameters.ts";
import { named, referenceTo } from "./schemas/named.ts";
import { jobSchemas } from "./schemas/job_schemas.ts";
import { JOBS, NEW_JOB, ONE_RUN, RESTORE_PLAN, RUN_PAGE } from "./schemas/work.ts";
import { jsonBody } from "./json_body.ts";
import { readForm } from "../exchange/form.ts";
import { tell } from "../exchange/tell.ts";
import { BadRequest, NotAllowed, NotFound } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { deskOf, mayReadAll, mayRun, whoOf } from "../jobs/job_access.ts";
import type { CheckRequest } from "../jobs/job_desk.ts";
import { assertOrdered, kindsOf } from "./job_order.ts";
import { assertConfirmed } from "../exchange/confirmed.ts";
import { ORDER, restoreJob } from "./restore_order.ts";
import type { RestorePreview } from "../reader/reader.ts";
import { plannedChangeJson } from "../reader/value_json.ts";
import type { JobOf } from "../../jobs/schema/schema.ts";
import { unlessFault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { parseSubset } from "../../core/subset.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";

const USUAL_RUNS = 50, MOST_RUNS = 1000, SEARCHED_RUNS = 5000;
export const OUTCOMES = ["done", "problems", "failed", "rejected", "cancelled"] as const;
const SUBSET = z.string().max(100).refine((text) => unlessFault(() => parseSubset(text) !== undefined, false));
const CHECK = named(
  "CheckOrder",
  z.strictObject({
    kind: z.literal("check"),
    readData: z.literal(true).optional(),
    readDataSubset: SUBSET.optional(),
  }),
);

export const JOB_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/api/v1/jobs",
    access: "watch",
    about: { summary: "The job that runs, those that wait, and those that come again", replies: { 200: JOBS } },
    handle: (exchange) => {
      const desk = deskOf(exchange), running = desk.running(), waiting = desk.waiting();
      if (mayReadAll(exchange)) {
        return jsonReply({ ...(running !== undefined && { running }), waiting, recurring: desk.recurring.all() });
      }
      return jsonReply({ running: running !== undefined, waiting: waiting.length });
    },
  },
  {
    methods: ["POST"],
    path: "/api/v1/jobs",
    access: "run",
    about: {
      summary:
        'Puts a job in: {"kind": "check", "readDataSubset": "5%"}, or {"kind": "restore", "snapshot": "latest", ' +
        '"paths": ["/photos"], "target": "/volume1/restored/photos"}, or, for the role admin, a backup and others',
      body: jobOrderSchema,
      replies: { 201: NEW_JOB },
    },
    handle: async (exchange) => {
      const body = await jsonBody(exchange), desk = deskFor(exchange), kind = kindOf(body);
      if (kind === "restore") return created(exchange, desk.put(await restoreJob(exchange, body)));
      if (kind === undefined || kind === "check" || !kindsOf(exchange).includes(kind)) {
        return created(exchange, desk.check(checkRequest(body), whoOf(exchange)));
      }
      if (exchange.account?.role === "admin") await assertConfirmed(exchange);
      return created(exchange, desk.put(assertOrdered(exchange, JSON.stringify(body), "job").job));
    },
  },
  {
    methods: ["POST"],
    path: "/api/v1/restore-plans",
    access: "run",
    about: {
      summary: "Says what a restore would do, the first 500 changes and how many there are of each kind",
      body: ORDER,
      headers: { accept: `${LINES}: all changes, one a line, the summary last` },
      replies: { 200: RESTORE_PLAN },
      type: ["application/json", LINES],
    },
    handle: async (exchange) => {
      const job = await restoreJob(exchange, await jsonBody(exchange)), { own } = deskOf(exchange);
      if (!wantsLines(exchange)) return jsonReply(planJson(await planned(exchange, job)));
      return await begunLinesReply(exchange, exchange.site.reader.restoreChanges({ job, own }));
    },
  },
  {
    methods: ["DELETE"],
    path: "/api/v1/jobs/{file}",
    access: "run",
    about: {
      summary: "Takes a job out that waits (204), or ends one that has begun (202); others' are for the role admin",
      replies: { 202: null, 204: null },
    },
    handle: (exchange) => {
      const done = remove(exchange, textOf(exchange.params.file ?? ""));
      return { status: done === "removed" ? 204 : 202 };
    },
  },
  {
    methods: ["POST"],
    path: "/api/v1/recurring/{file}/start",
    access: "run",
    about: { summary: "Starts a recurring job, as if it were due: soon", replies: { 202: NEW_JOB } },
    handle: (exchange) =>
      created(exchange, deskFor(exchange).start(textOf(exchange.params.file ?? ""), whoOf(exchange)), 202),
  },
  {
    methods: ["GET"],
    path: "/api/v1/job-history",
    access: "watch",
    about: {
      summary: "The history of jobs, newest first",
      replies: { 200: RUN_PAGE },
      query: {
        outcome: aboutChoice("only with this outcome", OUTCOMES),
        kind: "only runs of that kind of job",
        name: "only runs of that name, as the list shows it",
        after: "go on after that one: `next` of the answer before",
        limit: aboutCount("so many at most", MOST_RUNS),
      },
    },
    handle: jobHistory,
  },
  {
    methods: ["GET"],
    path: "/api/v1/job-history/{run}",
    access: "read",
    about: { summary: "One run with its problems; its text is for the role admin", replies: { 200: ONE_RUN } },
    handle: async (exchange) => {
      const { text, ...run } = await runOf(exchange);
      return jsonReply(exchange.account?.role === "admin" ? { ...run, text } : run);
    },
  },
  { methods: ["POST"], path: "/jobs/start", access: "run", handle: (exchange) => byForm(exchange, startByForm) },
  { methods: ["POST"], path: "/jobs/check", access: "run", handle: (exchange) => byForm(exchange, checkByForm) },
  { methods: ["POST"], path: "/jobs/remove", access: "run", handle: (exchange) => byForm(exchange, remove) },
];

function jobOrderSchema(): object {
  return { anyOf: [referenceTo(CHECK), referenceTo(ORDER), ...jobSchemas("job")] };
}

function kindOf(body: unknown): string | undefined {
  const isJob = typeof body === "object" && body !== null && "kind" in body;
  return isJob && typeof body.kind === "string" ? body.kind : undefined;
}

/** Previews a restore. @throws the faults of a restore's beginning */
export async function planned(exchange: Exchange, job: JobOf<"restore">): Promise<RestorePreview> {
  return await exchange.site.reader.previewRestore({ job, own: deskOf(exchange).own });
}

function planJson({ changes, counts }: RestorePreview) {
  return { counts, changes: changes.map(plannedChangeJson) };
}

/** The run that a request names. @throws NotFound if there are no jobs, or none that the account may see */
export async function runOf(exchange: Exchange): Promise<HistoryEntry> {
  deskOf(exchange);
  const run = textOf(exchange.params.run ?? "");
  const all = mayReadAll(exchange) ? await exchange.site.reader.jobHistory(SEARCHED_RUNS) : [];
  const found = all.findLast((one) => one.run === run);
  if (found === undefined) throw new NotFound("There is no such run");
  return found;
}

async function jobHistory(exchange: Exchange): Promise<Reply> {
  deskOf(exchange);
  const { runs, next } = await chosenRuns(exchange, USUAL_RUNS), mayRead = mayReadAll(exchange);
  const items = runs.map(({ run, name, kind, outcome, start, end, problemCount, snapshot, error }) =>
    mayRead
      ? { run, name, kind, outcome, start, end, problemCount, snapshot, code: error?.code, message: error?.message }
      : { kind, outcome, start, end, problemCount, code: error?.code }
  );
  return jsonReply({ items, ...(next !== undefined && mayRead && { next }) });
}

export interface ChosenRuns {
  /** Newest first. */
  readonly runs: readonly HistoryEntry[];
  /** The run after which the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

/** Runs by the parameters outcome, kind, name, after and limit. @throws BadRequest, NotFound */
export async function chosenRuns(exchange: Exchange, usual: number): Promise<ChosenRuns> {
  const { target: { query }, site } = exchange, limit = countOf(query, "limit", usual, MOST_RUNS);
  const outcome = choiceOf(query, "outcome", OUTCOMES), kind = textParameter(query, "kind");
  const name = textParameter(query, "name"), after = textParameter(query, "after");
  // Names are for those alone who may see them.
  const mayName = mayReadAll(exchange) || (name === undefined && after === undefined);
  const all = mayName ? (await site.reader.jobHistory(SEARCHED_RUNS)).toReversed() : [];
  const from = after === undefined ? 0 : all.findIndex(({ run }) => run === after) + 1;
  if (after !== undefined && from === 0) throw new NotFound("The run to go on after is not there any more");
  const chosen = all.slice(from).filter((one) =>
    one.outcome === (outcome ?? one.outcome) && one.kind === (kind ?? one.kind) && one.name === (name ?? one.name)
  );
  const runs = chosen.slice(0, limit);
  return { runs, next: chosen.length > limit ? runs.at(-1)?.run : undefined };
}

function deskFor(exchange: Exchange) {
  if (!mayRun(exchange)) throw new NotAllowed("This account is for some series only");
  return deskOf(exchange);
}

export function created(exchange: Exchange, file: string, status: 201 | 202 = 201): Reply {
  tell(exchange, `put ${file} in`);
  return jsonReply({ file }, status, { location: `/api/v1/jobs/${encodeURIComponent(file)}` });
}

function remove(exchange: Exchange, file: string): "removed" | "cancelling" {
  const done = deskFor(exchange).remove(file, whoOf(exchange));
  tell(exchange, `${done === "removed" ? "took out" : "cancelled"} ${file}`);
  return done;
}

function startByForm(exchange: Exchange, file: string): void {
  created(exchange, deskFor(exchange).start(file, whoOf(exchange)));
}

/** Starts a check. @param part "" for no contents, "all", or a part of them */
function checkByForm(exchange: Exchange, part: string): void {
  const asked = part === "" ? {} : part === "all" ? { readData: true } : { readDataSubset: part };
  created(exchange, deskFor(exchange).check(checkRequest({ kind: "check", ...asked }), whoOf(exchange)));
}

async function byForm(exchange: Exchange, act: (exchange: Exchange, value: string) => unknown): Promise<Reply> {
  const form = await readForm(exchange);
  act(exchange, form.get("file") ?? form.get("part") ?? "");
  return { status: 303, headers: { location: "/jobs" } };
}

function checkRequest(value: unknown): CheckRequest {
  const { data, error } = CHECK.safeParse(value);
  if (data === undefined) throw new BadRequest(z.prettifyError(error).split("\n")[0] ?? "That is no such job");
  const { readData, readDataSubset } = data;
  return { ...(readData !== undefined && { readData }), ...(readDataSubset !== undefined && { readDataSubset }) };
}
