/** The front door: what is no request, from other hosts and other sites, and who is let in. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Matcher } from "../../src/server/front/matching.ts";
import { addressGroup, Failures } from "../../src/server/accounts/failures.ts";
import { parseTarget } from "../../src/server/exchange/target.ts";
import { ROUTES } from "../../src/server/routes.ts";
import { answerOf, ask, send, talk, toEnd, tokenOf, TOKENS, type WebServer, webServer } from "../support/web_server.ts";
import { TestClock, World } from "../support/world.ts";

Deno.test("Requests are logged where that is wanted: who, what and how, without what they search for", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world, { logsRequests: true });
  await ask(server, "/api/v1/search?q=my+secret", { token: tokenOf("watch") });
  await ask(server, "/%E2%80%AE/x", {});
  await talk(server.port, `GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  const told = server.log.filter(({ event }) => event === "request").map(({ message }) => message);
  deepStrictEqual(told.slice(0, 2), [
    "127.0.0.1 GET /api/v1/search 403",
    "127.0.0.1 GET /%E2%80%AE/x 401",
  ]);
  ok(told.every((message) => /^[ -~]*$/.test(message)), told.join());
  await using silent = await webServer(world);
  await ask(silent, "/healthz", {});
  deepStrictEqual(silent.log.filter(({ event }) => event === "request"), []);
});

Deno.test("Targets are read once, to bytes, and nothing else is one", () => {
  const read = (text: string) => parseTarget(text)?.segments;
  deepStrictEqual(read("/"), []);
  deepStrictEqual(read("/a/b%20c/%ff%C3%A4"), ["a", "b c", "\xff\xc3\xa4"]);
  deepStrictEqual(read("/a/..%5cb"), ["a", "..\\b"]);
  strictEqual(parseTarget("/a/?x=1&y=%20+z&x=2")?.query.get("x"), "1");
  strictEqual(parseTarget("/a?y=%20+z")?.query.get("y"), "  z");
  for (
    const bad of [
      "",
      "a",
      "*",
      "//a",
      "/a//b",
      "/.",
      "/..",
      "/a/../b",
      "/a/%2e%2E/b",
      "/a/.%2e",
      "/%00",
      "/a%2Fb",
      "/%",
      "/%zz",
    ]
  ) {
    strictEqual(parseTarget(bad), undefined, bad);
  }
  for (const bad of ["/a\\\x01", "/ä", "/a b", "/a?x=%00", "/a#b\x7f"]) strictEqual(parseTarget(bad), undefined, bad);
});

const HEAD = "Host: 127.0.0.1\r\nConnection: close\r\n";
const REFUSED: readonly (readonly [string, string, number])[] = [
  ["two hosts", `GET /healthz HTTP/1.1\r\nHost: a\r\n${HEAD}\r\n`, 400],
  ["no host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  ["a host with spaces", "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["another host", "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421],
  ["an absolute address of another host", `GET http://evil.example/healthz HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ["lines that end in LF", "GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n", 400],
  ["one line that ends in LF", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\nX: y\r\n\r\n", 400],
  ["a lone CR", `GET /healthz HTTP/1.1\r\n${HEAD}X: a\rb\r\n\r\n`, 400],
  ["NUL in a header", `GET /healthz HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`, 400],
  ["a space before the colon", `GET /healthz HTTP/1.1\r\n${HEAD}X : y\r\n\r\n`, 400],
  ["a header over two lines", `GET /healthz HTTP/1.1\r\n${HEAD}X: y\r\n z\r\n\r\n`, 400],
  ["HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["no version", "GET /healthz\r\n\r\n", 400],
  ["two spaces", `GET  /healthz HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ["two lengths", `POST /session HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
  ["a length with a sign", `POST /session HTTP/1.1\r\n${HEAD}Content-Length: +1\r\n\r\na`, 400],
  [
    "length and chunks",
    `POST /session HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    400,
  ],
  ["another encoding", `POST /session HTTP/1.1\r\n${HEAD}Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n`, 400],
  ["dots", `GET /assets/../healthz HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ["dots as escapes", `GET /assets/%2e%2e/healthz HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ["NUL in the address", `GET /healthz%00 HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ["bytes in the address", `GET /h\xe4 HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ["a long address", `GET /${"a".repeat(20_000)} HTTP/1.1\r\n${HEAD}\r\n`, 414],
  ["a long head", `GET /healthz HTTP/1.1\r\n${HEAD}X: ${"a".repeat(100_000)}\r\n\r\n`, 431],
  ["many headers", `GET /healthz HTTP/1.1\r\n${HEAD}${"X: y\r\n".repeat(200)}\r\n`, 431],
  [
    "a large body",
    `POST /session HTTP/1.1\r\n${HEAD}Origin: http://127.0.0.1\r\nContent-Length: 99999999\r\n\r\n`,
    413,
  ],
];

Deno.test("What others might read otherwise is no request, and the server goes on", async (test) => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  for (const [name, sent, status] of REFUSED) {
    await test.step(name, async () => strictEqual(answerOf(await talk(server.port, sent)).status, status));
  }
  strictEqual((await ask(server, "/healthz")).text, "ok\n");
});

Deno.test("Several requests on one connection are answered in order, bodies that nobody read between them", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const post = "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc";
  const all = await talk(server.port, `${post}GET /healthz HTTP/1.1\r\nHost: localhost.\r\nConnection: close\r\n\r\n`);
  const statuses = [...new TextDecoder().decode(all).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  deepStrictEqual(statuses, ["405", "200"]);
});

Deno.test("A head has its time, however many bytes come; so has an idle connection", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  using slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await send(slow, "GET /healthz HTTP/1.1\r\n");
  // A whole answer shows that the server has taken the connections before.
  strictEqual((await ask(server, "/healthz")).status, 200);
  world.clock.ms += 9000;
  await send(slow, "Host: localhost\r\n");
  strictEqual((await ask(server, "/healthz")).status, 200);
  world.clock.ms += 2000;
  strictEqual((await toEnd(silent)).length, 0);
  strictEqual((await toEnd(slow)).length, 0);
});

/** A connection in the middle of a request: the server waits for its body. Earlier ones may have to end before. */
async function inBody({ port }: WebServer): Promise<Deno.Conn> {
  const head = `POST /session HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://127.0.0.1:${port}\r\n` +
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  for (;;) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port }), into = new Uint8Array(4096);
    try {
      await send(connection, head);
      const got = await connection.read(into), answer = new TextDecoder().decode(into.subarray(0, got ?? 0));
      if (got !== null) {
        ok(answer.startsWith("HTTP/1.1 100 "), answer);
        return connection;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)) throw error;
    }
    connection.close();
  }
}

