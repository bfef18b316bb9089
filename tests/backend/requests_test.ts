/** How many requests a place is asked: none that an earlier answer, or chance, makes superfluous. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Backend, CONFIG, type ObjectKey, objectKey } from "../../src/backend/backend.ts";
import { ServerClock } from "../../src/backend/server_clock.ts";
import { openPlace } from "../support/remote_place.ts";
import { restServer } from "../support/rest_server.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../support/s3_server.ts";
import { noise, sha256 } from "../support/units.ts";

const A = noise(1000, 1), KEY = objectKey("data", sha256(A));
const LOGIN = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };

/** A place that replaces whatever has a name, as some servers do. */
interface Replacing extends AsyncDisposable {
  readonly backend: Backend;
  /** Its requests since the last time, by method. */
  methods(): string[];
  /** From the next upload on, so many are carried out, and their answers lost. */
  loseAnswers(count: number): void;
}

function losing(store: string) {
  let left = 0;
  return {
    lose: (count: number) => void (left = count),
    /** @param carryOut what the server would do */
    answer(method: string, carryOut: () => void): Response | undefined {
      if (method !== store || left === 0) return undefined;
      left--;
      carryOut();
      return new Response(null, { status: 502 });
    },
  };
}

async function onRest(): Promise<Replacing> {
  const { lose, answer } = losing("POST");
  const server = restServer(undefined, async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method !== "POST" || pathname.endsWith("/")) return undefined;
    const body = new Uint8Array(await request.arrayBuffer());
    const store = () => void server.objects.set(pathname, body);
    const lost = answer("POST", store);
    if (lost === undefined) store();
    return lost ?? new Response();
  });
  const backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`, {});
  return replacing(backend, server, lose, () => server.requests.splice(0).map((line) => line.split(" ")[0] ?? ""));
}

async function onS3(): Promise<Replacing> {
  const { lose, answer } = losing("PUT");
  const server = s3Server({
    replaces: true,
    before: (request) => answer(request.method, () => server.objects.set(request.url.pathname, request)),
  });
  const backend = await openPlace(`s3:http://127.0.0.1:${server.port}/bucket/vault`, LOGIN);
  return replacing(backend, server, lose, () => server.requests.splice(0).map(({ method }) => method));
}

function replacing(
  backend: Backend,
  server: AsyncDisposable,
  loseAnswers: (count: number) => void,
  methods: () => string[],
): Replacing {
  methods();
  const close = async () => {
    await backend[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
  return { backend, methods, loseAnswers, [Symbol.asyncDispose]: close };
}

for (const [name, open, store] of [["rest", onRest, "POST"], ["s3", onS3, "PUT"]] as const) {
  Deno.test(`${name}: what chance has just named is stored by one request; anything else is looked for before`, async () => {
    await using place = await open();
    const { backend, methods } = place;
    strictEqual(await backend.put(KEY, A, { isFresh: true }), "stored");
    deepStrictEqual(methods(), [store]);
    strictEqual(await backend.put(KEY, A), "there");
    strictEqual(await backend.put(CONFIG, A), "stored");
    deepStrictEqual(methods(), ["HEAD", "HEAD", store]);
  });

  Deno.test(`${name}: after a lost answer nothing is stored again before a look, also where names are replaced`, async () => {
    await using place = await open();
    const { backend, methods } = place;
    place.loseAnswers(1);
    strictEqual(await backend.put(KEY, A, { isFresh: true }), "there");
    deepStrictEqual(methods(), [store, "HEAD"]);
    deepStrictEqual(await backend.get(KEY), A);
  });

  Deno.test(`${name}: a rough time costs no request after any other`, async () => {
    await using place = await open();
    const { backend, methods } = place, exact = await backend.now(), rough = await backend.now({ roughly: true });
    ok(rough >= exact - 1000, `${exact} ${rough}`);
    strictEqual(methods().length, 1);
    await backend.now();
    strictEqual(methods().length, 1);
  });
}

Deno.test("A range that may end costs one request, and gives all of a small object, or none of an empty one", async () => {
  await using server = restServer();
  await using backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`, {});
  const empty = objectKey("index", sha256(new Uint8Array(0))), range = { from: 0, length: 65_537 };
  await backend.put(KEY, A);
  await backend.put(empty, new Uint8Array(0));
  const before = server.requests.length, read = (key: ObjectKey) => backend.get(key, { range, mayEnd: true });
  deepStrictEqual(await read(KEY), A);
  strictEqual(server.requests.length - before, 1);
  deepStrictEqual(await read(empty), new Uint8Array(0));
});

Deno.test("The server's clock: it goes on between answers, never back within a second, and is forgotten after ten", () => {
  const here = { ms: 0, nowMs: () => here.ms }, clock = new ServerClock(here), start = Date.UTC(2026, 0, 1);
  const answered = (ms: number, more = {}) => clock.hear(new Headers({ date: new Date(ms).toUTCString(), ...more }));
  strictEqual(clock.nowMs(), undefined);
  answered(start);
  here.ms = 900;
  answered(start);
  strictEqual(clock.nowMs(), start + 900);
  here.ms = 5_000;
  strictEqual(clock.nowMs(), start + 5_000);
  answered(start + 60_000);
  strictEqual(clock.nowMs(), start + 60_000);
  answered(start, { age: "3600" });
  strictEqual(clock.nowMs(), start + 60_000);
  here.ms = 15_000;
  strictEqual(clock.nowMs(), undefined);
  here.ms = 4_000; // it was set back
  strictEqual(clock.nowMs(), undefined);
});
