import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hashBytes } from "../../../src/core/digest.ts";
import { type Claim, InFlightContents, newClaimTable } from "../../../src/storage/content/in_flight.ts";
import type { Order } from "./in_flight_worker.ts";

const ids = (count: number, algorithm: "sha256" | "md5" | "crc32" = "sha256") =>
  Array.from({ length: count }, (_, n) => hashBytes(algorithm, new TextEncoder().encode(`${n}`)));

function mine(claim: Claim): { readonly slot: number } {
  strictEqual(claim.outcome, "mine");
  return claim as { readonly slot: number };
}

Deno.test("claim() gives an id to the first who asks, and tells everybody else when it is done", () => {
  const claims = new InFlightContents(newClaimTable(1024));
  const other = new InFlightContents(newClaimTable(1024));
  const [id] = ids(1) as [string];
  claims.done(mine(claims.claim(id)));
  strictEqual(claims.claim(id).outcome, "done");
  strictEqual(claims.claim(id).outcome, "done");
  strictEqual(other.claim(id).outcome, "mine");
});

Deno.test("claim() gives an id to the next who asks when the first has failed", () => {
  const claims = new InFlightContents(newClaimTable(1024));
  const [id] = ids(1) as [string];
  claims.failed(mine(claims.claim(id)));
  claims.failed(mine(claims.claim(id)));
  claims.done(mine(claims.claim(id)));
  strictEqual(claims.claim(id).outcome, "done");
});

for (const algorithm of ["sha256", "md5", "crc32"] as const) {
  Deno.test(`claim() keeps 10,000 contents with ${algorithm} apart, and the suffixes of a collision too`, () => {
    const claims = new InFlightContents(newClaimTable(1 << 16));
    const all = new Set(ids(10_000, algorithm));
    const [first] = all as Iterable<string> as [string];
    for (const suffix of ["00", "01", "ef"]) all.add(first + suffix);
    for (const id of all) claims.done(mine(claims.claim(id)));
    for (const id of all) strictEqual(claims.claim(id).outcome, "done");
  });
}

Deno.test("claim() says that a table is full, and never forgets what is in it", () => {
  const claims = new InFlightContents(newClaimTable(64));
  const outcomes = ids(100).map((id) => {
    const claim = claims.claim(id);
    if (claim.outcome === "mine") claims.done(claim);
    return claim.outcome;
  });
  strictEqual(outcomes.filter((outcome) => outcome === "mine").length, 64);
  strictEqual(outcomes.filter((outcome) => outcome === "full").length, 36);
  const again = ids(100).map((id) => claims.claim(id).outcome);
  deepStrictEqual(again, outcomes.map((outcome) => outcome === "mine" ? "done" : "full"));
});

Deno.test("four threads that claim the same ids write each once, whoever fails in between", async () => {
  const table = newClaimTable(1 << 14), all = ids(3000);
  const orders: Order[] = [0, 1, 2, 3].map((thread) => ({
    table,
    // Half of them in the same order, to meet; half from different ends.
    ids: thread % 2 === 0 ? all : all.toReversed(),
    failing: all.filter((_, n) => n % 50 === thread),
  }));
  const workers = orders.map(() => new Worker(new URL("in_flight_worker.ts", import.meta.url), { type: "module" }));
  try {
    const answers = await Promise.all(workers.map((worker, i) => {
      const answer = Promise.withResolvers<{ written: string[]; outcomes: Record<string, number> }>();
      worker.onmessage = ({ data }) => answer.resolve(data);
      worker.onerror = (event) => answer.reject(event.error);
      worker.postMessage(orders[i]);
      return answer.promise;
    }));
    const written = answers.flatMap(({ written }) => written);
    strictEqual(new Set(written).size, written.length);
    // An id that all who met it gave up is left to whoever asks next.
    const claims = new InFlightContents(table);
    for (const id of all) {
      const claim = claims.claim(id);
      strictEqual(claim.outcome, written.includes(id) ? "done" : "mine");
    }
    const givenUp = orders.flatMap(({ failing }) => failing).length;
    ok(written.length >= all.length - givenUp && answers.every(({ outcomes }) => outcomes["full"] === 0));
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
});
