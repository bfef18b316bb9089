/** Notification targets, pending notifications, and test messages. Addresses and secrets are never returned. */
import { jsonReply } from "./json.ts";
import { assertConfirmed } from "../exchange/confirmed.ts";
import { NotFound } from "../exchange/problem.ts";
import type { Exchange, Route } from "../exchange/route.ts";
import { tell } from "../exchange/tell.ts";
import { textOf } from "../../core/raw.ts";
import { newUuid } from "../../core/uuid.ts";
import { outcomeText } from "../../notify/deliver.ts";
import { testNotice } from "../../notify/notice.ts";
import type { TargetInfo } from "../../notify/notifier.ts";
import type { Pending } from "../../notify/outbox.ts";

export const NOTIFICATION_ROUTES: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/api/v1/notifications",
    access: "admin",
    about: { summary: "Notification targets with the last attempt for each, and pending notifications; no addresses" },
    handle: async (exchange) => {
      await assertConfirmed(exchange);
      const { targets, pending } = notificationsOf(exchange);
      return jsonReply({ targets, waiting: pending.map(pendingJson) });
    },
  },
  {
    methods: ["POST"],
    path: "/api/v1/notifications/{target}/test",
    access: "admin",
    about: { summary: "Sends a test message and returns the outcome" },
    handle: async (exchange) => {
      const tested = await sendTest(exchange, textOf(exchange.params.target ?? ""));
      return jsonReply(tested);
    },
  },
];

export interface Notifications {
  readonly targets: readonly TargetInfo[];
  /** Pending notifications, oldest first. */
  readonly pending: readonly Pending[];
}

export function notificationsOf({ site: { notices } }: Pick<Exchange, "site">): Notifications {
  if (notices === undefined) return { targets: [], pending: [] };
  return { targets: notices.notifier.targets(), pending: notices.notifier.pending() };
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
