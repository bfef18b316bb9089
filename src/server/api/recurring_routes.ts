/** Recurring jobs, and plans of backups, for programs. */
import * as z from "zod";
import { begunLinesReply, jsonReply, LINES, wantsLines } from "./json.ts";
import { jobSchemas } from "./schemas/job_schemas.ts";
import { named, referenceTo, WORDS } from "./schemas/named.ts";
import { BACKUP_PLAN } from "./schemas/work.ts";
import { jsonBody } from "./json_body.ts";
import { assertOrdered } from "./job_order.ts";
import { assertConfirmed } from "../exchange/confirmed.ts";
import { readText } from "../exchange/form.ts";
import { BadRequest, NotAllowed } from "../exchange/problem.ts";
import type { Exchange, Route } from "../exchange/route.ts";
import { tell } from "../exchange/tell.ts";
import { deskOf, mayRun } from "../jobs/job_access.ts";
import { ChangedMeanwhile } from "../jobs/faults.ts";
import type { BackupPlan, PlanRequest } from "../reader/reader.ts";
import { backupPlanJson } from "../reader/value_json.ts";
import { textOf } from "../../core/raw.ts";
import type { Job, JobOf } from "../../jobs/schema/schema.ts";

const PATH = "/api/v1/recurring/{file}";
/** Longest pause in ms: the thief of an account can delay backups, but not end them. */
const MOST_PAUSED_MS = 7 * 86_400_000;
const PAUSE = named("Pause", z.strictObject({ until: z.iso.datetime({ offset: true }) }));
const OF_FILE = named("OfFile", z.strictObject({ file: z.string().max(255) }));
/** What people have written may have comments. */
const JSONC = "application/jsonc";

export const RECURRING_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: PATH,
    access: "admin",
    about: {
      summary: "The text of a recurring job that keeps to limits, with an ETag",
      replies: { 200: WORDS },
      type: JSONC,
    },
    handle: (exchange) => {
      const { text, tag } = editable(exchange, fileOf(exchange));
      return { status: 200, headers: { "content-type": JSONC, etag: `"${tag}"` }, body: text };
    },
  },
  {
    methods: ["PUT"],
    path: PATH,
    access: "admin",
    about: {
      summary:
        "Makes a recurring job (JSON with comments), or replaces the one whose ETag is sent as If-Match; the keys " +
        "`by` and `limits` are filled in",
      body: () => ({ anyOf: jobSchemas("recurring") }),
      headers: { "if-match": "the ETag of its former text; absent: a new job" },
      replies: { 201: null, 204: null },
    },
    handle: async (exchange) => {
      await assertConfirmed(exchange);
      const [, tag] = /^"([0-9a-f]+)"$/.exec(exchange.headers.get("if-match") ?? "") ?? [];
      const type = exchange.headers.get("content-type") ?? "";
      if (!/^application\/jsonc?(?:;|$)/i.test(type)) throw new BadRequest("The body is no application/json");
      return { status: saveRecurring(exchange, fileOf(exchange), await readText(exchange), tag) ? 201 : 204 };
    },
  },
  {
    methods: ["DELETE"],
    path: PATH,
    access: "admin",
    about: {
      summary: "Removes a recurring job, where the server was started with --web-remove",
      replies: { 204: null },
    },
    handle: async (exchange) => {
      await assertConfirmed(exchange);
      removeRecurring(exchange, fileOf(exchange));
      return { status: 204 };
    },
  },
  {
    methods: ["POST"],
    path: `${PATH}/pause`,
    access: "admin",
    about: {
      summary: 'Starts it no more by itself for some time, a week at most: {"until": "2026-11-27T12:00:00Z"}',
      body: PAUSE,
      replies: { 204: null },
    },
    handle: async (exchange) => {
      const { data } = PAUSE.safeParse(await jsonBody(exchange));
      if (data === undefined) throw new BadRequest('Expected {"until": a time}');
      pauseRecurring(exchange, fileOf(exchange), Date.parse(data.until));
      return { status: 204 };
    },
  },
  {
    methods: ["POST"],
    path: `${PATH}/resume`,
    access: "admin",
    about: { summary: "Ends its pause: what was missed is made up for by one run", replies: { 204: null } },
    handle: (exchange) => {
      resumeRecurring(exchange, fileOf(exchange));
      return { status: 204 };
    },
  },
  {
    methods: ["POST"],
    path: "/api/v1/plans",
    access: "run",
    about: {
      summary: 'What a backup would do: {"file": "photos.jsonc"} of a recurring job, or, for the role admin, a job. ' +
        "Nothing is written",
      body: () => ({ anyOf: [referenceTo(OF_FILE), ...jobSchemas("job", "backup")] }),
      headers: { accept: `${LINES}: each problem as it is met, one a line, the plan last, as summary` },
      replies: { 200: BACKUP_PLAN },
      type: ["application/json", LINES],
    },
    handle: async (exchange) => {
      const job = jobToPlan(exchange, await jsonBody(exchange));
      if (wantsLines(exchange)) {
        return await begunLinesReply(exchange, exchange.site.reader.backupLines(planRequest(exchange, job)));
      }
      const { plan, problems } = await plannedBackup(exchange, job);
      return jsonReply({ ...backupPlanJson(plan), problems });
    },
  },
];

