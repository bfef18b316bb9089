/** Notification targets: whether they work, what is still pending, and forms for those of the page. For admins. */
import { confirmForm } from "./account_pages.ts";
import { coded, type Html, markup, type Part } from "./markup.ts";
import { mailServerOf, mailServerPart, targetForm, targetOf } from "./notification_forms.ts";
import { ago, page, redirect, table } from "./page.ts";
import {
  dropTarget,
  notificationsOf,
  putMailServer,
  putTarget,
  readMailServer,
  readTarget,
  sendTest,
} from "../api/notification_routes.ts";
import { needsPassword } from "../exchange/confirmed.ts";
import { readForm } from "../exchange/form.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import type { Query } from "../exchange/target.ts";
import { Fault } from "../../core/fault.ts";
import { pluralText } from "../../core/size_text.ts";
import { TITLES } from "../../notify/notice.ts";
import type { TargetInfo } from "../../notify/notifier.ts";
import type { Pending } from "../../notify/outbox.ts";

const PATH = "/notifications";

export const NOTIFICATION_PAGES: readonly Route[] = [
  { methods: ["GET"], path: PATH, access: "admin", handle: firstPage },
  { methods: ["POST"], path: PATH, access: "admin", handle: takeForm },
];

type Tested = Awaited<ReturnType<typeof sendTest>>;

/** What the page says besides: the outcome of a test, what was wrong with a form, or the target that is changed. */
interface Said {
  readonly tested?: Tested;
  readonly wrong?: Fault;
  readonly edited?: string;
}

function firstPage(exchange: Exchange): Reply {
  const edited = exchange.target.query.get("edit");
  return notificationsPage(exchange, edited === undefined ? {} : { edited });
}

function notificationsPage(exchange: Exchange, { tested, wrong, edited }: Said): Reply {
  const { targets, pending, mailServer } = notificationsOf(exchange), isOpen = !needsPassword(exchange);
  const canAdd = exchange.site.notices?.notifier.own !== undefined;
  const chosen = targets.find(({ name, origin }) => name === edited && origin === "page");
  const body = markup`${tested !== undefined && testedText(tested)}${wrong !== undefined && alert(wrong)}
${isOpen ? undefined : confirmForm(PATH, "To test or change targets, give your password again.")}
${targets.length === 0 ? nobody() : targetTable(exchange, targets, isOpen)}
${(targets.length > 0 || pending.length > 0) && markup`<h2>Waiting</h2>${waitingTable(exchange, pending)}`}
${isOpen && canAdd && markup`${targetForm(PATH, chosen)}${mailServerPart(PATH, mailServer)}`}`;
  return page(exchange, { title: "Notifications", part: PATH, status: wrong === undefined ? 200 : 400, body });
}

function nobody(): Html {
  return markup`<p class="warn">Nobody is notified of backups that fail or are late.</p>
<p class="soft">The configuration of this server can name targets, too: see <code>backup-tool help
notifications</code>.</p>`;
}

function alert({ message, hint }: Fault): Html {
  return markup`<div class="alert" role="alert"><p><strong class="bad">${message}</strong></p>
<p class="soft">${coded(hint)}</p></div>`;
}

function testedText({ target, outcome, accepted }: Tested): Html {
  return markup`<p class="card ${
    accepted ? "good" : "bad"
  }" role="status">Test message to <strong>${target}</strong>: ${outcome}.</p>`;
}

function targetTable(exchange: Exchange, targets: readonly TargetInfo[], isOpen: boolean): Html {
  const rows = targets.map((target): readonly Part[] => [
    markup`${target.name}${
      target.origin === "configuration" && markup`<br><span class="soft">in the configuration</span>`
    }`,
    wayText(target),
    target.on.join(", "),
    lastText(exchange, target),
    isOpen ? actions(target) : "",
  ]);
  const columns = [{ name: "Target" }, { name: "By way of" }, { name: "Events" }, { name: "Last attempt" }, {
    name: "Do",
    right: true,
  }];
  return table("Targets", columns, rows);
}

function wayText({ problem, type, server, detail }: TargetInfo): Html {
  if (problem !== null) return markup`<span class="bad">${problem}</span>`;
  return markup`${type ?? ""}<br><span class="soft">${server ?? ""}${detail && ", with names of files"}</span>`;
}

function lastText(exchange: Exchange, { last }: TargetInfo): Html {
  if (last === null) return markup`<span class="soft">never</span>`;
  const { at, accepted, subject, outcome } = last;
  return markup`${ago(exchange, at)}<br><span class="${accepted ? "soft" : "bad"}">${subject}: ${outcome}</span>`;
}

function actions({ name, origin }: TargetInfo): Html {
  const test = markup`<form method="post" action="${PATH}"><input type="hidden" name="target" value="${name}">
<button name="do" value="test" aria-label="Test ${name}">Test</button></form>`;
  if (origin === "configuration") return test;
  return markup`<div class="row">${test}<a class="button" href="${PATH}?edit=${name}#target" aria-label="Change ${name}"
>Change</a><form method="post" action="${PATH}" data-sure="Remove ${name}? It is notified of nothing then."><input
type="hidden" name="target" value="${name}"><button name="do" value="remove" aria-label="Remove ${name}">Remove</button>
</form></div>`;
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
  const form = await readForm(exchange), name = (form.get("target") ?? "").trim();
  try {
    if ((form.get("do") ?? "test") === "test") {
      return notificationsPage(exchange, { tested: await sendTest(exchange, name) });
    }
    await act(exchange, form, name);
    return redirect(PATH);
  } catch (error) {
    if (!(error instanceof Fault) || error.code === "not-confirmed" || error.code === "not-found") throw error;
    return notificationsPage(exchange, { wrong: error, edited: name });
  }
}

async function act(exchange: Exchange, form: Query, name: string): Promise<unknown> {
  switch (form.get("do")) {
    case "put":
      return await putTarget(exchange, name, readTarget(targetOf(form)));
    case "remove":
      return await dropTarget(exchange, name);
    case "mail":
      return await putMailServer(exchange, readMailServer(mailServerOf(form)));
    case "no-mail":
      return await putMailServer(exchange, undefined);
  }
}
