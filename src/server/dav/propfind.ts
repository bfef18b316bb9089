/** Parses PROPFIND requests, with a small XML reader that knows only what such a request needs. */
import { BadRequest } from "../exchange/problem.ts";

export interface PropertyName {
  readonly namespace: string;
  readonly name: string;
}

/** "all": the properties that every resource has; "names": only their names. */
export type Wanted = "all" | "names" | readonly PropertyName[];

export const DAV = "DAV:";
const MOST_LEVELS = 16, MOST_PROPERTIES = 256, MOST_PREFIXES = 32;
const NAME = /^[A-Za-z_\u0080-\uffff][\w.\-\u0080-\uffff]*$/;

/** Parses a request. @param text of the body; an empty one asks for all @throws BadRequest */
export function parsePropfind(text: string): Wanted {
  if (text.trim() === "") return "all";
  const root = parse(text);
  if (!isDav(root, "propfind")) throw refused("it asks for no properties");
  const [first] = root.children.filter(({ namespace }) => namespace === DAV);
  if (first?.name === "allprop") return "all";
  if (first?.name === "propname") return "names";
  if (first?.name !== "prop") throw refused("it asks for no properties");
  if (first.children.length > MOST_PROPERTIES) throw refused("it asks for too many properties");
  return first.children.map(({ namespace, name }) => ({ namespace, name }));
}

interface Element extends PropertyName {
  readonly children: Element[];
}

function isDav({ namespace, name }: PropertyName, expected: string): boolean {
  return namespace === DAV && name === expected;
}

function refused(why: string): BadRequest {
  return new BadRequest(`The body of this request can't be used: ${why}`, "Send what RFC 4918 says of PROPFIND");
}

interface Open {
  readonly element: Element;
  /** The tag as written. */
  readonly tag: string;
  readonly prefixes: ReadonlyMap<string, string>;
}

const NO_PREFIXES: ReadonlyMap<string, string> = new Map([["", ""], ["xml", "http://www.w3.org/XML/1998/namespace"]]);

/** Parses XML. Text between tags is ignored. */
function parse(text: string): Element {
  const open: Open[] = [];
  let root: Element | undefined;
  for (const token of tokens(text.replace(/^\ufeff/, ""))) {
    if (!token.startsWith("<") || /^<\?|^<!--/.test(token)) continue;
    if (token.startsWith("<!")) throw refused("it has a declaration");
    if (token.startsWith("</")) {
      if (open.pop()?.tag !== token.slice(2, -1).trim()) throw refused("its tags don't match");
      continue;
    }
    if (root !== undefined && open.length === 0) throw refused("it goes on after its end");
    const started = elementOf(token, open.at(-1)?.prefixes ?? NO_PREFIXES);
    open.at(-1)?.element.children.push(started.element);
    root ??= started.element;
    if (token.endsWith("/>")) continue;
    open.push(started);
    if (open.length > MOST_LEVELS) throw refused("it nests too deeply");
  }
  if (root === undefined || open.length > 0) throw refused("it has no end");
  return root;
}

function* tokens(text: string): Generator<string> {
  const pattern =
    /<!--[^]*?-->|<\?[^]*?\?>|<!\[CDATA\[[^]*?\]\]>|<[^<>"']*(?:"[^"<]*"[^<>"']*|'[^'<]*'[^<>"']*)*>|[^<]+/y;
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text);
    if (found === null) throw refused("it is no XML");
    yield found[0];
  }
}

function elementOf(token: string, outer: ReadonlyMap<string, string>): Open {
  const inside = token.slice(1, token.endsWith("/>") ? -2 : -1);
  const [, tag = "", rest = ""] = /^([^\s]+)([^]*)$/.exec(inside) ?? [];
  const prefixes = prefixesOf(rest, outer);
  const [local = "", prefix = ""] = tag.split(":").reverse(), namespace = prefixes.get(prefix);
  if (namespace === undefined || !NAME.test(local)) throw refused("it has a name that is none");
  return { element: { namespace, name: local, children: [] }, tag, prefixes };
}

/** One attribute, from its first space on. Sticky: an expression that searches may take very long on many spaces. */
const ATTRIBUTE = /\s+((?:xmlns:([\w.-]+))|[\w.:-]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;

/** Prefixes that hold in an element. @param attributes its tag behind the name */
function prefixesOf(attributes: string, outer: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const text = attributes.trimEnd(), own = new Map<string, string>();
  for (let at = 0; at < text.length; at = ATTRIBUTE.lastIndex) {
    ATTRIBUTE.lastIndex = at;
    const [, name, prefix, double, single] = ATTRIBUTE.exec(text) ?? [];
    if (name === undefined) throw refused("it has an attribute that is none");
    if (name === "xmlns" || prefix !== undefined) own.set(prefix ?? "", plain(double ?? single ?? ""));
  }
  if (own.size > MOST_PREFIXES) throw refused("it declares too many prefixes");
  return own.size === 0 ? outer : new Map([...outer, ...own]);
}

function plain(value: string): string {
  return value.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
