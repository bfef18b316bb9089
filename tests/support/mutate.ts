/**
 * Mutations for fuzz tests: of bytes, and of the structure of JSON. Each is made from a seed alone, so that a number is
 * enough to make a failure again.
 */
import { Buffer } from "node:buffer";
import { rounds } from "./effort.ts";

/** A source of chance that is the same for the same seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 4294967296 * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

const BYTE_MUTATIONS: readonly ((bytes: Bytes, chance: Chance) => Bytes)[] = [
  function flipBit(bytes, chance) {
    const at = chance.below(bytes.length);
    bytes[at]! ^= 1 << chance.below(8);
    return bytes;
  },
  function setByte(bytes, chance) {
    bytes[chance.below(bytes.length)] = chance.pick([0, 0xff, 0x0a, 0x22, 0x5c, 0x7b, 0x5d, chance.below(256)]);
    return bytes;
  },
  function truncate(bytes, chance) {
    return bytes.slice(0, chance.below(bytes.length));
  },
  function cutOut(bytes, chance) {
    const from = chance.below(bytes.length), length = 1 + chance.below(chance.pick([1, 8, 512]));
    return joined(bytes.subarray(0, from), bytes.subarray(from + length));
  },
  function duplicate(bytes, chance) {
    const from = chance.below(bytes.length), piece = bytes.subarray(from, from + 1 + chance.below(256));
    return joined(bytes.subarray(0, from), piece, piece, bytes.subarray(from + piece.length));
  },
  function swap(bytes, chance) {
    const length = 1 + chance.below(64), a = chance.below(bytes.length), b = chance.below(bytes.length);
    const first = bytes.slice(a, a + length);
    bytes.copyWithin(a, b, b + length);
    bytes.set(first.subarray(0, Math.min(first.length, bytes.length - b)), b);
    return bytes;
  },
  function zero(bytes, chance) {
    const from = chance.below(bytes.length);
    return bytes.fill(0, from, from + 1 + chance.below(chance.pick([4, 512, 8192])));
  },
  function insert(bytes, chance) {
    const at = chance.below(bytes.length + 1);
    const piece = Uint8Array.from({ length: 1 + chance.below(16) }, () => chance.below(256));
    return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
  },
  function append(bytes, chance) {
    return joined(
      bytes,
      new TextEncoder().encode(chance.pick(["\n", "{}", "\0", "]", '"', "\ufeff", "x".repeat(5000)])),
    );
  },
  function empty() {
    return new Uint8Array();
  },
];

/** Some bytes, damaged in one to three ways; never those that were given. */
export function mutateBytes(original: Uint8Array, seed: number): Bytes {
  const chance = new Chance(seed);
  let bytes = Uint8Array.from(original);
  do {
    for (let n = 1 + chance.below(3); n > 0 && bytes.length > 0; n--) {
      bytes = chance.pick(BYTE_MUTATIONS)(bytes, chance);
    }
  } while (Buffer.compare(bytes, original) === 0 && original.length > 0);
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  return Uint8Array.from(Buffer.concat(parts));
}

/** JSON text of a value that stands nowhere in a value: what `JSON.stringify` can't be made to write. */
const RAW = "\u0000raw:";
const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

/** Values of every type, and of sizes and forms that are wrong nearly everywhere. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  `${RAW}1e400`,
  `${RAW}-0`,
  `${RAW}99999999999999999999999999`,
  `${RAW}${deep(200)}`,
  `${RAW}${deep(5000)}`,
  "",
  " ",
  ".",
  "..",
  "/",
  "/..",
  "../../../etc/passwd",
  "/../../etc/passwd",
  "/a/../../../b",
  "//",
  "a/b",
  "a\0b",
  "a\nb",
  "\u001b[31m",
  "\udc80",
  "\ud800",
  "é",
  "x".repeat(300),
  "x".repeat(70_000),
  "-1",
  "0",
  "00",
  "99999999999999999999",
  "999999999999999999999999999999",
  "NaN",
  "Infinity",
  "1970-01-01T00:00:00.000Z",
  "+275760-09-13T00:00:00.001Z",
  "yesterday",
  "7777",
  "777777",
  "===",
  "__proto__",
  "constructor",
  "content/ab",
  "db/main",
  "archive/x",
  "latest/x",
  "tmp",
  "0000000000000000000000000000000000000000000000000000000000000000",
  [],
  {},
  [[]],
  [null],
  [""],
  ["a", "a"],
  [-1, -1],
  [2 ** 32, 2 ** 32],
  JSON.parse(`{"__proto__": null, "": 1}`),
  { a: { b: { c: [] } } },
];

const KEYS = [
  "",
  "a",
  "__proto__",
  "constructor",
  "toString",
  "length",
  "$schema",
  "path",
  "size",
  "version",
  "x".repeat(300),
];

type Place = { readonly holder: Record<string, unknown> | unknown[]; readonly key: string | number };

/** Every place in a value where another value could stand. */
function* placesIn(holder: unknown): Generator<Place> {
  if (typeof holder !== "object" || holder === null) return;
  for (const key of Object.keys(holder)) {
    const place = { holder: holder as Record<string, unknown>, key };
    yield place;
    yield* placesIn(place.holder[key]);
  }
}

