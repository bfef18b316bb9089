/** The subset of XML that answers of servers need: elements and text, by names without prefix. */

export interface Element {
  readonly name: string;
  /** All text directly inside it. */
  readonly text: string;
  readonly children: readonly Element[];
}

/** Deeper than any answer goes. */
const MOST_LEVELS = 64;
const TOKEN =
  /<!\[CDATA\[([\s\S]*?)\]\]>|<!--[\s\S]*?-->|<[?!][^>]*>|<(\/?)(?:[^\s/>:]+:)?([^\s/>:]+)(?:"[^"]*"|'[^']*'|[^>"'])*?(\/?)>|([^<]+)/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

interface Open {
  readonly name: string;
  text: string;
  readonly children: Element[];
}

/**
 * Parses a text to its root element; undefined if it isn't one well-formed element. Entities that a document declares
 * are not supported.
 */
export function parseXml(text: string): Element | undefined {
  const top: Open = { name: "", text: "", children: [] }, open = [top];
  for (const [all, cdata, isEnd, name, isEmpty, words] of text.matchAll(TOKEN)) {
    const inner = open.at(-1);
    if (inner === undefined || open.length > MOST_LEVELS) return undefined;
    if (cdata !== undefined) inner.text += cdata;
    else if (words !== undefined) inner.text += decoded(words);
    else if (name === undefined) continue;
    else if (isEnd === "/") {
      if (open.length === 1 || inner.name !== name) return undefined;
      open.pop();
    } else {
      const element: Open = { name, text: "", children: [] };
      inner.children.push(element);
      if (isEmpty !== "/" && !all.endsWith("/>")) open.push(element);
    }
  }
  return open.length === 1 && top.children.length === 1 ? top.children[0] : undefined;
}

/** Text of the first child with that name; undefined if there is none. */
export function childText(element: Element | undefined, name: string): string | undefined {
  return element?.children.find((child) => child.name === name)?.text;
}

/** Yields all descendants with a name, at any depth. */
export function* elementsNamed(element: Element, name: string): Generator<Element> {
  if (element.name === name) yield element;
  for (const child of element.children) yield* elementsNamed(child, name);
}

function decoded(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));/g, (all, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? all;
    const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}
