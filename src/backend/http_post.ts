/** Sends one POST request; only the status of the answer is used. */
import type { Clock } from "../core/clock.ts";
import { resolveHost } from "../platform/dns.ts";
import { openHttpClient } from "../platform/http_client.ts";

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
}

/** Sends a request. Redirects are not followed. */
export async function httpPost(
  { url, headers, body }: Post,
  { clock, timeoutMs, signal }: PostTerms,
): Promise<PostOutcome> {
  const { hostname } = url, stop = new AbortController(), end = () => stop.abort();
  using held = new DisposableStack();
  held.use(clock.every(timeoutMs, end));
  if (signal?.aborted === true) return "no-answer";
  signal?.addEventListener("abort", end);
  held.defer(() => signal?.removeEventListener("abort", end));
  using client = openHttpClient();
  try {
    if (await isForbiddenHost(hostname, stop.signal)) return "forbidden";
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal: stop.signal,
      ...client.options,
    });
    await response.body?.cancel();
    return { status: response.status };
  } catch (error) {
    // A name that isn't known, a certificate that nobody trusts, a connection that breaks: a program's mistake is neither.
    if (error instanceof TypeError || (error instanceof Error && (stop.signal.aborted || isOfNetwork(error)))) {
      return "no-answer";
    }
    throw error;
  }
}

function isOfNetwork(error: Error): boolean {
  return "code" in error || ["Http", "ConnectionReset", "ConnectionRefused", "NotFound"].includes(error.name);
}

/** True if a host has a link-local address. @throws an Error with a `code` if the name can't be resolved */
export async function isForbiddenHost(hostname: string, signal: AbortSignal): Promise<boolean> {
  const bare = hostname.replace(/^\[|\]$/g, "");
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new TypeError("no answer in time"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
  const addresses = await Promise.race([resolveHost(bare), stopped]);
  return addresses.some(isLinkLocal);
}

/** True for addresses in 169.254.0.0/16 or fe80::/10, also as IPv4-mapped addresses. */
export function isLinkLocal(address: string): boolean {
  return /^(?:::ffff:)?169\.254\.|^::ffff:a9fe:|^fe[89ab][0-9a-f]:/i.test(address);
}
