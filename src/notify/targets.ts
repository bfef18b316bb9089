/** Targets of notifications: their settings in the configuration, and their parsed addresses. */
import { Fault } from "../core/fault.ts";
import type { NoticeEvent } from "./notice.ts";

export interface TargetSettings {
  /** The address; see {@link parseAddress}. */
  readonly to?: string;
  /** A file with the address, for addresses that are secrets. Used instead of `to`. */
  readonly toFile?: string;
  /** A file with an access token (ntfy), or with the key that signs requests (webhook). */
  readonly secretFile?: string;
  /** That secret itself, of a target that was added on the page. */
  readonly secret?: string;
  readonly on?: readonly NoticeEvent[];
  /** True: messages, which contain names of files, may be sent. */
  readonly detail?: boolean;
}

export interface SmtpSettings {
  readonly host: string;
  readonly port?: number;
  /** "starttls" requires encryption; "none" is for a relay on this machine. Default: "starttls". */
  readonly tls?: "tls" | "starttls" | "none";
  readonly user?: string;
  readonly passwordFile?: string;
  /** That password itself, of a server that was added on the page. */
  readonly password?: string;
  /** Sender's address. */
  readonly from: string;
}

export interface NotifySettings {
  readonly targets: Readonly<Record<string, TargetSettings>>;
  readonly smtp?: SmtpSettings;
}

export type Address =
  | { readonly type: "ntfy"; readonly url: URL }
  | { readonly type: "healthchecks"; readonly url: URL }
  | { readonly type: "webhook"; readonly url: URL }
  | { readonly type: "gotify"; readonly url: URL; readonly token: string }
  | { readonly type: "mailto"; readonly to: readonly string[]; readonly subject: string | undefined };

export class BadAddress extends Fault {
  readonly code = "bad-address";
  readonly hint =
    "Write ntfy://HOST/TOPIC, gotify://HOST/TOKEN, healthchecks+https://..., webhook+https://... or mailto:NAME@HOST";
  constructor(why: string) {
    // Not the address itself: most of them are secrets.
    super(`Cannot use this address for notifications: ${why}`);
  }
}

/** The part of an address that is no secret: its host, or the recipients of mail. */
export function serverOf(address: Address): string {
  return address.type === "mailto" ? address.to.join(", ") : address.url.host;
}

const SCHEME = /^(ntfy|gotify|healthchecks|webhook)(?:\+(https?))?:\/\/(.*)$/s;
/** One address; no line can end in it, nor another one begin. */
const MAILBOX = /^[^\s<>,;:"\\()[\]@]+@[^\s<>,;:"\\()[\]@]+$/;

/** Parses an address. @throws BadAddress */
export function parseAddress(text: string): Address {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x20\x7f]/.test(text)) throw new BadAddress("it has spaces or control characters");
  if (/^mailto:/i.test(text)) return mailAddress(text);
  const [, type, scheme = "https", rest = ""] = SCHEME.exec(text) ?? [];
  if (type === undefined) throw new BadAddress("its scheme is unknown");
  const url = URL.parse(`${scheme}://${rest}`);
  if (url === null || url.hostname === "") throw new BadAddress("it is no URL");
  if (type === "gotify") return gotifyAddress(url);
  if (type === "ntfy" && url.pathname.length < 2) throw new BadAddress("it names no topic");
  if (type === "ntfy") return { type, url };
  return { type: type === "healthchecks" ? type : "webhook", url };
}

/** Its last name is the token of an application. */
function gotifyAddress(url: URL): Address {
  const parts = url.pathname.split("/"), token = decodeURIComponent(parts.pop() ?? "");
  if (!/^[\w.-]+$/.test(token)) throw new BadAddress("its path must end in a token");
  url.pathname = [...parts, "message"].join("/");
  return { type: "gotify", url, token };
}

function mailAddress(text: string): Address {
  const url = URL.parse(text), to = decodeURIComponent(url?.pathname ?? "").split(",");
  if (!to.every((one) => MAILBOX.test(one))) throw new BadAddress("it is no mail address");
  return { type: "mailto", to, subject: url?.searchParams.get("subject") ?? undefined };
}
