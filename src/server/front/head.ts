/** The head of an HTTP/1.1 request, parsed strictly: anything ambiguous is refused. */
export interface Head {
  readonly method: string;
  /** The target as received. */
  readonly target: string;
  readonly headers: Headers;
  /** The requested authority. */
  readonly authority: string;
  readonly body: Framing;
  /** True if the connection may be reused. */
  readonly keepsAlive: boolean;
  /** True if the client waits for "100 Continue" before it sends the body. */
  readonly expectsContinue: boolean;
}

/** How a body is delimited. */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** The head is invalid; `status` is the HTTP status for the reply. */
export class BadHead extends Error {
  readonly status: number;
  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

export const MOST_HEAD_BYTES = 32 * 1024;
const MOST_HEADERS = 100, MOST_TARGET = 16 * 1024;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const FIRST_LINE = new RegExp(`^(${TOKEN}) ([!-~]+) HTTP/1\\.([01])$`);
const HEADER = new RegExp(`^(${TOKEN}):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
/** The runtime trims values in a time that grows with the square of their spaces. */
const MANY_SPACES = /[ \t]{256}/;
/** Headers that may occur only once, because readers of the first and of the last must agree. */
const SINGLE = [
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "if-range",
  "origin",
  "range",
  "sec-fetch-site",
  "transfer-encoding",
];

/** Parses a head. @param text its bytes as characters, without the empty line at the end @throws BadHead */
export function parseHead(text: string): Head {
  if (/[^\r]\n|^\n|\r(?!\n)|\0/.test(text)) throw new BadHead(400, "A line of the head ends otherwise than in CR LF");
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, target, minor] = FIRST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) throw new BadHead(400, "The first line is none of HTTP/1.1");
  if (target.length > MOST_TARGET) throw new BadHead(414, "The address is too long");
  if (MANY_SPACES.test(text)) throw new BadHead(400, "A header has too many spaces");
  if (lines.length > MOST_HEADERS) throw new BadHead(431, "There are too many headers");
  const headers = parseHeaders(lines), isOld = minor === "0";
  const connection = (headers.get("connection") ?? "").toLowerCase();
  const { path, authority } = addressOf(target, headers.get("host"));
  return {
    method,
    target: path,
    headers,
    authority,
    body: framingOf(headers, isOld),
    keepsAlive: !isOld && !/\bclose\b/.test(connection),
    expectsContinue: expectsContinue(headers.get("expect")),
  };
}

function parseHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new BadHead(400, "A header can't be read");
    const key = name.toLowerCase();
    if (SINGLE.includes(key) && headers.has(key)) throw new BadHead(400, `There are two headers ${key}`);
    headers.append(key, value);
  }
  return headers;
}

/** Path and authority. The absolute form is meant for proxies; it must agree with the header. */
function addressOf(target: string, host: string | null): { readonly path: string; readonly authority: string } {
  if (host === null || !/^[A-Za-z0-9.:_[\]-]+$/.test(host)) throw new BadHead(400, "There is no usable header Host");
  if (target.startsWith("/")) return { path: target, authority: host.toLowerCase() };
  const [, authority, path = ""] = /^https?:\/\/([^/?#@]+)(.*)$/i.exec(target) ?? [];
  if (authority === undefined) throw new BadHead(400, "The address can't be read");
  if (authority.toLowerCase() !== host.toLowerCase()) throw new BadHead(400, "Address and header Host differ");
  return { path: path.startsWith("/") ? path : `/${path}`, authority: host.toLowerCase() };
}

function framingOf(headers: Headers, isOld: boolean): Framing {
  const length = headers.get("content-length"), encoding = headers.get("transfer-encoding");
  if (encoding !== null) {
    if (isOld) throw new BadHead(400, "HTTP/1.0 has no transfer encodings");
    if (encoding.toLowerCase() !== "chunked") throw new BadHead(400, "Only the transfer encoding chunked is known");
    if (length !== null) throw new BadHead(400, "There are a length and a transfer encoding");
    return { kind: "chunked" };
  }
  if (length === null) return { kind: "length", bytes: 0 };
  if (!/^\d{1,15}$/.test(length)) throw new BadHead(400, "The length can't be read");
  return { kind: "length", bytes: Number(length) };
}

function expectsContinue(expect: string | null): boolean {
  if (expect === null) return false;
  if (expect.toLowerCase() === "100-continue") return true;
  throw new BadHead(417, "Only 100-continue can be expected");
}
