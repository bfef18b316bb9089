/** What is put around a backend. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Backend, CONFIG, objectKey } from "../../src/backend/backend.ts";
import { checked } from "../../src/backend/checked.ts";
import { counting } from "../../src/backend/counting.ts";
import { MissingObject, PlaceUnavailable, WrongBytes } from "../../src/backend/faults.ts";
import { type Failure, faulty, randomFailures } from "../../src/backend/faulty.ts";
import { limited } from "../../src/backend/limited.ts";
import { MemoryObjects, openMemory } from "../../src/backend/memory.ts";
import { retrying } from "../../src/backend/retrying.ts";
import { stoppable } from "../../src/backend/stoppable.ts";
import { Interrupted } from "../../src/core/fault.ts";
import { noise, random, sha256 } from "../support/units.ts";

const A = noise(1000, 1), KEY = objectKey("data", sha256(A));
const memory = () => openMemory(new MemoryObjects(), () => 5);

/** Waits that nobody waits for; their sum is the time. */
class Time {
  now = 0;
  readonly waits: number[] = [];
  readonly sleep = (ms: number) => {
    this.waits.push(ms);
    this.now += ms;
    return Promise.resolve();
  };
  nowMs(): number {
    return this.now;
  }
}

/** Fails so often, then works. */
function failing(inner: Backend, times: number, failure: Failure = "before"): Backend {
  return faulty(inner, ({ number }) => number < times ? failure : undefined);
}

Deno.test("retrying: four failures are waited for, each twice as long, half of it by chance", async () => {
  const time = new Time(), told: number[] = [];
  const backend = retrying(failing(memory(), 4), {
    sleep: time.sleep,
    random: () => Uint8Array.of(128),
    onRetry: (_, waitMs) => told.push(waitMs),
  });
  strictEqual(await backend.put(KEY, A), "stored");
  deepStrictEqual(time.waits, [375, 750, 1500, 3000]);
  deepStrictEqual(told, time.waits);
});

Deno.test("retrying: the fifth failure is told; what isn't a matter of time is told at once", async () => {
  const time = new Time(), options = { sleep: time.sleep, random };
  await rejects(retrying(failing(memory(), 5), options).put(KEY, A), PlaceUnavailable);
  strictEqual(time.waits.length, 4);
  await rejects(retrying(memory(), options).get(KEY), MissingObject);
  strictEqual(time.waits.length, 4);
});

Deno.test("retrying: a lost answer does no harm, with any verb", async () => {
  const inner = memory(), options = { sleep: new Time().sleep, random };
  const once = () => retrying(failing(inner, 1, "after"), options);
  strictEqual(await once().put(KEY, A), "there");
  deepStrictEqual(await once().get(KEY), A);
  strictEqual(await once().head(KEY), A.length);
  strictEqual((await Array.fromAsync(once().list("data"))).length, 1);
  await once().remove(KEY);
  strictEqual(await inner.head(KEY), undefined);
});

Deno.test("retrying: waits as long as the server asks, but not for hours, and not after an abort", async () => {
  const inner = memory(),
    ask = (retryAfterMs: number) => {
      let first = true;
      return {
        ...inner,
        head: () => {
          if (!first) return inner.head(KEY);
          first = false;
          return Promise.reject(new PlaceUnavailable("x", "busy", { retryAfterMs }));
        },
      } as Backend;
    };
  const time = new Time();
  strictEqual(await retrying(ask(20_000), { sleep: time.sleep, random }).head(KEY), undefined);
  deepStrictEqual(time.waits, [20_000]);
  await rejects(retrying(ask(3_600_000), { sleep: time.sleep, random }).head(KEY), PlaceUnavailable);
  const stop = new Error("stopped");
  await rejects(retrying(ask(0), { sleep: () => Promise.reject(stop), random }).head(KEY), stop);
});

Deno.test("retrying: after a wish to stop nothing is tried again, and no wait goes on", async () => {
  const time = new Time(), stop = new AbortController(), { signal } = stop;
  const sleep = (ms: number, heard?: AbortSignal) => {
    stop.abort();
    strictEqual(heard?.aborted, true);
    return time.sleep(ms);
  };
  await rejects(retrying(failing(memory(), 9), { sleep, random, signal }).put(KEY, A), PlaceUnavailable);
  strictEqual(time.waits.length, 1);
  // What works is done: who stops may have something to put in order.
  strictEqual(await retrying(memory(), { sleep, random, signal }).put(KEY, A), "stored");
});

