/** Formats a notice for each kind of service. */
import { createHmac } from "node:crypto";
import { jsonOfNotice, type Notice, textOfNotice, titleOf } from "./notice.ts";
import type { Address } from "./targets.ts";

/** A POST request to send. */
export interface WebMessage {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface MailMessage {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

export interface MessageTerms {
  readonly detail: boolean;
  /** An access token, or the key that signs the request. */
  readonly secret: string | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

const JSON_TYPE = { "content-type": "application/json" };
const TEXT_TYPE = { "content-type": "text/plain; charset=utf-8" };
/** More than these services take. */
const MOST_TEXT = 4000, MOST_PING = 10_000;

export type WebAddress = Exclude<Address, { readonly type: "mailto" }>;

export function webMessage(address: WebAddress, notice: Notice, terms: MessageTerms): WebMessage {
  const { url } = address, text = textOfNotice(notice, terms.detail);
  const isBad = ["failed", "rejected", "cancelled", "damage", "late"].includes(notice.event);
  if (address.type === "ntfy") return ntfyMessage(url, notice, text, { isBad, secret: terms.secret });
  if (address.type === "healthchecks") {
    const body = text.slice(-MOST_PING);
    return { url: pingUrl(url, notice, isBad), headers: TEXT_TYPE, body };
  }
  if (address.type === "webhook") return webhookMessage(url, notice, terms);
  const body = JSON.stringify({ title: titleOf(notice), message: text.slice(0, MOST_TEXT), priority: isBad ? 8 : 4 });
  return { url, headers: { ...JSON_TYPE, "x-gotify-key": address.token }, body };
}

export function mailMessage(
  { to, subject = titleOf }: {
    readonly to: readonly string[];
    readonly subject?: string | ((notice: Notice) => string) | undefined;
  },
  notice: Notice,
  { detail }: MessageTerms,
): MailMessage {
  const title = typeof subject === "string" ? `${subject}: ${titleOf(notice)}` : subject(notice);
  return { to, subject: title.replace(/\s+/g, " "), text: `${textOfNotice(notice, detail)}\n` };
}

function ntfyMessage(
  url: URL,
  notice: Notice,
  text: string,
  { isBad, secret }: { readonly isBad: boolean; readonly secret: string | undefined },
): WebMessage {
  const headers = {
    ...TEXT_TYPE,
    // Header values are Latin-1: what isn't is encoded as in mail, which ntfy decodes.
    title: encodedWord(titleOf(notice)),
    priority: isBad ? "high" : "default",
    tags: isBad ? "warning" : "white_check_mark",
    ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
  };
  return { url, headers, body: text.slice(0, MOST_TEXT) };
}

function encodedWord(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  return `=?UTF-8?B?${btoa(String.fromCharCode(...bytes))}?=`;
}

/** A query stays behind the path. */
function pingUrl(url: URL, { event }: Notice, isBad: boolean): URL {
  const ping = new URL(url);
  const ending = event === "started" ? "/start" : isBad ? "/fail" : "";
  ping.pathname = ping.pathname.replace(/\/$/, "") + ending;
  return ping;
}

/** Whoever listens can tell by time and signature that it is ours, and that it isn't an old one. */
function webhookMessage(url: URL, notice: Notice, { detail, secret, nowMs }: MessageTerms): WebMessage {
  const body = JSON.stringify(jsonOfNotice(notice, detail)), time = String(Math.floor(nowMs / 1000));
  const signature = secret === undefined ? {} : {
    "x-timestamp": time,
    "x-signature": `sha256=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`,
  };
  return { url, headers: { ...JSON_TYPE, ...signature }, body };
}
