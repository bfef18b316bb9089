/** Targets of notifications as the page and the interface show them: what came of them, and never where they are. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { Notifier } from "../../src/notify/notifier.ts";
import { readSecret } from "../../src/platform/secrets.ts";
import { FAILED } from "../notify/sample.ts";
import { ask, tokenOf, webServer } from "../support/web_server.ts";
import { WebHook } from "../support/web_hook.ts";
import { World } from "../support/world.ts";

const token = tokenOf("admin"), API = "/api/v1/notifications";

function notifierFor(world: World, host: string): Notifier {
  Deno.writeTextFileSync(`${world.base}/address`, `gotify+http://${host}/s3cret\n`, { mode: 0o600 });
  const targets = {
    phone: { to: `webhook+http://${host}/s3cret` },
    push: { toFile: `${world.base}/address`, on: ["late"] as const },
    lost: { toFile: `${world.base}/nothing` },
  };
  const { machine, clock } = world;
  const outbox = rawOf(`${world.base}/state/notify`);
  return new Notifier({ machine, clock, settings: { targets }, outbox, readSecret, warn: () => {} });
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

Deno.test("Where the configuration names nobody, the page says how to", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  deepStrictEqual(JSON.parse((await ask(server, API, { token })).text), { targets: [], waiting: [] });
  ok((await ask(server, "/notifications", { token })).text.includes("toFile"));
});
