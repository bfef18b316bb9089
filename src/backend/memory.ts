/** Objects in memory, for tests and for simulations that need many vaults. */
import { Interrupted } from "../core/fault.ts";
import {
  type Backend,
  type Body,
  type GetOptions,
  lengthIn,
  type ListedObject,
  type ObjectKey,
  type ObjectKind,
  partsOf,
  type PutOptions,
  sizeOf,
} from "./backend.ts";
import { MissingObject, ObjectTaken } from "./faults.ts";

/** A place; several backends may share it, as clients of the same place. */
export class MemoryObjects {
  readonly #bytes = new Map<ObjectKey, Uint8Array<ArrayBuffer>>();

  get map(): Map<ObjectKey, Uint8Array<ArrayBuffer>> {
    return this.#bytes;
  }
}

/** Opens a backend. @param now the place's time, in ms since 1970 */
export function openMemory(objects: MemoryObjects, now: () => number): Backend {
  return new MemoryBackend(objects, now);
}

class MemoryBackend implements Backend {
  readonly location = "mem:";
  readonly can = { remove: true, putIfAbsent: true };
  readonly #objects: Map<ObjectKey, Uint8Array<ArrayBuffer>>;
  readonly #now: () => number;

  constructor(objects: MemoryObjects, now: () => number) {
    this.#objects = objects.map;
    this.#now = now;
  }

  async put(key: ObjectKey, body: Body, { signal }: PutOptions = {}): Promise<"stored" | "there"> {
    await turn(signal);
    const size = sizeOf(body), found = this.#objects.get(key);
    if (found !== undefined && found.length !== size) throw new ObjectTaken(key, size, found.length);
    if (found !== undefined) return "there";
    this.#objects.set(key, copyOf(body));
    return "stored";
  }

  async get(key: ObjectKey, options: GetOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    await turn(options.signal);
    const bytes = this.#objects.get(key), from = options.range?.from ?? 0;
    if (bytes === undefined) throw new MissingObject(key);
    return bytes.slice(from, from + lengthIn(bytes.length, key, options));
  }

  async head(key: ObjectKey, signal?: AbortSignal): Promise<number | undefined> {
    await turn(signal);
    return this.#objects.get(key)?.length;
  }

  async *list(kind: ObjectKind, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    await turn(signal);
    for (const [key, { length }] of [...this.#objects]) {
      const parts = partsOf(key);
      if (parts?.kind === kind) yield { name: parts.name, size: length };
    }
  }

  async remove(key: ObjectKey, signal?: AbortSignal): Promise<void> {
    await turn(signal);
    this.#objects.delete(key);
  }

  now(): Promise<number> {
    return Promise.resolve(this.#now());
  }

  removeLeftovers(): Promise<number> {
    return Promise.resolve(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Gives way to others, as a request does. */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  await Promise.resolve();
  if (signal?.aborted === true) throw new Interrupted();
}

function copyOf(body: Body): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body.slice();
  const bytes = new Uint8Array(body.size);
  body.read(bytes, 0);
  return bytes;
}
