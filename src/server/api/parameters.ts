/** Reads parameters of requests and checks their limits. */
import { BadRequest } from "../exchange/problem.ts";
import type { QueryParameter } from "../exchange/route.ts";
import type { Query } from "../exchange/target.ts";
import { parseSize } from "../../core/size_text.ts";

const LONGEST_TEXT = 1024;

/** Describes a parameter of `countOf` for the document of the interface. */
export function aboutCount(description: string, most: number): QueryParameter {
  return { description, schema: { type: "integer", minimum: 1, maximum: most } };
}

/** Describes a parameter of `timeParameter`. */
export function aboutTime(description: string): QueryParameter {
  return {
    description,
    schema: { anyOf: [{ type: "string", format: "date" }, { type: "string", format: "date-time" }] },
  };
}

/** Describes a parameter of `sizeParameter`. */
export function aboutSize(description: string): QueryParameter {
  return { description, schema: { type: "string", pattern: "^[0-9]{1,9}[KMGT]?$" } };
}

/** Describes a parameter that takes one of some words. */
export function aboutChoice(description: string, words: readonly string[]): QueryParameter {
  return { description, schema: { type: "string", enum: words } };
}

/** A number from 1 to `most`. @param usual its default @throws BadRequest */
export function countOf(query: Query, name: string, usual: number, most: number): number {
  const text = query.get(name);
  if (text === undefined || text === "") return usual;
  const count = Number(text);
  if (!/^\d{1,9}$/.test(text) || count < 1 || count > most) {
    throw new BadRequest(`The parameter ${name} is none of 1 to ${most}`);
  }
  return count;
}

/** A text; undefined if it is missing or empty. @throws BadRequest if it is too long */
export function textParameter(query: Query, name: string): string | undefined {
  const text = query.get(name);
  if (text !== undefined && text.length > LONGEST_TEXT) throw new BadRequest(`The parameter ${name} is too long`);
  return text === "" ? undefined : text;
}

/** A size such as 10M, in bytes; undefined if it is missing. */
export function sizeParameter(query: Query, name: string): number | undefined {
  const text = textParameter(query, name);
  return text === undefined ? undefined : parseSize(text);
}

/** A date or time in ISO 8601, as ms since 1970. @throws BadRequest */
export function timeParameter(query: Query, name: string): number | undefined {
  const text = textParameter(query, name);
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) throw new BadRequest(`The parameter ${name} is no time, such as 2026-11-20`);
  return ms;
}

/** One of several words; undefined if it is missing. @throws BadRequest */
export function choiceOf<T extends string>(query: Query, name: string, choices: readonly T[]): T | undefined {
  const text = textParameter(query, name), found = choices.find((choice) => choice === text);
  if (text !== undefined && found === undefined) {
    throw new BadRequest(`The parameter ${name} is none of ${choices.join(", ")}`);
  }
  return found;
}

/** True for `1`, `true`, `on`, and for a name without a value. */
export function flagOf(query: Query, name: string): boolean {
  return ["", "1", "true", "on"].includes(query.get(name) ?? "no");
}
