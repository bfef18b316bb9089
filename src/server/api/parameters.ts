/** Parameters of requests, read with their bounds. */
import { BadRequest } from "../exchange/problem.ts";
import type { Query } from "../exchange/target.ts";
import { parseSize } from "../../core/size_text.ts";

const LONGEST_TEXT = 1024;

/** @throws BadRequest */
export function countOf(query: Query, name: string, usual: number, most: number): number {
  const text = query.get(name);
  if (text === undefined || text === "") return usual;
  const count = Number(text);
  if (!/^\d{1,9}$/.test(text) || count < 1 || count > most) {
    throw new BadRequest(`The parameter ${name} is none of 1 to ${most}`);
  }
  return count;
}

/** Undefined if it isn't there, or empty. @throws BadRequest */
export function textParameter(query: Query, name: string): string | undefined {
  const text = query.get(name);
  if (text !== undefined && text.length > LONGEST_TEXT) throw new BadRequest(`The parameter ${name} is too long`);
  return text === "" ? undefined : text;
}

/** Such as 10M. */
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

/** One of some words. @throws BadRequest */
export function choiceOf<T extends string>(query: Query, name: string, choices: readonly T[]): T | undefined {
  const text = textParameter(query, name), found = choices.find((choice) => choice === text);
  if (text !== undefined && found === undefined) {
    throw new BadRequest(`The parameter ${name} is none of ${choices.join(", ")}`);
  }
  return found;
}

/** Yes for `1` and `true`, and for a name alone. */
export function flagOf(query: Query, name: string): boolean {
  return ["", "1", "true", "on"].includes(query.get(name) ?? "no");
}
