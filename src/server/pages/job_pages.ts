/** Pages for writing a job, by a form or as text: it is checked and planned, then added or saved. */
import { coded, type Html, markup, type Part } from "./markup.ts";
import { page, redirect } from "./page.ts";
import { firstForm, formOfJob, groupsOf, jobOfForm, wordsOf, type Written } from "./job_fields.ts";
import { fieldPart, groupPart } from "./job_form_parts.ts";
import { folderPicker, pickedIn, usualButton } from "./folder_picker.ts";
import { planPart } from "./plan_part.ts";
import { created } from "../api/job_routes.ts";
import { kindsOf, type Ordered, orderedJob } from "../api/job_order.ts";
import {
  editable,
  pauseRecurring,
  plannedBackup,
  removeRecurring,
  resumeRecurring,
  saveRecurring,
} from "../api/recurring_routes.ts";
import { assertConfirmed, needsPassword } from "../exchange/confirmed.ts";
import { readForm } from "../exchange/form.ts";
import { NotFound } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { deskOf } from "../jobs/job_access.ts";
import type { BackupPlan } from "../reader/reader.ts";
import { Fault } from "../../core/fault.ts";
import { fieldsOf } from "../../core/json.ts";
import { type Complaint, complaintText, parseJsonc } from "../../core/jsonc.ts";
import { textOf } from "../../core/raw.ts";

const DAY_MS = 86_400_000;
const TEXT = "text";

export const JOB_PAGES: readonly Route[] = [
  { methods: ["GET"], path: "/jobs/new/{kind}", access: "admin", handle: (exchange) => newPage(exchange) },
  { methods: ["POST"], path: "/jobs/new/{kind}", access: "admin", handle: takeForm },
  { methods: ["GET"], path: "/jobs/recurring/{file}", access: "admin", handle: editPage },
  { methods: ["POST"], path: "/jobs/recurring/{file}", access: "admin", handle: takeForm },
  { methods: ["POST"], path: "/jobs/pause", access: "admin", handle: (exchange) => changed(exchange, pauseByForm) },
  { methods: ["POST"], path: "/jobs/resume", access: "admin", handle: (exchange) => changed(exchange, resumeByForm) },
];

/** A job that is being written. */
interface Draft {
  /** "text": written as text. */
  readonly kind: string;
  readonly form: Written;
  readonly text: string;
  /** Name of a recurring job's file; "" to derive it from the job. */
  readonly file: string;
  /** Tag of the file when editing began. */
  readonly tag?: string;
}

/** Reply to a draft. */
interface Said {
  readonly complaints?: readonly Complaint[];
  readonly plan?: BackupPlan;
  readonly wrong?: Fault;
  readonly isGood?: true;
  /** Path of the directory that is open in the picker. */
  readonly open?: string;
}

const EXAMPLE = `{
  // Once; with "every": "0 3 * * *" each night at three
  "kind": "backup",
  "sources": ["/volume1/photos"]
}
`;

async function newPage(exchange: Exchange): Promise<Reply> {
  deskOf(exchange);
  const kind = textOf(exchange.params.kind ?? "");
  assertKind(exchange, kind);
  return await draftPage(exchange, {
    kind,
    form: firstForm(kind, exchange.target.query.get("snapshots")),
    text: EXAMPLE,
    file: "",
  });
}

function assertKind(exchange: Exchange, kind: string): void {
  if (kind === TEXT || (kindsOf(exchange).includes(kind) && groupsOf(kind) !== undefined)) return;
  throw new NotFound("There is no form for such a job");
}

async function editPage(exchange: Exchange): Promise<Reply> {
  const file = textOf(exchange.params.file ?? ""), { text, tag } = editable(exchange, file);
  // A form would lose comments.
  const form = isPlain(text) ? formOfJob(fieldsOf(parseJsonc(text))) : undefined;
  const kind = form === undefined ? TEXT : String(fieldsOf(parseJsonc(text)).kind);
  return await draftPage(exchange, { kind, form: form ?? new Map(), text, file, tag });
}

