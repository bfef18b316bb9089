/** What servers say and networks do, and what becomes of it: the fault, its words, and how often it is tried. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { readBody } from "../../src/backend/http_body.ts";
import { MissingObject, PlaceFull, PlaceRefuses, PlaceUnavailable, PlaceUntrusted } from "../../src/backend/faults.ts";
import type { PlaceUnavailable as Unavailable } from "../../src/backend/faults.ts";
import { BadUsage, type Fault, Interrupted } from "../../src/core/fault.ts";
import { ChaosProxy } from "../support/chaos_proxy.ts";
import { hastened, impatient, openPlace } from "../support/remote_place.ts";
import { has } from "../support/needs.ts";
import { restServer } from "../support/rest_server.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../support/s3_server.ts";
import { run } from "../support/servers.ts";
import { noise, sha256 } from "../support/units.ts";

const HAS_IPV6 = canListen("::1");

function canListen(hostname: string): boolean {
  try {
    using _listener = Deno.listen({ hostname, port: 0 });
    return true;
  } catch {
    return false;
  }
}

const A = noise(100_000, 1), KEY = objectKey("data", sha256(A));

async function faultOf(action: Promise<unknown>): Promise<Fault> {
  try {
    await action;
  } catch (error) {
    return error as Fault;
  }
  throw new Error("It did not fail");
}

/** Of a server that answers so to everything but the making of the place; how often it was asked. */
async function answerIs(
  status: number,
  headers: Record<string, string> = {},
  body = "",
): Promise<{ fault: Fault; asked: number; waits: number[] }> {
  await using server = restServer(
    undefined,
    ({ method }) => method === "POST" ? undefined : new Response(method === "HEAD" ? null : body, { status, headers }),
  );
  const waits: number[] = [], onRetry = (_: Unavailable, waitMs: number) => void waits.push(waitMs);
  await using backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`, {}, { onRetry });
  const fault = await faultOf(backend.get(KEY));
  return { fault, asked: server.requests.length - 1, waits };
}

Deno.test("What may pass is tried five times: 429 and 503 when the server says, 500, 502, 504", async () => {
  for (const status of [408, 429, 500, 502, 503, 504]) {
    const { fault, asked } = await answerIs(status, { "content-type": "text/plain" }, "have\u001b[31m\npatience");
    ok(fault instanceof PlaceUnavailable, `${status}`);
    strictEqual(asked, 5);
    match(
      fault.message,
      new RegExp(`^Cannot read data/.*: 127\\.0\\.0\\.1:\\d+ answers ${status}, "have \\[31m patience"$`),
    );
  }
  for (const status of [429, 503]) {
    deepStrictEqual((await answerIs(status, { "retry-after": "7" })).waits, [7000, 7000, 7000, 7000]);
    const at = { date: "Thu, 26 Nov 2026 20:00:00 GMT", "retry-after": "Thu, 26 Nov 2026 20:00:09 GMT" };
    deepStrictEqual((await answerIs(status, at)).waits, [9000, 9000, 9000, 9000]);
    strictEqual((await answerIs(status, { "retry-after": "86400" })).asked, 1);
  }
});

Deno.test("What won't pass is said at once: 401, 403, redirections, 507", async () => {
  for (
    const [status, kind, words] of [
      [400, PlaceRefuses, /400/],
      [401, PlaceRefuses, /other credentials/],
      [403, PlaceRefuses, /403/],
      [301, PlaceRefuses, /sends us elsewhere \(301 to https:\/\/other\.example\/x\)/],
      [405, PlaceRefuses, /405/],
      [413, PlaceFull, /no room/],
      [507, PlaceFull, /no room/],
    ] as const
  ) {
    const { fault, asked } = await answerIs(status, { location: "https://me:secret@other.example/x?token=secret" });
    ok(fault instanceof kind, `${status}: ${fault}`);
    match(fault.message, words);
    strictEqual(asked, 1, `${status}`);
  }
  ok((await answerIs(404)).fault instanceof MissingObject);
});

Deno.test("REST: bytes that were changed on their way are refused by the server, and sent again", async () => {
  let refused = 0;
  await using server = restServer(
    undefined,
    ({ method, url }) =>
      method === "POST" && !url.endsWith("create=true") && refused++ === 0
        ? new Response("", { status: 400 })
        : undefined,
  );
  await using backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`);
  strictEqual(await backend.put(KEY, A), "stored");
  strictEqual(refused, 2);
  deepStrictEqual(await backend.get(KEY), A);
});

