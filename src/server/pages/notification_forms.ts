/** Forms for notification targets and the mail server. Addresses, tokens and passwords go in, and never out again. */
import { type Html, markup } from "./markup.ts";
import { options } from "./restore_pages.ts";
import type { Query } from "../exchange/target.ts";
import { EVENTS, type NoticeEvent, USUAL_EVENTS } from "../../notify/notice.ts";
import type { Notifier, TargetInfo } from "../../notify/notifier.ts";

const KINDS: readonly (readonly [value: string, text: string])[] = [
  ["ntfy", "ntfy: ntfy.sh/TOPIC, or https://SERVER/TOPIC"],
  ["gotify", "Gotify: SERVER/TOKEN"],
  ["mailto", "mail: NAME@HOST"],
  ["healthchecks", "Healthchecks: https://hc-ping.com/UUID"],
  ["webhook", "webhook: https://SERVER/PATH"],
];

const EVENT_TEXTS: Readonly<Record<NoticeEvent, string>> = {
  done: "a job is done, and all is well",
  problems: "a job is done, with problems",
  failed: "a job has failed",
  rejected: "a job file is invalid",
  cancelled: "a job was cancelled",
  damage: "damage was found",
  late: "a backup is late",
  started: "a job starts",
  weekly: "a week is over, and how it was",
};

/** @param edited the target that is changed; undefined for a new one */
export function targetForm(action: string, edited: TargetInfo | undefined): Html {
  const isNew = edited === undefined, events = edited?.on ?? USUAL_EVENTS;
  return markup`<h2 id="target">${isNew ? "Add a target" : `Change ${edited.name}`}</h2>
<form class="card form" method="post" action="${action}" autocomplete="off">
${
    isNew
      ? markup`<label for="name">Name</label><input id="name" name="target" required maxlength="64">`
      : markup`<input type="hidden" name="target" value="${edited.name}">`
  }
<label for="kind">By way of</label><select id="kind" name="kind">${options(KINDS, edited?.type ?? "ntfy")}</select>
<label for="to">Its address${!isNew && "; empty: as it was"}</label>
<input id="to" name="to"${isNew && markup` required`} maxlength="4000" spellcheck="false" aria-describedby="to-help">
<p class="soft help" id="to-help">It is a secret for most of them, and not shown again. Healthchecks hears of each run,
unless the events below are changed.</p>
<label for="secret">Access token (ntfy), or the key that signs (webhook)${!isNew && "; empty: as it was"}</label>
<input id="secret" name="secret" type="password" maxlength="4000" autocomplete="off">
<div role="group" aria-labelledby="events"><p id="events">Notify when</p>${
    EVENTS.map((event) =>
      markup`<label class="inline"><input type="checkbox" name="on.${event}"${
        events.includes(event) && markup` checked`
      }> ${EVENT_TEXTS[event]}</label>`
    )
  }</div>
<label class="inline"><input type="checkbox" name="detail"${
    edited?.detail === true && markup` checked`
  }> With messages, which name files</label>
<p class="actions"><button class="main" name="do" value="put">${isNew ? "Add it" : "Save"}</button>${
    !isNew && markup`<a class="button" href="${action}">Cancel</a>`
  }</p></form>`;
}

/** The change that a form asks for, as the interface takes it. */
export function targetOf(form: Query): object {
  const text = (form.get("to") ?? "").trim(), secret = form.get("secret") ?? "";
  const events = EVENTS.filter((event) => form.get(`on.${event}`) !== undefined);
  return {
    ...(text !== "" && { to: addressFrom(form.get("kind") ?? "", text) }),
    ...(secret !== "" && { secret }),
    on: isUsual(events) ? null : events,
    detail: form.get("detail") !== undefined,
  };
}

/** True for the ticks of a new form: services that measure runs then hear of each. */
function isUsual(events: readonly NoticeEvent[]): boolean {
  return events.length === USUAL_EVENTS.length && events.every((event) => USUAL_EVENTS.includes(event));
}

/** The address that somebody has typed, or copied from a browser, for a kind of target. */
function addressFrom(kind: string, text: string): string {
  if (/^(?:mailto:|(?:ntfy|gotify|healthchecks|webhook)(?:\+https?)?:\/\/)/i.test(text)) return text;
  if (/^https?:\/\//i.test(text)) return `${kind}+${text}`;
  return kind === "mailto" ? `mailto:${text}` : `${kind}://${text}`;
}

const ENCRYPTION: readonly (readonly [value: string, text: string])[] = [
  ["starttls", "STARTTLS (port 587)"],
  ["tls", "TLS (port 465)"],
  ["none", "none (port 25): for a relay on this machine"],
];

export function mailServerPart(action: string, server: ReturnType<Notifier["mailServer"]>): Html {
  const { host = "", port, tls = "starttls", user = "", from = "", origin } = server ?? {};
  if (origin === "configuration") {
    return markup`<h2>Mail server</h2><p>${host}, as the configuration has it.</p>`;
  }
  const isSet = server !== undefined;
  return markup`<details${!isSet && markup` class="later"`}><summary>Mail server${
    isSet && `: ${host}`
  }</summary><form class="card form" method="post" action="${action}"
autocomplete="off">
<label for="host">Server that takes mail</label><input id="host" name="host" value="${host}" required maxlength="255">
<label for="tls">Encryption</label><select id="tls" name="tls">${options(ENCRYPTION, tls)}</select>
<label for="port">Port; empty: the usual one</label>
<input id="port" name="port" value="${port ?? ""}" inputmode="numeric" maxlength="5">
<label for="user">User; empty: without signing in</label><input id="user" name="user" value="${user}" maxlength="255">
<label for="mail-password">Password${isSet && "; empty: as it was"}</label>
<input id="mail-password" name="password" type="password" maxlength="1000" autocomplete="off">
<label for="from">Sender's address</label><input id="from" name="from" value="${from}" required maxlength="255">
<p class="actions"><button class="main" name="do" value="mail">Save</button></p></form>${
    isSet && markup`<form method="post" action="${action}" data-sure="Remove the mail server? No mail is sent then.">
<button name="do" value="no-mail">Remove the mail server</button></form>`
  }</details>`;
}

/** The mail server that a form describes, as the interface takes it. */
export function mailServerOf(form: Query): object {
  const given = Object.entries({
    host: form.get("host"),
    tls: form.get("tls"),
    user: form.get("user"),
    password: form.get("password"),
    from: form.get("from"),
  }).filter(([, value]) => value !== undefined && value !== "");
  const port = form.get("port") ?? "";
  return { ...Object.fromEntries(given), ...(port !== "" && { port: Number(port) }) };
}