Deno.test("Silent connections keep nobody out; beyond the limit, those with requests keep their places", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world, { limits: { connections: 2, isShared: () => true } });
  const silent: Deno.Conn[] = [];
  for (let n = 0; n < 20; n++) silent.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
  for (let served = 0; served < 20;) served += (await ask(server, "/healthz")).status === 200 ? 1 : 0;
  for (const one of silent.slice(0, -2)) strictEqual((await toEnd(one)).length, 0);
  for (const one of silent) one.close();
  {
    using first = await inBody(server);
    using _ = await inBody(server);
    strictEqual((await talk(server.port, "")).length, 0);
    await send(first, "a=b&c");
    ok((await first.read(new Uint8Array(4096)) ?? 0) > 0, "it is answered");
    // It is idle now, and gives way.
    for (let status = 0; status !== 200;) status = (await ask(server, "/healthz")).status;
    strictEqual((await toEnd(first)).length, 0);
  }
  for (let status = 0; status !== 200;) status = (await ask(server, "/healthz")).status;
});

const ORIGINS: readonly (readonly [Readonly<Record<string, string>>, boolean])[] = [
  [{}, false],
  [{ origin: "null" }, false],
  [{ origin: "http://evil.example" }, false],
  [{ origin: "http://127.0.0.1:1" }, false],
  [{ origin: "OWN", "sec-fetch-site": "cross-site" }, false],
  [{ origin: "OWN", "sec-fetch-site": "same-site" }, false],
  [{ "sec-fetch-site": "same-origin" }, true],
  [{ origin: "OWN" }, true],
];

