/** Read-only WebDAV (RFC 4918, class 1) of all snapshots that an account may see. */
import { multistatus } from "./multistatus.ts";
import { parsePropfind } from "./propfind.ts";
import { fileAt, type Resource, resourceAt, topResource } from "./resources.ts";
import { contentReply, wantsBody } from "../exchange/content.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";

const MOST_BODY = 64 * 1024;
const ALLOW = "OPTIONS, GET, HEAD, PROPFIND";
const XML = "application/xml; charset=utf-8";
const NOT_FOUND: Reply = { status: 404, headers: { "content-type": "text/plain; charset=utf-8" }, body: "Not found\n" };

type Find = (exchange: Exchange) => Promise<Resource | undefined>;

export const DAV_ROUTES: readonly Route[] = [
  // Windows asks the top of the server first, without signing in.
  { methods: ["OPTIONS"], path: "/", access: "open", handle: options },
  { methods: ["OPTIONS"], path: "/dav/{path...}", access: "open", handle: options },
  // Some clients begin at the top, whatever address they are given.
  {
    methods: ["PROPFIND"],
    path: "/",
    access: "read",
    basic: "dav",
    mostBytes: MOST_BODY,
    handle: (exchange) => propfind(exchange, topResource),
  },
  {
    methods: ["GET", "PROPFIND"],
    path: "/dav/{path...}",
    access: "read",
    basic: "dav",
    share: "download",
    mostBytes: MOST_BODY,
    handle: (exchange) =>
      exchange.method === "PROPFIND" ? propfind(exchange, (asking) => resourceAt(asking, asking.rest)) : get(exchange),
  },
];

/** Reply to OPTIONS: class 1 without locks, so macOS mounts it read-only. */
function options(): Reply {
  return { status: 200, headers: { allow: ALLOW, dav: "1", "ms-author-via": "DAV", "content-length": "0" }, body: "" };
}

async function get(exchange: Exchange): Promise<Reply> {
  const found = await fileAt(exchange, exchange.rest, wantsBody(exchange));
  if (found === undefined) return NOT_FOUND;
  if (found !== "directory" && found.entry !== undefined) return contentReply(exchange, found.entry, found.body);
  return { status: 405, headers: { allow: ALLOW, "content-type": "text/plain; charset=utf-8" }, body: "A directory\n" };
}

/**
 * Replies to PROPFIND. A directory's path may lack its final slash, because some clients don't follow redirects here.
 */
async function propfind(exchange: Exchange, find: Find): Promise<Reply> {
  const depth = exchange.headers.get("depth")?.trim();
  if (depth !== "0" && depth !== "1") return finiteDepth();
  const wanted = parsePropfind(await bodyText(exchange));
  const resource = await find(exchange);
  if (resource === undefined) return NOT_FOUND;
  return {
    status: 207,
    headers: { "content-type": XML, dav: "1" },
    body: multistatus(resource, wanted, depth === "0" ? 0 : 1),
  };
}

function finiteDepth(): Reply {
  const body = '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>\n';
  return { status: 403, headers: { "content-type": XML }, body };
}

async function bodyText(exchange: Exchange): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of exchange.body()) text += decoder.decode(part, { stream: true });
  return text + decoder.decode();
}
