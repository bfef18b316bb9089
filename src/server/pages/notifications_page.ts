/** Notification targets: whether they work, and what is still pending. For admins. */
import { confirmForm } from "./account_pages.ts";
import { type Html, markup, type Part } from "./markup.ts";
import { ago, page, table } from "./page.ts";
import { notificationsOf, sendTest } from "../api/notification_routes.ts";
import { needsPassword } from "../exchange/confirmed.ts";
import { readForm } from "../exchange/form.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { pluralText } from "../../core/size_text.ts";
import { TITLES } from "../../notify/notice.ts";
import type { TargetInfo } from "../../notify/notifier.ts";
import type { Pending } from "../../notify/outbox.ts";

const PATH = "/notifications";

export const NOTIFICATION_PAGES: readonly Route[] = [
  { methods: ["GET"], path: PATH, access: "admin", handle: (exchange) => notificationsPage(exchange) },
  { methods: ["POST"], path: PATH, access: "admin", handle: takeForm },
];

type Tested = Awaited<ReturnType<typeof sendTest>>;

function notificationsPage(exchange: Exchange, tested?: Tested): Reply {
  const { targets, pending } = notificationsOf(exchange);
  const body = targets.length === 0 ? howTo() : markup`${tested !== undefined && testedText(tested)}
${needsPassword(exchange) && confirmForm(PATH, "To send a test message, give your password again.")}
${targetTable(exchange, targets)}
<h2>Waiting</h2>${waitingTable(exchange, pending)}`;
  return page(exchange, { title: "Notifications", part: PATH, body });
}

function howTo(): Html {
  return markup`<p>Nobody is notified of backups that fail or are late. Name somebody in the configuration of this
server, then start it again:</p>
<pre tabindex="0">"notify": {
  "phone": { "toFile": "phone.secret" },
  "mail": { "to": "mailto:anna@example.org" }
}</pre>
<p class="soft">The file holds an address, such as <code>ntfy://ntfy.sh/TOPIC</code>. <code>backup-tool help
notifications</code> has the others.</p>`;
}

function testedText({ target, outcome, accepted }: Tested): Html {
  return markup`<p class="card ${
    accepted ? "good" : "bad"
  }" role="status">Test message to <strong>${target}</strong>: ${outcome}.</p>`;
}

function targetTable(exchange: Exchange, targets: readonly TargetInfo[]): Html {
  const isOpen = !needsPassword(exchange);
  const rows = targets.map(({ name, type, server, on, problem, last }): readonly Part[] => [
    name,
    problem === null
      ? markup`${type ?? ""}<br><span class="soft">${server ?? ""}</span>`
      : markup`<span class="bad">${problem}</span>`,
    on.join(", "),
    last === null
      ? markup`<span class="soft">never</span>`
      : markup`${ago(exchange, last.at)}<br><span class="${
        last.accepted ? "soft" : "bad"
      }">${last.subject}: ${last.outcome}</span>`,
    isOpen ? testForm(name) : "",
  ]);
  const columns = [{ name: "Target" }, { name: "By way of" }, { name: "Events" }, { name: "Last attempt" }, {
    name: "Do",
    right: true,
  }];
  return table("Targets", columns, rows);
}

function testForm(target: string): Html {
  return markup`<form method="post" action="${PATH}"><input type="hidden" name="target" value="${target}">
<button aria-label="Test ${target}">Test</button></form>`;
}

function waitingTable(exchange: Exchange, pending: readonly Pending[]): Html {
  if (pending.length === 0) return markup`<p class="good">Everything was delivered.</p>`;
  const rows = pending.map(({ notice, waiting }): readonly Part[] => [
    notice.subject,
    TITLES[notice.event],
    ago(exchange, notice.at),
    Object.entries(waiting).map(([name, { tries, nextMs }]) =>
      markup`<div>${name}, ${tries === 0 ? "not tried yet" : pluralText(tries, "attempt")}${
        nextMs > 0 && markup`, again ${ago(exchange, new Date(nextMs).toISOString())}`
      }</div>`
    ),
  ]);
  return table("Waiting", [{ name: "Of" }, { name: "What" }, { name: "When" }, { name: "For" }], rows);
}

async function takeForm(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange);
  return notificationsPage(exchange, await sendTest(exchange, form.get("target") ?? ""));
}
