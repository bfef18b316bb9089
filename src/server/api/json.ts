/** JSON replies for programs. */
import type { Exchange, Reply } from "../exchange/route.ts";

/** JSON values, one a line. */
export const LINES = "application/x-ndjson";

/** A JSON reply. `-0`, undefined and lone surrogates appear as JSON.stringify writes them. */
export function jsonReply(value: unknown, status = 200, headers: Reply["headers"] = {}): Reply {
  return { status, headers: { ...headers, "content-type": "application/json" }, body: `${JSON.stringify(value)}\n` };
}

/** True if the client wants lines rather than one value. */
export function wantsLines({ headers }: Pick<Exchange, "headers">): boolean {
  return (headers.get("accept") ?? "").split(",").some((type) => type.split(";")[0]?.trim() === LINES);
}

/** Lines whose first part is waited for: what fails before that is a problem, as with one value. */
export async function begunLinesReply(
  exchange: Pick<Exchange, "method">,
  body: AsyncIterable<Uint8Array<ArrayBuffer>>,
): Promise<Reply> {
  const parts = body[Symbol.asyncIterator](), first = await parts.next();
  return linesReply(exchange, first.done === true ? noLines() : begun(first.value, parts));
}

async function* noLines(): AsyncGenerator<Uint8Array<ArrayBuffer>> {}

async function* begun(
  first: Uint8Array<ArrayBuffer>,
  rest: AsyncIterator<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

export function linesReply({ method }: Pick<Exchange, "method">, body: AsyncIterable<Uint8Array<ArrayBuffer>>): Reply {
  const headers = { "content-type": LINES, "cache-control": "private, no-store, no-transform" };
  return { status: 200, headers, body: method === "HEAD" ? "" : body };
}
