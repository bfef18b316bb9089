/** What accounts have done is recorded with their name and address, and only admins see it. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { hashPassword } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { rawOf } from "../../src/core/raw.ts";
import { ObjectStore } from "../../src/server/object_store/object_store.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const API = "/api/v1/activity", token = tokenOf("admin"), PASSWORD = "correct horse battery";

interface Act {
  readonly at: string;
  readonly user: string;
  readonly token?: string;
  readonly address: string;
  readonly act: string;
}

async function acts(server: WebServer, query = ""): Promise<readonly Act[]> {
  return JSON.parse((await ask(server, API + query, { token })).text);
}

function send(server: WebServer, method: string, target: string, body?: object) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return ask(server, target, { method, token, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

Deno.test("Acts are recorded, newest first, also those without a job, and outlast the server", async () => {
  using world = new World({ inMemory: true });
  {
    await using server = await webServer(world);
    strictEqual((await send(server, "PUT", "/api/v1/users/tom", { role: "read" })).status, 200);
    world.clock.pass(1);
    strictEqual((await send(server, "POST", "/api/v1/jobs", { kind: "check" })).status, 201);
    strictEqual((await send(server, "DELETE", "/api/v1/users/nobody")).status, 404);
  }
  await using server = await webServer(world);
  const [last, first, ...others] = await acts(server);
  strictEqual(others.length, 0);
  const { user, address, token: by, act } = first!;
  deepStrictEqual([user, address, by, act], ["admin", "127.0.0.1", "test", "changed the account tom: read"]);
  ok(last!.act.startsWith("put web-check-") && last!.at > first!.at, last!.act);
  deepStrictEqual(await acts(server, "?limit=1"), [last]);
  strictEqual((Deno.statSync(`${server.accounts}/activity.jsonl`).mode ?? 0) & 0o777, 0o600);
  const page = await ask(server, "/activity", { token, headers: { accept: "text/html" } });
  ok(page.text.includes("changed the account tom") && page.text.includes("127.0.0.1"), page.text);
  for (const name of ["watch", "read", "run"] as const) {
    strictEqual((await ask(server, API, { token: tokenOf(name) })).status, 403);
    strictEqual((await ask(server, "/activity", { token: tokenOf(name) })).status, 403);
  }
});

Deno.test("Signing in is recorded; a wrong password is not, for then nobody is known", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  {
    using dir = world.machine.disk.openDir(rawOf(server.accounts));
    const password = await hashPassword(PASSWORD, world.machine.random), tokens: [] = [];
    new UserFile(dir).put({ name: "anna", role: "read", tokens, password }, world.machine.random);
  }
  const origin = `http://127.0.0.1:${server.port}`;
  const signIn = (password: string) =>
    ask(server, "/session", {
      method: "POST",
      headers: { origin, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ name: "anna", password }).toString(),
    });
  strictEqual((await signIn("something else")).status, 403);
  strictEqual((await signIn(PASSWORD)).status, 303);
  deepStrictEqual((await acts(server)).map(({ user, act }) => [user, act]), [["anna", "signed in"]]);
});

Deno.test("A line that a crash has left incomplete spoils nothing, and a full file takes the place of the one before", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const file = `${server.accounts}/activity.jsonl`;
  Deno.writeTextFileSync(file, '{"at":"2026-11-20T22:00:00.000Z","user":"an', { mode: 0o600 });
  deepStrictEqual(await acts(server), []);
  strictEqual((await send(server, "PUT", "/api/v1/users/tom", { role: "read" })).status, 200);
  deepStrictEqual((await acts(server)).map(({ act }) => act), ["changed the account tom: read"]);
  Deno.writeTextFileSync(file, "x".repeat(1024 * 1024), { append: true });
  strictEqual((await send(server, "PUT", "/api/v1/users/tom", { role: "watch" })).status, 200);
  const told = (await acts(server)).map(({ act }) => act);
  deepStrictEqual(told, ["changed the account tom: watch", "changed the account tom: read"]);
  ok(Deno.statSync(file).size < 1000);
});

Deno.test("If it can't be recorded, what was done is done, and the log says so", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  Deno.mkdirSync(`${server.accounts}/activity.jsonl`);
  strictEqual((await send(server, "PUT", "/api/v1/users/tom", { role: "read" })).status, 200);
  deepStrictEqual(server.log.map(({ event }) => event).filter((event) => event !== "listening"), [
    "by-page",
    "not-remembered",
  ]);
});

Deno.test("Who stores objects, and who removes them, is recorded once an hour, and not for each object", async () => {
  using world = new World({ inMemory: true });
  const path = `${world.base}/objects`, base = "/objects/objects/nas", { disk } = world.machine;
  Deno.mkdirSync(path);
  using objects = new ObjectStore({ disk, path: rawOf(path), appendOnly: false, reserved: 0 });
  await using server = await webServer(world, {}, { objects });
  const change = async (method: string, target: string, body = "") => {
    strictEqual((await ask(server, target, { token: tokenOf("objects"), method, body })).status, 200, target);
  };
  await change("POST", `${base}/?create=true`);
  for (const body of ["one", "two", "three"]) await change("POST", `${base}/data/${hash("sha256", body)}`, body);
  await change("POST", `${base}/locks/${hash("sha256", "lock")}`, "lock");
  for (const body of ["one", "two"]) await change("DELETE", `${base}/data/${hash("sha256", body)}`);
  world.clock.pass(61);
  await change("DELETE", `${base}/data/${hash("sha256", "three")}`);
  deepStrictEqual((await acts(server)).map(({ user, act }) => [user, act]).toReversed(), [
    ["objects", "made the repository objects/nas"],
    ["objects", "stored into the repository objects/nas"],
    ["objects", "removed from the repository objects/nas"],
    ["objects", "removed from the repository objects/nas"],
  ]);
});
