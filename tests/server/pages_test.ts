/** Pages: whatever files are called, they are text; people sign in and out. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { hashPassword } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { encodedSegment } from "../../src/server/exchange/target.ts";
import { markup } from "../../src/server/pages/markup.ts";
import { timesOf } from "../../src/server/pages/page.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { HAS_FFI } from "../support/needs.ts";
import { World } from "../support/world.ts";

Deno.test("What is put into a page is text, unless it was made as markup", () => {
  strictEqual(
    markup`<p title="${`"'<&>`}">${"<b>"}${["a", markup`<i>`, 1, undefined, false]}</p>`.toString(),
    '<p title="&quot;&#39;&lt;&amp;&gt;">&lt;b&gt;a<i>1</p>',
  );
  strictEqual(markup`${"a\u202eb\udcff\u0007"}`.toString(), "a\\u202eb\\xff\\u0007");
});

const HOSTILE = [
  "<script>alert(1)</script>".replaceAll("/", "_"),
  `"><img src=x onerror=alert(1)>`,
  "' onclick='alert(1)",
  "a&b=c?d#e%20f+g",
  "..%2f..",
  "line\nbreak\r\nset-cookie: x",
  "\u202egpj.exe",
  "javascript:alert(1)",
  "-rf",
  " ",
];

Deno.test("Names are shown as they are, and lead to their files, whatever is in them", async () => {
  using world = new World({ inMemory: true });
  for (const name of HOSTILE) Deno.writeTextFileSync(`${world.source}/${name}`, `content of ${name}`);
  await world.backup({ name: "<b>photos" });
  await using server = await webServer(world);
  const token = tokenOf("read");
  for (const page of ["/", "/files", "/browse/latest", "/search?q=*", "/storage", "/series/testhost/%3Cb%3Ephotos"]) {
    const { status, text } = await ask(server, page, { token });
    strictEqual(status, 200, page);
    ok(!/<script>|<img src=x|<b>|' onclick/.test(text), page);
    ok(!text.includes("\u202e"), page);
    ok(text.startsWith("<!DOCTYPE html>"), page);
  }
  for (const name of HOSTILE) {
    const target = `/latest/${encodedSegment(rawOf(name))}`;
    const page = await ask(server, `/browse${target}`, { token });
    ok(page.status === 200 && !/<script>|<img src=x|' onclick/.test(page.text), name);
    const { text, headers } = await ask(server, `/content${target}`, { token });
    strictEqual(text, `content of ${name}`);
    strictEqual(headers.get("set-cookie"), null, name);
  }
});

Deno.test({
  name: "Names that are no UTF-8 are reached byte by byte",
  ignore: !HAS_FFI,
  fn: async () => {
    using world = new World({ inMemory: true });
    {
      using source = world.machine.disk.openDir(rawOf(world.source));
      using file = source.create(rawOf("bad-\udcff\udcfe"), 0o644);
      file?.write(new TextEncoder().encode("bytes"), 0);
    }
    await world.backup();
    await using server = await webServer(world);
    const page = await ask(server, "/browse/latest", { token: tokenOf("read") });
    const [, link = ""] = /href="(\/content\/[^"]+)"/.exec(page.text) ?? [];
    ok(link.endsWith("/bad-%FF%FE"), link);
    strictEqual((await ask(server, link, { token: tokenOf("read") })).text, "bytes");
  },
});

async function withPassword(world: World, server: WebServer, name: string, password: string): Promise<void> {
  using dir = world.machine.disk.openDir(rawOf(server.accounts));
  const file = new UserFile(dir), hash = await hashPassword(password, world.machine.random);
  file.put({ name, role: "read", tokens: [], password: hash }, world.machine.random);
}

function signIn(server: WebServer, name: string, password: string) {
  const headers = {
    origin: `http://127.0.0.1:${server.port}`,
    "content-type": "application/x-www-form-urlencoded",
    accept: "text/html",
  };
  const body = `name=${name}&password=${encodeURIComponent(password)}&to=%2Ffiles`;
  return ask(server, "/session", { method: "POST", headers, body });
}

Deno.test("People sign in, are known by their cookie, and out again; another password ends all of it", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  await withPassword(world, server, "anna", "correct horse");
  strictEqual((await signIn(server, "anna", "wrong")).status, 403);
  strictEqual((await signIn(server, "nobody", "correct horse")).status, 403);
  deepStrictEqual(
    server.log.filter(({ event }) => event === "sign-in-failed").map(({ message }) => message),
    ["127.0.0.1: sign-in failed: anna", "127.0.0.1: sign-in failed: ?"],
  );
  const { status, headers } = await signIn(server, "anna", "correct horse");
  deepStrictEqual([status, headers.get("location")], [303, "/files"]);
  const [cookie = "", ...rules] = (headers.get("set-cookie") ?? "").split("; ");
  ok(cookie.startsWith(`backup-tool-${server.port}=`), cookie);
  deepStrictEqual(rules, ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Lax"]);
  const asked = () => ask(server, "/api/v1/series", { headers: { cookie } }).then((answer) => answer.status);
  strictEqual(await asked(), 200);
  const origin = `http://127.0.0.1:${server.port}`;
  strictEqual((await ask(server, "/sign-out", { method: "POST", headers: { cookie, origin } })).status, 303);
  strictEqual(await asked(), 401);
  const [again = ""] = ((await signIn(server, "anna", "correct horse")).headers.get("set-cookie") ?? "").split("; ");
  strictEqual((await ask(server, "/api/v1/series", { headers: { cookie: again } })).status, 200);
  await withPassword(world, server, "anna", "another horse");
  strictEqual((await ask(server, "/api/v1/series", { headers: { cookie: again } })).status, 401);
});

Deno.test("A session ends after half a day", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  await withPassword(world, server, "anna", "correct horse");
  const [cookie = ""] = ((await signIn(server, "anna", "correct horse")).headers.get("set-cookie") ?? "").split("; ");
  world.clock.pass(12 * 60 - 1);
  strictEqual((await ask(server, "/api/v1/series", { headers: { cookie } })).status, 200);
  world.clock.pass(2);
  strictEqual((await ask(server, "/api/v1/series", { headers: { cookie } })).status, 401);
});

Deno.test("A file's page has its versions and its text, and the slider leads to the same place in other snapshots", async () => {
  using world = new World({ inMemory: true });
  Deno.writeTextFileSync(`${world.source}/a.txt`, "first <text>");
  const { snapshot: first } = await world.backup({ name: "photos" });
  Deno.writeTextFileSync(`${world.source}/a.txt`, "second");
  const { snapshot: second } = await world.backup({ name: "photos" });
  await using server = await webServer(world);
  const token = tokenOf("read"), page = await ask(server, `/browse/${first.id}/a.txt`, { token });
  ok(page.text.includes("first &lt;text&gt;"));
  strictEqual(page.text.match(/download aria-label="Get the version/g)?.length, 2);
  const moved = await ask(server, `/browse/${first.id}/a.txt?at=2`, { token });
  deepStrictEqual([moved.status, moved.headers.get("location")], [303, `/browse/${second.id}/a.txt`]);
});

Deno.test("A broken file of accounts closes everything but the sign of life", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  Deno.writeTextFileSync(`${server.accounts}/users.json`, "{");
  strictEqual((await ask(server, "/api/v1/status", { token: tokenOf("admin") })).status, 500);
  strictEqual((await ask(server, "/healthz")).status, 200);
});

Deno.test("Of times that share a minute the seconds are shown, of others not", () => {
  using world = new World({ inMemory: true });
  const seen = { site: { clock: world.machine.clock, jobs: undefined }, account: undefined };
  const times = timesOf(seen, ["2026-11-20T22:00:05.000Z", "2026-11-20T22:00:35.000Z", "2026-11-20T23:00:00.000Z"]);
  deepStrictEqual(times.map((time) => time.toString().replace(/<[^>]*>/g, "")), [
    "2026-11-20 23:00:05",
    "2026-11-20 23:00:35",
    "2026-11-21 00:00",
  ]);
});

Deno.test("What somebody has written in a form is still there after signing in again, without passwords", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  using dir = world.machine.disk.openDir(rawOf(server.accounts));
  const file = new UserFile(dir), admin = file.users().find(({ name }) => name === "admin")!;
  file.put({ ...admin, password: await hashPassword("correct horse", world.machine.random) }, world.machine.random);
  const origin = `http://127.0.0.1:${server.port}`, text = `{\r\n  // "<b>" & ä\r\n  "kind": "check"\r\n}`;
  const post = (to: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    ask(server, to, {
      method: "POST",
      body: new URLSearchParams(fields).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html", origin, ...headers },
    });
  const fields = { kind: "text", text, do: "check", password: "correct horse" };
  const again = await post("/jobs/new/text", fields, { cookie: `backup-tool-${server.port}=ended` });
  strictEqual(again.status, 401);
  const kept = /name="kept" value="([^"]*)"/.exec(again.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  ok(kept.includes("kind=text") && !kept.includes("horse"), kept);
  const whoever = { name: "admin", to: "/jobs/new/text", kept };
  const wrong = await post("/session", { ...whoever, password: "wrong" });
  strictEqual(/name="kept" value="([^"]*)"/.exec(wrong.text)?.[1]?.replaceAll("&amp;", "&"), kept);
  const page = await post("/session", { ...whoever, password: "correct horse" });
  const [cookie = ""] = (page.headers.get("set-cookie") ?? "").split(";");
  ok(page.text.includes('action="/jobs/new/text"') && page.text.includes("&quot;&lt;b&gt;&quot; &amp; ä"), page.text);
  const checked = await post("/jobs/new/text", { kind: "text", text, do: "check" }, { cookie });
  ok(checked.status === 200 && checked.text.includes("Nothing is wrong with it."), checked.text);
  // Not what another site has sent, and not where nothing is written.
  for (
    const [to, headers] of [
      ["/jobs/new/text", { origin: "http://evil.example" }],
      ["/jobs/new/text", { "sec-fetch-site": "cross-site" }],
      ["/password", {}],
      ["/sign-out", {}],
    ] as const
  ) {
    const { status, text: shown, headers: sent } = await post(to, fields, headers);
    ok(!shown.includes("kept"), to);
    ok(status === 303 && sent.get("location")?.startsWith("/sign-in"), `${to}: ${status}`);
  }
  strictEqual((await post("/session", { ...whoever, to: "//evil.example", password: "correct horse" })).status, 303);
});
