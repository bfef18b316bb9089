/**
 * A place for the objects of a vault: bytes under names, written once and never changed. Each kind of place has its own
 * implementation; what they share (retries, rate limits) is wrapped around it. `tests/contract/backend_contract.ts`
 * defines the contract.
 */
import { BadId } from "../core/fault.ts";
import type { Branded, Raw } from "../core/raw.ts";
import { ShortObject } from "./faults.ts";

/** Kinds of objects of which there are many. */
export const OBJECT_KINDS = ["keys", "data", "index", "snapshots", "locks"] as const;
export type ObjectKind = typeof OBJECT_KINDS[number];

/** Key of an object: `config`, `README.txt`, or `KIND/NAME`. */
export type ObjectKey = Branded<string, "ObjectKey">;

export const CONFIG = "config" as ObjectKey;
/** A text for people. Some places refuse it. */
export const README = "README.txt" as ObjectKey;

const NAME = /^[0-9a-f]{64}$/;

/** Makes the key of an object. @param name SHA-256 of the object's bytes, lower-case hex @throws BadId */
export function objectKey(kind: ObjectKind, name: string): ObjectKey {
  if (!isObjectName(name)) throw new BadId("the name of an object", name);
  return `${kind}/${name}` as ObjectKey;
}

export function isObjectName(name: string): boolean {
  return NAME.test(name);
}

/** Splits a key; undefined for `config` and `README.txt`. */
export function partsOf(key: ObjectKey): { readonly kind: ObjectKind; readonly name: string } | undefined {
  const [kind, name] = key.split("/"), found = OBJECT_KINDS.find((each) => each === kind);
  return found === undefined || name === undefined ? undefined : { kind: found, name };
}

/** A body that is too large for memory. */
export interface SpooledFile {
  readonly size: number;
  /** Fills `into` from `position` on; returns fewer bytes only at the end. */
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
  /** Its name, if it lies where {@link Backend.stage} said: the place may take the file itself. */
  readonly staged?: Raw;
}

/** A new file in the place itself. */
export interface StagedFile {
  readonly directory: Raw;
  readonly name: Raw;
}

export type Body = Uint8Array<ArrayBuffer> | SpooledFile;

export function sizeOf(body: Body): number {
  return body instanceof Uint8Array ? body.length : body.size;
}

/** Bytes `from` to `from + length`. */
export interface ByteRange {
  readonly from: number;
  readonly length: number;
}

export interface GetOptions {
  /** Absent: the whole object. */
  readonly range?: ByteRange;
  /** True: an object that ends within the range is no fault, and gives what there is. Default: false. */
  readonly mayEnd?: boolean;
  /**
   * Memory for the bytes, at least as many as there are in the range. A place that can fill it returns a view of it;
   * others return memory of their own.
   */
  readonly into?: Uint8Array | undefined;
  readonly signal?: AbortSignal;
}

export interface PutOptions {
  /**
   * True if the bytes contain randomness of this run and were never sent before. Then nobody can have stored them, and
   * the place isn't asked first whether it has them. Default: false.
   */
  readonly isFresh?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** How many bytes of a range to give. @throws ShortObject */
export function lengthIn(size: number, key: ObjectKey, { range, mayEnd = false }: GetOptions): number {
  const { from, length } = range ?? { from: 0, length: size }, end = from + length;
  if (from > size || (end > size && !mayEnd)) throw new ShortObject(key, end, size);
  return Math.min(length, size - from);
}

export interface ListedObject {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** Guarantees of a place. */
export interface Abilities {
  readonly remove: boolean;
  /** True if, of two concurrent writers of the same name, exactly one gets "stored". */
  readonly putIfAbsent: boolean;
}

/**
 * Failures are faults: MissingObject, ObjectTaken, ShortObject, PlaceUnavailable, PlaceRefuses, DiskFault, and
 * Interrupted after an abort. A name is the hash of bytes that never repeat, so no two clients store different objects
 * under the same name.
 */
export interface Backend extends AsyncDisposable {
  /** For messages: a path, or a URL without credentials. */
  readonly location: string;
  readonly can: Abilities;
  /**
   * Stores an object. It becomes visible only when complete, is durable when this resolves, and never replaces another.
   * "there": an object of the same size already has that name, from an earlier attempt whose answer was lost.
   * @throws ObjectTaken if an object of another size has it
   */
  put(key: ObjectKey, body: Body, options?: PutOptions): Promise<"stored" | "there">;
  /**
   * Returns exactly the requested bytes.
   * @throws MissingObject, ShortObject if the range begins beyond the end, or ends there without `mayEnd`
   */
  get(key: ObjectKey, options?: GetOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** The size of an object in bytes; undefined if it doesn't exist. */
  head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined>;
  /**
   * Lists objects in no particular order. Includes everything stored before the listing began, and skips files that are
   * not objects.
   */
  list(kind: ObjectKind, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /** Removes an object; does nothing if it doesn't exist. */
  remove(key: ObjectKey, signal?: AbortSignal): Promise<void>;
  /**
   * The place's time, in ms since 1970. All clients of a vault share it; their own clocks decide nothing.
   * @param options.roughly true: what an answer of the last seconds showed is good enough, even if it is off by a second
   */
  now(options?: { readonly roughly?: boolean }): Promise<number>;
  /**
   * Where to make the file of an object that is put later, so that it needn't be copied. Whoever makes it makes its bytes
   * durable, and removes this name in the end. Absent or undefined: not in this place.
   */
  stage?(): StagedFile | undefined;
  /**
   * Removes what interrupted writers left behind, if it is older than `beforeMs` (by the place's time).
   * @returns number of removed files
   */
  removeLeftovers(beforeMs: number): Promise<number>;
}
