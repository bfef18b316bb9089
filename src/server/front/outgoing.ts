/** Writes replies to a connection. */
import type { Connection } from "../../platform/listener.ts";
import type { Reply } from "../exchange/route.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const REASONS: Readonly<Record<number, string>> = {
  100: "Continue",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  207: "Multi-Status",
  303: "See Other",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

const encoder = new TextEncoder();
export const CONTINUE = encoder.encode("HTTP/1.1 100 Continue\r\n\r\n");
/** Size in bytes up to which a reply is sent in one piece with its head. */
const ONE_PIECE = 64 * 1024;

export interface Manner {
  /** True for HEAD: the body isn't sent. */
  readonly isHead: boolean;
  readonly keepsAlive: boolean;
  /** Time for the header Date, in ms since 1970. */
  readonly nowMs: number;
}

/** Sends a reply. @throws the errors of the body and of the connection, which must not be used afterwards */
export async function sendReply(connection: Connection, reply: Reply, manner: Manner): Promise<void> {
  const { status, body = "" } = reply;
  const hasBody = status >= 200 && status !== 204 && status !== 304;
  const bytes = typeof body === "string" ? encoder.encode(body) : body instanceof Uint8Array ? body : undefined;
  const length = (manner.isHead ? lengthOf(reply) : undefined) ?? bytes?.length ?? lengthOf(reply);
  const head = encoder.encode(headText(reply, manner, hasBody ? length ?? "chunked" : undefined));
  if (manner.isHead || !hasBody) {
    if (!(body instanceof Uint8Array) && typeof body !== "string") await ended(body);
    return await connection.write(head);
  }
  if (bytes === undefined) return await sendPieces(connection, head, reply);
  if (bytes.length <= ONE_PIECE) return await connection.write(joined([head, bytes]));
  await connection.write(head);
  await connection.write(bytes);
}

function lengthOf({ headers }: Reply): number | undefined {
  const given = headers?.["content-length"];
  return typeof given === "string" ? Number(given) : undefined;
}

function headText({ status, headers = {} }: Reply, manner: Manner, length: number | "chunked" | undefined): string {
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? ""}`, `date: ${new Date(manner.nowMs).toUTCString()}`];
  for (const [name, value] of Object.entries(headers)) {
    if (name === "content-length") continue;
    for (const one of typeof value === "string" ? [value] : value) lines.push(`${name}: ${safe(one)}`);
  }
  if (length === "chunked") lines.push("transfer-encoding: chunked");
  else if (length !== undefined) lines.push(`content-length: ${length}`);
  if (!manner.keepsAlive) lines.push("connection: close");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The value without control characters, so that a file name can't begin a new line. */
function safe(value: string): string {
  return value.replace(/[^\t\x20-\x7e]/g, "?");
}

async function sendPieces(connection: Connection, head: Bytes, reply: Reply): Promise<void> {
  const length = lengthOf(reply), pieces = reply.body;
  if (pieces === undefined || typeof pieces === "string" || pieces instanceof Uint8Array) return;
  let sent = 0, isFirst = true;
  for await (const piece of pieces) {
    sent += piece.length;
    if (length !== undefined && sent > length) throw new Error("There is more than was announced");
    const framed = length === undefined ? chunk(piece) : [piece];
    // A failure before the first byte can still be reported by the status.
    await connection.write(joined(isFirst ? [head, ...framed] : framed));
    isFirst = false;
  }
  if (length !== undefined && sent < length) throw new Error("There is less than was announced");
  const end = length === undefined ? [encoder.encode("0\r\n\r\n")] : [];
  if (isFirst || end.length > 0) await connection.write(joined(isFirst ? [head, ...end] : end));
}

function chunk(piece: Bytes): Bytes[] {
  return piece.length === 0 ? [] : [encoder.encode(`${piece.length.toString(16)}\r\n`), piece, encoder.encode("\r\n")];
}

async function ended(pieces: AsyncIterable<Bytes>): Promise<void> {
  await pieces[Symbol.asyncIterator]().return?.();
}

function joined(parts: readonly Bytes[]): Bytes {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
