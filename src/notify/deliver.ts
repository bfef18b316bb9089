/** One attempt to notify one target. */
import { allowedAddresses, httpPost } from "../backend/http_post.ts";
import type { Clock } from "../core/clock.ts";
import { mailMessage, type MessageTerms, webMessage } from "./messages.ts";
import type { Notice } from "./notice.ts";
import { type Address, parseAddress, type SmtpSettings, type TargetSettings } from "./targets.ts";

const MOST_SECRET_BYTES = 64 * 1024;

export interface DeliveryWorld {
  readonly clock: Clock;
  readonly readSecret: (path: string, mostBytes: number) => string;
  readonly timeoutMs: number;
  readonly smtp: SmtpSettings | undefined;
  readonly signal?: AbortSignal;
  /** Resolves host names; absent: as the system does. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** "unusable": the configuration of the target is invalid; "forbidden": see {@link PostOutcome}. */
export type Delivered =
  | "accepted"
  | "no-answer"
  | "forbidden"
  | "unusable"
  | "no-smtp"
  | "no-target"
  | { readonly status: number };

/** Sends a notice to a target. @throws BadAddress, ExposedSecret, DiskFault */
export async function deliver(target: TargetSettings, notice: Notice, world: DeliveryWorld): Promise<Delivered> {
  const address = addressOf(target, world);
  const terms: MessageTerms = {
    detail: target.detail ?? false,
    secret: target.secretFile === undefined ? target.secret : firstLine(world, target.secretFile),
    nowMs: world.clock.nowMs(),
  };
  if (address.type === "mailto") return await deliverMail(address, notice, terms, world);
  const outcome = await httpPost(webMessage(address, notice, terms), world);
  return typeof outcome === "object" && outcome.status >= 200 && outcome.status < 300 ? "accepted" : outcome;
}

/** Describes an outcome in words. */
export function outcomeText(outcome: Delivered): string {
  if (typeof outcome === "object") return `refused (${outcome.status})`;
  return OUTCOMES[outcome];
}

const OUTCOMES: Readonly<Record<Exclude<Delivered, object>, string>> = {
  "accepted": "accepted",
  "no-answer": "no answer",
  "forbidden": "its address is one of the link alone, which is not allowed",
  "unusable": "its settings can't be used",
  "no-smtp": "there is no mail server to send it by",
  "no-target": "there is no such target",
};

/** The address of a target, parsed. @throws BadAddress, ExposedSecret, DiskFault */
export function addressOf({ to, toFile }: TargetSettings, world: Pick<DeliveryWorld, "readSecret">): Address {
  return parseAddress(toFile === undefined ? to ?? "" : firstLine(world, toFile));
}

async function deliverMail(
  address: Extract<Address, { readonly type: "mailto" }>,
  notice: Notice,
  terms: MessageTerms,
  world: DeliveryWorld,
): Promise<Delivered> {
  const { smtp, clock, timeoutMs } = world;
  if (smtp === undefined) return "no-smtp";
  const password = smtp.passwordFile === undefined ? smtp.password : firstLine(world, smtp.passwordFile);
  const stop = new AbortController();
  using _ = clock.every(timeoutMs, () => stop.abort());
  const addresses = await allowedAddresses(smtp.host, stop.signal, world.resolve);
  if (typeof addresses === "string") return addresses;
  const { sendMail } = await import("./mail.ts"), message = mailMessage(address, notice, terms);
  for (const place of addresses) {
    const outcome = await sendMail({ ...smtp, address: place }, password, message, timeoutMs);
    if (outcome !== "no-answer" || stop.signal.aborted) return outcome;
  }
  return "no-answer";
}

function firstLine({ readSecret }: Pick<DeliveryWorld, "readSecret">, path: string): string {
  return readSecret(path, MOST_SECRET_BYTES).split(/\r?\n/, 1)[0] ?? "";
}
