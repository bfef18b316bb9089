/** A small S3 in this process, which checks signatures by its own means, and may be told to answer something else. */
import { createHmac, hash } from "node:crypto";

export const ACCESS_KEY = "AKIATESTTESTTEST",
  SECRET_KEY = "s3cr3t/k3y+of=the-test",
  SESSION_TOKEN = "tok3n-of-a-session";

export interface S3Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Of all objects. */
export const MODIFIED = "Wed, 20 May 2026 10:00:05 GMT";

export interface S3Options {
  /** Where it listens. Default: 127.0.0.1. */
  readonly hostname?: string;
  readonly region?: string;
  /** Objects in a page of a listing. */
  readonly pageSize?: number;
  /** True for a server that doesn't know `If-None-Match`. */
  readonly replaces?: boolean;
  /** Answers in the place of the server; undefined: it does it itself. */
  readonly before?: (request: S3Request) => Response | undefined;
}

export interface S3Server extends AsyncDisposable {
  readonly port: number;
  readonly objects: Map<string, S3Request>;
  readonly requests: S3Request[];
}

export function s3Server(options: S3Options = {}): S3Server {
  const objects = new Map<string, S3Request>(), requests: S3Request[] = [];
  const handle = async (incoming: Request) => {
    const body = new Uint8Array(await incoming.arrayBuffer());
    const request = { method: incoming.method, url: new URL(incoming.url), headers: incoming.headers, body };
    requests.push(request);
    return options.before?.(request) ?? wrongSignature(request, options.region ?? "us-east-1") ??
      answer(objects, request, options);
  };
  // What breaks off is no failure of the server.
  const onError = () => new Response(null, { status: 500 }), hostname = options.hostname ?? "127.0.0.1";
  const server = Deno.serve({ hostname, port: 0, onListen: () => {}, onError }, handle);
  return { port: server.addr.port, objects, requests, [Symbol.asyncDispose]: () => server.shutdown() };
}

export function s3Error(status: number, code: string, more = "", headers: Record<string, string> = {}): Response {
  const xml =
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>It is ${code}</Message>${more}</Error>`;
  return new Response(xml, { status, headers: { "content-type": "application/xml", ...headers } });
}

function answer(objects: Map<string, S3Request>, request: S3Request, options: S3Options): Response {
  const { method, url, headers, body } = request,
    key = decodeURIComponent(url.pathname),
    isBucket = key.split("/").length === 2;
  if (isBucket) return method === "GET" ? list(objects, url, options.pageSize ?? 1000) : new Response(null);
  const found = objects.get(key);
  switch (method) {
    case "PUT":
      if (found !== undefined && headers.has("if-none-match") && options.replaces !== true) {
        return s3Error(412, "PreconditionFailed");
      }
      if (headers.get("x-amz-content-sha256") !== hash("sha256", body)) {
        return s3Error(400, "XAmzContentSHA256Mismatch");
      }
      objects.set(key, request);
      return new Response(null, { headers: { etag: '"x"' } });
    case "DELETE":
      objects.delete(key);
      return new Response(null, { status: 204 });
    default:
      return found === undefined ? missing(method) : read(found, method, headers);
  }
}

function missing(method: string): Response {
  return method === "HEAD" ? new Response(null, { status: 404 }) : s3Error(404, "NoSuchKey");
}

function read({ body: bytes, headers: put }: S3Request, method: string, headers: Headers): Response {
  const meta = [...put].filter(([name]) => name.startsWith("x-amz-meta-") || name === "content-type");
  const facts = { ...Object.fromEntries(meta), etag: etagOf(bytes), "last-modified": MODIFIED };
  if (method === "HEAD") return new Response(null, { headers: { ...facts, "content-length": String(bytes.length) } });
  if (headers.has("if-match") && headers.get("if-match") !== facts.etag) return s3Error(412, "PreconditionFailed");
  const [, from, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? [];
  if (from === undefined) return new Response(bytes, { headers: facts });
  if (Number(from) >= bytes.length) return s3Error(416, "InvalidRange");
  const end = Math.min(Number(last) + 1, bytes.length);
  const range = { ...facts, "content-range": `bytes ${from}-${end - 1}/${bytes.length}` };
  return new Response(bytes.slice(Number(from), end), { status: 206, headers: range });
}

function etagOf(bytes: Uint8Array): string {
  return `"${hash("md5", bytes)}"`;
}

function list(objects: Map<string, S3Request>, url: URL, pageSize: number): Response {
  const bucket = `${url.pathname}/`,
    prefix = url.searchParams.get("prefix") ?? "",
    after = url.searchParams.get("continuation-token");
  const delimiter = url.searchParams.get("delimiter");
  const names = new Set(
    [...objects.keys()].map((key) => key.slice(bucket.length)).filter((key) => key.startsWith(prefix)).map((key) => {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? key : key.slice(0, end + 1);
    }),
  );
  const left = [...names].sort().filter((key) => after === null || key > after);
  const page = left.slice(0, pageSize), isCut = left.length > pageSize;
  const encoded = (key: string) => encodeURIComponent(key).replaceAll("%2F", "/");
  const contents = page.map((key) => {
    const isPrefix = delimiter !== null && key.length > prefix.length && key.endsWith(delimiter);
    const bytes = isPrefix ? undefined : objects.get(bucket + key)?.body;
    if (bytes === undefined) return `<CommonPrefixes><Prefix>${encoded(key)}</Prefix></CommonPrefixes>`;
    const facts = `<Size>${bytes.length}</Size><ETag>${etagOf(bytes).replaceAll('"', "&quot;")}</ETag>`;
    const modified = new Date(MODIFIED).toISOString();
    return `<Contents><Key>${encoded(key)}</Key>${facts}<LastModified>${modified}</LastModified></Contents>`;
  });
  const next = isCut ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
  return new Response(
    `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<IsTruncated>${isCut}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
  );
}

/** Undefined if the signature is right (Signature Version 4). */
function wrongSignature({ method, url, headers }: S3Request, region: string): Response | undefined {
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/
      .exec(headers.get("authorization") ?? "");
  if (given === null) return s3Error(403, "AccessDenied");
  const [, key, day = "", signedRegion = "", names = "", signature] = given;
  if (key !== ACCESS_KEY) return s3Error(403, "InvalidAccessKeyId");
  if (signedRegion !== region) return s3Error(400, "AuthorizationHeaderMalformed", `<Region>${region}</Region>`);
  const lines = names.split(";").map((name) => `${name}:${(headers.get(name) ?? "").trim()}\n`).join("");
  const query = [...url.searchParams].map((pair) => pair.map(strict).join("=")).sort().join("&");
  const canonical = [method, url.pathname, query, lines, names, headers.get("x-amz-content-sha256")].join("\n");
  const toSign = [
    "AWS4-HMAC-SHA256",
    headers.get("x-amz-date"),
    `${day}/${region}/s3/aws4_request`,
    hash("sha256", canonical),
  ];
  const secret = [day, region, "s3", "aws4_request"].reduce<string | Uint8Array>(
    (sum, word) => createHmac("sha256", sum).update(word).digest(),
    `AWS4${SECRET_KEY}`,
  );
  const wanted = createHmac("sha256", secret).update(toSign.join("\n")).digest("hex");
  return wanted === signature ? undefined : s3Error(403, "SignatureDoesNotMatch");
}

function strict(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