Deno.test("What another site sends changes nothing, not even by signing in", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  for (const [given, isOwn] of ORIGINS) {
    const own = `http://127.0.0.1:${server.port}`;
    const headers = { ...given, ...(given.origin === "OWN" && { origin: own }), accept: "application/json" };
    const { status } = await ask(server, "/session", { method: "POST", headers, body: "" });
    strictEqual(status, isOwn ? 400 : 403, JSON.stringify(given));
  }
  const image = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
  strictEqual((await ask(server, "/api/v1/series", { token: tokenOf("read"), headers: image })).status, 403);
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  strictEqual((await ask(server, "/api/v1/series", { token: tokenOf("read"), headers: link })).status, 200);
});

const RANKS = { open: 0, watch: 1, read: 2, run: 3, admin: 4, objects: 9 } as const;

Deno.test("Each route is for its role and those above it: exactly the table", async (test) => {
  using world = new World({ inMemory: true });
  Deno.writeTextFileSync(`${world.source}/a.txt`, "a");
  await world.backup({ name: "photos" });
  await using server = await webServer(world);
  // Event streams have no end.
  for (const route of ROUTES.filter(({ path }) => path !== "/api/v1/events")) {
    const target = route.path.replace("{ref}", "latest").replace("/{path...}", "/a.txt").replace(/\{[a-z.]+\}/g, "x");
    for (const method of route.methods) {
      await test.step(`${method} ${route.path}`, async () => {
        const headers = { "sec-fetch-site": "same-origin", depth: "0" };
        for (const name of TOKENS) {
          const role = name === "photos" ? "read" : name;
          const { status } = await ask(server, target, { method, token: tokenOf(name), headers });
          const isFor = route.access === "open" ||
            (route.access === "objects" || role === "objects"
              ? role === route.access
              : RANKS[role] >= RANKS[route.access]);
          // One that may see some series only is refused where all of it is shown.
          if (name === "photos" && isFor && status === 403) {
            ok(/stats|storage|verification|job|vaults/.test(target), target);
          } else strictEqual(status !== 403 && status !== 401, isFor, `${name}: ${status}`);
        }
        const { status, headers: sent } = await ask(server, target, { method, headers });
        strictEqual(status === 401, route.access !== "open", `nobody: ${status}`);
        ok(sent.get("content-security-policy")?.startsWith("default-src 'none'"));
        strictEqual(sent.get("x-content-type-options"), "nosniff");
      });
    }
  }
});

Deno.test("Nobody who isn't signed in learns which addresses there are; people are led to the page for it", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  strictEqual((await ask(server, "/no/such/thing")).status, 401);
  strictEqual((await ask(server, "/no/such/thing", { token: tokenOf("read") })).status, 404);
  // A program that forgot its token is asked for it.
  strictEqual((await ask(server, "/api/v1/jobs", { method: "POST", body: "{}" })).status, 401);
  const { status, headers } = await ask(server, "/browse/latest/a%20b", { headers: { accept: "text/html" } });
  deepStrictEqual([status, headers.get("location")], [303, "/sign-in?to=%2Fbrowse%2Flatest%2Fa%2520b"]);
  const wrong = await ask(server, "/api/v1/status", { token: "bt_wrong" });
  deepStrictEqual([wrong.status, wrong.headers.get("www-authenticate")], [401, "Bearer"]);
});

Deno.test("No two routes stand for the same address", () => {
  const matcher = new Matcher(ROUTES);
  for (const route of ROUTES) {
    const segments = route.path.split("/").filter((part) => part !== "");
    const found = matcher.find(route.methods[0] ?? "GET", segments as never);
    ok(found !== undefined && "route" in found && found.route === route, route.path);
  }
});

Deno.test("Whoever guesses passwords waits longer and longer, and others of the same network with him", () => {
  const clock = new TestClock(), failures = new Failures(clock);
  const waits = Array.from({ length: 13 }, () => {
    failures.add("a");
    return failures.waitSeconds("a");
  });
  deepStrictEqual(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
  strictEqual(failures.waitSeconds("b"), 0);
  clock.ms += 61_000;
  strictEqual(failures.waitSeconds("a"), 0);
  strictEqual(addressGroup("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
  strictEqual(addressGroup("2001:db8::1"), "2001:db8:0:0");
  strictEqual(addressGroup("192.0.2.7"), "192.0.2.7");
});
