/**
 * A place for the objects of a vault: bytes under names, written once, never changed. Every kind of place makes one; what is
 * common to all (trying again, a limit of speed) is put around it. `tests/contract/backend_contract.ts` has the promises.
 */
import { BadId } from "../core/fault.ts";
import type { Branded } from "../core/raw.ts";

/** What objects there are many of. */
export const OBJECT_KINDS = ["keys", "data", "index", "snapshots", "locks"] as const;
export type ObjectKind = typeof OBJECT_KINDS[number];

/** `config`, `README.txt`, or `KIND/NAME`. */
export type ObjectKey = Branded<string, "ObjectKey">;

export const CONFIG = "config" as ObjectKey;
/** For people. Some places refuse it. */
export const README = "README.txt" as ObjectKey;

const NAME = /^[0-9a-f]{64}$/;

/** @param name SHA-256 of the object's bytes, lower-case hex @throws BadId */
export function objectKey(kind: ObjectKind, name: string): ObjectKey {
  if (!isObjectName(name)) throw new BadId("the name of an object", name);
  return `${kind}/${name}` as ObjectKey;
}

export function isObjectName(name: string): boolean {
  return NAME.test(name);
}

/** Undefined for `config` and `README.txt`. */
export function partsOf(key: ObjectKey): { readonly kind: ObjectKind; readonly name: string } | undefined {
  const [kind, name] = key.split("/"), found = OBJECT_KINDS.find((each) => each === kind);
  return found === undefined || name === undefined ? undefined : { kind: found, name };
}

/** A body that is too large for the memory. */
export interface SpooledFile {
  readonly size: number;
  /** Fills `into` from `position` on; returns less only at the end. */
  read(into: Uint8Array<ArrayBuffer>, position: number): number;
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
  readonly signal?: AbortSignal;
}

export interface ListedObject {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** What a place can promise. */
export interface Abilities {
  readonly remove: boolean;
  /** Of two writers of the same name, exactly one gets "stored". */
  readonly putIfAbsent: boolean;
}

/**
 * Failures are faults: MissingObject, ObjectTaken, ShortObject, PlaceUnavailable, PlaceRefuses, DiskFault; Interrupted
 * after an abort. Names are hashes of bytes that are different each time, so nobody else stores what has the same name.
 */
export interface Backend extends AsyncDisposable {
  /** For messages: a path, or a URL without credentials. */
  readonly location: string;
  readonly can: Abilities;
  /**
   * Stores an object: visible only when whole, durable when this resolves, and never in the place of another.
   * "there": an object of the same size has that name, from an earlier try whose answer was lost.
   * @throws ObjectTaken if an object of another size has it
   */
  put(key: ObjectKey, body: Body, signal?: AbortSignal): Promise<"stored" | "there">;
  /** Exactly the bytes that are asked for. @throws MissingObject, ShortObject if the range goes beyond the end */
  get(key: ObjectKey, options?: GetOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Its size; undefined if it isn't there. */
  head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined>;
  /** In no particular order. Includes everything stored before the listing began; skips whatever is not an object. */
  list(kind: ObjectKind, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /** Nothing happens if it isn't there. */
  remove(key: ObjectKey, signal?: AbortSignal): Promise<void>;
  /** The time there, in ms since 1970. All clients of a vault share it; their own clocks decide nothing. */
  now(): Promise<number>;
  /** Removes what broken-off writers left, if it is older than that (by the time there). @returns how many things */
  removeLeftovers(beforeMs: number): Promise<number>;
}