/** A WebDAV server on which somebody else always makes a collection in the moment before: Apache then answers 403. */
function davServer(): { readonly port: number } & AsyncDisposable {
  const collections = new Set(["/"]), objects = new Map<string, Uint8Array<ArrayBuffer>>();
  const answer = (status: number) => new Response(null, { status });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url), body = new Uint8Array(await request.arrayBuffer());
    switch (request.method) {
      case "PROPFIND":
        if (!collections.has(pathname)) return answer(404);
        return new Response(
          `<multistatus xmlns="DAV:"><response><href>${pathname}</href><propstat><prop><resourcetype><collection/>` +
            "</resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>",
          { status: 207 },
        );
      case "MKCOL":
        collections.add(pathname);
        return answer(403);
      case "PUT":
        if (!collections.has(pathname.slice(0, pathname.lastIndexOf("/") + 1))) return answer(409);
        objects.set(pathname, body);
        return answer(201);
      case "MOVE":
        objects.set(new URL(request.headers.get("destination")!).pathname, objects.get(pathname)!);
        return answer(201);
      default: {
        const { length } = objects.get(pathname) ?? {};
        if (length === undefined) return answer(404);
        return new Response(null, { headers: { "content-length": String(length) } });
      }
    }
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: async () => await server.shutdown() };
}

Deno.test("WebDAV: what another upload has made in the same moment is there, though the server refuses to make it", async () => {
  await using server = davServer();
  await using backend = await openPlace(`dav:http://127.0.0.1:${server.port}/`);
  strictEqual(await backend.put(KEY, A), "stored");
  strictEqual(await backend.head(KEY), A.length);
});

Deno.test("A network that isn't there, a name that isn't known, a server that speaks something else", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = closed.addr.port;
  closed.close();
  for (
    const [location, kind, words] of [
      [`rest:http://127.0.0.1:${port}/`, PlaceUnavailable, /nobody answers at 127\.0\.0\.1/],
      ["dav:http://nobody.invalid/x", PlaceUnavailable, /the address of nobody\.invalid can't be found/],
    ] as const
  ) {
    const fault = await faultOf(openPlace(location));
    ok(fault instanceof kind, String(fault));
    match(fault.message, words);
  }
});

