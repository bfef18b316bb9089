/** The object server: our own backend, restic, and what neither of them asks. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { rawOf } from "../../src/core/raw.ts";
import { sha256 } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { ObjectStore, type StoreOptions } from "../../src/server/object_store/object_store.ts";
import { FakeWorld, runIn } from "../cli/fake_world.ts";
import { backendContract } from "../contract/backend_contract.ts";
import { has } from "../support/needs.ts";
import { openPlace } from "../support/remote_place.ts";
import { type Answer, ask, type Asking, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { run, World } from "../support/world.ts";

interface ObjectWorld extends AsyncDisposable {
  readonly world: World;
  readonly server: WebServer;
  readonly path: string;
}

async function objectServer(options: Partial<StoreOptions> = {}): Promise<ObjectWorld> {
  const world = new World(), path = `${world.base}/objects`, { disk } = world.machine;
  Deno.mkdirSync(path);
  const objects = new ObjectStore({ disk, path: rawOf(path), appendOnly: false, reserved: 0, ...options });
  const server = await webServer(world, {}, { objects });
  return {
    world,
    server,
    path,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      objects[Symbol.dispose]();
      world[Symbol.dispose]();
    },
  };
}

const BASE = "/objects/objects/nas";
const BYTES = "some bytes of an object", ID = hash("sha256", BYTES, "hex");

async function asked({ server }: ObjectWorld, method: string, path: string, more: Asking = {}): Promise<Answer> {
  return await ask(server, path, { token: tokenOf("objects"), method, ...more });
}

async function made(options: Partial<StoreOptions> = {}): Promise<ObjectWorld> {
  const world = await objectServer(options);
  strictEqual((await asked(world, "POST", `${BASE}/?create=true`)).status, 200);
  return world;
}

const login = { BACKUP_TOOL_REST_USER: "objects", BACKUP_TOOL_REST_PASSWORD: tokenOf("objects") };
let places = 0;
backendContract("rest: our own object server", () => {
  const opening = objectServer(), name = `place-${++places}`;
  return {
    open: async () =>
      await openPlace(`rest:http://127.0.0.1:${(await opening).server.port}/objects/objects/${name}/`, login),
    [Symbol.asyncDispose]: async () => await (await opening)[Symbol.asyncDispose](),
  };
});

Deno.test("each request is answered as rest-server does", async () => {
  await using world = await made();
  const other = "f".repeat(64), data = `${BASE}/data`;
  const table: readonly (readonly [string, string, number, Asking?])[] = [
    ["POST", `${BASE}/`, 400],
    ["GET", `${BASE}/`, 405],
    ["GET", `${BASE}`, 404],
    ["GET", "/objects/objects/nobody/data/", 404],
    ["GET", `${BASE}/config`, 404],
    ["HEAD", `${BASE}/config`, 404],
    ["POST", `${BASE}/config`, 200, { body: "anything" }],
    ["POST", `${BASE}/config`, 403, { body: "another" }],
    ["GET", `${BASE}/config`, 200],
    ["GET", data, 404],
    ["GET", `${BASE}/other/`, 404],
    ["POST", `${data}/${ID}`, 200, { body: BYTES }],
    ["POST", `${data}/${ID}`, 403, { body: BYTES }],
    ["POST", `${data}/${other}`, 400, { body: BYTES }],
    ["POST", `${data}/${ID.slice(2)}`, 404, { body: BYTES }],
    ["POST", `${data}/${ID.toUpperCase()}`, 404, { body: BYTES }],
    ["POST", `/objects/objects/nobody/data/${ID}`, 404, { body: BYTES }],
    ["HEAD", `${data}/${ID}`, 200],
    ["HEAD", `${data}/${other}`, 404],
    ["GET", `${data}/${ID}`, 206, { headers: { range: "bytes=5-9" } }],
    ["GET", `${data}/${ID}`, 206, { headers: { range: "bytes=-3" } }],
    ["GET", `${data}/${ID}`, 206, { headers: { range: "bytes=20-99" } }],
    ["GET", `${data}/${ID}`, 416, { headers: { range: "bytes=99-" } }],
    ["DELETE", `${data}/${other}`, 200],
    ["DELETE", `${data}/${ID}`, 200],
    ["GET", `${data}/${ID}`, 404],
    ["GET", `${data}/${ID}/more`, 404],
    ["GET", `/objects/other/nas/config`, 401],
    ["GET", `/objects/objects/data/config`, 404],
  ];
  for (const [method, path, status, more] of table) {
    strictEqual((await asked(world, method, path, more)).status, status, `${method} ${path}`);
  }
  deepStrictEqual([...Deno.readDirSync(`${world.path}/.uploads`)], [], "what was refused leaves nothing");
});

Deno.test("lists are names, or with the exact type of version 2 names and sizes", async () => {
  await using world = await made();
  await asked(world, "POST", `${BASE}/data/${ID}`, { body: BYTES });
  Deno.writeTextFileSync(`${world.path}/objects/nas/data/${ID.slice(0, 2)}/notes.txt`, "no object");
  const list = async (accept: string) => await asked(world, "GET", `${BASE}/data/`, { headers: { accept } });
  const v2 = "application/vnd.x.restic.rest.v2", [first, second] = [await list("*/*"), await list(v2)];
  deepStrictEqual(JSON.parse(first.text), [ID]);
  deepStrictEqual(JSON.parse(second.text), [{ name: ID, size: BYTES.length }]);
  strictEqual(second.headers.get("content-type"), v2);
  deepStrictEqual(JSON.parse((await asked(world, "GET", `${BASE}/keys/`)).text), []);
});

