/**
 * The promises of `src/backend/backend.ts`, one rule each. Every backend keeps all of them; a difference is named in
 * `unless`, with its reason, and shown as an ignored test.
 */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { Interrupted } from "../../src/core/fault.ts";
import {
  type Backend,
  CONFIG,
  type ObjectKey,
  objectKey,
  type ObjectKind,
  type SpooledFile,
} from "../../src/backend/backend.ts";
import { MissingObject, ObjectTaken, ShortObject } from "../../src/backend/faults.ts";

/** A place that only one rule uses. */
export interface BackendPlace extends AsyncDisposable {
  /** A client of it. What one stores, the others see. */
  open(): Promise<Backend>;
  /** Puts there what is no object, and what a writer leaves that was killed; absent where nothing of the kind can be. */
  litter?(): void;
}

export interface BackendRule {
  readonly title: string;
  readonly check: (place: BackendPlace) => Promise<void>;
}

export interface ContractOptions {
  /** Titles of rules that this backend doesn't keep, to the reasons. */
  readonly unless?: Readonly<Record<string, string>>;
  /** True where something is missing that the backend needs. */
  readonly ignore?: boolean;
  /** True if a library of the backend lets go of resources only when the garbage collector comes. */
  readonly leaks?: boolean;
}

export function backendContract(
  name: string,
  makePlace: () => BackendPlace,
  { unless = {}, ignore = false, leaks = false }: ContractOptions = {},
): void {
  const titles = new Set(BACKEND_RULES.map(({ title }) => title));
  deepStrictEqual(Object.keys(unless).filter((title) => !titles.has(title)), [], "every exception belongs to a rule");
  for (const { title, check } of BACKEND_RULES) {
    const reason = unless[title];
    Deno.test({
      name: `${name}: ${title}${reason === undefined ? "" : ` [not here: ${reason}]`}`,
      sanitizeResources: !leaks,
      ignore: ignore || reason !== undefined,
      async fn() {
        await using place = makePlace();
        await check(place);
      },
    });
  }
}

const KINDS: readonly ObjectKind[] = ["keys", "data", "index", "snapshots", "locks"];
const LARGE_BYTES = 3 * 1024 * 1024 + 17;

/** Bytes that anybody can make again. */
function bytesOf(seed: number, length = 100): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 7 + (i >> 8);
  return bytes;
}

function keyOf(kind: ObjectKind, bytes: Uint8Array): ObjectKey {
  return objectKey(kind, hash("sha256", bytes, "hex"));
}

function spooled(bytes: Uint8Array<ArrayBuffer>): SpooledFile {
  return {
    size: bytes.length,
    read(into, position) {
      const piece = bytes.subarray(position, position + into.length);
      into.set(piece);
      return piece.length;
    },
  };
}

async function listed(backend: Backend, kind: ObjectKind): Promise<string[]> {
  return (await Array.fromAsync(backend.list(kind), ({ name, size }) => `${name} ${size}`)).sort();
}

function rule(title: string, body: (backend: Backend, place: BackendPlace) => Promise<void>): BackendRule {
  return {
    title,
    async check(place) {
      await using backend = await place.open();
      await body(backend, place);
    },
  };
}

