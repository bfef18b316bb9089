/** The head of an HTTP/1.1 request, read strictly: what others might read otherwise is no request. */
export interface Head {
  readonly method: string;
  /** As it came. */
  readonly target: string;
  readonly headers: Headers;
  /** The authority that is asked. */
  readonly authority: string;
  readonly body: Framing;
  /** The connection may be used again. */
  readonly keepsAlive: boolean;
  /** The client waits for a word before it sends the body. */
  readonly expectsContinue: boolean;
}

/** How a body is sent. */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** Why it is no request: an HTTP status. */
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
const HEADER = new RegExp(`^(${TOKEN}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*?)[ \\t]*$`);
/** What may stand only once, for whoever takes the first and whoever takes the last must agree. */
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

/** @param text bytes of the head as characters, without the empty line at its end @throws BadHead */
export function parseHead(text: string): Head {
  if (/[^\r]\n|^\n|\r(?!\n)|\0/.test(text)) throw new BadHead(400, "A line of the head ends otherwise than in CR LF");
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, target, minor] = FIRST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) throw new BadHead(400, "The first line is none of HTTP/1.1");
  if (target.length > MOST_TARGET) throw new BadHead(414, "The address is too long");
  if (lines.length > MOST_HEADERS) throw new BadHead(431, "There are too many headers");
  const headers = parseHeaders(lines), isOld = minor === "0";
  const connection = (headers.get("connection") ?? "").toLowerCase();
  const { path, authority } = addressOf(target, headers.get("host"));
  return {
    method,
    target: path,
    headers,
    authority,
    body: framingOf(headers),
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

/** The absolute form is for proxies; it must say the same as the header. */
function addressOf(target: string, host: string | null): { readonly path: string; readonly authority: string } {
  if (host === null || !/^[A-Za-z0-9.:_[\]-]+$/.test(host)) throw new BadHead(400, "There is no usable header Host");
  if (target.startsWith("/")) return { path: target, authority: host.toLowerCase() };
  const [, authority, path = ""] = /^https?:\/\/([^/?#@]+)(.*)$/i.exec(target) ?? [];
  if (authority === undefined) throw new BadHead(400, "The address can't be read");
  if (authority.toLowerCase() !== host.toLowerCase()) throw new BadHead(400, "Address and header Host differ");
  return { path: path.startsWith("/") ? path : `/${path}`, authority: host.toLowerCase() };
}

function framingOf(headers: Headers): Framing {
  const length = headers.get("content-length"), encoding = headers.get("transfer-encoding");
  if (encoding !== null) {
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