Deno.test("append-only: nothing but locks can be removed", async () => {
  await using world = await made({ appendOnly: true });
  for (const type of ["data", "locks"]) await asked(world, "POST", `${BASE}/${type}/${ID}`, { body: BYTES });
  await asked(world, "POST", `${BASE}/config`, { body: "config" });
  const removed = async (path: string) => (await asked(world, "DELETE", `${BASE}/${path}`)).status;
  deepStrictEqual([await removed(`data/${ID}`), await removed("config"), await removed(`locks/${ID}`)], [
    403,
    403,
    200,
  ]);
  deepStrictEqual((await asked(world, "GET", `${BASE}/data/${ID}`)).text, BYTES);
});

Deno.test("a quota holds, for uploads at the same time too, and what is removed is given back", async () => {
  await using world = await made({ mostBytes: 100 });
  const body = (n: number) => String(n).padStart(40, "x");
  const put = async (n: number) =>
    (await asked(world, "POST", `${BASE}/data/${hash("sha256", body(n), "hex")}`, { body: body(n) })).status;
  const statuses = await Promise.all([1, 2, 3, 4, 5].map(put));
  deepStrictEqual(statuses.sort(), [200, 200, 507, 507, 507]);
  const [first] = JSON.parse((await asked(world, "GET", `${BASE}/data/`)).text);
  await asked(world, "DELETE", `${BASE}/data/${first}`);
  strictEqual(await put(9), 200);
  strictEqual(await put(10), 507);
});

Deno.test("a client that vanishes in the middle leaves nothing, nor does a crash", async () => {
  await using world = await made({ mostBytes: 1000 });
  {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: world.server.port });
    const head = `POST ${BASE}/data/${ID} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bt_objects\r\n`;
    await connection.write(new TextEncoder().encode(`${head}Content-Length: 900\r\n\r\n${BYTES}`));
    // Once there is a file, the upload has begun.
    for (const _ of attempts()) {
      if ([...Deno.readDirSync(`${world.path}/.uploads`)].length > 0) break;
      else await new Promise((done) => setTimeout(done, 5));
    }
  }
  for (const _ of attempts()) {
    if ([...Deno.readDirSync(`${world.path}/.uploads`)].length === 0) break;
    else await new Promise((done) => setTimeout(done, 5));
  }
  strictEqual((await asked(world, "GET", `${BASE}/data/${ID}`)).status, 404);
  const body = "y".repeat(900);
  const { status } = await asked(world, "POST", `${BASE}/data/${hash("sha256", body, "hex")}`, { body });
  strictEqual(status, 200, "what it had reserved is free again");
  Deno.writeTextFileSync(`${world.path}/.uploads/upload-1`, "left by a crash");
  using again = new ObjectStore({ disk: world.world.machine.disk, path: rawOf(world.path), appendOnly: false });
  deepStrictEqual([...Deno.readDirSync(`${world.path}/.uploads`)], []);
  ok(again.isThere({ user: "objects", name: "nas" }));
});

function* attempts(): Generator<void> {
  for (let n = 0; n < 4000; n++) yield;
  throw new Error("It never came to that");
}

Deno.test("an account has its own quota, and a token may be append-only where others aren't", async () => {
  await using world = await made();
  using dir = world.world.machine.disk.openDir(rawOf(world.server.accounts));
  const created = "2026-11-20T22:00:00.000Z",
    role = "objects",
    token = (name: string) => ({ name, role, created, hash: sha256(`bt_${name}`) } as const);
  const tokens = [token("objects"), { ...token("appending"), appendOnly: true }];
  new UserFile(dir).put({ name: "objects", role, tokens, quotaBytes: 30 }, world.world.machine.random);
  strictEqual((await asked(world, "POST", `${BASE}/data/${ID}`, { body: BYTES })).status, 200);
  const other = "more bytes", id = hash("sha256", other, "hex");
  strictEqual((await asked(world, "POST", `${BASE}/data/${id}`, { body: other })).status, 507);
  strictEqual((await asked(world, "DELETE", `${BASE}/data/${ID}`, { token: "bt_appending" })).status, 403);
  strictEqual((await asked(world, "DELETE", `${BASE}/data/${ID}`)).status, 200);
  strictEqual((await asked(world, "POST", `${BASE}/data/${id}`, { body: other })).status, 200);
});

