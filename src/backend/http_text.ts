/** Fetches a small text with one GET request. */
import type { Clock } from "../core/clock.ts";
import { openHttpClient } from "../platform/http_client.ts";
import { PlaceUnavailable } from "./faults.ts";

export interface TextTerms {
  readonly clock: Clock;
  /** Limit for the whole request. */
  readonly timeoutMs: number;
  /** A longer answer is rejected. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/** Fetches a text. @throws PlaceUnavailable if there is no usable answer, whatever the reason */
export async function httpText(url: URL, { clock, timeoutMs, mostBytes, signal }: TextTerms): Promise<string> {
  const stop = new AbortController(), end = () => stop.abort();
  using held = new DisposableStack();
  held.use(clock.every(timeoutMs, end));
  signal.addEventListener("abort", end);
  held.defer(() => signal.removeEventListener("abort", end));
  using client = openHttpClient();
  try {
    const response = await fetch(url, { signal: stop.signal, ...client.options });
    if (response.status === 200) return await upTo(response, mostBytes);
    await response.body?.cancel();
    throw new PlaceUnavailable(`ask ${url.href}`, `status ${response.status}`);
  } catch (error) {
    if (error instanceof PlaceUnavailable || !(error instanceof Error)) throw error;
    throw new PlaceUnavailable(`ask ${url.href}`, stop.signal.aborted ? "no answer in time" : error.message);
  }
}

async function upTo(response: Response, mostBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new TypeError("the answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}
