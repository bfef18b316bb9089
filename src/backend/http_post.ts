/** Sends one POST request; only the status of the answer is used. */
import type { Clock } from "../core/clock.ts";
import { resolveHost } from "../platform/dns.ts";
import { bytesOf, knownRaw, rawOfBytes } from "../core/raw.ts";
import { ConnectionLost, dial } from "../platform/dialled.ts";
import { hasProxy, openHttpClient } from "../platform/http_client.ts";

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** "forbidden": the host has a link-local address, such as a cloud's metadata service. */
export type PostOutcome = { readonly status: number } | "no-answer" | "forbidden";

export interface PostTerms {
  readonly clock: Clock;
  /** Limit for the whole request, up to the headers of the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Resolves host names; absent: as the system does. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** Sends a request. Redirects are not followed. */
export async function httpPost(post: Post, { clock, timeoutMs, signal, resolve }: PostTerms): Promise<PostOutcome> {
  const stop = new AbortController(), end = () => stop.abort();
  using held = new DisposableStack();
  held.use(clock.every(timeoutMs, end));
  if (signal?.aborted === true) return "no-answer";
  signal?.addEventListener("abort", end);
  held.defer(() => signal?.removeEventListener("abort", end));
  const addresses = await allowedAddresses(post.url.hostname, stop.signal, resolve);
  if (typeof addresses === "string") return addresses;
  // A proxy resolves the name once more, to what it likes; nobody else may.
  if (hasProxy(post.url.protocol)) return await unlessBroken(() => throughProxy(post, stop.signal), stop.signal);
  for (const address of addresses) {
    const outcome = await unlessBroken(() => direct(post, address, stop.signal), stop.signal);
    if (outcome !== "no-answer" || stop.signal.aborted) return outcome;
  }
  return "no-answer";
}

async function throughProxy({ url, headers, body }: Post, signal: AbortSignal): Promise<PostOutcome> {
  using client = openHttpClient();
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal, ...client.options });
  await response.body?.cancel();
  return { status: response.status };
}

const MOST_HEAD = 64 * 1024;

/** Sends the request to this address, over HTTP/1.1, and reads no more than the status. */
async function direct(post: Post, address: string, signal: AbortSignal): Promise<PostOutcome> {
  const { hostname, port, protocol } = post.url, isTls = protocol === "https:";
  const bytes = requestBytes(post), name = isTls ? bareHost(hostname) : undefined;
  using connection = await dial(address, Number(port || (isTls ? 443 : 80)), name, signal);
  await connection.write(bytes);
  const into = new Uint8Array(4096);
  for (let head = ""; head.length < MOST_HEAD;) {
    const got = await connection.read(into);
    if (got === undefined) return "no-answer";
    head += rawOfBytes(into.subarray(0, got));
    // What comes first may be "100 Continue".
    const [, status] = /^(?:HTTP\/1\.[01] 1\d\d[^]*?\r\n\r\n)*HTTP\/1\.[01] ([2-9]\d\d)[ \r\n]/.exec(head) ?? [];
    if (status !== undefined) return { status: Number(status) };
  }
  return "no-answer";
}

/** @throws TypeError for what can't be sent, as `fetch` does */
function requestBytes({ url, headers, body }: Post): Uint8Array<ArrayBuffer> {
  if (url.username !== "" || url.password !== "") throw new TypeError("There is a password in the address");
  const content = new TextEncoder().encode(body);
  const fields = { ...headers, "host": url.host, "content-length": String(content.length), "connection": "close" };
  const lines = Object.entries(fields).map(([name, value]) => {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new TypeError("A header has characters that can't be sent");
    return `${name}: ${value}\r\n`;
  });
  const head = bytesOf(knownRaw(`POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`));
  const all = new Uint8Array(head.length + content.length);
  all.set(head);
  all.set(content, head.length);
  return all;
}

/** @returns "no-answer" for a certificate that nobody trusts, or a connection that breaks */
async function unlessBroken(send: () => Promise<PostOutcome>, signal: AbortSignal): Promise<PostOutcome> {
  try {
    return await send();
  } catch (error) {
    // A program's mistake is neither.
    if (
      error instanceof ConnectionLost || error instanceof TypeError ||
      (error instanceof Error && (signal.aborted || isOfNetwork(error)))
    ) {
      return "no-answer";
    }
    throw error;
  }
}

function isOfNetwork(error: Error): boolean {
  return "code" in error || ["Http", "ConnectionReset", "ConnectionRefused", "NotFound"].includes(error.name);
}

/** Without the brackets of IPv6. */
function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/**
 * The addresses of a host, for connecting to them and not to its name, which may lead elsewhere the next time.
 * @returns "forbidden" if one is link-local; "no-answer" if the name can't be resolved in time
 */
export async function allowedAddresses(
  hostname: string,
  signal: AbortSignal,
  resolve: (host: string) => Promise<readonly string[]> = resolveHost,
): Promise<readonly string[] | "forbidden" | "no-answer"> {
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new TypeError("no answer in time"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    const addresses = await Promise.race([resolve(bareHost(hostname)), stopped]);
    return addresses.some(isLinkLocal) ? "forbidden" : addresses;
  } catch (error) {
    if (error instanceof Error && (signal.aborted || "code" in error)) return "no-answer"; // nobody knows the name
    throw error;
  }
}

/** True for addresses in 169.254.0.0/16 or fe80::/10, also as IPv4-mapped addresses. */
export function isLinkLocal(address: string): boolean {
  return /^(?:::ffff:)?169\.254\.|^::ffff:a9fe:|^fe[89ab][0-9a-f]:/i.test(address);
}
