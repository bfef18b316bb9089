/** The first account by the page: for whoever can read the token on the machine, once, and over a private connection. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { SETUP_EVENT } from "../../src/jobs/log/log.ts";
import { isPrivate } from "../../src/server/exchange/private.ts";
import { BadAccounts, UserFile } from "../../src/server/accounts/user_file.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const PASSWORD = "correct horse battery", FORM = "application/x-www-form-urlencoded";

/** A server that has never had an account. */
function fresh(world: World): Promise<WebServer> {
  return webServer(world, { directory: rawOf(directoryOf(world)) });
}

function directoryOf(world: World): string {
  return `${world.base}/fresh`;
}

function tokenIn(world: World): string {
  return Deno.readTextFileSync(`${directoryOf(world)}/setup-token`).trim();
}

function send(server: WebServer, fields: Record<string, string>, more: Record<string, string> = {}) {
  const all = { name: "anna", password: PASSWORD, again: PASSWORD, ...fields };
  const headers = { "content-type": FORM, accept: "text/html", origin: `http://127.0.0.1:${server.port}`, ...more };
  return ask(server, "/setup", { method: "POST", headers, body: new URLSearchParams(all).toString() });
}

const look = (server: WebServer, target = "/setup") => ask(server, target, { headers: { accept: "text/html" } });