function fileOf({ params }: Exchange): string {
  return textOf(params.file ?? "");
}

function deskFor(exchange: Exchange) {
  if (!mayRun(exchange)) throw new NotAllowed("This account is for some series only");
  return deskOf(exchange).recurring;
}

function recurringJob(exchange: Exchange, file: string): Job {
  const { every: _, timeZone: __, ...job } = deskFor(exchange).job(file);
  return job;
}

/**
 * The text of a recurring job. @throws NotAllowed if people have written it: it may have keys that a page must not
 * change or show
 */
export function editable(exchange: Exchange, file: string) {
  const read = deskFor(exchange).read(file);
  if (!read.isEditable) {
    throw new NotAllowed("This job was not made by the page", "Edit its file: it may say more than a page may");
  }
  return read;
}

/**
 * Saves a recurring job. @param tag of its former text; undefined for a new job @returns true for a new job @throws
 * ChangedMeanwhile, BadRequest
 */
export function saveRecurring(exchange: Exchange, file: string, text: string, tag: string | undefined): boolean {
  const desk = deskFor(exchange), ordered = assertOrdered(exchange, text, "recurring");
  if (tag !== undefined && editable(exchange, file).tag !== tag) throw new ChangedMeanwhile(file);
  if (ordered.complaints.length > 0 || !("text" in ordered)) throw new BadRequest("That is no such job");
  assertName(file);
  desk.save(file, ordered.text, tag);
  tell(exchange, `saved recurring/${file}`);
  return tag === undefined;
}

function assertName(file: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.jsonc?$/.test(file)) return;
  throw new BadRequest(
    "That is no name of a recurring job",
    "Use letters, digits, dots, - and _, with .json or .jsonc at the end",
  );
}

/** Removes a recurring job. @throws NotAllowed if the server doesn't allow removals */
export function removeRecurring(exchange: Exchange, file: string): void {
  editable(exchange, file);
  if (!exchange.site.mayRemove) {
    throw new NotAllowed("This server removes nothing", "Start `serve` with `--web-remove` to allow that, or pause it");
  }
  deskFor(exchange).remove(file);
  tell(exchange, `removed recurring/${file}`);
}

export function pauseRecurring(exchange: Exchange, file: string, untilMs: number): void {
  const nowMs = exchange.site.clock.nowMs();
  if (!(untilMs > nowMs && untilMs <= nowMs + MOST_PAUSED_MS)) {
    throw new BadRequest("A job can be paused for a week at most", "Pause it again then, or remove its file");
  }
  deskFor(exchange).pause(file, untilMs);
  tell(exchange, `paused recurring/${file} until ${new Date(untilMs).toISOString()}`);
}

export function resumeRecurring(exchange: Exchange, file: string): void {
  deskFor(exchange).resume(file);
  tell(exchange, `resumed recurring/${file}`);
}

/** The job that a request wants planned: a recurring one by its file, or the job itself. */
function jobToPlan(exchange: Exchange, body: unknown): Job {
  const { data } = OF_FILE.safeParse(body);
  if (data !== undefined) return recurringJob(exchange, data.file);
  if (exchange.account?.role !== "admin") throw new NotAllowed("Jobs are written by accounts of the role admin");
  return assertOrdered(exchange, JSON.stringify(body), "job").job;
}

/**
 * Plans a backup. @throws BadRequest if it isn't a backup of this machine into this storage, and the faults of a
 * backup's beginning
 */
export async function plannedBackup(exchange: Exchange, job: Job): Promise<BackupPlan> {
  return await exchange.site.reader.planBackup(planRequest(exchange, job));
}

function planRequest({ site }: Exchange, job: Job): PlanRequest {
  if (job.kind !== "backup") throw new BadRequest("Only backups can be planned");
  if (job.storage !== undefined) throw new BadRequest("Only backups into this storage can be planned");
  return { job: job satisfies JobOf<"backup">, host: site.host };
}