function isPlain(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

async function takeForm(exchange: Exchange): Promise<Reply> {
  deskOf(exchange);
  const form = await readForm(exchange), kind = textOf(exchange.params.kind ?? form.get("kind") ?? TEXT);
  assertKind(exchange, kind);
  const text = kind === TEXT
    ? (form.get(TEXT) ?? "").replaceAll("\r\n", "\n")
    : `${JSON.stringify(jobOfForm(kind, form), undefined, 2)}\n`;
  if (form.get("do") === "remove") return await removed(exchange, form);
  const tag = form.get("tag"), file = textOf(exchange.params.file ?? "") || (form.get("file") ?? "").trim();
  const draft = { kind, form, text, file, ...(tag !== undefined && tag !== "" && { tag }) }, picked = pickedIn(form);
  if (picked !== undefined) return await draftPage(exchange, withSource(draft, picked.chosen), { open: picked.open });
  try {
    const said = await answered(exchange, draft, form.get("do") ?? "");
    return said === undefined ? redirect("/jobs") : await draftPage(exchange, draft, said);
  } catch (error) {
    // What somebody has written isn't lost with what is wrong about it.
    if (!(error instanceof Fault)) throw error;
    return await draftPage(exchange, draft, { wrong: error });
  }
}

async function removed(exchange: Exchange, form: Written): Promise<Reply> {
  await assertConfirmed(exchange, form.get("password"));
  removeRecurring(exchange, textOf(exchange.params.file ?? ""));
  return redirect("/jobs");
}

/** The draft with one more directory to back up. */
function withSource(draft: Draft, chosen: string | undefined): Draft {
  const { form } = draft, lines = (form.get("sources") ?? "").split(/\r?\n/).filter((line) => line.trim() !== "");
  if (chosen === undefined || lines.includes(chosen)) return draft;
  const sources = [...lines, chosen].join("\n");
  return { ...draft, form: { get: (name) => name === "sources" ? sources : form.get(name) } };
}

/** Checks, adds or saves a draft. @returns undefined if it was added or saved */
async function answered(exchange: Exchange, draft: Draft, what: string): Promise<Said | undefined> {
  const isRecurring = fieldsOf(parseJsonc(draft.text)).every !== undefined || draft.tag !== undefined;
  const ordered = orderedJob(exchange, draft.text, isRecurring ? "recurring" : "job");
  if (ordered.job === undefined) return { complaints: ordered.complaints };
  if (what === "plan" && ordered.job.kind === "backup") return { plan: await plannedBackup(exchange, ordered.job) };
  if (what !== "put") return { isGood: true };
  await assertConfirmed(exchange, draft.form.get("password"));
  if (isRecurring) saveRecurring(exchange, nameOf(draft, ordered), draft.text, draft.tag);
  else created(exchange, deskOf(exchange).put(ordered.job));
  return undefined;
}

/** Name for a recurring job's file, without characters that are not allowed in it. */
function nameOf({ file }: Draft, { job }: Ordered): string {
  if (file !== "") return /\.jsonc?$/i.test(file) ? file : `${file}.jsonc`;
  const name = job !== undefined && "name" in job && typeof job.name === "string" ? job.name : job?.kind ?? "job";
  return `${name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "job"}.jsonc`;
}

async function changed(exchange: Exchange, act: (exchange: Exchange, file: string, form: Written) => unknown) {
  const form = await readForm(exchange), isAll = form.get("all") === "1";
  const files = isAll ? deskOf(exchange).recurring.all().map(({ file }) => file) : [form.get("file") ?? ""];
  for (const file of files) await act(exchange, file, form);
  return redirect("/jobs");
}

function pauseByForm(exchange: Exchange, file: string, form: Written): void {
  pauseRecurring(exchange, file, exchange.site.clock.nowMs() + Number(form.get("days") ?? "7") * DAY_MS);
}

function resumeByForm(exchange: Exchange, file: string): void {
  resumeRecurring(exchange, file);
}

const PICKER = { use: "backup", choose: "Back it up" } as const;

async function draftPage(exchange: Exchange, draft: Draft, said: Said = {}): Promise<Reply> {
  const { kind, file, tag } = draft, isText = kind === TEXT, isNew = tag === undefined;
  const title = isNew ? isText ? "New job, as text" : `New job: ${kind}` : `Edit ${file}`;
  const picker = kind === "backup" ? await folderPicker(exchange, PICKER, said.open) : undefined;
  const action = isNew ? `/jobs/new/${kind}` : `/jobs/recurring/${encodeURIComponent(file)}`;
  const body = markup`<p class="soft">${coded(isText ? TEXT_ABOUT : wordsOf(kind).about)}${kind !== TEXT && "."}${
    sourcesNote(exchange, kind)
  }</p>
${outcome(draft, said)}
<form class="card form" method="post" action="${action}">
<input type="hidden" name="kind" value="${kind}"><input type="hidden" name="tag" value="${tag ?? ""}">
${usualButton("do", "check")}
${isText ? textField(draft, said) : formFields(exchange, draft, said, picker)}${isNew && fileField(draft)}${
    password(exchange)
  }
<p class="actions"><button name="do" value="check">Check</button>
${(isText || kind === "backup") && markup`<button name="do" value="plan">Show what it would do</button>`}
<button class="main" name="do" value="put">${isNew ? "Put in" : "Save"}</button></p></form>
${said.plan !== undefined && planPart(said.plan)}${!isNew && exchange.site.mayRemove && removeForm(exchange, draft)}`;
  return page(exchange, { title, part: "/jobs", status: said.wrong === undefined ? 200 : 400, body });
}

const TEXT_ABOUT = "The text of a job file: JSON, with comments. `backup-tool help jobs` says what it may hold.";

function sourcesNote({ site }: Exchange, kind: string): string {
  if (kind !== "backup" && kind !== TEXT) return "";
  if (site.sourcesBelow.length === 0) {
    return " This server backs nothing up for the page: start it with --sources-below.";
  }
  return ` Backups may read what is below ${site.sourcesBelow.map(textOf).join(", ")}.`;
}

function outcome({ kind, text }: Draft, { complaints = [], wrong, isGood }: Said): Html | undefined {
  if (isGood) return markup`<p class="card good" role="status">Nothing is wrong with it.</p>`;
  if (wrong !== undefined) {
    return markup`<div class="alert" role="alert"><p><strong class="bad">${wrong.message}</strong></p>
<p class="soft">${coded(wrong.hint)}</p></div>`;
  }
  if (complaints.length === 0) return undefined;
  const items = complaints.map((one) => {
    const key = keyOf(text, one);
    return markup`<li>${key !== undefined && markup`<a href="#${key}">${key}</a>: `}${
      coded(kind === TEXT ? complaintText(one) : one.message)
    }</li>`;
  });
  return markup`<div class="alert" role="alert"><p><strong class="bad">Not put in: correct this first</strong></p>
<ul>${items}</ul></div>`;
}

/** The key that a complaint refers to, in the text of a form's job. */
function keyOf(text: string, { line, message }: Complaint): string | undefined {
  const [, missing] = /^The key "(\w+)" is missing/.exec(message) ?? [];
  if (missing !== undefined) return missing;
  const above = text.split("\n").slice(0, line).toReversed();
  return above.map((one) => /^ {2}"(\w+)":/.exec(one)?.[1]).find((key) => key !== undefined);
}

function textField({ text }: Draft, { complaints = [] }: Said): Html {
  const isWrong = complaints.length > 0;
  return markup`<label for="text">Job file</label>
<textarea id="text" name="text" rows="18" spellcheck="false" maxlength="100000"${
    isWrong && markup` aria-invalid="true"`
  }>
${text}</textarea>`;
}

function formFields({ site }: Exchange, draft: Draft, { complaints = [] }: Said, picker: Html | undefined): Part {
  const { kind, text } = draft, { help } = wordsOf(kind), wrong = new Map<string, string>();
  for (const { line, message, hint } of complaints) {
    const key = keyOf(text, { line, column: 1, message });
    if (key !== undefined) wrong.set(key, hint === undefined ? message : `${message}. ${hint}`);
  }
  return (groupsOf(kind) ?? []).map((group) =>
    groupPart(group, (field) => {
      const part = fieldPart(field, draft.form, { help: help.get(field.key), wrong: wrong.get(field.key), site });
      return field.key === "sources" ? markup`${part}${picker}` : part;
    }, wrong)
  );
}

function fileField({ file }: Draft): Html {
  return markup`<fieldset><legend>Name of its file</legend><label for="file">Of a recurring job</label>
<input id="file" name="file" value="${file}" maxlength="100" aria-describedby="file-help">
<p class="soft help" id="file-help">Default: from the name of the series. Without a time it is done once.</p></fieldset>`;
}

function password(exchange: Exchange): Html | undefined {
  if (!needsPassword(exchange)) return undefined;
  return markup`<label for="password">Your password, to put it in</label>
<input id="password" name="password" type="password" autocomplete="current-password">`;
}

/** Removes a recurring job, with its password again. */
function removeForm(exchange: Exchange, { file }: Draft): Html {
  return markup`<h2>Remove</h2><form class="card form" method="post" action="/jobs/recurring/${
    encodeURIComponent(file)
  }"
data-sure="Remove ${file}? It does not run again.">${
    needsPassword(exchange) && markup`<label for="remove-password">Your password</label>
<input id="remove-password" name="password" type="password" autocomplete="current-password">`
  }<p>The snapshots that it has made stay.</p>
<p class="actions"><button name="do" value="remove">Remove the job</button></p></form>`;
}

/** Links for new jobs, for the page of jobs; undefined unless the account is an admin. */
export function newJobLinks(exchange: Exchange): Html | undefined {
  if (exchange.account?.role !== "admin") return undefined;
  const kinds = kindsOf(exchange).filter((kind) => groupsOf(kind) !== undefined).toSorted();
  const links = [...kinds.map((kind) => [kind, kind] as const), [TEXT, "as text"] as const];
  return markup`<h2 id="new">New job</h2><p class="actions" role="group" aria-labelledby="new">${
    links.map(([to, name]) => markup`<a class="button" href="/jobs/new/${to}">${name}</a>`)
  }</p>`;
}