Deno.test("The token on the machine makes one admin, who is signed in; afterwards there is no setup", async () => {
  using world = new World({ inMemory: true });
  await using server = await fresh(world);
  const [{ message = "", fields } = {}] = server.log.filter(({ event }) => event === SETUP_EVENT);
  const path = `${directoryOf(world)}/setup-token`, token = tokenIn(world);
  match(token, /^[0-9a-f]{64}$/);
  deepStrictEqual(fields, { path, token });
  ok(message.includes(`http://127.0.0.1:${server.port}/setup`) && message.includes(token), message);
  strictEqual((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  ok((await look(server, "/sign-in")).text.includes('href="/setup"'));
  const form = await look(server);
  ok(form.status === 200 && !form.text.includes(token), form.text);
  const made = await send(server, { token });
  deepStrictEqual([made.status, made.headers.get("location")], [303, "/"]);
  const cookie = made.headers.get("set-cookie")?.split(";")[0] ?? "";
  strictEqual((await ask(server, "/api/v1/users", { headers: { cookie } })).status, 200);
  strictEqual((await send(server, { token })).status, 409);
  deepStrictEqual((await look(server)).headers.get("location"), "/sign-in");
  ok(!Array.from(Deno.readDirSync(directoryOf(world)), ({ name }) => name).includes("setup-token"));
  const told = server.log.filter(({ event }) => event === "by-page").map(({ message }) => message);
  deepStrictEqual(told, ["127.0.0.1: anna made the first account", "127.0.0.1: anna signed in"]);
});

Deno.test("What is not right uses no token up, and guessing takes longer and longer", async () => {
  using world = new World({ inMemory: true });
  await using server = await fresh(world);
  const token = tokenIn(world);
  const refused: Record<string, string>[] = [
    { token, password: "short", again: "short" },
    { token, again: "another password" },
    { token, name: "../x" },
    { token, name: "" },
  ];
  for (const fields of refused) {
    const { status, text } = await send(server, fields);
    ok(status === 403 && text.includes('role="alert"') && !text.includes(token) && !text.includes(PASSWORD), text);
  }
  for (const wrong of ["", token.slice(1), `${token}0`, token.toUpperCase().replace(/^\d*$/, "x"), "0".repeat(64)]) {
    strictEqual((await send(server, { token: wrong })).status, 403);
  }
  const waiting = await send(server, { token });
  deepStrictEqual([waiting.status, waiting.headers.get("retry-after")], [429, "1"]);
  strictEqual((await send(server, { token }, { origin: "http://evil.example" })).status, 403);
  strictEqual((await send(server, { token }, { origin: "null" })).status, 403);
  // A token is never part of an address.
  strictEqual((await ask(server, `/setup?token=${token}`)).text.includes(PASSWORD), false);
  strictEqual(server.log.filter(({ event }) => event === "setup-failed").length, 5);
  world.clock.ms += 1000;
  strictEqual((await send(server, { token })).status, 303);
});

Deno.test("Of two at once one makes the account", async () => {
  using world = new World({ inMemory: true });
  await using server = await fresh(world);
  const token = tokenIn(world);
  const both = await Promise.all([send(server, { token, name: "anna" }), send(server, { token, name: "eve" })]);
  deepStrictEqual(both.map(({ status }) => status).sort(), [303, 409]);
  using dir = world.machine.disk.openDir(rawOf(directoryOf(world)));
  strictEqual(new UserFile(dir).users().length, 1);
});

Deno.test("A token is good for an hour, and ends with the server", async () => {
  using world = new World({ inMemory: true });
  let token = "";
  {
    await using server = await fresh(world);
    token = tokenIn(world);
    world.clock.pass(60);
    strictEqual((await look(server)).status, 403);
    strictEqual((await send(server, { token })).status, 403);
    ok(!(await look(server, "/sign-in")).text.includes('href="/setup"'));
  }
  await using server = await fresh(world);
  strictEqual((await send(server, { token })).status, 403);
  strictEqual((await send(server, { token: tokenIn(world) })).status, 303);
});

Deno.test("A file of accounts that can't be read, or that lists nobody, is no first start", async () => {
  for (const text of ["", "{", '{"version":1,"users":"all"}', '{"version":2,"users":[]}']) {
    using world = new World({ inMemory: true });
    Deno.mkdirSync(directoryOf(world));
    Deno.writeTextFileSync(`${directoryOf(world)}/users.json`, text);
    await fresh(world).then(() => ok(false, text), (error) => ok(error instanceof BadAccounts, error));
  }
  using world = new World({ inMemory: true });
  Deno.mkdirSync(directoryOf(world));
  Deno.writeTextFileSync(`${directoryOf(world)}/users.json`, '{"version":1,"users":[]}');
  await using server = await fresh(world);
  ok(server.log.every(({ event }) => event !== SETUP_EVENT));
  strictEqual((await look(server)).status, 303);
  strictEqual((await send(server, { token: "" })).status, 409);
});

Deno.test("A file of accounts that breaks while the server runs closes everything but whether it runs", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  Deno.writeTextFileSync(`${server.accounts}/users.json`, "{");
  for (const target of ["/", "/api/v1/status", "/sign-in", "/setup", "/dav/", "/metrics", "/api/v1/users"]) {
    const { status, text } = await ask(server, target, { token: tokenOf("admin") });
    ok(status >= 400 || target === "/setup" && status === 303, `${target}: ${status} ${text}`);
  }
  strictEqual((await send(server, { token: "x" })).status, 409);
  strictEqual((await ask(server, "/healthz")).text, "ok\n");
});

Deno.test("Over a connection that others can read there is no setup", async () => {
  const seen = [
    "",
    "::1",
    "127.0.0.1",
    "127.9.9.9",
    "::ffff:127.0.0.1",
    "192.168.1.7",
    "::ffff:10.0.0.1",
    "127.0.0.1x",
  ];
  const open = seen.filter((address) => isPrivate({ isTls: false, address }));
  deepStrictEqual(open, ["", "::1", "127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1"]);
  ok(isPrivate({ isTls: true, address: "192.168.1.7" }));
  using world = new World({ inMemory: true });
  const directory = rawOf(directoryOf(world));
  await using server = await webServer(world, { directory, trustedProxy: "127.0.0.1" });
  const far = { "x-forwarded-for": "127.0.0.1, 192.0.2.7", "x-forwarded-proto": "http" }, token = tokenIn(world);
  strictEqual((await ask(server, "/setup", { headers: far })).status, 403);
  strictEqual((await send(server, { token }, far)).status, 403);
  ok(!(await ask(server, "/sign-in", { headers: far })).text.includes('href="/setup"'));
  const secure = { ...far, "x-forwarded-proto": "https", origin: `https://127.0.0.1:${server.port}` };
  strictEqual((await send(server, { token }, secure)).status, 303);
});