const JSON_MUTATIONS: readonly ((place: Place, chance: Chance) => void)[] = [
  function replace({ holder, key }, chance) {
    put(holder, key, structuredClone(chance.pick(VALUES)));
  },
  function remove({ holder, key }) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  },
  function add({ holder }, chance) {
    if (Array.isArray(holder)) holder.splice(chance.below(holder.length + 1), 0, structuredClone(chance.pick(VALUES)));
    else put(holder, chance.pick(KEYS), structuredClone(chance.pick(VALUES)));
  },
  function repeat({ holder, key }, chance) {
    if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(holder[Number(key)]));
    else put(holder, chance.pick(KEYS), structuredClone(holder[key]));
  },
  function swap({ holder, key }, chance) {
    const keys = Object.keys(holder), other = chance.pick(keys), values = holder as Record<string, unknown>;
    const before = values[key];
    put(holder, key, values[other]);
    put(holder, other, before);
  },
  function wrap({ holder, key }, chance) {
    const value = (holder as Record<string, unknown>)[key];
    put(holder, key, chance.pick([[value], { value }, JSON.stringify(value) ?? null]));
  },
  function vary({ holder, key }, chance) {
    const value = (holder as Record<string, unknown>)[key];
    if (typeof value === "number") put(holder, key, chance.pick([-value, value + 1, value * 2 ** 31, value / 3]));
    if (typeof value === "string") put(holder, key, variedText(value, chance));
  },
];

function variedText(text: string, chance: Chance): string {
  const at = chance.below(text.length + 1);
  const piece = chance.pick(["/", "..", "/../", "\0", " ", "0", "f", "-", "\n", "\udcff", "é"]);
  return text.slice(0, at) + piece + text.slice(at + chance.below(2));
}

/** As a key of its own also what an assignment would take for something else. */
function put(holder: Place["holder"], key: string | number, value: unknown): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

/** JSON text of a value, wrong in one to three places. */
export function mutateJson(original: unknown, seed: number): string {
  const chance = new Chance(seed), holder = { value: structuredClone(original) };
  for (let n = 1 + chance.below(3); n > 0; n--) {
    const places = [...placesIn(holder)];
    if (places.length > 0) chance.pick(JSON_MUTATIONS)(chance.pick(places), chance);
  }
  return (JSON.stringify(holder.value) ?? "null").replace(/"\\u0000raw:([^"]*)"/g, "$1");
}

/**
 * One of many wrong forms of a JSON file: mostly its structure is wrong, now and then its bytes.
 * @param original text of the file
 */
export function mutateJsonFile(original: string, seed: number): Bytes {
  if (seed % 4 === 0) return mutateBytes(new TextEncoder().encode(original), seed);
  return Uint8Array.from(new TextEncoder().encode(mutateJson(JSON.parse(original), seed)));
}

/** How many inputs a fuzz test tries. */
export function fuzzRounds(usual: number, slow = 100_000): number {
  return rounds(usual, slow);
}

/** The first seed; another one with `FUZZ_SEED`. */
export function firstSeed(): number {
  return Number(Deno.env.get("FUZZ_SEED") ?? 1);
}

/**
 * Tries mutated inputs, one for each seed.
 * @param tries throws, or rejects, for what must not happen
 */
export async function fuzz(rounds: number, tries: (seed: number) => void | Promise<void>): Promise<void> {
  const first = firstSeed();
  for (let seed = first; seed < first + rounds; seed++) {
    try {
      await tries(seed);
    } catch (error) {
      throw new Error(`Seed ${seed} (repeat with FUZZ_SEED=${seed}): ${(error as Error).message}`, { cause: error });
    }
  }
}
