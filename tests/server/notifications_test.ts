/** Targets of notifications as the page and the interface show them: what came of them, and never where they are. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { Notifier } from "../../src/notify/notifier.ts";
import { TargetFile } from "../../src/notify/target_file.ts";
import type { NotifySettings } from "../../src/notify/targets.ts";
import { readSecret } from "../../src/platform/secrets.ts";
import { FAILED } from "../notify/sample.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { MailSink, WebHook } from "../support/web_hook.ts";
import { World } from "../support/world.ts";

const token = tokenOf("admin"), API = "/api/v1/notifications";

function notifierFor(world: World, host: string): Notifier {
  Deno.writeTextFileSync(`${world.base}/address`, `gotify+http://${host}/s3cret\n`, { mode: 0o600 });
  const targets = {
    phone: { to: `webhook+http://${host}/s3cret` },
    push: { toFile: `${world.base}/address`, on: ["late"] as const },
    lost: { toFile: `${world.base}/nothing` },
  };
  return notifierOf(world, { targets });
}

function notifierOf(world: World, settings: NotifySettings): Notifier {
  const { machine, clock } = world, outbox = rawOf(`${world.base}/state/notify`);
  const own = new TargetFile(machine.disk, outbox);
  return new Notifier({ machine, clock, settings, own, outbox, readSecret, warn: () => {} });
}

function send(server: WebServer, method: string, target: string, body?: object, name: "admin" | "run" = "admin") {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return ask(server, target, { method, token: tokenOf(name), headers, ...text });
}

function targetFile(world: World): string {
  return `${world.base}/state/notify/targets.json`;
}

Deno.test("Targets are shown with what came of the last attempt and what waits, and without their addresses", async () => {
  using world = new World({ inMemory: true });
  await using hook = new WebHook();
  hook.answer = () => new Response("private words", { status: 503 });
  await using notifier = notifierFor(world, hook.host);
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  notifier.put(FAILED, ["phone"]);
  await notifier.send();
  const { text } = await ask(server, API, { token }), { targets, waiting } = JSON.parse(text);
  const [phone, push, lost] = targets;
  deepStrictEqual([phone.type, phone.server, push.type, push.on], ["webhook", hook.host, "gotify", ["late"]]);
  ok(lost.type === null && lost.problem.includes("nothing"), lost.problem);
  deepStrictEqual(phone.last, {
    at: new Date(world.clock.ms).toISOString(),
    event: "failed",
    subject: "photos.json",
    outcome: "refused (503)",
    accepted: false,
  });
  const [{ subject, targets: [{ name, tries }] }] = waiting;
  deepStrictEqual([waiting.length, subject, name, tries], [1, "photos.json", "phone", 1]);
  const page = await ask(server, "/notifications", { token });
  ok(page.status === 200 && page.text.includes("refused (503)"), page.text);
  for (const shown of [text, page.text]) ok(!/s3cret|private words/.test(shown), shown);
});

Deno.test("A test message says what became of it, for admins, and is in the log", async () => {
  using world = new World({ inMemory: true });
  await using hook = new WebHook();
  await using notifier = notifierFor(world, hook.host);
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  const test = (name: string) => ask(server, `${API}/${name}/test`, { method: "POST", token });
  deepStrictEqual(JSON.parse((await test("phone")).text), { target: "phone", outcome: "accepted", accepted: true });
  deepStrictEqual(hook.received.map(({ path }) => path), ["/s3cret"]);
  strictEqual((await test("nobody")).status, 404);
  strictEqual((await ask(server, `${API}/phone/test`, { method: "POST", token: tokenOf("run") })).status, 403);
  const form = { method: "POST", token, headers: { "content-type": "application/x-www-form-urlencoded" } };
  const page = await ask(server, "/notifications", { ...form, body: "target=push" });
  ok(page.text.includes('role="status"') && page.text.includes("accepted"), page.text);
  strictEqual(hook.received.at(-1)?.path, "/message");
  const told = server.log.filter(({ event }) => event === "by-page").map(({ message }) => message);
  strictEqual(told.length, 2);
  ok(told[0]?.endsWith("admin sent a test message to phone: accepted"), told[0]);
  strictEqual(JSON.parse((await ask(server, API, { token })).text).targets[0].last.accepted, true);
});

Deno.test("Without a place for targets, the page says that nobody is notified", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const { text } = await ask(server, API, { token });
  deepStrictEqual(JSON.parse(text), { targets: [], mailServer: null, waiting: [] });
  ok((await ask(server, "/notifications", { token })).text.includes("Nobody is notified"));
  strictEqual((await send(server, "PUT", `${API}/phone`, { to: "ntfy://a/b" })).status, 404);
});

Deno.test("A target is added, notified, changed and removed; its secrets go in, and never out", async () => {
  using world = new World({ inMemory: true });
  await using hook = new WebHook();
  await using notifier = notifierOf(world, { targets: {} });
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  ok(!notifier.hasTargets);
  const added = await send(server, "PUT", `${API}/phone`, {
    to: `ntfy+http://${hook.host}/s3cret`,
    secret: "tk_s3cret",
  });
  strictEqual(added.status, 200, added.text);
  const { origin, type, on, last } = JSON.parse(added.text);
  deepStrictEqual([origin, type, last], ["page", "ntfy", null]);
  deepStrictEqual(on, ["problems", "failed", "rejected", "damage", "late"]);
  strictEqual((Deno.statSync(targetFile(world)).mode ?? 0) & 0o777, 0o600);
  notifier.put(FAILED);
  await notifier.send();
  deepStrictEqual(hook.received.map(({ path, headers }) => [path, headers.get("authorization")]), [
    ["/s3cret", "Bearer tk_s3cret"],
  ]);
  // Another sender with the same outbox, such as a command run by cron, knows it too.
  await using other = notifierOf(world, { targets: {} });
  deepStrictEqual(other.targets().map(({ name }) => name), ["phone"]);
  const changed = await send(server, "PUT", `${API}/phone`, { on: ["done"], detail: true });
  deepStrictEqual([JSON.parse(changed.text).on, JSON.parse(changed.text).detail], [["done"], true]);
  deepStrictEqual(JSON.parse((await send(server, "PUT", `${API}/phone`, { on: null })).text).on, on);
  // With another address, the token of the old one is gone.
  await send(server, "PUT", `${API}/phone`, { to: `ntfy+http://${hook.host}/other` });
  await send(server, "POST", `${API}/phone/test`);
  const { path, headers } = hook.received.at(-1)!;
  deepStrictEqual([path, headers.get("authorization")], ["/other", null]);
  for (const target of [API, "/notifications", "/notifications?edit=phone"]) {
    const { text } = await ask(server, target, { token });
    ok(text.includes("phone") && !/s3cret|\/other/.test(text), text);
  }
  strictEqual((await send(server, "DELETE", `${API}/phone`)).status, 204);
  strictEqual((await send(server, "DELETE", `${API}/phone`)).status, 404);
  ok(!notifier.hasTargets);
  const messages = server.log.filter(({ event }) => event === "by-page").map(({ message }) => message);
  ok(messages[0]?.endsWith("admin added the notification target phone") && !messages.join().includes("s3cret"));
});

Deno.test("What is no target, or belongs to the configuration, is refused", async () => {
  using world = new World({ inMemory: true });
  await using notifier = notifierOf(world, {
    targets: { fixed: { to: "ntfy://a/b" } },
    smtp: { host: "mail.example", from: "nas@example.net" },
  });
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  const to = "ntfy://a/b";
  const refused: [status: number, method: string, target: string, body?: object][] = [
    [400, "PUT", `${API}/phone`, {}],
    [400, "PUT", `${API}/phone`, { to: "file:///etc/passwd" }],
    [400, "PUT", `${API}/phone`, { to: "ntfy://a/b\nX: y" }],
    [400, "PUT", `${API}/phone`, { to: "mailto:a@b\r\nBcc: c@d" }],
    [400, "PUT", `${API}/phone`, { to, secret: "a\nb" }],
    [400, "PUT", `${API}/phone`, { to, on: ["never"] }],
    [400, "PUT", `${API}/phone`, { to, toFile: "/etc/passwd" }],
    [400, "PUT", `${API}/..x`, { to }],
    [400, "PUT", `${API}/__proto__`, { to }],
    [404, "DELETE", `${API}/__proto__`],
    [409, "PUT", `${API}/fixed`, { to }],
    [409, "DELETE", `${API}/fixed`],
    [409, "PUT", "/api/v1/mail-server", { host: "evil.example", from: "a@b" }],
    [400, "PUT", "/api/v1/mail-server", { host: "a/b", from: "a@b" }],
    [400, "PUT", "/api/v1/mail-server", { host: "a", from: "a@b\r\nX: y" }],
  ];
  for (const [status, method, target, body] of refused) {
    const answer = await send(server, method, target, body);
    strictEqual(answer.status, status, `${method} ${target} ${JSON.stringify(body)}: ${answer.text}`);
  }
  strictEqual((await send(server, "PUT", `${API}/phone`, { to }, "run")).status, 403);
  deepStrictEqual(notifier.targets().map(({ name }) => name), ["fixed"]);
});

Deno.test("A mail server is set, and its password sent to no other", async () => {
  using world = new World({ inMemory: true });
  await using notifier = notifierOf(world, { targets: {} });
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  const MAIL = "/api/v1/mail-server", mine = { host: "127.0.0.1", tls: "none", user: "nas", from: "nas@example.net" };
  strictEqual((await send(server, "DELETE", MAIL)).status, 404);
  await using sink = new MailSink();
  const port = sink.port;
  await send(server, "PUT", `${API}/me`, { to: "mailto:me@example.net" });
  const set = await send(server, "PUT", MAIL, { ...mine, port, password: "s3cret" });
  deepStrictEqual(JSON.parse(set.text), { ...mine, port, origin: "page" });
  await send(server, "PUT", MAIL, { ...mine, port, from: "other@example.net" });
  strictEqual(new TargetFile(world.machine.disk, rawOf(`${world.base}/state/notify`)).mailServer()?.password, "s3cret");
  await send(server, "PUT", MAIL, { ...mine, port, user: "somebody" });
  strictEqual(
    new TargetFile(world.machine.disk, rawOf(`${world.base}/state/notify`)).mailServer()?.password,
    undefined,
  );
  await send(server, "PUT", MAIL, { host: "127.0.0.1", tls: "none", from: "nas@example.net", port });
  deepStrictEqual(JSON.parse((await send(server, "POST", `${API}/me/test`)).text).outcome, "accepted");
  ok(!(await ask(server, "/notifications", { token })).text.includes("s3cret"));
  strictEqual((await send(server, "DELETE", MAIL)).status, 204);
  strictEqual(JSON.parse((await send(server, "POST", `${API}/me/test`)).text).accepted, false);
});

Deno.test("A file of targets that can't be read is not replaced, and what waits for them stays", async () => {
  using world = new World({ inMemory: true });
  await using hook = new WebHook();
  await using notifier = notifierOf(world, { targets: { fixed: { to: `webhook+http://${hook.host}/fixed` } } });
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  await send(server, "PUT", `${API}/phone`, { to: `webhook+http://${hook.host}/phone` });
  notifier.put(FAILED);
  const text = Deno.readTextFileSync(targetFile(world));
  Deno.writeTextFileSync(targetFile(world), "{");
  strictEqual((await send(server, "PUT", `${API}/other`, { to: "ntfy://a/b" })).status, 500);
  strictEqual((await send(server, "DELETE", `${API}/phone`)).status, 500);
  strictEqual(Deno.readTextFileSync(targetFile(world)), "{");
  await notifier.send();
  deepStrictEqual(hook.received.map(({ path }) => path), ["/fixed"]);
  Deno.writeTextFileSync(targetFile(world), text);
  await notifier.send();
  deepStrictEqual(hook.received.map(({ path }) => path), ["/fixed", "/phone"]);
});

Deno.test("By the page: addresses as people have them, and the password again first", async () => {
  using world = new World({ inMemory: true });
  await using notifier = notifierOf(world, { targets: {} });
  await using server = await webServer(world, {}, { notices: { notifier, host: "nas" } });
  const own = () => new TargetFile(world.machine.disk, rawOf(`${world.base}/state/notify`));
  const post = (fields: Record<string, string>) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return ask(server, "/notifications", {
      method: "POST",
      token,
      headers,
      body: new URLSearchParams(fields).toString(),
    });
  };
  const usual = Object.fromEntries(
    ["problems", "failed", "rejected", "damage", "late"].map((one) => [`on.${one}`, "on"]),
  );
  for (
    const [kind, typed, to] of [
      ["ntfy", "ntfy.sh/topic", "ntfy://ntfy.sh/topic"],
      ["ntfy", "https://ntfy.sh/topic", "ntfy+https://ntfy.sh/topic"],
      ["gotify", "push.example/token", "gotify://push.example/token"],
      ["mailto", " me@example.net ", "mailto:me@example.net"],
      ["healthchecks", "https://hc-ping.com/uuid", "healthchecks+https://hc-ping.com/uuid"],
      ["webhook", "webhook+http://nas/x", "webhook+http://nas/x"],
    ] as const
  ) {
    const { status, text } = await post({ do: "put", target: "x", kind, to: typed, ...usual });
    strictEqual(status, 303, text);
    deepStrictEqual(own().target("x"), { to, detail: false });
  }
  const wrong = await post({ do: "put", target: "x", kind: "gotify", to: "s3cret" });
  ok(wrong.status === 400 && wrong.text.includes('role="alert"') && !wrong.text.includes("s3cret"), wrong.text);
  strictEqual((await post({ do: "put", target: "x", "on.done": "on", detail: "on" })).status, 303);
  deepStrictEqual(own().target("x"), { to: "webhook+http://nas/x", on: ["done"], detail: true });
  ok((await ask(server, "/notifications?edit=x", { token })).text.includes("Change x"));
  strictEqual((await post({ do: "mail", host: "mail.example", from: "a@b", tls: "tls", port: "465" })).status, 303);
  deepStrictEqual(own().mailServer(), { host: "mail.example", from: "a@b", tls: "tls", port: 465 });
  strictEqual((await post({ do: "no-mail" })).status, 303);
  strictEqual((await post({ do: "remove", target: "x" })).status, 303);
  ok(!notifier.hasTargets);
});
