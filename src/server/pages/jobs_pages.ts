/** Jobs: running, waiting and recurring ones, and the history. */
import { coded, type Html, markup, type Part } from "./markup.ts";
import { ago, page, type Seen, table, timeOf, took } from "./page.ts";
import { newJobLinks } from "./job_pages.ts";
import { options } from "./restore_pages.ts";
import { withQuery } from "./links.ts";
import { chosenRuns, OUTCOMES, runOf } from "../api/job_routes.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { deskOf, mayReadAll, mayRun, whoOf } from "../jobs/job_access.ts";
import type { JobDesk, RecurringState, RunningJob } from "../jobs/job_desk.ts";
import { isRunOf } from "../jobs/job_name.ts";
import { progressText } from "../jobs/progress_text.ts";
import { shortId } from "../../core/short_id.ts";
import { pluralText } from "../../core/size_text.ts";
import { JOB_KINDS } from "../../jobs/schema/schema.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";

const SHOWN_RUNS = 50;
const SIGNS: Readonly<Record<string, string>> = {
  done: "good",
  problems: "warn",
  failed: "bad",
  rejected: "bad",
  cancelled: "warn",
};

export async function jobsPage(exchange: Exchange): Promise<Reply> {
  const desk = deskOf(exchange), mayRead = mayReadAll(exchange);
  const history = (await exchange.site.reader.jobHistory(SHOWN_RUNS)).toReversed();
  const { runs, next } = await chosenRuns(exchange, SHOWN_RUNS);
  const body = markup`<div id="now" data-live>${running(exchange, desk, mayRead)}</div>
${mayRead && waitingJobs(exchange, desk.waiting())}
${mayRead && markup`<h2>Recurring</h2>${recurring(exchange, desk.recurring.all(), history)}${pauseAll(exchange, desk)}`}
${newJobLinks(exchange)}
${mayRun(exchange) && CHECK_FORM}
<h2 id="history">Ended</h2>${runFilter(exchange)}<div id="ended" data-live>${ended(exchange, runs, mayRead)}${
    next !== undefined && mayRead && markup`<p><a class="button" href="${olderLink(exchange, next)}">Older ones</a></p>`
  }</div>`;
  return page(exchange, { title: "Jobs", part: "/jobs", body });
}

export async function runPage(exchange: Exchange): Promise<Reply> {
  const { name, kind, outcome, start, end, problems, problemCount, snapshot, error, counts, text } = await runOf(
    exchange,
  );
  const facts: readonly (readonly [string, Part])[] = [
    ["Kind", kind ?? "none"],
    ["Outcome", markup`<strong class="${SIGNS[outcome] ?? ""}">${outcome}</strong>`],
    ["Began", timeOf(exchange, start)],
    ["Took", took(start, end)],
    ["Snapshot", snapshot === undefined ? "-" : markup`<a href="${browseLinkOf(snapshot)}">${shortId(snapshot)}</a>`],
    ...Object.entries(counts).map(([counter, count]) => [counter, String(count)] as const),
  ];
  const body = markup`
    ${
    error !== undefined && markup`
      <div class="alert">
        <p><strong class="bad">${error.message}</strong></p>
        <p class="soft">${coded(error.hint)}</p>
      </div>
    `
  }
    <div class="card">
      <dl class="facts">${
    facts.map(([term, value]) =>
      markup`
          <dt>${term}</dt>
          <dd>${value}</dd>
        `
    )
  }</dl>
    </div>
    ${
    problemCount > 0 &&
    markup`<h2>${pluralText(problemCount, "problem")}</h2><ul>${
      problems.map(({ message, hint }) => markup`<li>${message}<br><span class="soft">${coded(hint)}</span></li>`)
    }</ul>${problems.length < problemCount && markup`<p class="soft">These are the first ones.</p>`}`
  }
    ${
    exchange.account?.role === "admin" && text !== null && markup`
      <h2>Job file</h2>
      <pre tabindex="0">${text}</pre>
    `
  }
  `;
  return page(exchange, { title: name, part: "/jobs", body });
}

function browseLinkOf(snapshot: string): string {
  return `/browse/${snapshot}`;
}

