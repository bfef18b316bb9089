/** Parses the listings of WebDAV collections. */
import { PlaceUnavailable } from "./faults.ts";
import type { Http } from "./http.ts";
import { childText, type Element, elementsNamed, parseXml } from "./xml.ts";

export interface DavMember {
  /** Last component of its path, decoded. */
  readonly name: string;
  readonly isCollection: boolean;
  /** Bytes; undefined if the server doesn't say. */
  readonly size: number | undefined;
  /** Modification time in ms since 1970; undefined if the server doesn't report it. */
  readonly modifiedMs: number | undefined;
  /** Entity tag, which changes with the bytes; undefined if the server has none. */
  readonly etag: string | undefined;
  readonly contentType: string | undefined;
}

export interface DavListing {
  readonly resource: DavMember | undefined;
  readonly members: readonly DavMember[];
}

const MULTI_STATUS = 207, MISSING = 404;
const WANTED = new TextEncoder().encode(
  '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>' +
    "<resourcetype/><getcontentlength/><getlastmodified/><getetag/><getcontenttype/></prop></propfind>",
);

/**
 * Requests the properties of a resource and, with depth 1, of its members.
 * @returns undefined if it doesn't exist
 * @throws what {@link Http.send} throws
 */
export async function propfind(
  http: Http,
  url: URL,
  { depth, what, signal }: { readonly depth: 0 | 1; readonly what: string; readonly signal?: AbortSignal | undefined },
): Promise<DavListing | undefined> {
  const headers = { depth: String(depth), "content-type": "application/xml; charset=utf-8" };
  const expects = [MULTI_STATUS, MISSING];
  const answer = await http.send({ method: "PROPFIND", url, what, headers, body: WANTED, signal, expects });
  if (answer.status === MISSING) return undefined;
  const top = parseXml(new TextDecoder().decode(answer.bytes).trimStart());
  if (top?.name !== "multistatus") throw new PlaceUnavailable(what, "the server's answer is no list");
  let resource: DavMember | undefined;
  const members: DavMember[] = [], own = partsOf(url.pathname);
  for (const response of top.children) {
    const path = pathOf(response, url);
    if (path === undefined) continue;
    const member = memberOf(response, path.at(-1) ?? "");
    if (path.length === own.length) resource = member;
    else if (path.length === own.length + 1) members.push(member);
  }
  return { resource, members };
}

/** Components of a path, decoded. */
function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "").map(decode);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a server that doesn't encode
  }
}

function pathOf(response: Element, base: URL): readonly string[] | undefined {
  const href = childText(response, "href")?.trim();
  if (response.name !== "response" || href === undefined || !URL.canParse(href, base)) return undefined;
  return partsOf(new URL(href, base).pathname);
}

function memberOf(response: Element, name: string): DavMember {
  const found = new Map<string, Element>();
  for (const state of response.children) {
    if (state.name !== "propstat" || / 200( |$)/.test(childText(state, "status") ?? "") === false) continue;
    for (const prop of state.children) {
      if (prop.name === "prop") { for (const each of prop.children) found.set(each.name, each); }
    }
  }
  const text = (name: string) => found.get(name)?.text.trim() || undefined;
  const size = text("getcontentlength"), modifiedMs = Date.parse(text("getlastmodified") ?? "");
  const kind = found.get("resourcetype");
  return {
    name,
    isCollection: kind !== undefined && [...elementsNamed(kind, "collection")].length > 0,
    size: size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : undefined,
    modifiedMs: Number.isNaN(modifiedMs) ? undefined : modifiedMs,
    etag: text("getetag"),
    contentType: text("getcontenttype"),
  };
}