Deno.test("stoppable: a wish to stop ends every request, until somebody has to finish what was begun", async () => {
  const stop = new AbortController(), { backend, release } = stoppable(memory(), stop.signal);
  strictEqual(await backend.put(KEY, A), "stored");
  stop.abort();
  const requests = [
    () => backend.put(KEY, A),
    () => backend.get(KEY),
    () => backend.head(KEY),
    () => Array.fromAsync(backend.list("data")),
    () => backend.remove(KEY),
  ];
  for (const request of requests) await rejects(request, Interrupted);
  // One with a signal of its own ends by that alone.
  const { signal } = new AbortController();
  strictEqual(await backend.head(KEY, signal), A.length);
  release();
  for (const request of requests) await request();
});

Deno.test("limited: many objects take as long as their bytes allow, up and down", async () => {
  const time = new Time(), backend = limited(memory(), { upload: 1000, download: 500, clock: time, sleep: time.sleep });
  for (let i = 0; i < 10; i++) await backend.put(objectKey("data", sha256(noise(1000, i))), noise(1000, i));
  strictEqual(Math.round(time.now), 9000);
  for (let i = 0; i < 5; i++) await backend.get(KEY);
  strictEqual(Math.round(time.now), 9000 + 8000);
  for (let i = 0; i < 5; i++) await backend.get(KEY, { range: { from: 0, length: 100 } });
  strictEqual(Math.round(time.now), 9000 + 8000 + 2000 + 800);
});

Deno.test("limited: requests at once share the rate", async () => {
  const time = new Time(), backend = limited(memory(), { upload: 1000, clock: time, sleep: time.sleep });
  await Promise.all(
    Array.from({ length: 10 }, (_, i) => backend.put(objectKey("data", sha256(noise(1000, i))), noise(1000, i))),
  );
  ok(time.now >= 9000, String(time.now));
});

Deno.test("counting: requests and bytes", async () => {
  const asked: string[] = [],
    { backend, traffic } = counting(memory(), (verb, target) => asked.push(`${verb} ${target.slice(0, 6)}`));
  await backend.put(KEY, A);
  await backend.put(KEY, A);
  await backend.get(KEY, { range: { from: 5, length: 7 } });
  await backend.head(KEY);
  await Array.fromAsync(backend.list("index"));
  await backend.remove(KEY);
  deepStrictEqual(traffic, {
    requests: { put: 2, get: 1, head: 1, list: 1, remove: 1 },
    uploadedBytes: 1000,
    downloadedBytes: 7,
  });
  strictEqual(asked.length, 6);
});

Deno.test("checked: a whole object whose bytes have changed is refused, config can't be checked", async () => {
  const objects = new MemoryObjects(), backend = checked(openMemory(objects, () => 0));
  objects.map.set(KEY, noise(1000, 2));
  await rejects(backend.get(KEY), WrongBytes);
  strictEqual((await backend.get(KEY, { range: { from: 0, length: 3 } })).length, 3);
  objects.map.set(KEY, A);
  deepStrictEqual(await backend.get(KEY), A);
  objects.map.set(CONFIG, A);
  deepStrictEqual(await backend.get(CONFIG), A);
});

Deno.test("faulty: fails as it is told to", async () => {
  const inner = memory(), plan: (Failure | undefined)[] = ["before", "after", undefined, "flip"];
  const backend = faulty(inner, ({ number }) => plan[number]);
  await rejects(backend.put(KEY, A), PlaceUnavailable);
  strictEqual(await inner.head(KEY), undefined);
  await rejects(backend.put(KEY, A), PlaceUnavailable);
  strictEqual(await inner.head(KEY), 1000);
  strictEqual(await backend.put(KEY, A), "there");
  ok(sha256(await backend.get(KEY)) !== sha256(A));
  let state = 1;
  const chance = randomFailures((length) => noise(length, state++), { before: 0.1, after: 0.2, flip: 0.3 });
  const results = Array.from({ length: 4000 }, chance);
  for (const [failure, share] of [["before", 0.1], ["after", 0.2], ["flip", 0.3], [undefined, 0.4]] as const) {
    const found = results.filter((result) => result === failure).length / 4000;
    ok(Math.abs(found - share) < 0.05, `${failure}: ${found}`);
  }
});
