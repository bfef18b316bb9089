/** The object server beside rest-server: the same requests, the same answers. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { rawOf } from "../../src/core/raw.ts";
import { ObjectStore } from "../../src/server/object_store/object_store.ts";
import { has } from "../support/needs.ts";
import { type Answer, ask, type Asking, tokenOf, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

interface Server extends AsyncDisposable {
  ask(method: string, path: string, more: Asking): Promise<Answer>;
}

async function own(appendOnly: boolean): Promise<Server> {
  await using held = new AsyncDisposableStack();
  const world = held.use(new World()), path = `${world.base}/objects`;
  Deno.mkdirSync(path);
  const objects = held.use(new ObjectStore({ disk: world.machine.disk, path: rawOf(path), appendOnly, reserved: 0 }));
  const server = held.use(await webServer(world, {}, { objects })), all = held.move();
  return {
    ask: (method, path, more) => ask(server, `/objects/objects${path}`, { token: tokenOf("objects"), method, ...more }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function peer(appendOnly: boolean): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-rest-server-" });
  const args = ["--no-auth", "--path", directory, "--listen", "127.0.0.1:0", ...(appendOnly ? ["--append-only"] : [])];
  const child = new Deno.Command("rest-server", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const found = Promise.withResolvers<number>();
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let log = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      log += text;
      const port = /start server on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port !== undefined) found.resolve(Number(port));
    }
  };
  const ended = Promise.all([child.status, follow(child.stdout), follow(child.stderr)]);
  void ended.then(() => found.reject(new Error("rest-server has ended")));
  const port = await found.promise;
  return {
    ask: (method, path, more) => ask({ port }, path, { method, ...more }),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

const BYTES = "some bytes of an object", ID = hash("sha256", BYTES, "hex"), OTHER = "f".repeat(64);
const LARGE = "x".repeat(300_000), LARGE_ID = hash("sha256", LARGE, "hex");
const V2 = { accept: "application/vnd.x.restic.rest.v2" };

type Row = readonly [string, string, Asking?];
/**
 * In this order, on an empty server. Not here, because it differs on purpose: rest-server stores objects in repositories
 * that nobody has made, sends all of `config` whatever range is asked for, and refuses ranges that make no sense instead
 * of ignoring them, as RFC 9110 says.
 */
const TABLE: readonly Row[] = [
  ["GET", "/nas/config"],
  ["HEAD", "/nas/config"],
  ["GET", "/nas/data/"],
  ["POST", "/nas/"],
  ["POST", "/nas/?create=false"],
  ["POST", "/nas/?create=true"],
  ["POST", "/nas/?create=true"],
  ["HEAD", "/nas/config"],
  ["POST", "/nas/config", { body: "any" }],
  ["POST", "/nas/config", { body: "other" }],
  ["HEAD", "/nas/config"],
  ["GET", "/nas/config"],
  ["PUT", "/nas/config", { body: "x" }],
  ["GET", "/nas/"],
  ["GET", "/nas"],
  ["GET", "/nas/data"],
  ["GET", "/nas/data/"],
  ["GET", "/nas/keys/"],
  ["GET", "/nas/locks/", { headers: V2 }],
  ["POST", `/nas/data/${ID}`, { body: BYTES }],
  ["POST", `/nas/data/${ID}`, { body: BYTES }],
  ["POST", `/nas/data/${OTHER}`, { body: BYTES }],
  ["POST", `/nas/data/${ID.slice(1)}`, { body: BYTES }],
  ["POST", "/nas/data/short", { body: BYTES }],
  ["POST", `/nas/other/${ID}`, { body: BYTES }],
  ["POST", `/nas/data/${LARGE_ID}`, { body: LARGE }],
  ...["snapshots", "index", "keys", "locks"].flatMap((type): Row[] => [
    ["POST", `/nas/${type}/${ID}`, { body: BYTES }],
    ["HEAD", `/nas/${type}/${ID}`],
    ["GET", `/nas/${type}/${ID}`],
    ["GET", `/nas/${type}/`, { headers: V2 }],
    ["DELETE", `/nas/${type}/${ID}`],
    ["GET", `/nas/${type}/${ID}`],
    ["DELETE", `/nas/${type}/${ID}`],
  ]),
  ["HEAD", `/nas/data/${ID}`],
  ["GET", `/nas/data/${ID}`],
  ["GET", `/nas/data/${OTHER}`],
  ["HEAD", `/nas/data/${OTHER}`],
  ["PUT", `/nas/data/${ID}`, { body: BYTES }],
  ...["0-0", "5-9", "-3", "20-99", "5-", "99-"].map((range): Row => [
    "GET",
    `/nas/data/${ID}`,
    { headers: { range: `bytes=${range}` } },
  ]),
  ["GET", `/nas/data/${LARGE_ID}`, { headers: { range: "bytes=262140-262150" } }],
  ["GET", `/nas/data/${LARGE_ID}`],
  ["GET", "/nas/data/", { headers: V2 }],
  ["GET", "/nas/data/", { headers: { accept: `${V2.accept}, */*` } }],
  ["DELETE", `/nas/data/${OTHER}`],
  ["DELETE", `/nas/data/${ID}`],
  ["HEAD", `/nas/data/${ID}`],
  ["DELETE", "/nas/config"],
  ["HEAD", "/nas/config"],
];

/** What a client can see of an answer. Bodies of failures are for people; lists have no order. */
function seen({ status, text, headers }: Answer, method: string): unknown {
  const type = headers.get("content-type") ?? "", isList = /rest\.v[12]/.test(type);
  if (status >= 300) return { status };
  const body = isList ? JSON.parse(text === "" ? "[]" : text) : text;
  return {
    status,
    ...(isList && { type }),
    ...(method === "GET" && { body: Array.isArray(body) ? body.map((one) => JSON.stringify(one)).sort() : body }),
    ...(method === "HEAD" && { length: headers.get("content-length") }),
    range: headers.get("content-range"),
  };
}

for (const appendOnly of [false, true]) {
  Deno.test({
    name: `${TABLE.length} requests are answered as by rest-server${appendOnly ? ", append-only" : ""}`,
    ignore: !has("rest-server"),
    fn: async () => {
      await using ours = await own(appendOnly);
      await using other = await peer(appendOnly);
      const differences: unknown[] = [];
      for (const [method, path, more = {}] of TABLE) {
        const [a, b] = [
          seen(await ours.ask(method, path, more), method),
          seen(await other.ask(method, path, more), method),
        ];
        if (JSON.stringify(a) !== JSON.stringify(b)) differences.push([method, path, more.headers, a, b]);
      }
      deepStrictEqual(differences, []);
      strictEqual(TABLE.length >= 60, true);
    },
  });
}
