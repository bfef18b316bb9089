/** Common parts of all pages: head, navigation, and the format of times and sizes. */
import { Html, markup, type Part } from "./markup.ts";
import { ASSETS } from "./assets.ts";
import { type Account, isAllowed, type Role } from "../accounts/account.ts";
import type { Reply } from "../exchange/route.ts";
import type { Site } from "../exchange/site.ts";
import { durationText, localTimeText } from "../../core/time_text.ts";

/** What a page is rendered for. */
export interface Seen {
  readonly site: Pick<Site, "clock" | "jobs">;
  readonly account: Account | undefined;
}

interface Entry {
  readonly to: string;
  readonly name: string;
  readonly role: Role;
}

/** Pages of the settings, which are one entry of the navigation. */
const SETTINGS: readonly Entry[] = [
  { to: "/accounts", name: "Accounts", role: "admin" },
  { to: "/activity", name: "Activity", role: "admin" },
  { to: "/notifications", name: "Notifications", role: "admin" },
  { to: "/password", name: "Password", role: "watch" },
];

const NAVIGATION: readonly Entry[] = [
  { to: "/", name: "Status", role: "watch" },
  { to: "/files", name: "Files", role: "read" },
  { to: "/jobs", name: "Jobs", role: "watch" },
  { to: "/storage", name: "Storage", role: "read" },
  { to: "/vaults", name: "Vaults", role: "read" },
];

export interface PageParts {
  readonly title: string;
  /** Address of the navigation item that the page belongs to. */
  readonly part?: string;
  readonly status?: number;
  readonly headers?: Reply["headers"];
  readonly body: Part;
}

export function page(seen: Seen, { title, part, status = 200, headers = {}, body }: PageParts): Reply {
  const { account } = seen;
  const text = markup`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title} - backup-tool</title>
        <link rel="stylesheet" href="${ASSETS.style.address}">
        <link rel="icon" href="${ASSETS.icon.address}" type="image/svg+xml">
        <script src="${ASSETS.script.address}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
    <strong class="brand">backup-tool</strong>
    ${
    account !== undefined && markup`
      <nav aria-label="Main">${mainLinks(seen, part)}</nav>
    `
  }
    ${
    isAllowed(account, "read") && markup`<form class="find" action="/search" role="search">
<input type="search" name="q" placeholder="Find in all backups" aria-label="Find in all backups"></form>`
  }
    ${
    account !== undefined && markup`<form class="account" method="post" action="/sign-out">
<button class="plain" title="Signed in as ${account.name}">Sign out</button></form>`
  }
        </header>
        <main id="main">
    ${settingsLinks(account, part)}
    <h1>${title}</h1>
    ${body}
        </main>
      </body>
    </html>
  `;
  return {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8" },
    body: text.toString().trimStart(),
  };
}

function mainLinks({ account, site }: Seen, part: string | undefined): Html {
  const shown = NAVIGATION.filter(({ role, to }) =>
    isAllowed(account, role) && (to !== "/jobs" || site.jobs !== undefined)
  );
  const [settings] = settingsFor(account), isThere = SETTINGS.some(({ to }) => to === part);
  return markup`<ul>${shown.map((one) => link(one, one.to === part ? "page" : ""))}${
    settings !== undefined && link({ to: settings.to, name: "Settings" }, isThere ? "true" : "")
  }</ul>`;
}

function settingsFor(account: Account | undefined): readonly Entry[] {
  return SETTINGS.filter(({ role }) => isAllowed(account, role));
}

/** Links between the pages of the settings, on each of them. */
function settingsLinks(account: Account | undefined, part: string | undefined): Html | undefined {
  if (!SETTINGS.some(({ to }) => to === part)) return undefined;
  return markup`<nav class="tabs" aria-label="Settings"><ul>${
    settingsFor(account).map((one) => link(one, one.to === part ? "page" : ""))
  }</ul></nav>`;
}

/** @param current value of `aria-current`; "": none */
function link({ to, name }: Pick<Entry, "to" | "name">, current: string): Html {
  return markup`<li><a href="${to}"${current !== "" && markup` aria-current="${current}"`}>${name}</a></li>`;
}

/** A relative time, "25 min ago", with the exact time in its title. */
export function ago({ site: { clock } }: Seen, iso: string): Html {
  const ms = Date.parse(iso), away = clock.nowMs() - ms;
  const text = Math.abs(away) < 60_000 ? "now" : away > 0 ? `${roughly(away)} ago` : `in ${roughly(-away)}`;
  return markup`<time datetime="${iso}" title="${localTimeText(ms, clock.offsetMinutes(ms))}">${text}</time>`;
}

function roughly(ms: number): string {
  const minutes = Math.floor(ms / 60_000), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  return days >= 2 ? `${days} days` : hours >= 2 ? `${hours} h` : `${minutes} min`;
}

/** Local times to the minute, or to the second where two of them share a minute. */
export function timesOf(seen: Seen, isos: readonly string[]): readonly Html[] {
  const minutes = Map.groupBy(isos, (iso) => iso.slice(0, MINUTES));
  return isos.map((iso) => timeOf(seen, iso, (minutes.get(iso.slice(0, MINUTES))?.length ?? 0) > 1));
}

/** Length of a time in ISO 8601 to the minute. */
const MINUTES = 16;

/** As {@link timesOf}, as plain text. */
export function timeTextsOf(seen: Seen, isos: readonly string[]): readonly string[] {
  return timesOf(seen, isos).map((time) => time.toString().replace(/<[^>]*>/g, ""));
}

/** Local time to the minute, or to the second. */
export function timeOf({ site: { clock } }: Seen, iso: string, toSecond = false): Html {
  const ms = Date.parse(iso), text = localTimeText(ms, clock.offsetMinutes(ms));
  // Zones differ by whole minutes.
  const seconds = toSecond ? `:${new Date(ms).toISOString().slice(17, 19)}` : "";
  return markup`<time datetime="${iso}" title="${text}">${text.slice(0, MINUTES)}${seconds}</time>`;
}

export function took(start: string, end: string): string {
  return durationText(Date.parse(end) - Date.parse(start));
}

export interface Column {
  readonly name: string;
  /** True for numbers, which are aligned to the right. */
  readonly right?: boolean;
}

/**
 * A table. On a phone each row becomes a block, whose lines have the names of the columns.
 * @param look "brief": two lines, without names, for cells that speak for themselves
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Part[])[],
  look: "" | "brief" = "",
): Html {
  return markup`
    <div class="scroll ${look}">
      <table>
        <caption class="unseen">${caption}</caption>
        <thead>
          <tr>${
    columns.map(({ name, right }) =>
      markup`
              <th scope="col" ${
        right === true && markup`
                class="right"
              `
      }>${name}</th>
            `
    )
  }</tr>
        </thead>
        <tbody>${
    rows.map((row) =>
      markup`<tr>${
        row.map((cell, i) =>
          markup`<td${
            columns[i]?.right === true && markup`
                  class="right"
                `
          } data-label="${columns[i]?.name ?? ""}">${cell !== "" && markup`<div>${cell}</div>`}</td>`
        )
      }</tr>`
    )
  }</tbody>
      </table>
    </div>
  `;
}

export function redirect(to: string, headers: Reply["headers"] = {}): Reply {
  return { status: 303, headers: { ...headers, location: to }, body: "" };
}
