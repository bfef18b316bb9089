/** Converts failures of servers and networks to faults that say what to do. */
import type { Fault } from "../core/fault.ts";
import { PlaceFull, PlaceRefuses, PlaceUnavailable, PlaceUntrusted } from "./faults.ts";

/** A server that sends more has made its point. */
const MOST_TEXT = 200;
/** Too early, too many, down, slow: it may work later. 509 is what some say when too much was moved. */
const LATER = new Set([408, 423, 425, 429, 500, 502, 503, 504, 509]);
const FULL = new Set([413, 507]);

/** The parts of an answer that explain a failure. */
export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  /** The server's explanation, if it is readable. */
  readonly says: string;
  /** Host that sent the answer. */
  readonly host: string;
}

/** Makes the fault for a status. @param what a verb and its object, as in "Cannot {what}" */
export function faultOfStatus(what: string, { status, headers, says, host }: Refusal): Fault {
  const said = says === "" ? `${host} answers ${status}` : `${host} answers ${status}, ${JSON.stringify(says)}`;
  if (LATER.has(status)) {
    const retryAfterMs = retryAfter(headers);
    return new PlaceUnavailable(what, said, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  if (FULL.has(status)) return new PlaceFull(what, `${said}: there is no room left, or no more is allowed`);
  if (status === 401) return new PlaceRefuses(what, `${said}: it wants other credentials`);
  if (status >= 300 && status < 400) return redirected(what, { status, headers, host });
  if (status === 404) {
    return new PlaceRefuses(what, said, "Check the address: there is nothing there, or it can't be made");
  }
  return new PlaceRefuses(what, said);
}

/** Credentials are for one server, and are not carried to another. */
function redirected(what: string, { status, headers, host }: Omit<Refusal, "says">): Fault {
  const to = headers.get("location") ?? "";
  const where = URL.canParse(to) ? new URL(to) : undefined;
  const address = where === undefined ? "" : ` to ${where.origin}${where.pathname}`;
  return new PlaceRefuses(what, `${host} sends us elsewhere (${status}${address})`, "Give the address it sends to");
}

/** Parses Retry-After, seconds or a time, to ms from the server's own time; undefined if it is missing. */
export function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const until = Date.parse(text), now = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(until) || Number.isNaN(now) ? undefined : Math.max(0, until - now);
}

/** Extracts readable text from the body of an answer; "" if there is none. */
export function plainText(bytes: Uint8Array, headers: Headers): string {
  const type = headers.get("content-type") ?? "";
  if (!/^text\/plain|^application\/json|^$/.test(type)) return "";
  const text = new TextDecoder().decode(bytes.subarray(0, MOST_TEXT * 4));
  return oneLine(text);
}

// deno-lint-ignore no-control-regex -- what a terminal would act on
const CONTROL = /[\u0000-\u001f\u007f-\u009f\ufffd]+/g;

export function oneLine(text: string): string {
  return text.replace(CONTROL, " ").trim().slice(0, MOST_TEXT);
}

/** What each error of a certificate means to somebody who doesn't know their names. */
const CERTIFICATE: readonly (readonly [RegExp, string, string])[] = [
  [
    /NotValidForName|not valid for name/i,
    "its certificate is for another name",
    "Give the name that the certificate is for",
  ],
  [/expired/i, "its certificate has expired", "Renew it there; if this machine's clock is wrong, set it"],
  [/NotValidYet|not valid yet/i, "its certificate is not valid yet", "Set this machine's clock, or the server's"],
  [/Revoked/i, "its certificate was revoked", "Renew it there"],
];
const TRUST = "If it is a certificate of your own, name it: `?ca-file=/path/ca.pem` after the address. " +
  "For the system's store: DENO_TLS_CA_STORE=system";

/** Makes the fault for a network error. @param error from `fetch`, or from reading its body @param host for messages */
export function faultOfNetwork(what: string, error: Error, host: string): Fault {
  const text = `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}`;
  if (/certificate/i.test(text)) return untrusted(what, text, host);
  if (/invalid HTTP version|InvalidContentType|InvalidMessage|corrupt message/i.test(text)) {
    return new PlaceRefuses(
      what,
      `${host} does not speak that protocol`,
      "Try https: instead of http:, or the reverse",
    );
  }
  if (/tls|handshake/i.test(text)) {
    return new PlaceUnavailable(what, `no secure connection to ${host}: ${lastWords(text)}`);
  }
  if (/dns error/i.test(text)) return new PlaceUnavailable(what, `the address of ${host} can't be found`);
  if (/Connection refused|os error 111/i.test(text)) return new PlaceUnavailable(what, `nobody answers at ${host}`);
  if (/unreachable/i.test(text)) return new PlaceUnavailable(what, `there is no way to ${host}`);
  if (/proxy|tunnel/i.test(text)) return new PlaceUnavailable(what, `the proxy makes no connection to ${host}`);
  if (/timed out/i.test(text)) return new PlaceUnavailable(what, `${host} does not answer`);
  return new PlaceUnavailable(what, `the connection to ${host} broke off`);
}

function untrusted(what: string, text: string, host: string): Fault {
  const known = CERTIFICATE.find(([pattern]) => pattern.test(text));
  if (known !== undefined) return new PlaceUntrusted(what, `${host} can't prove who it is: ${known[1]}`, known[2]);
  return new PlaceUntrusted(what, `${host} can't prove who it is: nobody known vouches for its certificate`, TRUST);
}

/** Without the address, which may have more in it than is for everybody. */
function lastWords(text: string): string {
  return oneLine(text.replace(/\(?https?:\/\/\S+/g, "").split(": ").slice(-2).join(": "));
}