function running(exchange: Exchange, desk: JobDesk, mayRead: boolean): Html {
  const now = desk.running(), waiting = desk.waiting().length;
  if (now === undefined) {
    return markup`<p class="card">Idle. <span class="soft">${
      pluralText(waiting, "job waits", "jobs wait")
    }.</span></p>`;
  }
  if (!mayRead) return markup`<p class="card">A job runs since ${ago(exchange, now.since)}.</p>`;
  return markup`<div class="card"><p><strong>${now.file}</strong> <span class="soft">began ${
    ago(exchange, now.since)
  }</span></p>${progressBar(now)}${cancelButton(exchange, desk, now)}</div>`;
}

/** The progress of a job. The script updates it, if scripts run. */
function progressBar({ progress }: RunningJob): Html {
  const { text, percent } = progress === undefined ? { text: "", percent: undefined } : progressText(progress);
  const value = percent === undefined ? undefined : markup` value="${percent}"`;
  return markup`<p><progress id="progress" max="100" aria-label="Done"${value}></progress>
<span class="soft" id="progress-text">${text}</span></p>`;
}

function cancelButton(exchange: Exchange, desk: JobDesk, { file, isCancelled }: RunningJob): Html | undefined {
  if (isCancelled) return markup`<p class="warn">It is being cancelled: it ends as soon as it can be stopped.</p>`;
  if (!mayRun(exchange) || desk.ownOf([file], whoOf(exchange)).length === 0) return undefined;
  return button("/jobs/remove", "file", file, "Cancel", `Cancel ${file}?`);
}

const MOST_SHOWN = 100;

function waitingJobs(exchange: Exchange, waiting: readonly string[]): Html | undefined {
  if (waiting.length === 0) return undefined;
  const shown = waiting.slice(0, MOST_SHOWN), own = deskOf(exchange).ownOf(shown, whoOf(exchange));
  const rows = shown.map((file) => [
    file,
    mayRun(exchange) && own.includes(file) ? button("/jobs/remove", "file", file, "Remove", `Take ${file} out?`) : "",
  ]);
  return markup`<h2>Waiting</h2>${table("Waiting jobs", [{ name: "File" }, { name: "Do", right: true }], rows)}`;
}

/** A form with one button. @param sure question to confirm before it is sent, if scripts run */
function button(action: string, name: string, value: string, text: string, sure?: string): Html {
  return markup`<form method="post" action="${action}"${sure !== undefined && markup` data-sure="${sure}"`}>
<button name="${name}" value="${value}" aria-label="${text} ${value}">${text}</button></form>`;
}

const CHECK_FORM = markup`<h2>Check</h2><form class="card" method="post" action="/jobs/check">
<label for="part">Look for damage, and read</label>
<p class="actions"><select id="part" name="part"><option value="">nothing: names and sizes only</option>
<option value="oldest:5%" selected>the 5 % read longest ago</option>
<option value="oldest:20%">the 20 % read longest ago</option>
<option value="all">every byte</option></select> <button>Check now</button></p></form>`;

const WEEK_DAYS = 7;

function recurring(exchange: Exchange, all: readonly RecurringState[], history: readonly HistoryEntry[]): Html {
  if (all.length === 0) {
    return markup`<p>There are none. Put one into the directory <code>recurring</code> of the jobs.</p>`;
  }
  const columns = [{ name: "File" }, { name: "When" }, { name: "Last run" }, { name: "Next" }, { name: "Do" }];
  return table(
    "Recurring jobs",
    columns,
    all.map((state) => [
      fileCell(state),
      state.every === undefined ? "-" : markup`<code>${state.every}</code>`,
      lastRun(exchange, history.find(({ name }) => isRunOf(name, state.file))),
      nextRuns(exchange, state),
      mayRun(exchange) && state.kind !== undefined ? actions(exchange, state) : "",
    ]),
  );
}

function fileCell({ file, kind, name, problems }: RecurringState): Part {
  return markup`${file}<br><span class="soft">${kind ?? "no job"}${name !== undefined && ` of ${name}`}</span>${
    problems.length > 0 && markup`<br><span class="bad">${problems.join("; ")}</span>`
  }`;
}

function lastRun(exchange: Exchange, last: HistoryEntry | undefined): Part {
  if (last === undefined) return markup`<span class="soft">none yet</span>`;
  const { run, outcome, end, error, problemCount } = last;
  const why = error?.message ?? (problemCount > 0 ? pluralText(problemCount, "problem") : undefined);
  return markup`<a class="${SIGNS[outcome] ?? ""}" href="/jobs/run/${run}">${outcome}</a> <span class="soft">${
    ago(exchange, end)
  }</span>${why !== undefined && markup`<br><span class="soft">${why}</span>`}`;
}

