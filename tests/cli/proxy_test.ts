/** Servers are reached by way of the proxy that the environment names. */
import { createServer, request } from "node:http";
import { connect, type Socket } from "node:net";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { has } from "../support/needs.ts";
import { restServer } from "../support/rest_server.ts";
import { Place } from "./program.ts";

interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** "METHOD host" of all that it was asked for. */
  readonly asked: Set<string>;
}

/** Passes every request on to one server, whatever host it names, and refuses tunnels. */
async function proxyTo(port: number): Promise<Proxy> {
  const asked = new Set<string>();
  const server = createServer((incoming, outgoing) => {
    const { method = "", headers } = incoming, url = new URL(incoming.url ?? "");
    asked.add(`${method} ${url.host}`);
    const onward = request({ port, method, path: url.pathname + url.search, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  server.on("connect", ({ url }, socket) => {
    asked.add(`CONNECT ${url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    asked,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function said(place: Place, ...args: string[]): Promise<{ readonly code: number; readonly stderr: string }> {
  const { code, stderr } = await place.command(...args).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("a vault on a server that only the proxy knows is made and backed up to", async () => {
  await using server = restServer();
  await using proxy = await proxyTo(server.port);
  using place = new Place();
  Deno.writeTextFileSync(`${place.source}/a`, "some text");
  Object.assign(place.env, { HTTP_PROXY: proxy.url, http_proxy: proxy.url });
  const at = ["-s", "rest:http://vault.invalid/nas/", "--unencrypted"];
  for (const args of [["init", "--vault"], ["backup", place.source], ["check", "--read-data"]]) {
    const { code, stderr } = await said(place, ...args, ...at);
    strictEqual(code, 0, stderr);
  }
  ok(["GET", "POST"].every((method) => proxy.asked.has(`${method} vault.invalid`)), [...proxy.asked].join());
});

Deno.test("a proxy that refuses is named as what stands in the way, and NO_PROXY goes past it", async () => {
  await using server = restServer();
  await using proxy = await proxyTo(server.port);
  using place = new Place();
  Object.assign(place.env, { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1" });
  const refused = await said(place, "init", "--vault", "--unencrypted", "-s", "rest:https://vault.invalid/nas/");
  ok(refused.code !== 0);
  match(refused.stderr, /vault\.invalid/);
  ok(proxy.asked.has("CONNECT vault.invalid:443"), [...proxy.asked].join());
  const direct = `rest:http://127.0.0.1:${server.port}/nas/`;
  const { code, stderr } = await said(place, "init", "--vault", "--unencrypted", "-s", direct);
  strictEqual(code, 0, stderr);
  ok(![...proxy.asked].some((each) => each.includes("127.0.0.1")), [...proxy.asked].join());
});

/** Makes tunnels to one server, whatever host they are for. */
async function tunnelTo(port: number): Promise<Proxy> {
  const asked = new Set<string>(), sockets = new Set<Socket>(), server = createServer();
  server.on("connect", ({ url }, socket: Socket) => {
    asked.add(`CONNECT ${url}`);
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket);
      socket.pipe(onward);
    });
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    asked,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

Deno.test("a vault is reached by TLS through the proxy's tunnel", { ignore: !has("openssl") }, async () => {
  await using server = restServer();
  using place = new Place();
  const [cert, key] = ["cert", "key"].map((name) => `${place.base}/${name}.pem`) as [string, string];
  const names = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:vault.invalid"];
  const kind = ["-addext", "basicConstraints=critical,CA:FALSE", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  const args = ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert];
  new Deno.Command("openssl", { args, stderr: "null" }).outputSync();
  await using tls = Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      cert: Deno.readTextFileSync(cert),
      key: Deno.readTextFileSync(key),
      onListen: () => {},
    },
    ({ method, url, headers, body }) => {
      const { pathname, search } = new URL(url);
      return fetch(`http://127.0.0.1:${server.port}${pathname}${search}`, { method, headers, body });
    },
  );
  await using proxy = await tunnelTo(tls.addr.port);
  Deno.writeTextFileSync(`${place.source}/a`, "some text");
  // The runtime that runs the source asks its maker for news.
  Object.assign(place.env, { HTTPS_PROXY: proxy.url, https_proxy: proxy.url, DENO_NO_UPDATE_CHECK: "1" });
  const at = ["-s", `rest:https://vault.invalid/nas/?ca-file=${cert}`, "--unencrypted"];
  for (const args of [["init", "--vault"], ["backup", place.source], ["check", "--read-data"]]) {
    const { code, stderr } = await said(place, ...args, ...at);
    strictEqual(code, 0, stderr);
  }
  deepStrictEqual([...proxy.asked], ["CONNECT vault.invalid:443"]);
});
