/** What a diagnosis says: facts about one thing, without names of people, machines or places. */

import type { SizeText } from "../../core/size_text.ts";

export type FactValue = string | number | boolean | null;

export interface Fact {
  /** In JSON; camelCase. */
  readonly key: string;
  /** For people. */
  readonly label: string;
  /** Null: unknown. */
  readonly value: FactValue;
  /** How people read a number. */
  readonly unit?: "bytes" | "seconds";
  /** Why that may be a trouble: a sentence without its full stop. */
  readonly concern?: string;
}

export interface FactGroup {
  readonly key: "machine" | "storage" | "vault" | "directory" | "tried";
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** @param concern counts if `isConcern` */
export function fact(key: string, label: string, value: FactValue, more: FactMore = {}): Fact {
  const { unit, concern } = more;
  return { key, label, value, ...(unit && { unit }), ...(concern && { concern }) };
}

interface FactMore {
  readonly unit?: Fact["unit"];
  readonly concern?: string | false;
}

/** For people. */
export function valueText({ value, unit }: Fact, sizeText: SizeText): string {
  if (value === null) return "unknown";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  return unit === "bytes" ? sizeText(value) : unit === "seconds" ? `${value} s` : String(value);
}
