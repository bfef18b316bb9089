/** The target of a request, parsed once: routes, roles and handlers use only this. */
import { type Raw, rawOfBytes, textOf } from "../../core/raw.ts";

export interface Target {
  /** Names of the path, decoded to bytes; none of them is empty, `.` or `..`, or holds `/` or NUL. */
  readonly segments: readonly Raw[];
  /** True if the path ends with `/`. */
  readonly isDirectory: boolean;
  readonly query: Query;
}

/** Query parameters in their order. */
export class Query {
  readonly #pairs: readonly (readonly [string, Raw])[];

  constructor(pairs: readonly (readonly [string, Raw])[]) {
    this.#pairs = pairs;
  }

  /** The first value of that name as text, as `--json` shows bytes. */
  get(name: string): string | undefined {
    const found = this.raw(name);
    return found === undefined ? undefined : textOf(found);
  }

  raw(name: string): Raw | undefined {
    return this.#pairs.find(([key]) => key === name)?.[1];
  }

  /** Names and values. */
  get pairs(): readonly (readonly [string, Raw])[] {
    return this.#pairs;
  }

  all(name: string): readonly Raw[] {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }
}

const MOST_PARAMETERS = 1024;

/**
 * Parses the target of a request: path and query, `/a/b%20c?d=e`.
 * @returns undefined if it isn't one that this server could have produced
 */
export function parseTarget(text: string): Target | undefined {
  if (!text.startsWith("/")) return undefined;
  const mark = text.indexOf("?"), path = mark < 0 ? text : text.slice(0, mark);
  const parts = path.slice(1).split("/"), isDirectory = parts.at(-1) === "";
  if (isDirectory) parts.pop();
  const segments: Raw[] = [];
  for (const part of parts) {
    const segment = decoded(part);
    if (segment === undefined || !isName(segment)) return undefined;
    segments.push(segment);
  }
  const query = parseQuery(mark < 0 ? "" : text.slice(mark + 1));
  return query === undefined ? undefined : { segments, isDirectory, query };
}

function isName(segment: Raw): boolean {
  return segment !== "" && segment !== "." && segment !== ".." && !/[/\0]/.test(segment);
}

/** Parses a form, or the query of a target; undefined if it is invalid. */
export function parseQuery(text: string): Query | undefined {
  const pairs: (readonly [string, Raw])[] = [];
  const parts = text.split("&").filter((part) => part !== "");
  if (parts.length > MOST_PARAMETERS) return undefined;
  for (const part of parts) {
    const [name = "", ...rest] = part.replaceAll("+", "%20").split("=");
    const key = decoded(name), value = decoded(rest.join("="));
    if (key === undefined || value === undefined || value.includes("\0")) return undefined;
    pairs.push([textOf(key), value]);
  }
  return new Query(pairs);
}

/** Decodes a text; undefined unless it is printable ASCII with valid escapes. */
function decoded(text: string): Raw | undefined {
  if (!/^(?:[!-$&-~]|%[0-9A-Fa-f]{2})*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const isEscape = text[at] === "%";
    bytes[length++] = isEscape ? parseInt(text.slice(at + 1, at + 3), 16) : text.charCodeAt(at);
    if (isEscape) at += 2;
  }
  return rawOfBytes(bytes.subarray(0, length));
}

/** Encodes a name for a target: unreserved characters as they are, all other bytes as `%XX`. */
export function encodedSegment(name: string): string {
  return name.replace(
    /[^A-Za-z0-9._~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** A path of a snapshot as the end of a target; "" for the top. @param path absolute, as bytes */
export function encodedPath(path: string): string {
  return path === "/" ? "" : path.split("/").map(encodedSegment).join("/");
}
