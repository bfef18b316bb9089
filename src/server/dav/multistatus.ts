/** Replies to PROPFIND: RFC 4918, as Windows, macOS and GNOME expect it. */
import { inlineType } from "../exchange/content.ts";
import { encodedSegment } from "../exchange/target.ts";
import { DAV, type PropertyName, type Wanted } from "./propfind.ts";
import { displayName, type Resource } from "./resources.ts";

/** Value of a property as XML; undefined if a resource doesn't have it. */
type Property = (resource: Resource) => string | undefined;

const PROPERTIES: Readonly<Record<string, Property>> = {
  resourcetype: ({ isDirectory }) => isDirectory ? "<D:collection/>" : "",
  displayname: (resource) => escaped(displayName(resource)),
  getcontentlength: ({ entry }) => entry === undefined ? undefined : String(entry.size),
  getcontenttype: ({ entry, segments }) =>
    entry === undefined ? undefined : escaped(inlineType(segments.at(-1) ?? "") ?? "application/octet-stream"),
  getetag: ({ entry }) => entry?.content === undefined ? undefined : `"${entry.content}"`,
  getlastmodified: ({ mtimeMs }) => dateOf(mtimeMs).toUTCString(),
  creationdate: ({ mtimeMs }) => dateOf(mtimeMs).toISOString().replace(/\.\d+Z$/, "Z"),
};

/** Properties that are only sent when requested: nothing can be stored here. */
const ASKED: Readonly<Record<string, Property>> = {
  "quota-available-bytes": ({ isDirectory }) => isDirectory ? "0" : undefined,
  supportedlock: () => "",
};

const ALL = new Map(Object.entries({ ...PROPERTIES, ...ASKED }));

const END = "</D:multistatus>\n";

/** The reply in pieces, however long it is. @param depth 1: include the entries of a directory */
export async function* multistatus(
  resource: Resource,
  wanted: Wanted,
  depth: 0 | 1,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder(), foreign = foreignNamespaces(wanted);
  const one = (each: Resource) => responseOf(each, wanted, foreign);
  yield encoder.encode(`<?xml version="1.0" encoding="utf-8"?>\n${startOf(foreign)}${one(resource)}`);
  if (depth === 1) {
    for await (const page of resource.children()) {
      if (page.length > 0) yield encoder.encode(page.map(one).join(""));
    }
  }
  yield encoder.encode(END);
}

/** Prefixes of foreign namespaces, declared once: one client reads no others. */
function foreignNamespaces(wanted: Wanted): ReadonlyMap<string, string> {
  if (typeof wanted === "string") return new Map();
  const others = new Set(wanted.map(({ namespace }) => namespace).filter((one) => one !== DAV && one !== ""));
  return new Map([...others].map((namespace, n) => [namespace, `x${n}`]));
}

function startOf(foreign: ReadonlyMap<string, string>): string {
  const declared = [...foreign].map(([namespace, prefix]) => ` xmlns:${prefix}="${escaped(namespace)}"`);
  return `<D:multistatus xmlns:D="${DAV}"${declared.join("")}>`;
}

function responseOf(resource: Resource, wanted: Wanted, foreign: ReadonlyMap<string, string>): string {
  const known: string[] = [], unknown: string[] = [];
  for (const { namespace, name } of namesOf(wanted)) {
    const property = namespace === DAV ? ALL.get(name) : undefined;
    const value = property?.(resource), tag = tagOf({ namespace, name }, foreign);
    if (value === undefined) {
      if (typeof wanted !== "string") unknown.push(`<${tag}/>`);
    } else known.push(wanted === "names" || value === "" ? `<${tag}/>` : `<${tag}>${value}</${tag.split(" ", 1)[0]}>`);
  }
  const stats = [statOf(known, "200 OK"), statOf(unknown, "404 Not Found")].join("");
  return `<D:response><D:href>${hrefOf(resource)}</D:href>${stats || statOf([""], "200 OK")}</D:response>`;
}

function namesOf(wanted: Wanted): readonly PropertyName[] {
  return typeof wanted === "string" ? Object.keys(PROPERTIES).map((name) => ({ namespace: DAV, name })) : wanted;
}

function tagOf({ namespace, name }: PropertyName, foreign: ReadonlyMap<string, string>): string {
  if (namespace === DAV) return `D:${name}`;
  const prefix = foreign.get(namespace);
  return prefix === undefined ? `${name} xmlns=""` : `${prefix}:${name}`;
}

function statOf(properties: readonly string[], status: string): string {
  if (properties.length === 0) return "";
  return `<D:propstat><D:prop>${properties.join("")}</D:prop><D:status>HTTP/1.1 ${status}</D:status></D:propstat>`;
}

/** Path of a resource; a directory's ends with a slash. */
export function hrefOf({ segments, isDirectory, isTop }: Pick<Resource, "segments" | "isDirectory" | "isTop">): string {
  if (isTop) return "/";
  const path = ["/dav", ...segments.map(encodedSegment)].join("/");
  return isDirectory ? `${path}/` : path;
}

/** Text escaped for XML; characters that XML doesn't allow are replaced. */
function escaped(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const LAST_MS = Date.UTC(9999, 11, 31);

/** The time, limited to years that clients can read. */
function dateOf(ms: number): Date {
  return new Date(Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LAST_MS) : 0);
}
