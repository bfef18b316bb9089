/** Notification targets, pending notifications, and test messages. Addresses and secrets are never returned. */
import * as z from "zod";
import { jsonReply } from "./json.ts";
import { jsonBody } from "./json_body.ts";
import { named } from "./schemas/named.ts";
import { MAIL_SERVER_INFO, NOTIFICATIONS, TARGET, TESTED } from "./schemas/people.ts";
import { assertConfirmed } from "../exchange/confirmed.ts";
import { BadRequest, NotFound } from "../exchange/problem.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { tell } from "../exchange/tell.ts";
import { Fault } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import { newUuid } from "../../core/uuid.ts";
import { outcomeText } from "../../notify/deliver.ts";
import { testNotice } from "../../notify/notice.ts";
import type { Notifier, TargetInfo } from "../../notify/notifier.ts";
import type { Pending } from "../../notify/outbox.ts";
import { MAIL_SERVER, type MailServer, OWN_TARGET, TARGET_NAME, type TargetFile } from "../../notify/target_file.ts";
import { parseAddress } from "../../notify/targets.ts";

const CHANGE = named(
  "TargetChange",
  z.strictObject({
    to: OWN_TARGET.shape.to.optional(),
    secret: OWN_TARGET.shape.secret.nullable(),
    on: OWN_TARGET.shape.on.nullable(),
    detail: z.boolean().optional(),
  }),
);
const MAIL_SERVER_WISH = named("MailServerWish", MAIL_SERVER);

export const NOTIFICATION_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/api/v1/notifications",
    access: "admin",
    about: {
      summary: "Notification targets with the last attempt for each, and pending notifications; no addresses",
      replies: { 200: NOTIFICATIONS },
    },
    handle: async (exchange) => {
      await assertConfirmed(exchange);
      const { targets, pending, mailServer } = notificationsOf(exchange);
      return jsonReply({ targets, mailServer: mailServer ?? null, waiting: pending.map(pendingJson) });
    },
  },
  {
    methods: ["PUT"],
    path: "/api/v1/notifications/{target}",
    access: "admin",
    about: {
      summary: 'Adds a target, or changes what is given of one: {"to": "ntfy://ntfy.sh/TOPIC", "secret": "tk_...", ' +
        '"on": ["failed", "late"], "detail": true}; null removes the secret, or sets the usual events',
      body: CHANGE,
      replies: { 200: TARGET },
    },
    handle: async (exchange) => {
      const name = textOf(exchange.params.target ?? "");
      return jsonReply(await putTarget(exchange, name, readTarget(await jsonBody(exchange))));
    },
  },
  {
    methods: ["DELETE"],
    path: "/api/v1/notifications/{target}",
    access: "admin",
    about: { summary: "Removes a target that was added by the page or here", replies: { 204: null } },
    handle: async (exchange) => {
      await dropTarget(exchange, textOf(exchange.params.target ?? ""));
      return { status: 204 };
    },
  },
  {
    methods: ["PUT"],
    path: "/api/v1/mail-server",
    access: "admin",
    about: {
      summary:
        'Sets the server by which mail is sent: {"host": "smtp.example.net", "tls": "starttls", "user": "nas", ' +
        '"password": ..., "from": "nas@example.net"}; without a password, that of the same host and user stays',
      body: MAIL_SERVER_WISH,
      replies: { 200: MAIL_SERVER_INFO },
    },
    handle: async (exchange) => {
      await putMailServer(exchange, readMailServer(await jsonBody(exchange)));
      return jsonReply(notificationsOf(exchange).mailServer ?? null);
    },
  },
  {
    methods: ["DELETE"],
    path: "/api/v1/mail-server",
    access: "admin",
    about: { summary: "Removes the mail server that was set by the page or here", replies: { 204: null } },
    handle: async (exchange): Promise<Reply> => {
      await putMailServer(exchange, undefined);
      return { status: 204 };
    },
  },
  {
    methods: ["POST"],
    path: "/api/v1/notifications/{target}/test",
    access: "admin",
    about: { summary: "Sends a test message and returns the outcome", replies: { 200: TESTED } },
    handle: async (exchange) => {
      const tested = await sendTest(exchange, textOf(exchange.params.target ?? ""));
      return jsonReply(tested);
    },
  },
];

/** What the configuration says is changed there alone. */
export class SetInConfiguration extends Fault {
  readonly code = "configured";
  readonly hint = "Change it there, and start the server again";
  constructor(what: string) {
    super(`${what} is set in the configuration`);
  }
}

export interface Notifications {
  readonly targets: readonly TargetInfo[];
  /** Pending notifications, oldest first. */
  readonly pending: readonly Pending[];
  readonly mailServer: ReturnType<Notifier["mailServer"]>;
}

