/** One POST request; of the answer, only the status is read. */
import type { Clock } from "../core/clock.ts";
import { resolveHost } from "../platform/dns.ts";
import { openHttpClient } from "../platform/http_client.ts";

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** "forbidden": an address that machines use among themselves, such as that of a cloud's metadata. */
export type PostOutcome = { readonly status: number } | "no-answer" | "forbidden";

export interface PostTerms {
  readonly clock: Clock;
  /** For all of it, up to the answer's head. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Redirects are not followed. */
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

/** True if a name leads to an address of the link alone. @throws an Error with a code, if nobody knows the name */
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

/** Of 169.254.0.0/16 or fe80::/10, also as an IPv4-mapped address. */
export function isLinkLocal(address: string): boolean {
  return /^(?:::ffff:)?169\.254\.|^::ffff:a9fe:|^fe[89ab][0-9a-f]:/i.test(address);
}
