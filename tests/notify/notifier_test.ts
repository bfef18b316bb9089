import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { Notifier, type NotifierOptions } from "../../src/notify/notifier.ts";
import { Outbox } from "../../src/notify/outbox.ts";
import type { NotifySettings } from "../../src/notify/targets.ts";
import { readSecret } from "../../src/platform/secrets.ts";
import { MailSink, WebHook } from "../support/web_hook.ts";
import { World } from "../support/world.ts";
import { FAILED } from "./sample.ts";

function notifierIn(world: World, settings: NotifySettings, more: Partial<NotifierOptions> = {}) {
  const warnings: string[] = [];
  const notifier = new Notifier({
    machine: world.machine,
    clock: world.clock,
    settings,
    outbox: rawOf(`${world.base}/state/notify`),
    readSecret,
    warn: (message) => void warnings.push(message),
    ...more,
  });
  return { notifier, warnings };
}

function outboxOf(world: World): string[] {
  return [...Deno.readDirSync(`${world.base}/state/notify`)].map(({ name }) => name).filter((n) => n.endsWith(".json"));
}

Deno.test("what went wrong is told to all who want to know, once, and the outbox is empty then", async () => {
  using world = new World();
  await using hook = new WebHook();
  const { notifier, warnings } = notifierIn(world, {
    targets: {
      phone: { to: `ntfy+http://${hook.host}/topic` },
      happy: { to: `ntfy+http://${hook.host}/happy`, on: ["done"] },
      ping: { to: `healthchecks+http://${hook.host}/ping/u` },
    },
  });
  {
    await using _ = notifier;
    notifier.put(FAILED);
    notifier.put(FAILED);
    strictEqual(notifier.waiting, 1);
    await notifier.send();
    strictEqual(notifier.waiting, 0);
    notifier.put({ ...FAILED, id: "1", event: "done" });
    await notifier.send();
  }
  deepStrictEqual(hook.received.map(({ path }) => path), ["/topic", "/ping/u/fail", "/happy", "/ping/u"]);
  deepStrictEqual(warnings, []);
});

Deno.test("what was put before a crash is told by the next process", async () => {
  using world = new World();
  await using hook = new WebHook();
  const settings = { targets: { phone: { to: `ntfy+http://${hook.host}/topic` } } };
  {
    await using notifier = notifierIn(world, settings).notifier;
    notifier.put(FAILED);
  }
  strictEqual(outboxOf(world).length, 1);
  strictEqual(Deno.statSync(`${world.base}/state/notify/${outboxOf(world)[0]}`).mode! & 0o777, 0o600);
  await using notifier = notifierIn(world, settings).notifier;
  await notifier.send();
  deepStrictEqual([hook.received.length, outboxOf(world)], [1, []]);
});

Deno.test("who refuses is asked again later, and named in the log without his address", async () => {
  using world = new World();
  await using hook = new WebHook();
  hook.answer = () => new Response("secret words", { status: 503 });
  const { notifier, warnings } = notifierIn(world, {
    targets: { phone: { to: `webhook+http://${hook.host}/s3cret` } },
  });
  await using _ = notifier;
  notifier.put(FAILED);
  await notifier.send();
  strictEqual(hook.received.length, 1);
  await notifier.send();
  strictEqual(hook.received.length, 1, "not before its time");
  world.clock.pass(2);
  hook.answer = () => new Response("ok");
  await notifier.send();
  deepStrictEqual([hook.received.length, notifier.waiting], [2, 0]);
  deepStrictEqual(warnings, ["phone could not be notified: refused (503); it will be tried again"]);
});

Deno.test("only those who could not be told are told again", async () => {
  using world = new World();
  await using hook = new WebHook();
  hook.answer = ({ path }) => new Response("", { status: path === "/b" ? 500 : 200 });
  const target = (name: string) => ({ to: `webhook+http://${hook.host}/${name}` });
  await using notifier = notifierIn(world, { targets: { a: target("a"), b: target("b") } }).notifier;
  notifier.put(FAILED);
  await notifier.send();
  world.clock.pass(2);
  await notifier.send();
  deepStrictEqual(hook.received.map(({ path }) => path).sort(), ["/a", "/b", "/b"]);
});

Deno.test("after a week a notice is given up, and that is said", async () => {
  using world = new World();
  await using hook = new WebHook();
  hook.answer = () => new Response("", { status: 404 });
  const { notifier, warnings } = notifierIn(world, { targets: { phone: { to: `ntfy+http://${hook.host}/t` } } });
  await using _ = notifier;
  notifier.put(FAILED);
  await notifier.send();
  world.clock.pass(8 * 24 * 60);
  await notifier.send();
  strictEqual(notifier.waiting, 0);
  ok(warnings.at(-1)?.includes("for a week: refused (404); given up"), warnings.join("\n"));
});

Deno.test("where nobody listens three tries are made, and the notice stays", async () => {
  using world = new World();
  const free = Deno.listen({ port: 0, hostname: "127.0.0.1" }), { port } = free.addr;
  free.close();
  const pauses: number[] = [];
  const clock = Object.assign(Object.create(world.clock), {
    nowMs: () => world.clock.nowMs(),
    sleep: (ms: number) => Promise.resolve(void pauses.push(ms)),
    every: world.clock.every,
  });
  const { notifier } = notifierIn(world, { targets: { phone: { to: `ntfy+http://127.0.0.1:${port}/t` } } }, { clock });
  await using _ = notifier;
  notifier.put(FAILED);
  await notifier.send();
  deepStrictEqual([pauses, notifier.waiting], [[1000, 4000], 1]);
});

