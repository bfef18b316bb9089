/** What a hostile client would try on a raw socket: each time a clear answer, and a connection that is closed or in step. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parsePropfind } from "../../src/server/dav/propfind.ts";
import { parseHead } from "../../src/server/front/head.ts";
import { inlineType } from "../../src/server/exchange/content.ts";
import { ask, send, talk, toEnd, tokenOf, type TOKENS, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const HOST = "Host: localhost\r\n", OWN = "Sec-Fetch-Site: same-origin\r\n", CHUNKED = "Transfer-Encoding: chunked\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";
/** Comes right behind each request, and shows whether the connection is in step. */
const NEXT = `GET /healthz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

const bearer = (name: typeof TOKENS[number]) => `Authorization: Bearer ${tokenOf(name)}\r\n`;
const post = (headers: string, body: string) =>
  `POST /api/v1/jobs HTTP/1.1\r\n${HOST}${bearer("admin")}${JSON_TYPE}${headers}\r\n${body}`;
const get = (target: string, headers = "") => `GET ${target} HTTP/1.1\r\n${HOST}${bearer("read")}${headers}\r\n`;
const line = (first: string, headers = HOST) => `${first}\r\n${headers}\r\n`;

function propfind(target: string, headers: string, body = ""): string {
  const length = `Content-Length: ${body.length}\r\n`;
  return `PROPFIND ${target} HTTP/1.1\r\n${HOST}${bearer("read")}${headers}${length}\r\n${body}`;
}

function order(body: string): string {
  return post(`Content-Length: ${body.length}\r\n`, body);
}

const asked = (name: string) => `<D:propfind xmlns:D="DAV:"><D:prop><D:${name}/><D:getetag/></D:prop></D:propfind>`;

/** Requests, and the statuses that come on their connection: with 200 at the end where it goes on. */
const TRIES: Readonly<Record<string, readonly [sent: string, ...statuses: number[]]>> = {
  "a chunked body": [post(CHUNKED, "3\r\na=b\r\n0\r\n\r\n"), 400, 200],
  "chunks with extensions and trailers": [post(CHUNKED, '3;x="y"\r\na=b\r\n0\r\nX: y\r\n\r\n'), 400, 200],
  "a request as a trailer": [post(CHUNKED, `0\r\n${line("GET /openapi.json HTTP/1.1")}`), 400, 200],
  "a chunk without a size": [post(CHUNKED, "\r\na=b\r\n0\r\n\r\n"), 400],
  "a size that is none": [post(CHUNKED, "zz\r\na=b\r\n0\r\n\r\n"), 400],
  "a size with a sign": [post(CHUNKED, "-3\r\na=b\r\n0\r\n\r\n"), 400],
  "a size with 0x": [post(CHUNKED, "0x3\r\na=b\r\n0\r\n\r\n"), 400],
  "a size with a space": [post(CHUNKED, " 3\r\na=b\r\n0\r\n\r\n"), 400],
  "a size that overflows": [post(CHUNKED, "10000000000000003\r\na=b\r\n0\r\n\r\n"), 400],
  "a chunk that is longer than its size": [post(CHUNKED, "3\r\na=bcd\r\n0\r\n\r\n"), 400],
  "chunks that end in LF": [post(CHUNKED, "3\na=b\n0\n\n"), 400],
  "a chunk's size in a long line": [post(CHUNKED, `3;${"x".repeat(100_000)}\r\na=b\r\n0\r\n\r\n`), 400],
  "many trailers": [post(CHUNKED, `0\r\n${"X: y\r\n".repeat(200)}\r\n`), 400],
  "a body in many chunks that is too large": [post(CHUNKED, `${"ffff\r\n".padEnd(65_541, "a")}\r\n`.repeat(20)), 413],
  "chunks that nobody reads": [`POST /healthz HTTP/1.1\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`, 405],
  "chunks twice": [post(CHUNKED + CHUNKED, "0\r\n\r\n"), 400],
  "chunks behind a vertical tab": [post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400],
  "the encoding identity": [post("Transfer-Encoding: identity\r\n", ""), 400],
  "chunks in HTTP/1.0": [`POST /session HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`, 400],
  "a length and chunks": [post(`Content-Length: 4\r\n${CHUNKED}`, "0\r\n\r\n"), 400],
  "a length that is empty": [post("Content-Length: \r\n", ""), 400],
  "a length below zero": [post("Content-Length: -1\r\n", ""), 400],
  "a length in hex": [post("Content-Length: 0x3\r\n", "a=b"), 400],
  "a list of lengths": [post("Content-Length: 3, 3\r\n", "a=b"), 400],
  "the same length twice": [post("Content-Length: 3\r\nContent-Length: 3\r\n", "a=b"), 400],
  "a length that overflows": [post("Content-Length: 99999999999999999999\r\n", "a=b"), 400],
  "a length that is too short": [post("Content-Length: 1\r\n", "a=b\r\n\r\n"), 400, 400],
  "a length in front of a space": [post("Content-Length : 3\r\n", "a=b"), 400],
  "a body that is expected otherwise": [post("Content-Length: 3\r\nExpect: 200-ok\r\n", "a=b"), 417],
  "a header that begins with a space": [line("GET /healthz HTTP/1.1", ` X: y\r\n${HOST}`), 400],
  "a header without a name": [line("GET /healthz HTTP/1.1", `${HOST}: y\r\n`), 400],
  "a header without a colon": [line("GET /healthz HTTP/1.1", `${HOST}X\r\n`), 400],
  "two cookies": [line("GET /healthz HTTP/1.1", `${HOST}Cookie: a=b\r\nCookie: c=d\r\n`), 400],
  "an escape character in a header": [line("GET /healthz HTTP/1.1", `${HOST}X: \x1b[2J\r\n`), 400],
  "a header full of spaces": [line("GET /healthz HTTP/1.1", `${HOST}X: a${" ".repeat(30_000)}b\r\n`), 400],
  "headers up to the limit": [line("GET /healthz HTTP/1.1", `${HOST}${"X: y\r\n".repeat(99)}`), 200, 200],
  "one header more": [line("GET /healthz HTTP/1.1", `${HOST}${"X: y\r\n".repeat(100)}`), 431],
  "an empty line first": [`\r\n${line("GET /healthz HTTP/1.1")}`, 400],
  "a space first": [` ${line("GET /healthz HTTP/1.1")}`, 400],
  "a tab in the first line": [line("GET\t/healthz HTTP/1.1"), 400],
  "HTTP/0.9": ["GET /healthz\r\n\r\n", 400],
  "HTTP/1.2": [line("GET /healthz HTTP/1.2"), 400],
  "HTTP/2.0 by name": [line("GET /healthz HTTP/2.0"), 400],
  "another protocol": ["EHLO localhost\r\n\r\n", 400],
  "an upgrade to HTTP/2": [line("GET /healthz HTTP/1.1", `${HOST}Upgrade: h2c\r\nConnection: Upgrade\r\n`), 200, 200],
  "a web socket": [get("/healthz", "Upgrade: websocket\r\nConnection: Upgrade\r\n"), 200, 200],
  "TRACE": [line("TRACE /healthz HTTP/1.1"), 405, 200],
  "CONNECT": [line("CONNECT evil.example:443 HTTP/1.1", "Host: evil.example:443\r\n"), 400],
  "OPTIONS of everything": [line("OPTIONS * HTTP/1.1"), 400],
  "a method in lower case": [line("get /healthz HTTP/1.1"), 405, 200],
  "a method of 20,000 letters": [line(`${"A".repeat(20_000)} /healthz HTTP/1.1`), 405, 200],
  "a method that objects have": [line("constructor /healthz HTTP/1.1"), 405, 200],
  "a user in the address": [line("GET http://evil@localhost/healthz HTTP/1.1"), 400],
  "an address of another scheme": [line("GET file:///etc/passwd HTTP/1.1"), 400],
  "an absolute address": [line("GET http://localhost/healthz HTTP/1.1"), 200, 200],
  "no path": [line("GET ?x HTTP/1.1"), 400],
  "a fragment": [line("GET /healthz#x HTTP/1.1"), 401, 200],
  "an empty host": [line("GET /healthz HTTP/1.1", "Host:\r\n"), 400],
  "a list of hosts": [line("GET /healthz HTTP/1.1", "Host: localhost, evil.example\r\n"), 400],
  "a user in the host": [line("GET /healthz HTTP/1.1", "Host: evil@localhost\r\n"), 400],
  "an address as a part of a host": [line("GET /healthz HTTP/1.1", "Host: 127.0.0.1.evil.example\r\n"), 421, 200],
  "a host that ends like ours": [line("GET /healthz HTTP/1.1", "Host: evillocalhost\r\n"), 421, 200],
  "a host that a proxy names": [
    line("GET /healthz HTTP/1.1", "Host: evil.example\r\nX-Forwarded-Host: localhost\r\n"),
    421,
    200,
  ],
  "dots in UTF-8 that is too long": [get("/content/latest/%c0%ae%c0%ae/%c0%afetc/passwd"), 404, 200],
  "dots encoded twice": [get("/content/latest/%252e%252e/%252e%252e/etc/passwd"), 404, 200],
  "dots with a backslash": [get("/content/latest/..\\..\\etc\\passwd"), 404, 200],
  "dots with a semicolon": [get("/content/latest/..;/..;/etc/passwd"), 404, 200],
  "a dot as the last segment": [get("/content/latest/a.txt/."), 400, 200],
  "dots behind the top": [get("/content/latest/%2E%2E/%2e./a.txt"), 400, 200],
  "a slash as an escape": [get("/content/latest%2Fa.txt"), 400, 200],
  "NUL in a name": [get("/content/latest/a.txt%00.jpg"), 400, 200],
  "NUL in a query": [get("/api/v1/search?q=a%00"), 400, 200],
  "an escape that is cut": [get("/content/latest/%e"), 400, 200],
  "a name of 10,000 characters": [get(`/content/latest/${"a".repeat(10_000)}`), 404, 200],
  "a path of 5,000 names": [get(`/content/latest${"/a".repeat(5000)}`), 404, 200],
  "many parameters": [get(`/api/v1/search?${"q&".repeat(2000)}`), 400, 200],
  "a range beyond all numbers": [get("/content/latest/a.txt", "Range: bytes=0-99999999999999999999\r\n"), 206, 200],
  "a range that begins beyond": [get("/content/latest/a.txt", "Range: bytes=99999999999999999999-\r\n"), 416, 200],
  "a last part beyond all numbers": [get("/content/latest/a.txt", "Range: bytes=-99999999999999999999\r\n"), 206, 200],
  "a last part of nothing": [get("/content/latest/a.txt", "Range: bytes=-0\r\n"), 416, 200],
  "a range from behind": [get("/content/latest/a.txt", "Range: bytes=5-2\r\n"), 200, 200],
  "a range that is none": [get("/content/latest/a.txt", "Range: bytes=--1\r\n"), 200, 200],
  "thousands of ranges": [get("/content/latest/a.txt", `Range: bytes=${"0-,".repeat(5000)}\r\n`), 200, 200],
  "a range of an empty file": [get("/content/latest/empty", "Range: bytes=0-0\r\n"), 416, 200],
  "two ranges by header": [get("/content/latest/a.txt", "Range: bytes=0-0\r\nRange: bytes=1-1\r\n"), 400],
  "a condition on no time": [get("/content/latest/a.txt", "If-Modified-Since: never\r\n"), 200, 200],
  "a type that objects have": [get("/content/latest/x.constructor?inline"), 200, 200],
  "two depths": [propfind("/dav/docs", "Depth: 0\r\nDepth: 1\r\n"), 403, 200],
  "a depth that is none": [propfind("/dav/docs", "Depth: 9\r\n"), 403, 200],
  "a list with a name that objects have": [propfind("/dav/docs/latest", "Depth: 1\r\n"), 207, 200],
  "an XML that nests": [propfind("/dav/docs", "Depth: 0\r\n", "<a>".repeat(20_000)), 400, 200],
  "an XML with entities": [propfind("/dav/docs", "Depth: 0\r\n", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), 400, 200],
  "an XML that is too large": [propfind("/dav/docs", "Depth: 0\r\n", " ".repeat(70_000)), 413, 200],
  "no password": [line("PROPFIND /dav/ HTTP/1.1", `${HOST}Authorization: Basic ====\r\n`), 401, 200],
  "JSON that nests": [order("[".repeat(300_000)), 400, 200],
  "JSON with a prototype": [order('{"__proto__":{"kind":"check"},"constructor":1}'), 400, 200],
  "JSON that is no UTF-8": [order('{"kind":"\xff"}'), 400],
  "JSON with a number beyond all": [order('{"kind":"check","lock":1e999}'), 400, 200],
};
for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf", "__proto__", "__defineGetter__"]) {
  (TRIES as Record<string, unknown>)[`the property ${name}`] = [
    propfind("/dav/docs/latest/a.txt", "Depth: 0\r\n", asked(name)),
    207,
    200,
  ];
}

async function filled(world: World): Promise<void> {
  world.write("a.txt", "hello");
  world.write("empty", "");
  world.write("x.constructor", "a name");
  await world.backup({ name: "docs" });
}

/** Answers on one connection, without what else looks like one. */
function statusesIn(bytes: Uint8Array): readonly number[] {
  const text = new TextDecoder("latin1").decode(bytes);
  return [...text.matchAll(/(?:^|[^>])HTTP\/1\.1 (\d{3}) [A-Z][^\r<]*\r\n/g)].map(([, status]) => Number(status));
}

Deno.test("Whatever a hostile client sends is answered clearly, and its connection is closed or in step", async (test) => {
  using world = new World({ inMemory: true });
  await filled(world);
  await using server = await webServer(world);
  for (const [name, [sent, ...statuses]] of Object.entries(TRIES)) {
    await test.step(name, async () => deepStrictEqual(statusesIn(await talk(server.port, sent + NEXT)), statuses));
  }
  deepStrictEqual(server.log.filter(({ event }) => event === "server-bug"), []);
  strictEqual((await ask(server, "/healthz")).text, "ok\n");
});

Deno.test("Of properties that only objects of the program have, the answer says that there are none", async () => {
  using world = new World({ inMemory: true });
  await filled(world);
  await using server = await webServer(world);
  const asking = { method: "PROPFIND", token: tokenOf("read"), headers: { depth: "1" } };
  const { text } = await ask(server, "/dav/docs/latest/", { ...asking, body: asked("constructor") });
  ok(!text.includes("Object"), text);
  strictEqual(text.split("<D:prop><D:constructor/></D:prop><D:status>HTTP/1.1 404 Not Found<").length, 4, text);
  const all = await ask(server, "/dav/docs/latest/", asking);
  strictEqual(all.text.match(/<D:getcontenttype>application\/octet-stream</g)?.length, 2, all.text);
  strictEqual(inlineType("a.constructor"), undefined);
});

const ROUTES_WITH_BODIES: readonly (readonly [string, string, typeof TOKENS[number]])[] = [
  ["POST", "/session", "read"],
  ["POST", "/api/v1/jobs", "run"],
  ["PROPFIND", "/dav/docs/latest/", "read"],
  ["POST", "/api/v1/restore-plans", "admin"],
  ["PUT", "/api/v1/recurring/x.json", "admin"],
  ["POST", "/healthz", "read"],
];

Deno.test("A body has its time, however many bytes come, wherever one is read; half a body is nobody's bug", async (test) => {
  for (const [method, target, name] of ROUTES_WITH_BODIES) {
    await test.step(`${method} ${target}`, async () => {
      using world = new World({ inMemory: true });
      await filled(world);
      await using server = await webServer(world);
      const type = target === "/session" ? "application/x-www-form-urlencoded" : "application/json";
      const head = `Depth: 0\r\nContent-Type: ${type}\r\n`;
      using slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      using gone = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      for (const one of [slow, gone]) {
        const headers = `${HOST}${OWN}${bearer(name)}${head}Content-Length: 100000\r\n`;
        await send(one, `${method} ${target} HTTP/1.1\r\n${headers}\r\n{`);
      }
      await gone.closeWrite();
      const statuses = statusesIn(await toEnd(gone));
      ok(statuses.length <= 1 && statuses.every((status) => status >= 400 && status < 500), statuses.join());
      let isCut = false;
      const ended = toEnd(slow).then(() => void (isCut = true));
      // Bytes keep coming, so that only the time for the whole body can end it.
      while (!isCut) {
        world.clock.ms += 5000;
        await send(slow, " ").catch(() => {});
        strictEqual((await ask(server, "/healthz")).status, 200);
      }
      await ended;
      deepStrictEqual(server.log.filter(({ event }) => event === "server-bug"), []);
    });
  }
});

Deno.test("Requests that come all at once are answered one by one, and half a one isn't answered", async () => {
  using world = new World({ inMemory: true });
  await filled(world);
  await using server = await webServer(world);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const many = 200, file = get("/content/latest/a.txt");
  const sending = send(connection, file.repeat(many) + file.slice(0, -10)).then(() => connection.closeWrite());
  const all = await toEnd(connection);
  await sending;
  strictEqual(statusesIn(all).length, many);
  strictEqual(new TextDecoder("latin1").decode(all).split("hello").length - 1, many);
  deepStrictEqual(server.log.filter(({ event }) => event === "server-bug"), []);
});

/** Inputs on which an expression could go back and forth for minutes: these end, or this test doesn't. */
Deno.test("Long runs of spaces, names and quotes cost no more than their length", () => {
  const run = 60_000,
    within = (text: string) => `<D:propfind xmlns:D="DAV:"><D:prop><D:a ${text}/></D:prop></D:propfind>`;
  const prefixes = Array.from({ length: 3000 }, (_, n) => ` xmlns:a${n}=""`).join("");
  for (
    const bad of [
      within(`${" ".repeat(run)}x`),
      within(`a${" ".repeat(run)}x`),
      within(`${" a".repeat(run)}`),
      `<D:propfind xmlns:D="DAV:"${prefixes}><D:prop>${"<D:a/>".repeat(3000)}</D:prop></D:propfind>`,
      `<a${'""'.repeat(run)}`,
      "<!--".repeat(run),
      "<?".repeat(run),
    ]
  ) throws(() => parsePropfind(bad), { code: "bad-request" });
  throws(() => parseHead(`GET / HTTP/1.1\r\nHost: a\r\nX: a${" ".repeat(30_000)}b`), { status: 400 });
});