Deno.test("what went in and out of each repository is counted for monitoring", async () => {
  await using world = await made();
  const path = `${BASE}/data/${ID}`;
  await asked(world, "POST", path, { body: BYTES });
  await asked(world, "GET", path);
  await asked(world, "GET", path, { headers: { range: "bytes=0-3" } });
  await asked(world, "HEAD", path);
  await asked(world, "DELETE", path);
  await asked(world, "DELETE", path);
  const { text } = await ask(world.server, "/metrics", { token: tokenOf("watch") });
  const labels = '{user="objects",repo="nas",type="data"}', size = BYTES.length;
  for (
    const [name, value] of [["read", 2], ["read_bytes", size + 4], ["write", 1], ["write_bytes", size], ["delete", 1]]
  ) {
    ok(text.includes(`backup_tool_object_${name}_total${labels} ${value}\n`), `${name}: ${text}`);
  }
  ok(!(await ask(world.server, "/metrics", { token: tokenOf("photos") })).text.includes("object_"));
});

Deno.test("repositories of others are never kept in the storage", async () => {
  using world = new World();
  world.write("a", "1");
  await world.backup();
  Deno.mkdirSync(`${world.storagePath}/inside`);
  const place = ["-s", world.storagePath, "--listen", "127.0.0.1:0"];
  const outer = new FakeWorld();
  outer.variables["BACKUP_TOOL_STATE"] = `${world.base}/state`;
  for (const path of [`${world.storagePath}/inside`, world.base, world.storagePath]) {
    const { status, stderr } = await runIn(outer, "serve", ...place, "--objects", path);
    strictEqual(status, 2, stderr);
    ok(stderr.includes("can't be kept"), stderr);
  }
});

Deno.test("links in the directory lead nowhere", async () => {
  await using world = await made();
  const secret = `${world.world.base}/secret`;
  Deno.mkdirSync(`${secret}/data`, { recursive: true });
  Deno.writeTextFileSync(`${secret}/config`, "secret");
  Deno.symlinkSync(secret, `${world.path}/objects/linked`);
  Deno.symlinkSync(`${secret}/config`, `${world.path}/objects/nas/config`);
  strictEqual((await asked(world, "GET", "/objects/objects/linked/config")).status, 404);
  strictEqual((await asked(world, "GET", `${BASE}/config`)).status, 404);
  strictEqual((await asked(world, "POST", `${BASE}/config`, { body: "mine" })).status, 403);
  strictEqual(Deno.readTextFileSync(`${secret}/config`), "secret");
});

/** The same with each client of the protocol. @param out where the files are, after a restore to a directory */
const CLIENTS = {
  restic: { restore: (out: string) => ["latest", "--target", out], out: (out: string, source: string) => out + source },
  rustic: { restore: (out: string) => ["latest", out], out: (out: string, source: string) => out + source },
} as const;

for (const [client, { restore, out }] of Object.entries(CLIENTS)) {
  Deno.test({
    name: `${client}: init, backup, check --read-data, restore, forget --prune`,
    ignore: !has(client),
    fn: async () => {
      await using world = await objectServer();
      const { base } = world.world, source = `${base}/files`, { port } = world.server, prefix = client.toUpperCase();
      Deno.mkdirSync(source);
      for (let n = 0; n < 40; n++) {
        Deno.writeFileSync(`${source}/${n}.bin`, crypto.getRandomValues(new Uint8Array(50_000)));
      }
      const env = {
        [`${prefix}_REPOSITORY`]: `rest:http://objects:bt_objects@127.0.0.1:${port}/objects/objects/${client}/`,
        [`${prefix}_PASSWORD`]: "x",
        [`${prefix}_CACHE_DIR`]: `${base}/cache`,
      };
      const does = async (...args: string[]) => {
        const { success, stderr } = await new Deno.Command(client, { args, env }).output();
        ok(success, `${client} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
      };
      await does("init");
      await does("backup", source);
      Deno.removeSync(`${source}/0.bin`);
      await does("backup", source);
      await does("check", "--read-data");
      await does("restore", ...restore(`${base}/out`));
      strictEqual(run("diff", "-r", source, out(`${base}/out`, source)), "");
      await does("forget", "--keep-last", "1", "--prune");
      await does("check", "--read-data");
    },
  });
}

Deno.test("Uploads are refused while less than the reserve of the file system is free", async () => {
  await using full = await made({ reserved: 1 });
  strictEqual((await asked(full, "POST", `${BASE}/data/${ID}`, { body: BYTES })).status, 507);
  await using roomy = await made({ reserved: 0 });
  strictEqual((await asked(roomy, "POST", `${BASE}/data/${ID}`, { body: BYTES })).status, 200);
});
