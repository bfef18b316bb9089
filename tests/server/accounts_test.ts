/** Accounts by page and interface: only for admins, only after their password, and no secret ever comes out again. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { hashPassword } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const PASSWORD = "correct horse battery", USERS = "/api/v1/users";

function call(server: WebServer, method: string, target: string, body?: object, token = tokenOf("admin")) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return ask(server, target, { method, token, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

Deno.test("An account is added, changed and removed; its tokens work as long as they are there", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const tom = `${USERS}/tom`;
  const added = await call(server, "PUT", tom, { role: "read", series: ["photos"], password: PASSWORD });
  strictEqual(added.status, 200, added.text);
  deepStrictEqual(JSON.parse(added.text), {
    name: "tom",
    role: "read",
    series: ["photos"],
    hasPassword: true,
    appendOnly: false,
    quotaBytes: null,
    tokens: [],
  });
  const made = await call(server, "POST", `${tom}/tokens`, { name: "phone", role: "watch", expiresDays: 1 });
  strictEqual(made.status, 201, made.text);
  const { token } = JSON.parse(made.text);
  strictEqual((await ask(server, "/api/v1/status", { token })).status, 200);
  strictEqual((await ask(server, "/api/v1/series", { token })).status, 403);
  strictEqual(JSON.parse((await call(server, "PUT", tom, { series: null })).text).series, null);
  world.clock.pass(25 * 60);
  strictEqual((await ask(server, "/api/v1/status", { token })).status, 401);
  const { text } = await call(server, "GET", USERS);
  ok(!/scrypt|"hash"|bt_/.test(text), text);
  strictEqual((await call(server, "DELETE", `${tom}/tokens/phone`)).status, 204);
  strictEqual((await call(server, "DELETE", `${tom}/tokens/phone`)).status, 404);
  strictEqual((await call(server, "DELETE", tom)).status, 204);
  strictEqual((await call(server, "DELETE", tom)).status, 404);
  const done = server.log.filter(({ event }) => event === "by-page").map(({ message }) => message);
  ok(done.includes("127.0.0.1: admin changed the account tom: read, password"), done.join());
  ok(!done.join().includes(PASSWORD));
});

Deno.test("When a token was last used is seen, also after a new start, and nothing is written for each use", async () => {
  using world = new World({ inMemory: true });
  const file = `${world.base}/web/token-uses.json`;
  const usesIn = async (server: WebServer): Promise<readonly (string | undefined)[]> => {
    const users: { name: string; tokens: { lastUsed?: string }[] }[] = JSON.parse(
      (await call(server, "GET", USERS)).text,
    );
    return ["read", "run"].map((name) => users.find((user) => user.name === name)?.tokens[0]?.lastUsed);
  };
  const first = new Date(world.clock.ms).toISOString();
  {
    await using server = await webServer(world);
    const status = (token: string) => ask(server, "/api/v1/status", { token });
    strictEqual((await status(tokenOf("read"))).status, 200);
    strictEqual((await status("bt_nobody")).status, 401);
    deepStrictEqual(await usesIn(server), [first, undefined]);
    const { mtime } = Deno.statSync(file), text = Deno.readTextFileSync(file);
    world.clock.pass(59);
    strictEqual((await status(tokenOf("read"))).status, 200);
    deepStrictEqual([Deno.statSync(file).mtime, Deno.readTextFileSync(file)], [mtime, text]);
    ok(!text.includes(tokenOf("read")));
  }
  await using server = await webServer(world);
  deepStrictEqual(await usesIn(server), [first, undefined]);
  world.clock.pass(2);
  strictEqual((await ask(server, "/api/v1/status", { token: tokenOf("run") })).status, 200);
  const later = new Date(world.clock.ms).toISOString();
  deepStrictEqual(await usesIn(server), [first, later]);
  strictEqual((await call(server, "DELETE", `${USERS}/read`)).status, 204);
  strictEqual((await ask(server, "/api/v1/status", { token: tokenOf("watch") })).status, 200);
  deepStrictEqual(Object.keys(JSON.parse(Deno.readTextFileSync(file))).length, 3);
});

Deno.test("Where others can listen, HTTP Basic takes no password, and no token that could do harm", async () => {
  using world = new World({ inMemory: true });
  const directory = `${world.base}/web`, password = await hashPassword(PASSWORD, world.machine.random);
  const statusOf = async (server: WebServer, name: string, secret: string) => {
    const headers = { depth: "0", authorization: `Basic ${btoa(`${name}:${secret}`)}` };
    return (await ask(server, "/dav/", { method: "PROPFIND", headers })).status;
  };
  for (const plainHttp of [false, true]) {
    await using server = await webServer(world, { plainHttp });
    using dir = world.machine.disk.openDir(rawOf(directory));
    const file = new UserFile(dir), user = file.user("read");
    if (user !== undefined) file.put({ ...user, password }, world.machine.random);
    const statuses = [
      await statusOf(server, "read", PASSWORD),
      await statusOf(server, "read", tokenOf("read")),
      await statusOf(server, "run", tokenOf("run")),
      await statusOf(server, "admin", tokenOf("admin")),
    ];
    deepStrictEqual(statuses, plainHttp ? [401, 207, 401, 401] : [207, 207, 207, 207]);
  }
});

Deno.test("What is no account, or would leave nobody who may change any, is refused", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const refused: [status: number, method: string, target: string, body?: object][] = [
    [400, "PUT", `${USERS}/..x`, { role: "read" }],
    [400, "PUT", `${USERS}/a%20b`, { role: "read" }],
    [400, "PUT", `${USERS}/tom`, { role: "root" }],
    [400, "PUT", `${USERS}/tom`, { role: "read", password: "short" }],
    [400, "PUT", `${USERS}/tom`, { role: "read", tokens: [] }],
    [400, "PUT", `${USERS}/tom`, { role: "read", series: [] }],
    [400, "POST", `${USERS}/admin/tokens`, { name: "a b" }],
    [404, "POST", `${USERS}/nobody/tokens`, { name: "x" }],
    [409, "DELETE", `${USERS}/admin`],
    [409, "PUT", `${USERS}/admin`, { role: "read" }],
  ];
  for (const [status, method, target, body] of refused) {
    strictEqual((await call(server, method, target, body)).status, status, `${method} ${target}`);
  }
  strictEqual((await call(server, "PUT", `${USERS}/tom`, { role: "admin" }, tokenOf("run"))).status, 403);
  strictEqual((await call(server, "PUT", `${USERS}/run`, { role: "admin" })).status, 200);
  strictEqual((await call(server, "DELETE", `${USERS}/admin`)).status, 204);
});

Deno.test("By the page: the password again after ten minutes, a token shown once", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  using dir = world.machine.disk.openDir(rawOf(server.accounts));
  const file = new UserFile(dir), { random } = world.machine, user = file.user("admin");
  ok(user !== undefined);
  file.put({ ...user, password: await hashPassword(PASSWORD, random) }, random);
  const origin = `http://127.0.0.1:${server.port}`;
  let cookie = "";
  const send = (target: string, fields: Record<string, string>) => {
    const type = "application/x-www-form-urlencoded";
    const headers = { "content-type": type, accept: "text/html", origin, ...(cookie !== "" && { cookie }) };
    return ask(server, target, { method: "POST", headers, body: new URLSearchParams(fields).toString() });
  };
  const look = (target: string) => ask(server, target, { headers: { cookie, accept: "text/html" } });
  cookie = (await send("/session", { name: "admin", password: PASSWORD })).headers.get("set-cookie")?.split(";")[0] ??
    "";
  strictEqual((await send("/accounts", { do: "put", user: "tom", role: "read", series: "photos, x" })).status, 303);
  deepStrictEqual(file.user("tom")?.series, ["photos", "x"]);
  const made = await send("/accounts", { do: "token", user: "tom", token: "phone", role: "read", days: "7" });
  const [secret = ""] = /bt_[0-9a-f]{64}/.exec(made.text) ?? [];
  strictEqual((await ask(server, "/api/v1/series", { token: secret })).status, 200);
  ok(!(await look("/accounts")).text.includes("bt_"));
  world.clock.pass(11);
  match((await look("/accounts")).text, /give your password again/);
  for (const act of [{ do: "remove", user: "tom" }, { do: "revoke", user: "tom", token: "phone" }]) {
    strictEqual((await send("/accounts", act)).status, 403);
  }
  strictEqual((await ask(server, USERS, { headers: { cookie } })).status, 403);
  strictEqual((await send("/confirm", { password: "something else", to: "/accounts" })).status, 403);
  const confirmed = await send("/confirm", { password: PASSWORD, to: "//evil.example" });
  deepStrictEqual([confirmed.status, confirmed.headers.get("location")], [303, "/"]);
  strictEqual((await send("/accounts", { do: "revoke", user: "tom", token: "phone" })).status, 303);
  strictEqual((await ask(server, "/api/v1/series", { token: secret })).status, 401);
  strictEqual((await send("/accounts", { do: "remove", user: "tom" })).status, 303);
  strictEqual(file.user("tom"), undefined);
});

Deno.test("Everybody changes their own password by the old one, and all their sessions end", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const NEW = "another good password", origin = `http://127.0.0.1:${server.port}`;
  await call(server, "PUT", `${USERS}/tom`, { role: "watch", password: PASSWORD });
  const send = (target: string, fields: Record<string, string>, cookie = "") => {
    const type = "application/x-www-form-urlencoded";
    const headers = { "content-type": type, accept: "text/html", origin, ...(cookie !== "" && { cookie }) };
    return ask(server, target, { method: "POST", headers, body: new URLSearchParams(fields).toString() });
  };
  const cookieOf = ({ headers }: { readonly headers: Headers }) => headers.get("set-cookie")?.split(";")[0] ?? "";
  const mine = cookieOf(await send("/session", { name: "tom", password: PASSWORD }));
  const other = cookieOf(await send("/session", { name: "tom", password: PASSWORD }));
  const status = async (cookie: string) => (await ask(server, "/api/v1/status", { headers: { cookie } })).status;
  for (
    const fields of [
      { old: "wrong password", password: NEW, again: NEW },
      { old: PASSWORD, password: NEW, again: "something else" },
      { old: PASSWORD, password: "short", again: "short" },
    ]
  ) {
    const { status, text } = await send("/password", fields, mine);
    ok(status === 403 && text.includes('role="alert"') && !text.includes(NEW), text);
  }
  strictEqual((await send("/password", { old: PASSWORD, password: NEW, again: NEW })).status, 303);
  deepStrictEqual([await status(mine), await status(other)], [200, 200]);
  const now = cookieOf(await send("/password", { old: PASSWORD, password: NEW, again: NEW }, mine));
  deepStrictEqual([await status(mine), await status(other), await status(now)], [401, 401, 200]);
  strictEqual((await send("/session", { name: "tom", password: PASSWORD })).status, 403);
  strictEqual((await send("/session", { name: "tom", password: NEW })).status, 303);
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const byToken = { method: "POST", token: tokenOf("admin"), headers: form, body: "password=x&again=x" };
  strictEqual((await ask(server, "/password", byToken)).status, 403);
  ok(server.log.some(({ message }) => message.endsWith("tom changed their password")));
});