export function notificationsOf({ site: { notices } }: Pick<Exchange, "site">): Notifications {
  if (notices === undefined) return { targets: [], pending: [], mailServer: undefined };
  const { notifier } = notices;
  return { targets: notifier.targets(), pending: notifier.pending(), mailServer: notifier.mailServer() };
}

export type TargetChange = z.output<typeof CHANGE>;

/** Validates a change of a target. @throws BadRequest */
export function readTarget(value: unknown): TargetChange {
  return parsed(CHANGE, value);
}

/** Validates a mail server. @throws BadRequest */
export function readMailServer(value: unknown): MailServer {
  return parsed(MAIL_SERVER, value);
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const { data, error } = schema.safeParse(value);
  if (data === undefined) throw new BadRequest(z.prettifyError(error!).split("\n")[0] ?? "");
  return data;
}

/** Adds or changes a target. @throws NotConfirmed, SetInConfiguration, BadRequest, BadAddress, BadTargets */
export async function putTarget(exchange: Exchange, name: string, change: TargetChange): Promise<TargetInfo> {
  await assertConfirmed(exchange);
  parsed(TARGET_NAME, name);
  const own = changeable(exchange, name), before = own.target(name), { to, secret, on, detail } = change;
  const address = to ?? before?.to;
  if (address === undefined) throw new BadRequest("A new target needs an address", "Give it as `to`");
  parseAddress(address);
  // The secret of one address is never sent to another.
  const secretNow = secret === undefined ? (address === before?.to ? before.secret : undefined) : secret ?? undefined;
  const eventsNow = on === undefined ? before?.on : on ?? undefined;
  own.put(name, {
    to: address,
    detail: detail ?? before?.detail ?? false,
    ...(secretNow !== undefined && { secret: secretNow }),
    ...(eventsNow !== undefined && { on: eventsNow }),
  }, exchange.site.random);
  tell(exchange, `${before === undefined ? "added" : "changed"} the notification target ${name}`);
  return notificationsOf(exchange).targets.find((one) => one.name === name)!;
}

/** Removes a target. @throws NotConfirmed, SetInConfiguration, NotFound, BadTargets */
export async function dropTarget(exchange: Exchange, name: string): Promise<void> {
  await assertConfirmed(exchange);
  if (!changeable(exchange, name).remove(name, exchange.site.random)) throw new NotFound("There is no such target");
  tell(exchange, `removed the notification target ${name}`);
}

/** Sets the mail server, or removes it. @throws NotConfirmed, SetInConfiguration, NotFound, BadTargets */
export async function putMailServer(exchange: Exchange, server: MailServer | undefined): Promise<void> {
  await assertConfirmed(exchange);
  const { site } = exchange, own = ownOf(exchange), before = own.mailServer();
  if (site.notices?.notifier.mailServer()?.origin === "configuration") {
    throw new SetInConfiguration("The mail server");
  }
  if (server === undefined && before === undefined) throw new NotFound("There is no mail server");
  // The password of one server is never sent to another, nor without the encryption that it was meant for.
  const isSame = (["host", "port", "tls", "user"] as const).every((key) => before?.[key] === server?.[key]);
  const kept = isSame && before?.password !== undefined ? { password: before.password } : {};
  own.setMailServer(server && { ...kept, ...server }, site.random);
  tell(exchange, server === undefined ? "removed the mail server" : `set the mail server ${server.host}`);
}

/** The file of the page's targets, for changing this one. @throws SetInConfiguration, NotFound */
function changeable(exchange: Exchange, name: string): TargetFile {
  const known = exchange.site.notices?.notifier.targets().find((one) => one.name === name);
  if (known?.origin !== "configuration") return ownOf(exchange);
  throw new SetInConfiguration(`The target ${JSON.stringify(name)}`);
}

function ownOf({ site }: Pick<Exchange, "site">): TargetFile {
  const own = site.notices?.notifier.own;
  if (own !== undefined) return own;
  throw new NotFound("This server keeps no notification targets");
}

/** Sends a test message. @throws NotConfirmed, NotFound, and the faults of reading a target's secrets */
export async function sendTest(exchange: Exchange, target: string) {
  await assertConfirmed(exchange);
  const { notices, clock, random } = exchange.site;
  const outcome = await notices?.notifier.test(
    target,
    testNotice({
      id: newUuid(random).replaceAll("-", ""),
      at: new Date(clock.nowMs()).toISOString(),
      host: notices.host,
    }),
  );
  if (outcome === undefined || outcome === "no-target") throw new NotFound("There is no such target");
  tell(exchange, `sent a test message to ${target}: ${outcomeText(outcome)}`);
  return { target, outcome: outcomeText(outcome), accepted: outcome === "accepted" };
}

function pendingJson({ notice: { event, at, subject, kind }, waiting }: Pending) {
  const targets = Object.entries(waiting).map(([name, { tries, nextMs }]) => ({
    name,
    tries,
    next: nextMs === 0 ? null : new Date(nextMs).toISOString(),
  }));
  return { event, at, subject, kind, targets };
}
