/** The result of a diagnosis: single facts, without names of people, machines or places. */

import type { SizeText } from "../../core/size_text.ts";

export type FactValue = string | number | boolean | null;

export interface Fact {
  /** Key in JSON; camelCase. */
  readonly key: string;
  /** Label for people. */
  readonly label: string;
  /** Null if unknown. */
  readonly value: FactValue;
  /** Unit in which people read a number. */
  readonly unit?: "bytes" | "seconds";
  /** Why the value may be a problem: a sentence without its period. */
  readonly concern?: string;
}

export interface FactGroup {
  readonly key: "machine" | "storage" | "vault" | "directory" | "tried";
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** Makes a fact. @param more unit, and a concern, or false if there is none */
export function fact(key: string, label: string, value: FactValue, more: FactMore = {}): Fact {
  const { unit, concern } = more;
  return { key, label, value, ...(unit && { unit }), ...(concern && { concern }) };
}

interface FactMore {
  readonly unit?: Fact["unit"];
  readonly concern?: string | false;
}

/** Formats a value for people. */
export function valueText({ value, unit }: Fact, sizeText: SizeText): string {
  if (value === null) return "unknown";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  return unit === "bytes" ? sizeText(value) : unit === "seconds" ? `${value} s` : String(value);
}