export const BACKEND_RULES: readonly BackendRule[] = [
  rule(
    "get() gives what put() was given, in every kind, empty and large, from memory and from a file",
    async (backend) => {
      for (const kind of KINDS) {
        for (const length of [0, 1, 100]) {
          const bytes = bytesOf(length, length), key = keyOf(kind, bytes);
          strictEqual(await backend.put(key, bytes), "stored");
          deepStrictEqual(await backend.get(key), bytes);
          strictEqual(await backend.head(key), length);
        }
      }
      const large = bytesOf(1, LARGE_BYTES), copy = bytesOf(2, LARGE_BYTES);
      strictEqual(await backend.put(keyOf("data", large), large), "stored");
      strictEqual(await backend.put(keyOf("data", copy), spooled(copy)), "stored");
      for (const bytes of [large, copy]) ok(Buffer.compare(await backend.get(keyOf("data", bytes)), bytes) === 0);
    },
  ),
  rule("config has a name of its own, and is in no list", async (backend) => {
    strictEqual(await backend.head(CONFIG), undefined);
    strictEqual(await backend.put(CONFIG, bytesOf(1)), "stored");
    deepStrictEqual(await backend.get(CONFIG), bytesOf(1));
    for (const kind of KINDS) deepStrictEqual(await listed(backend, kind), []);
  }),
  rule("put() of the same object again says that it is there", async (backend) => {
    const bytes = bytesOf(1), key = keyOf("data", bytes);
    strictEqual(await backend.put(key, bytes), "stored");
    strictEqual(await backend.put(key, bytes), "there");
    strictEqual(await backend.put(key, spooled(bytes)), "there");
    deepStrictEqual(await backend.get(key), bytes);
  }),
  rule("put() never replaces anything: what has another size is a fault, and the old bytes stay", async (backend) => {
    const bytes = bytesOf(1), key = keyOf("data", bytes);
    await backend.put(key, bytes);
    for (const other of [bytesOf(2, 99), bytesOf(2, 101), spooled(bytesOf(2, 0))]) {
      await rejects(backend.put(key, other), ObjectTaken);
    }
    deepStrictEqual(await backend.get(key), bytes);
    await backend.put(CONFIG, bytesOf(3));
    await rejects(backend.put(CONFIG, bytesOf(4, 7)), ObjectTaken);
    strictEqual(await backend.put(CONFIG, bytesOf(4)), "there");
    deepStrictEqual(await backend.get(CONFIG), bytesOf(3));
  }),
  rule("Of many that put one name at once, exactly one is told that it stored it", async (backend, place) => {
    if (!backend.can.putIfAbsent) return;
    await using other = await place.open();
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? backend : other).put(CONFIG, bytesOf(i))),
    );
    strictEqual(results.filter((result) => result === "stored").length, 1);
    const winner = results.indexOf("stored");
    deepStrictEqual(await backend.get(CONFIG), bytesOf(winner));
  }),
  rule("get() of a range gives exactly these bytes", async (backend) => {
    const bytes = bytesOf(1, 1000), key = keyOf("data", bytes);
    await backend.put(key, bytes);
    for (const [from, length] of [[0, 1000], [0, 1], [999, 1], [10, 500], [1000, 0], [3, 0]] as const) {
      deepStrictEqual(await backend.get(key, { range: { from, length } }), bytes.slice(from, from + length));
    }
  }),
  rule("get() of a range that goes beyond the end is a fault, never fewer bytes", async (backend) => {
    const bytes = bytesOf(1, 1000), key = keyOf("data", bytes);
    await backend.put(key, bytes);
    for (const [from, length] of [[0, 1001], [999, 2], [1000, 1], [5000, 10]] as const) {
      await rejects(backend.get(key, { range: { from, length } }), ShortObject);
    }
  }),
  rule("What get() gives belongs to the caller, and so does what put() was given", async (backend) => {
    const bytes = bytesOf(1), key = keyOf("data", bytes), given = bytes.slice();
    await backend.put(key, given);
    given.fill(0);
    (await backend.get(key)).fill(0);
    deepStrictEqual(await backend.get(key), bytes);
  }),
  rule("get() of what isn't there is a fault, head() of it is undefined", async (backend) => {
    const key = keyOf("index", bytesOf(1));
    await rejects(backend.get(key), MissingObject);
    await rejects(backend.get(key, { range: { from: 0, length: 1 } }), MissingObject);
    strictEqual(await backend.head(key), undefined);
    await backend.put(keyOf("index", bytesOf(2)), bytesOf(2));
    await rejects(backend.get(key), MissingObject);
  }),
  rule("list() gives everything of one kind once, with sizes, however many there are", async (backend) => {
    for (const kind of KINDS) deepStrictEqual(await listed(backend, kind), []);
    const all = Array.from({ length: 60 }, (_, i) => bytesOf(i, 1 + i));
    for (const bytes of all) await backend.put(keyOf("data", bytes), bytes);
    await backend.put(keyOf("index", bytesOf(1)), bytesOf(1));
    const wanted = all.map((bytes) => `${hash("sha256", bytes, "hex")} ${bytes.length}`).sort();
    deepStrictEqual(await listed(backend, "data"), [...new Set(wanted)]);
    strictEqual((await listed(backend, "index")).length, 1);
    deepStrictEqual(await listed(backend, "snapshots"), []);
  }),
  rule("list() shows at once what another client stored and removed", async (backend, place) => {
    await using other = await place.open();
    const bytes = bytesOf(1), key = keyOf("index", bytes);
    await other.put(key, bytes);
    strictEqual((await listed(backend, "index")).length, 1);
    await backend.remove(key);
    deepStrictEqual(await listed(other, "index"), []);
    strictEqual(await other.head(key), undefined);
  }),
  rule("list() goes on when objects are stored and removed meanwhile", async (backend) => {
    for (let i = 0; i < 20; i++) await backend.put(keyOf("index", bytesOf(i)), bytesOf(i));
    let seen = 0;
    for await (const { name } of backend.list("index")) {
      seen++;
      await backend.remove(objectKey("index", name));
      await backend.put(keyOf("index", bytesOf(100 + seen)), bytesOf(100 + seen));
    }
    ok(seen >= 20, String(seen));
  }),
  rule("remove() removes that object alone; what isn't there is no fault", async (backend) => {
    const [a, b] = [bytesOf(1), bytesOf(2)];
    for (const bytes of [a, b]) await backend.put(keyOf("data", bytes), bytes);
    await backend.remove(keyOf("data", a));
    await backend.remove(keyOf("data", a));
    await backend.remove(keyOf("locks", a));
    await rejects(backend.get(keyOf("data", a)), MissingObject);
    deepStrictEqual(await backend.get(keyOf("data", b)), b);
    strictEqual(await backend.put(keyOf("data", a), a), "stored");
  }),
  rule("After an abort nothing is stored or removed", async (backend) => {
    const bytes = bytesOf(1, LARGE_BYTES), key = keyOf("data", bytes), kept = bytesOf(2), signal = AbortSignal.abort();
    await backend.put(keyOf("data", kept), kept);
    await rejects(backend.put(key, bytes, { signal }), Interrupted);
    await rejects(backend.get(keyOf("data", kept), { signal }), Interrupted);
    await rejects(backend.remove(keyOf("data", kept), signal), Interrupted);
    await rejects(Array.fromAsync(backend.list("data", signal)), Interrupted);
    deepStrictEqual(await listed(backend, "data"), [`${hash("sha256", kept, "hex")} ${kept.length}`]);
  }),
  rule("A range that may end gives what there is, and is a fault only where it begins beyond", async (backend) => {
    const bytes = bytesOf(1), key = keyOf("data", bytes);
    await backend.put(key, bytes, { isFresh: true });
    const read = (from: number, length: number) => backend.get(key, { range: { from, length }, mayEnd: true });
    deepStrictEqual(await read(0, 1000), bytes);
    deepStrictEqual(await read(40, 1000), bytes.slice(40));
    deepStrictEqual(await read(40, 10), bytes.slice(40, 50));
    deepStrictEqual(await read(100, 1000), new Uint8Array(0));
    await rejects(read(101, 1), ShortObject);
    const missing = bytesOf(2);
    await rejects(backend.get(keyOf("data", missing), { range: { from: 0, length: 9 }, mayEnd: true }), MissingObject);
  }),
  rule("now() goes forwards, and leaves nothing behind", async (backend) => {
    const first = await backend.now(), second = await backend.now();
    ok(first > 1_600_000_000_000 && second >= first, `${first} ${second}`);
    for (const kind of KINDS) deepStrictEqual(await listed(backend, kind), []);
  }),
  rule("What is no object is in no list; leftovers are removed when they are old enough", async (backend, place) => {
    const bytes = bytesOf(1);
    await backend.put(keyOf("data", bytes), bytes);
    place.litter?.();
    strictEqual((await listed(backend, "data")).length, 1);
    deepStrictEqual(await listed(backend, "index"), []);
    const now = await backend.now();
    strictEqual(await backend.removeLeftovers(now - 3_600_000), 0);
    strictEqual(await backend.removeLeftovers(now + 3_600_000) > 0, place.litter !== undefined);
    strictEqual(await backend.removeLeftovers(now + 3_600_000), 0);
    deepStrictEqual(await backend.get(keyOf("data", bytes)), bytes);
  }),
  rule("All objects are there for the next client", async (backend, place) => {
    const bytes = bytesOf(1);
    await backend.put(keyOf("snapshots", bytes), bytes);
    await using next = await place.open();
    deepStrictEqual(await next.get(keyOf("snapshots", bytes)), bytes);
  }),
];
