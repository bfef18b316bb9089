/** Sends mail through a server (SMTP). The package is loaded when the first mail is sent. */
import type { MailMessage } from "./messages.ts";
import type { SmtpSettings } from "./targets.ts";
import { provideCommonJs } from "../platform/common_js.ts";

/** A refusal is an object with the status that the server gave. */
export type MailOutcome = "accepted" | "no-answer" | { readonly status: number };

function isAddress(host: string): boolean {
  return /^[0-9.]+$|:/.test(host);
}

/**
 * Sends a mail.
 * @param server with the address to connect to; its certificate has to be that of its host
 * @param password used only if there is a user; undefined: an empty one
 * @param timeoutMs for each step
 */
export async function sendMail(
  { host, address, port, tls = "starttls", user, from }: SmtpSettings & { readonly address: string },
  password: string | undefined,
  message: MailMessage,
  timeoutMs: number,
): Promise<MailOutcome> {
  provideCommonJs();
  const { default: nodemailer } = await import("nodemailer");
  const transport = nodemailer.createTransport({
    host: address,
    ...(!isAddress(host) && { tls: { servername: host } }),
    port: port ?? (tls === "tls" ? 465 : tls === "starttls" ? 587 : 25),
    secure: tls === "tls",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    ...(user !== undefined && { auth: { user, pass: password ?? "" } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({ from, to: [...message.to], subject: message.subject, text: message.text });
    return "accepted";
  } catch (error) {
    const status = error instanceof Error && "responseCode" in error ? error.responseCode : undefined;
    // Whatever else it is, the words of the package may hold the address.
    return typeof status === "number" ? { status } : "no-answer";
  } finally {
    transport.close();
  }
}