Deno.test("a server that never answers is left after the time that is set", async () => {
  using world = new World();
  const heard = Promise.withResolvers<void>();
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  using connections = new DisposableStack();
  const accepting = listener.accept().then((one) => {
    connections.use(one);
    heard.resolve();
  });
  const to = `ntfy+http://127.0.0.1:${listener.addr.port}/t`;
  {
    await using notifier = notifierIn(world, { targets: { phone: { to } } }).notifier;
    const outcome = notifier.test("phone", FAILED);
    await heard.promise;
    world.clock.ms += 10_000;
    strictEqual(await outcome, "no-answer");
  }
  await accepting;
  listener.close();
});

Deno.test("nobody is sent elsewhere, nor to an address of the link", async () => {
  using world = new World();
  await using hook = new WebHook();
  hook.answer = () => new Response("", { status: 302, headers: { location: `http://${hook.host}/other` } });
  const { notifier } = notifierIn(world, {
    targets: {
      moved: { to: `ntfy+http://${hook.host}/t` },
      cloud: { to: "webhook+http://169.254.169.254/latest/meta-data" },
      mapped: { to: "webhook+http://[::ffff:169.254.169.254]/x" },
    },
  });
  await using _ = notifier;
  deepStrictEqual(await notifier.test("moved", FAILED), { status: 302 });
  strictEqual(hook.received.length, 1);
  strictEqual(await notifier.test("cloud", FAILED), "forbidden");
  strictEqual(await notifier.test("mapped", FAILED), "forbidden");
});

Deno.test("addresses and tokens come from files that nobody else may read", async () => {
  using world = new World();
  await using hook = new WebHook();
  const [address, secret] = [`${world.base}/address`, `${world.base}/secret`];
  Deno.writeTextFileSync(address, `ntfy+http://${hook.host}/from-file\n`, { mode: 0o600 });
  Deno.writeTextFileSync(secret, "tk_1\n", { mode: 0o600 });
  const { notifier, warnings } = notifierIn(world, { targets: { phone: { toFile: address, secretFile: secret } } });
  await using _ = notifier;
  strictEqual(await notifier.test("phone", FAILED), "accepted");
  deepStrictEqual(hook.received.map(({ path, headers }) => [path, headers.get("authorization")]), [
    ["/from-file", "Bearer tk_1"],
  ]);
  Deno.chmodSync(secret, 0o644);
  notifier.put(FAILED);
  await notifier.send();
  strictEqual(notifier.waiting, 1);
  ok(warnings.some((text) => text.includes("others may read")), warnings.join("\n"));
});

Deno.test("mail is sent by the server that is configured", async () => {
  using world = new World();
  await using sink = new MailSink();
  const passwordFile = `${world.base}/password`;
  Deno.writeTextFileSync(passwordFile, "pass\n", { mode: 0o600 });
  const { notifier } = notifierIn(world, {
    targets: { me: { to: "mailto:me@example.net?subject=NAS" }, nobody: { to: "mailto:nobody@example.net" } },
    smtp: { host: "127.0.0.1", port: sink.port, tls: "none", user: "u", passwordFile, from: "nas@example.net" },
  });
  await using _ = notifier;
  strictEqual(await notifier.test("me", FAILED), "accepted");
  const [mail = ""] = sink.mails;
  ok(mail.includes("Subject: NAS: nas: photos.json: failed") && mail.includes("To: me@example.net"), mail);
  ok(sink.commands.includes(`AUTH PLAIN ${btoa("\0u\0pass")}`), sink.commands.join("\n"));
  deepStrictEqual(await notifier.test("nobody", FAILED), { status: 550 });
});

Deno.test("the outbox keeps the hundred newest, gives each to one sender, and passes over what a crash cut off", () => {
  using world = new World();
  const path = rawOf(`${world.base}/state/notify`), waiting = { a: { tries: 0, nextMs: 0 } };
  using outbox = new Outbox(world.machine, path), other = new Outbox(world.machine, path);
  for (let n = 0; n < 101; n++) {
    strictEqual(outbox.put({ notice: { ...FAILED, id: `${n}` }, waiting }, 1000 + n), n === 100 ? 1 : 0);
  }
  const names = outbox.names(), [first] = names;
  deepStrictEqual([names.length, first], [100, rawOf("0000000001001-1.json")]);
  {
    using held = outbox.hold(names[0]!);
    strictEqual(held?.pending.notice.id, "1");
    strictEqual(other.hold(names[0]!), undefined, "somebody else sends it");
    held?.update({ a: { tries: 1, nextMs: 5 } });
  }
  const file = `${world.base}/state/notify/${names[0]}`;
  Deno.writeTextFileSync(file, '{"waiting":{"a":{"tr', { append: true });
  {
    using held = other.hold(names[0]!);
    deepStrictEqual(held?.pending.waiting, { a: { tries: 1, nextMs: 5 } });
    held?.update({});
  }
  strictEqual(other.hold(names[0]!), undefined, "it is gone");
  Deno.writeTextFileSync(`${world.base}/state/notify/${names[1]}`, '{"format":"backup');
  strictEqual(outbox.hold(names[1]!), undefined);
  strictEqual(outbox.names().length, 98);
});
