/** Dismissing alerts, and showing them again. Everybody sees who has dismissed one. */
import { statusOf } from "./status.ts";
import { dismiss, recall } from "../alerts/alerts.ts";
import { readForm } from "../exchange/form.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { tell } from "../exchange/tell.ts";
import { textOf } from "../../core/raw.ts";

const PATH = "/api/v1/alerts/{alert}/dismissal";

export const ALERT_ROUTES: readonly Route[] = [
  {
    methods: ["PUT"],
    path: PATH,
    access: "admin",
    about: { summary: "Dismisses an alert, until its reason changes", replies: { 204: null } },
    handle: (exchange) => changed(exchange, dismissAlert),
  },
  {
    methods: ["DELETE"],
    path: PATH,
    access: "admin",
    about: { summary: "Shows a dismissed alert again", replies: { 204: null } },
    handle: (exchange) => changed(exchange, recallAlert),
  },
  {
    methods: ["POST"],
    path: "/alerts/dismiss",
    access: "admin",
    handle: (exchange) => byForm(exchange, dismissAlert),
  },
  { methods: ["POST"], path: "/alerts/recall", access: "admin", handle: (exchange) => byForm(exchange, recallAlert) },
];

type Act = (exchange: Exchange, id: string) => Promise<void>;

async function dismissAlert(exchange: Exchange, id: string): Promise<void> {
  const { subject } = dismiss(exchange, (await statusOf(exchange)).alerts, id);
  tell(exchange, `dismissed the alert ${subject}`);
}

async function recallAlert(exchange: Exchange, id: string): Promise<void> {
  const { subject } = recall(exchange, (await statusOf(exchange)).alerts, id);
  tell(exchange, `recalled the alert ${subject}`);
}

async function changed(exchange: Exchange, act: Act): Promise<Reply> {
  await act(exchange, textOf(exchange.params.alert ?? ""));
  return { status: 204 };
}

async function byForm(exchange: Exchange, act: Act): Promise<Reply> {
  await act(exchange, (await readForm(exchange)).get("alert") ?? "");
  return { status: 303, headers: { location: "/" } };
}
