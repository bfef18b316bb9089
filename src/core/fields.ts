/** Reads fields of the expected type and range from parsed JSON. Errors name the field. */
import type { Fault } from "./fault.ts";
import { fieldsOf } from "./json.ts";

/** The longest text that a name, a path or a pattern of a file may be, in UTF-16 units; nothing sound comes near. */
const LONGEST_TEXT = 1024 * 1024;
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Lower and upper bound, both included. */
export type Bounds = readonly [least: number, most: number];

export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #bad: (why: string) => Fault;

  /** @param bad makes the fault to throw from `why`, a phrase that continues a sentence after the name of the file */
  constructor(fields: Readonly<Record<string, unknown>>, bad: (why: string) => Fault) {
    this.#fields = fields;
    this.#bad = bad;
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  /**
   * Returns the value that `judge` makes of a field.
   * @param what a noun that completes "is no ..."
   * @param judge returns undefined for a wrong value
   * @throws the fault of the constructor's `bad`
   */
  judged<T>(name: string, what: string, judge: (value: unknown) => T | undefined): T {
    const value = judge(this.#fields[name]);
    if (value === undefined) throw this.#bad(`its "${name}" is no ${what}`);
    return value;
  }

  /** A string without NUL, which would end a name or a path in system calls. */
  text(name: string): string {
    return this.judged(name, "text", textOrNone);
  }

  texts(name: string): string[] {
    const texts = this.list(name).map(textOrNone);
    if (texts.every((text) => text !== undefined)) return texts;
    throw this.#bad(`its "${name}" is no list of texts`);
  }

  /** A time: ISO 8601, UTC, with milliseconds. */
  time(name: string): string {
    return this.judged(name, "time", (value) => {
      return typeof value === "string" && ISO_TIME.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
    });
  }

  integer(name: string, [least, most]: Bounds): number {
    const value = this.judged(
      name,
      "whole number",
      (value) => Number.isSafeInteger(value) ? value as number : undefined,
    );
    if (value < least || value > most) throw this.#bad(`its "${name}" is ${value}: out of range`);
    return value;
  }

  count(name: string, most = Number.MAX_SAFE_INTEGER): number {
    return this.integer(name, [0, most]);
  }

  /** A boolean; false if the field is missing. */
  flag(name: string): boolean {
    return this.judged(name, "true or false", (value = false) => typeof value === "boolean" ? value : undefined);
  }

  list(name: string): readonly unknown[] {
    return this.judged(name, "list", (value) => Array.isArray(value) ? value as unknown[] : undefined);
  }

  object(name: string): Readonly<Record<string, unknown>> {
    return this.judged(name, "object", (value) => {
      return typeof value === "object" && value !== null && !Array.isArray(value) ? fieldsOf(value) : undefined;
    });
  }

  /** A reader for the fields of a nested object. */
  section(name: string): FieldReader {
    return new FieldReader(this.object(name), (why) => this.#bad(`in its "${name}", ${why}`));
  }

  /** Readers for the objects of a list. */
  sections(name: string): FieldReader[] {
    return this.list(name).map((value, i) => {
      return new FieldReader(fieldsOf(value), (why) => this.#bad(`in place ${i + 1} of its "${name}", ${why}`));
    });
  }
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= LONGEST_TEXT && !value.includes("\0") ? value : undefined;
}
