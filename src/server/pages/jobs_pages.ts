/** Jobs: what runs, what waits, what comes again, what became of them. */
import { type Html, markup, type Part } from "./markup.ts";
import { ago, page, type Seen, table, timeOf, took } from "./page.ts";
import { NotFound } from "../exchange/problem.ts";
import { isAllowed } from "../accounts/account.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import type { JobDesk, RecurringState } from "../jobs/job_desk.ts";
import { shortId } from "../../core/short_id.ts";
import { pluralText } from "../../core/size_text.ts";
import { textOf } from "../../core/raw.ts";
import type { HistoryEntry } from "../../jobs/state/stored_state.ts";

const SHOWN_RUNS = 50, SEARCHED_RUNS = 5000;
const SIGNS: Readonly<Record<string, string>> = { done: "good", problems: "warn", failed: "bad", rejected: "bad" };

export async function jobsPage(exchange: Exchange): Promise<Reply> {
  const desk = deskOf(exchange), mayRead = mayReadAll(exchange);
  const history = (await exchange.site.reader.jobHistory(SHOWN_RUNS)).toReversed();
  const body = markup`<div id="now" data-live>${running(exchange, desk, mayRead)}</div>
${mayRead && markup`<h2>Recurring</h2>${recurring(exchange, desk.recurring())}`}
<h2>Ended</h2><div id="ended" data-live>${ended(exchange, history, mayRead)}</div>`;
  return page(exchange, { title: "Jobs", part: "/jobs", body });
}

export async function runPage(exchange: Exchange): Promise<Reply> {
  deskOf(exchange);
  if (!mayReadAll(exchange)) throw new NotFound("There is no such run");
  const run = textOf(exchange.params.run ?? "");
  const entry = (await exchange.site.reader.jobHistory(SEARCHED_RUNS)).findLast((one) => one.run === run);
  if (entry === undefined) throw new NotFound("There is no such run");
  const { name, kind, outcome, start, end, problems, problemCount, snapshot, error, counts, text } = entry;
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
        <p class="soft">${error.hint}</p>
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
      problems.map(({ message, hint }) => markup`<li>${message}<br><span class="soft">${hint}</span></li>`)
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

/** @throws NotFound where no jobs are taken */
export function deskOf({ site }: Pick<Exchange, "site">): JobDesk {
  if (site.jobs === undefined) throw new NotFound("This server takes no jobs");
  return site.jobs;
}

/** Names of files, sources and problems are for those who may see all of it. */
export function mayReadAll({ account }: Pick<Exchange, "account">): boolean {
  return isAllowed(account, "read") && account?.series === undefined;
}

function running(seen: Seen, desk: JobDesk, mayRead: boolean): Html {
  const now = desk.running(), waiting = desk.waiting();
  const job = now === undefined
    ? markup`<strong>Idle</strong>`
    : markup`<strong>${mayRead ? now.file : "A job runs"}</strong><span>since ${ago(seen, now.since)}</span>`;
  return markup`
    <ul class="cards">
      <li class="card"><span>Now</span>${job}</li>
      <li class="card"><span>Waiting</span><strong>${waiting.length}</strong>${
    mayRead && waiting.length > 0 &&
    markup`<span>${waiting.slice(0, 10).join(", ")}</span>`
  }</li>
    </ul>
  `;
}

function recurring(seen: Seen, all: readonly RecurringState[]): Html {
  if (all.length === 0) {
    return markup`<p>There are none. Put one into the directory <code>recurring</code> of the jobs.</p>`;
  }
  const rows = all.map(({ file, kind, name, every, next, problems }) => [
    markup`${file}${problems.length > 0 && markup`<br><span class="bad">${problems.join("; ")}</span>`}`,
    markup`${kind ?? "-"} <span class="soft">${name}</span>`,
    every ?? "-",
    next.length === 0 ? "-" : markup`${next.slice(0, 3).map((time, i) => markup`${i > 0 && ", "}${ago(seen, time)}`)}`,
  ]);
  return table("Recurring jobs", [{ name: "File" }, { name: "Kind" }, { name: "When" }, { name: "Next" }], rows);
}

function ended(seen: Seen, history: readonly HistoryEntry[], mayRead: boolean): Html {
  if (history.length === 0) return markup`<p>No job has ended yet.</p>`;
  const rows = history.map(({ run, name, kind, outcome, start, end, problemCount, snapshot, error }) => [
    mayRead ? markup`<a href="/jobs/run/${run}">${name}</a>` : kind ?? "job",
    kind ?? "-",
    markup`<span class="${SIGNS[outcome] ?? ""}">${outcome}</span>${
      mayRead && error !== undefined && markup`<br><span class="soft">${error.message}</span>`
    }${
      problemCount > 0 && markup`
        <span class="soft">${pluralText(problemCount, "problem")}</span>
      `
    }`,
    ago(seen, end),
    took(start, end),
    mayRead && snapshot !== undefined ? markup`<a href="${browseLinkOf(snapshot)}">${shortId(snapshot)}</a>` : "",
  ]);
  const columns = [{ name: "Job" }, { name: "Kind" }, { name: "Outcome" }, { name: "Ended" }, { name: "Took" }, {
    name: "Snapshot",
  }];
  return table("Jobs that ended", columns, rows);
}