function nextRuns(exchange: Exchange, { next, pausedUntil }: RecurringState): Part {
  const times = next.map((time, i) => markup`${i > 0 && ", "}${ago(exchange, time)}`);
  if (pausedUntil === undefined) return times.length === 0 ? "-" : times;
  return markup`<strong class="warn">paused</strong> <span class="soft">until ${timeOf(exchange, pausedUntil)}</span>`;
}

function actions({ account }: Exchange, { file, isEditable, pausedUntil }: RecurringState): Html {
  const isAdmin = account?.role === "admin";
  return markup`<div class="row">${button("/jobs/start", "file", file, "Start")}${
    isAdmin && (pausedUntil === undefined ? pauseButton(file) : button("/jobs/resume", "file", file, "Resume"))
  }${
    isAdmin && isEditable && markup`<a class="button" href="/jobs/recurring/${file}" aria-label="Edit ${file}">Edit</a>`
  }</div>`;
}

const PAUSES: readonly (readonly [days: string, text: string])[] = [
  ["1", "for a day"],
  ["3", "for three days"],
  [String(WEEK_DAYS), "for a week"],
];

/** For admins: pauses everything that recurs, or resumes it. */
function pauseAll({ account }: Exchange, desk: JobDesk): Html | undefined {
  const all = desk.recurring.all();
  if (account?.role !== "admin" || all.length < 2) return undefined;
  const isPaused = all.some(({ pausedUntil }) => pausedUntil !== undefined);
  return markup`<div class="actions"><form class="row" method="post" action="/jobs/pause"
data-sure="Pause all recurring jobs? No backup is made until then."><input type="hidden" name="all" value="1">
<select name="days" aria-label="How long">${options(PAUSES, "1")}</select><button>Pause all</button></form>${
    isPaused &&
    markup`<form method="post" action="/jobs/resume"><button name="all" value="1">Resume all</button></form>`
  }</div>`;
}

function pauseButton(file: string): Html {
  const sure = `Pause ${file} for ${WEEK_DAYS} days? It can be resumed before.`;
  return markup`<form method="post" action="/jobs/pause" data-sure="${sure}"><input type="hidden" name="days"
value="${WEEK_DAYS}"><button name="file" value="${file}" aria-label="Pause ${file} for a week">Pause</button></form>`;
}

function runFilter({ target: { query } }: Exchange): Html {
  const outcomes = [["", "all"], ...OUTCOMES.map((one) => [one, one] as const)] as const;
  const kinds = [["", "all"], ...JOB_KINDS.map((one) => [one, one] as const)] as const;
  return markup`<form class="actions" action="/jobs#history"><label class="inline">Outcome <select name="outcome">${
    options(outcomes, query.get("outcome") ?? "")
  }</select></label><label class="inline">Kind <select name="kind">${
    options(kinds, query.get("kind") ?? "")
  }</select></label><button>Show</button></form>`;
}

function olderLink({ target: { query } }: Exchange, after: string): string {
  return `${withQuery("/jobs", { outcome: query.get("outcome"), kind: query.get("kind"), after })}#history`;
}

function ended(seen: Seen, history: readonly HistoryEntry[], mayRead: boolean): Html {
  if (history.length === 0) return markup`<p>There are none.</p>`;
  const rows = history.map(({ run, name, kind, outcome, start, end, problemCount, snapshot, error }) => [
    mayRead ? markup`<a href="/jobs/run/${run}">${name}</a>` : kind ?? "job",
    kind ?? "-",
    markup`<span class="${SIGNS[outcome] ?? ""}">${outcome}</span>${
      mayRead && error !== undefined && markup`<br><span class="soft why">${error.message}</span>`
    }${
      problemCount > 0 && markup`
        <span class="soft">${pluralText(problemCount, "problem")}</span>
      `
    }`,
    ago(seen, end),
    took(start, end),
    mayRead && snapshot !== undefined ? markup`<a href="${browseLinkOf(snapshot)}">${shortId(snapshot)}</a>` : "",
  ]);
  const columns = [{ name: "Job" }, { name: "Kind" }, { name: "Outcome" }, { name: "Ended" }, {
    name: "Took",
    right: true,
  }, {
    name: "Snapshot",
  }];
  return table("Jobs that ended", columns, rows);
}
