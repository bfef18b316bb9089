/** Reads JSON of unknown origin field by field. Every value is validated before it is used. */
import { BeyondLimit, DamagedObject, ForeignObject, NewerObject } from "./faults.ts";
import { MOST_JSON_NESTING } from "./limits.ts";

/** The version of all formats that this tool writes. */
export const VERSION = 1;

export type JsonFields = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN_LIST = 0x5b, CLOSE_LIST = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/** Parses JSON. @param what the object, for messages @throws DamagedObject, BeyondLimit */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (nestingOf(bytes) > MOST_JSON_NESTING) throw new BeyondLimit(what, "the nesting of its JSON", MOST_JSON_NESTING);
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new DamagedObject(what, "it is not JSON in UTF-8");
  }
}

/** Depth of nested lists and objects. It is checked before parsing, which could exhaust the stack. */
function nestingOf(bytes: Uint8Array): number {
  let depth = 0, deepest = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      deepest = Math.max(deepest, ++depth);
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return deepest;
}

/**
 * Reads fields of the right type from parsed JSON. Every method throws DamagedObject if a field is missing or invalid.
 */
export class FieldReader {
  readonly what: string;
  readonly #fields: JsonFields;

  constructor(value: unknown, what: string) {
    this.what = what;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.damaged("it is no JSON object");
    this.#fields = { ...value };
  }

  /** Checks `format` and `version`. @throws NewerObject */
  isOfFormat(format: string): this {
    if (this.#fields["format"] !== format) throw this.damaged(`its "format" is not "${format}"`);
    const version = this.count("version");
    if (version !== VERSION) throw new NewerObject(this.what, version);
    return this;
  }

  /** Checks the vault's id. @throws ForeignObject */
  isOfVault(id: string | undefined): this {
    const vault = this.vaultId("vault");
    if (id !== undefined && vault !== id) throw new ForeignObject(this.what, vault);
    return this;
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== "string") throw this.damaged(`its "${name}" is no text`);
    return value;
  }

  /** One of several words. */
  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.text(name), found = words.find((word) => word === value);
    if (found === undefined) throw this.damaged(`its "${name}" is none of ${words.join(", ")}`);
    return found;
  }

  vaultId(name: string): string {
    const value = this.text(name);
    if (!isUuid(value)) throw this.damaged(`its "${name}" is no UUID`);
    return value;
  }

  objectName(name: string): string {
    const value = this.text(name);
    if (!isObjectName(value)) throw this.damaged(`its "${name}" is no name of an object`);
    return value;
  }

  /** A time in ISO 8601, UTC. */
  time(name: string): string {
    const value = this.text(name);
    if (!isTime(value)) throw this.damaged(`its "${name}" is no time`);
    return value;
  }

  /** A whole number from 0. @param most largest allowed value @throws BeyondLimit */
  count(name: string, most?: number): number {
    return countOf(this.#fields[name], `"${name}"`, this.what, most);
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    if (typeof value !== "boolean") throw this.damaged(`its "${name}" is neither true nor false`);
    return value;
  }

  /** A list. @param most largest allowed length @throws BeyondLimit */
  list(name: string, most: number): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw this.damaged(`its "${name}" is no list`);
    if (value.length > most) throw new BeyondLimit(this.what, `the length of "${name}"`, most);
    return value;
  }

  section(name: string): FieldReader {
    return new FieldReader(this.#fields[name], this.what);
  }

  damaged(why: string): DamagedObject {
    return new DamagedObject(this.what, why);
  }
}

/** Validates a whole number from 0. @param name of the field, for messages @throws DamagedObject, BeyondLimit */
export function countOf(value: unknown, name: string, what: string, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new DamagedObject(what, `its ${name} is no whole number from 0`);
  }
  if (value > most) throw new BeyondLimit(what, `its ${name}`, most);
  return value;
}

/** True for 64 lower-case hex digits, the form of object names and digests. */
export function isObjectName(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** True for a valid time in ISO 8601, UTC, with or without fractions of a second. */
export function isTime(text: string): boolean {
  return /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$/.test(text) &&
    !Number.isNaN(Date.parse(text));
}
