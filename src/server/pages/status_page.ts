/** The first page: whether everything is well and, if not, what is wrong. */
import { growthChart } from "./chart.ts";
import { coded, type Html, markup } from "./markup.ts";
import { seriesLink } from "./links.ts";
import { ago, page, type Seen, table } from "./page.ts";
import { type SeriesStatus, type Status, statusOf } from "../api/status.ts";
import { type Alert, canBeDismissed } from "../alerts/alerts.ts";
import { isAllowed } from "../accounts/account.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { countText, pluralText, sizeText } from "../../core/size_text.ts";

export async function statusPage(exchange: Exchange): Promise<Reply> {
  const { site, account } = exchange, status = await statusOf(exchange);
  const mayRead = isAllowed(account, "read"), isWhole = account?.series === undefined;
  const stats = mayRead && isWhole ? await site.reader.stats() : undefined;
  const body = markup`<div id="alerts" data-live>${alertsPart(exchange, status)}</div>
<ul class="cards" id="cards" data-live>${cards(exchange, status)}</ul>
${mayRead && seriesTable(exchange, status.series)}
${stats !== undefined && markup`<h2>Growth</h2>${growthChart(exchange, stats)}`}`;
  return page(exchange, { title: "Status", part: "/", body });
}

/** Alerts that are shown whole. */
const MOST_WHOLE = 3;

/** Alerts; of many, the later ones are folded, and so are those that were dismissed, with who did it. */
function alertsPart(exchange: Exchange, { alerts, series }: Status): Html {
  const [shown, folded] = [alerts.filter((one) => one.dismissed === undefined), alerts.filter((one) => one.dismissed)];
  const whole = shown.length > MOST_WHOLE + 1 ? shown.slice(0, MOST_WHOLE) : shown, more = shown.slice(whole.length);
  const items = (some: readonly Alert[]) =>
    markup`<ul class="alerts">${some.map((one) => alertItem(exchange, one))}</ul>`;
  return markup`${shown.length === 0 && series.length > 0 && markup`<p class="good">All is well.</p>`}${
    whole.length > 0 && items(whole)
  }${
    more.length > 0 &&
    markup`<details class="more"><summary>${pluralText(more.length, "more alert")}: ${
      more.map(({ subject }) => subject).join(", ")
    }</summary>${items(more)}</details>`
  }${
    folded.length > 0 &&
    markup`<details class="dismissed"><summary>${pluralText(folded.length, "dismissed alert")}</summary>${
      items(folded)
    }</details>`
  }`;
}

function alertItem(exchange: Exchange, alert: Alert): Html {
  const { id, subject, since, message, hint, dismissed } = alert, mayAct = isAllowed(exchange.account, "admin");
  return markup`
    <li class="alert">
      <p><strong class="bad">${subject}</strong>, ${ago(exchange, since)}</p>
      <p>${message}</p>
      <p class="soft">${coded(hint)}</p>
      ${dismissed && markup`<p class="soft">Dismissed by ${dismissed.by}, ${ago(exchange, dismissed.at)}</p>`}
      ${mayAct && canBeDismissed(alert) && dismissForm(id, subject, dismissed !== undefined)}
    </li>
  `;
}

function dismissForm(id: string, subject: string, isDismissed: boolean): Html {
  const [action, text] = isDismissed ? ["/alerts/recall", "Show again"] : ["/alerts/dismiss", "Dismiss"];
  return markup`<form method="post" action="${action}"><input type="hidden" name="alert" value="${id}">
<button class="plain" aria-label="${text}: ${subject}">${text}</button></form>`;
}

function cards(seen: Seen, { storage, series, verification, running, waiting }: Status): Html {
  const [last] = series, { contentBytes, freeBytes } = storage;
  const snapshots = series.reduce((sum, one) => sum + one.snapshots, 0);
  return markup`<li class="card"><span>Last backup</span><strong class="${last?.state === "ok" ? "good" : "bad"}">${
    last === undefined ? "None yet" : ago(seen, last.last.time)
  }</strong><span>${pluralText(snapshots, "snapshot")}</span></li>
${
    contentBytes !== undefined &&
    markup`<li class="card"><span>Stored</span><strong>${sizeText(contentBytes)}</strong><span>${
      freeBytes === undefined ? "" : `${sizeText(freeBytes)} free`
    }</span></li>`
  }
${
    verification !== undefined && markup`
      <li
        class="card"><span>Oldest unverified byte</span><strong>${
      verification.never.contents > 0
        ? "Never read"
        : verification.oldest === null
        ? "-"
        : ago(seen, verification.oldest)
    }</strong><span class="${verification.damaged.contents > 0 ? "bad" : ""}">${
      verification.damaged.contents > 0 ? `${verification.damaged.contents} damaged` : "no damage known"
    }</span></li>
    `
  }
${
    seen.site.jobs !== undefined &&
    markup`<li class="card"><span>Now</span><strong>${running === undefined ? "Idle" : running.file}</strong><span>${
      running === undefined ? pluralText(waiting, "job waits", "jobs wait") : ago(seen, running.since)
    }</span></li>`
  }`;
}

const SIGNS: Readonly<Record<string, readonly [sign: string, look: string]>> = {
  done: ["\u2713", "good"],
  problems: ["!", "warn"],
  cancelled: ["\u2013", "soft"],
};

/** The outcomes of the last runs, the newest last. */
function lastRuns({ runs }: SeriesStatus): Html {
  if (runs.length === 0) return markup`<span class="soft">-</span>`;
  const items = runs.toReversed().map(({ run, outcome, end }) => {
    const [sign, look] = SIGNS[outcome] ?? ["\u2717", "bad"], title = `${outcome}, ${end.slice(0, 10)}`;
    const mark = markup`<span class="unseen">${outcome}</span><span aria-hidden="true">${sign}</span>`;
    return markup`<li>${
      run === undefined
        ? markup`<span class="${look}" title="${title}">${mark}</span>`
        : markup`<a class="${look}" title="${title}" href="/jobs/run/${run}">${mark}</a>`
    }</li>`;
  });
  return markup`<ul class="runs" aria-label="Last runs, the newest last">${items}</ul>`;
}

function seriesTable(seen: Seen, series: readonly SeriesStatus[]): Html {
  if (series.length === 0) {
    return markup`<p>There are no snapshots yet. Make one with <code>backup-tool backup</code>.</p>`;
  }
  const rows = series.map((one) => [
    markup`<a href="${seriesLink(one)}">${one.name}</a><br><span class="soft">${one.host}, ${
      pluralText(one.snapshots, "snapshot")
    }</span>`,
    markup`<span class="${one.state === "late" ? "bad" : ""}">${ago(seen, one.last.time)}</span>`,
    lastRuns(one),
    one.next === undefined ? markup`<span class="soft">-</span>` : ago(seen, one.next),
    countText(one.last.files),
    sizeText(one.last.bytes),
  ]);
  const columns = [{ name: "Series" }, { name: "Last" }, { name: "Runs" }, { name: "Next" }, {
    name: "Files",
    right: true,
  }, {
    name: "Size",
    right: true,
  }];
  return markup`<h2>Series</h2>${table("Series", columns, rows)}`;
}