Deno.test("TLS: an unknown certificate is refused before anything is sent, and `ca-file` makes it known", async () => {
  const directory = Deno.makeTempDirSync();
  const files = ["-keyout", `${directory}/key`, "-out", `${directory}/cert`], names = "subjectAltName=DNS:localhost";
  const args = [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    ...files,
    "-days",
    "2",
    "-subj",
    "/CN=x",
    "-addext",
    names,
  ];
  const end = ["-addext", "basicConstraints=critical,CA:FALSE"];
  await new Deno.Command("openssl", { args: [...args, ...end], stderr: "null" }).output();
  const [cert, key] = ["cert", "key"].map((name) => Deno.readTextFileSync(`${directory}/${name}`)) as [string, string];
  let requests = 0;
  await using server = Deno.serve({ hostname: "localhost", port: 0, cert, key, onListen: () => {} }, () => {
    requests++;
    return new Response(null, { status: 404 });
  });
  const { port } = server.addr;
  const fault = await faultOf(openPlace(`rest:https://localhost:${port}/`));
  ok(fault instanceof PlaceUntrusted, String(fault));
  match(fault.message, /localhost:\d+ can't prove who it is: nobody known vouches/);
  match(fault.hint, /ca-file=/);
  const wrongName = await faultOf(openPlace(`rest:https://127.0.0.1:${port}/?ca-file=${directory}/cert`));
  ok(wrongName instanceof PlaceUntrusted, String(wrongName));
  match(wrongName.message, /another name/);
  strictEqual(requests, 0);
  await using backend = await openPlace(`rest:https://localhost:${port}/?ca-file=${directory}/cert`, {}, {
    create: false,
  });
  strictEqual(await backend.head(KEY), undefined);
  strictEqual(requests, 1);
  const plain = await faultOf(openPlace(`rest:http://localhost:${port}/`));
  match(plain.message, /does not speak that protocol|broke off/);
  Deno.removeSync(directory, { recursive: true });
});

/** @param days of validity, from and to, as openssl writes them */
function certificate(directory: string, from: string, to: string): { readonly cert: string; readonly key: string } {
  const [cert, key, request, config] = ["cert", "key", "request", "config"].map((name) => `${directory}/${name}`);
  const text = `[ca]
default_ca = one
[one]
database = ${directory}/database
serial = ${directory}/serial
new_certs_dir = ${directory}
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;
  Deno.writeTextFileSync(config!, text);
  Deno.writeTextFileSync(`${directory}/database`, "");
  Deno.writeTextFileSync(`${directory}/serial`, "01");
  const openssl = (...args: readonly string[]) => run(["openssl", ...args]);
  const names = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-new", ...kind, ...names, "-keyout", key!, "-out", request!);
  const dates = ["-startdate", from, "-enddate", to], files = ["-in", request!, "-keyfile", key!, "-out", cert!];
  openssl("ca", "-selfsign", "-batch", "-notext", "-config", config!, ...dates, ...files);
  return { cert: Deno.readTextFileSync(cert!), key: Deno.readTextFileSync(key!) };
}

Deno.test({
  name: "TLS: a certificate that has expired, or is not valid yet, is refused, and why is said",
  ignore: !has("openssl"),
  async fn() {
    for (
      const [from, to, words, hint] of [
        ["20200101000000Z", "20200201000000Z", /can't prove who it is: its certificate has expired/, /Renew it there/],
        ["20980101000000Z", "20990101000000Z", /its certificate is not valid yet/, /Set this machine's clock/],
      ] as const
    ) {
      const directory = Deno.makeTempDirSync(), tls = certificate(directory, from, to);
      await using server = Deno.serve({ hostname: "localhost", port: 0, onListen: () => {}, ...tls }, () => {
        throw new Error("Nothing may come");
      });
      const fault = await faultOf(openPlace(`rest:https://localhost:${server.addr.port}/?ca-file=${directory}/cert`));
      ok(fault instanceof PlaceUntrusted, String(fault));
      match(fault.message, words);
      match(fault.hint, hint);
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "IPv6: a server is reached by its address in brackets, and named so",
  ignore: !HAS_IPV6,
  async fn() {
    await using rest = restServer(undefined, undefined, "::1");
    await using s3 = s3Server({ hostname: "::1" });
    const keys = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
    for (const location of [`rest:http://[::1]:${rest.port}/x/`, `s3:http://[::1]:${s3.port}/bucket/x`]) {
      await using backend = await openPlace(location, keys);
      strictEqual(await backend.put(KEY, A), "stored");
      deepStrictEqual(await backend.get(KEY), A);
      ok(backend.location.includes("[::1]"), backend.location);
    }
  },
});

Deno.test("Silence ends after 20 s before there is a connection, after 60 s later, and five times in all", async () => {
  await using server = restServer();
  let isSilent = true;
  await using proxy = new ChaosProxy(server.port, () => isSilent ? { kind: "stall" } : undefined);
  const waits: string[] = [];
  const options = {
    clock: hastened(400),
    create: false,
    onRetry: (fault: Unavailable) => void waits.push(fault.message),
  };
  await using backend = await openPlace(`rest:http://127.0.0.1:${proxy.port}/`, {}, options);
  for (const action of [() => backend.get(KEY), () => backend.put(KEY, A)]) {
    proxy.connections = 0;
    const fault = await faultOf(action());
    match(fault.message, /nothing came from 127\.0\.0\.1:\d+ for 20 s/);
    strictEqual(proxy.connections, 5);
  }
  strictEqual(waits.length, 8);
  isSilent = false;
  strictEqual(await backend.put(KEY, A), "stored");
  isSilent = true;
  // The connection that works is used again.
  strictEqual(await backend.head(KEY), A.length);
});

Deno.test("A slow server that goes on sending is never given up", async () => {
  const pieces = Array.from({ length: 20 }, (_, i) => noise(100, i)),
    all = new Uint8Array(await new Blob(pieces).arrayBuffer());
  await using server = restServer(undefined, ({ method }) => {
    if (method !== "GET") return undefined;
    const stream = ReadableStream.from(async function* () {
      for (const piece of pieces) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        yield piece;
      }
    }());
    return new Response(stream);
  });
  // All together it takes 400 s, no part of it more than 40.
  await using backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`, {}, { clock: hastened(1000) });
  deepStrictEqual(await backend.get(objectKey("data", sha256(all))), all);
});

Deno.test("Ctrl-C ends any request at once, and nothing half done shows", async () => {
  await using server = restServer();
  await using slow = new ChaosProxy(server.port, () => ({ kind: "delay", ms: 20 }));
  await using stalled = new ChaosProxy(server.port, () => ({ kind: "stall" }));
  for (const proxy of [slow, stalled]) {
    await using backend = await openPlace(`rest:http://127.0.0.1:${proxy.port}/`, {}, { create: false });
    const actions = [
      (signal: AbortSignal) => backend.put(KEY, A, { signal }),
      (signal: AbortSignal) => backend.get(KEY, { signal }),
      (signal: AbortSignal) => Array.fromAsync(backend.list("data", signal)),
      (signal: AbortSignal) => backend.remove(KEY, signal),
    ];
    for (const [i, action] of actions.entries()) {
      const stop = new AbortController(), going = action(stop.signal);
      setTimeout(() => stop.abort(), 5 + i * 7);
      await rejects(going, Interrupted);
    }
  }
  strictEqual(server.objects.size, 0);
});

Deno.test("Of many requests so many are on their way at once as there may be connections", async () => {
  let now = 0, most = 0;
  await using server = restServer(undefined, async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now--;
    return undefined;
  });
  for (const connections of [1, 3]) {
    most = 0;
    await using backend: Backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`, {}, { connections });
    await Promise.all(Array.from({ length: 12 }, (_, i) => backend.head(objectKey("data", sha256(noise(10, i))))));
    strictEqual(most, connections);
  }
});

Deno.test("A limit is kept inside of an object, too", async () => {
  await using server = restServer();
  const taken: number[] = [];
  let now = 0;
  const clock = {
    ...impatient,
    zone: "UTC",
    nowMs: () => now,
    every: () => ({ [Symbol.dispose]: () => {} }),
    sleep: (ms: number) => {
      taken.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
  const limits = { upload: 10_000, download: 20_000 };
  await using backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`, {}, { clock, limits });
  await backend.put(KEY, A);
  ok(now >= 8_900 && now <= 10_100 && taken.length > 5, `${now} ms in ${taken.length} steps`);
  now = 0;
  await backend.get(KEY);
  ok(now >= 1_500 && now <= 5_100, `${now}`);
});

Deno.test("What is received passes through a small buffer only, however large the body is", async () => {
  const body = noise(4 * 1024 * 1024, 3),
    rooms: number[] = [],
    flow = { moved: () => {}, pace: () => Promise.resolve() };
  let at = 0;
  const pull = (controller: ReadableByteStreamController) => {
    const view = controller.byobRequest!.view! as Uint8Array<ArrayBuffer>;
    if (at === body.length) controller.close();
    else rooms.push(view.buffer.byteLength);
    const piece = body.subarray(at, at + Math.min(view.length, 60_000));
    view.set(piece);
    at += piece.length;
    controller.byobRequest!.respond(piece.length);
  };
  const headers = { "content-length": `${body.length}` };
  const response = new Response(new ReadableStream({ type: "bytes", pull }), { headers });
  const read = await readBody(response, { ...flow, pieceBytes: 1024, readBytes: 256 * 1024 }, body.length);
  deepStrictEqual(read, body);
  strictEqual(Math.max(...rooms), 256 * 1024);
});

Deno.test("A range is read into memory that is lent for it, which threads may share, and a refusal is not", async () => {
  await using server = restServer();
  await using backend = await openPlace(`rest:http://127.0.0.1:${server.port}/`);
  await backend.put(KEY, A);
  const into = new Uint8Array(new SharedArrayBuffer(A.length + 10));
  const read = await backend.get(KEY, { range: { from: 7, length: 50_000 }, into });
  strictEqual(read.buffer as unknown, into.buffer);
  deepStrictEqual(new Uint8Array(read), A.slice(7, 50_007));
  into.fill(0);
  await rejects(
    backend.get(objectKey("data", sha256(noise(1, 2))), { range: { from: 0, length: 9 }, into }),
    MissingObject,
  );
  ok(into.every((byte) => byte === 0));
  // One that is larger has memory of its own.
  deepStrictEqual(await backend.get(KEY, { range: { from: 0, length: A.length }, into: into.subarray(0, 9) }), A);
});

Deno.test("A location with a password in it is refused, and shown without", async () => {
  for (
    const location of [
      "rest:https://me:hush@x.example/",
      "dav:http://me:hush@x/",
      "sftp://me:hush@x/y",
      "sftp:me:hush@x:y",
    ]
  ) {
    const fault = await faultOf(openPlace(location));
    ok(fault instanceof BadUsage, String(fault));
    ok(!/hush/.test(fault.message + fault.hint), fault.message);
  }
});
