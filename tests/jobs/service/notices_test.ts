import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import type { NoticeEvent } from "../../../src/notify/notice.ts";
import { Notifier } from "../../../src/notify/notifier.ts";
import type { ServiceOptions } from "../../../src/jobs/service/service.ts";
import { systemClock } from "../../../src/platform/system_clock.ts";
import { readSecret } from "../../../src/platform/secrets.ts";
import { JobWorld } from "../../support/job_world.ts";
import { CHECK, serveIn } from "../../support/serving.ts";
import { WebHook } from "../../support/web_hook.ts";

function noticesOf(
  world: JobWorld,
  hook: WebHook,
  expect: Readonly<Record<string, number>> = {},
  on: readonly NoticeEvent[] = ["done", "failed", "rejected", "problems", "late"],
) {
  const notifier = new Notifier({
    machine: world.machine,
    // The service's own clock is moved by waits, in which no answer could come in time.
    clock: { ...systemClock, nowMs: () => world.clock.nowMs() },
    settings: {
      targets: {
        all: { to: `webhook+http://${hook.host}/all`, on },
        ping: { to: `healthchecks+http://${hook.host}/ping` },
      },
    },
    outbox: rawOf(`${world.base}/state/notify`),
    readSecret,
    warn: (message) => {
      throw new Error(message);
    },
  });
  return { notifier, notices: { notifier, host: "testhost", expect } satisfies ServiceOptions["notices"] };
}

/** Runs the service once, and sends what there is to be sent. */
async function served(
  world: JobWorld,
  hook: WebHook,
  expect?: Readonly<Record<string, number>>,
  on?: readonly NoticeEvent[],
): Promise<void> {
  const { notifier, notices } = noticesOf(world, hook, expect, on);
  await using _ = notifier;
  await serveIn(world, { notices });
  await notifier.send();
}

const heard = ({ received }: WebHook) =>
  received.map(({ path, body }) => path === "/all" ? `${JSON.parse(body).subject} ${JSON.parse(body).event}` : path);

Deno.test("a service has those told whom a job names, else all", async () => {
  using world = new JobWorld();
  await using hook = new WebHook();
  world.put("a.json", { ...CHECK, notify: ["all"] });
  world.put("b.json", { ...CHECK, notify: ["ping"] });
  world.put("c.json", { kind: "backup", sources: [`${world.base}/missing`] });
  world.put("d.json", { ...CHECK, notify: [] });
  world.put("e.json", "{}");
  await served(world, hook);
  deepStrictEqual(heard(hook).sort(), [
    "/ping",
    "/ping/fail",
    "/ping/fail",
    "/ping/start",
    "/ping/start",
    "/ping/start",
    "a.json done",
    "c.json failed",
    "e.json rejected",
  ]);
  deepStrictEqual(world.history().map(({ outcome }) => outcome), ["done", "done", "failed", "done", "rejected"]);
});

Deno.test("what ended before a crash could be told is told at the next start, once", async () => {
  using world = new JobWorld();
  await using hook = new WebHook();
  world.put("before.json", CHECK);
  await serveIn(world);
  await served(world, hook);
  deepStrictEqual(hook.received, [], "that was before anybody wanted to know");
  world.clock.pass(1);
  world.put("lost.json", { ...CHECK, notify: ["all"] });
  // Its end is in the history; the process has told nobody.
  await world.perform("lost.json");
  await served(world, hook);
  await served(world, hook);
  deepStrictEqual(heard(hook), ["lost.json done"]);
});

Deno.test("a series without its snapshot is told as late, once a day, and no more when it is there", async () => {
  using world = new JobWorld();
  await using hook = new WebHook();
  const day = 24 * 60, expect = { docs: 26 * 3_600_000 };
  world.write("a", "1");
  world.put("a.json", { kind: "backup", name: "docs", sources: [world.source], notify: [] });
  await served(world, hook);
  world.clock.pass(day);
  await served(world, hook, expect);
  deepStrictEqual(heard(hook), []);
  world.clock.pass(3 * 60);
  await served(world, hook, expect);
  world.clock.pass(60);
  await served(world, hook, expect);
  deepStrictEqual(heard(hook), ["docs late"]);
  ok(JSON.parse(hook.received[0]?.body ?? "").reason.startsWith("The newest snapshot of docs is from 2026-11-20"));
  world.clock.pass(day);
  await served(world, hook, expect);
  deepStrictEqual(heard(hook), ["docs late", "docs late"]);
  world.put("a.json", { kind: "backup", name: "docs", sources: [world.source], notify: [] });
  await served(world, hook);
  await served(world, hook, expect);
  strictEqual(heard(hook).length, 2);
});

Deno.test("a recurring job that still waits when it is due again is late, without any run", async () => {
  using world = new JobWorld();
  await using hook = new WebHook();
  Deno.mkdirSync(`${world.jobs}/recurring`);
  Deno.writeTextFileSync(`${world.jobs}/recurring/night.jsonc`, JSON.stringify({ kind: "prune", every: "0 3 * * *" }));
  await served(world, hook);
  // Somebody else writes into the storage, for days.
  using storage = world.open();
  using _ = storage.write("somebody else");
  for (let n = 0; n < 5; n++) {
    world.clock.pass(12 * 60);
    const { notifier, notices } = noticesOf(world, hook);
    await using __ = notifier;
    const { postponed } = await serveIn(world, { notices });
    if (n > 1) strictEqual(postponed?.code, "locked");
    await notifier.send();
  }
  const late = hook.received.filter(({ path, body }) => path === "/all" && JSON.parse(body).event === "late");
  ok(late.length >= 1, heard(hook).join());
  const { subject, reason } = JSON.parse(late[0]?.body ?? "");
  deepStrictEqual([subject, /^Its run of 2026-11-2\d \d\d:\d\d UTC has not been done yet$/.test(reason)], [
    "night.jsonc",
    true,
  ]);
});

Deno.test("whoever wants it hears each week how it was, from a week on, and others never", async () => {
  using world = new JobWorld();
  await using hook = new WebHook();
  const day = 24 * 60, weekly: readonly NoticeEvent[] = ["weekly"];
  const reasons = () => hook.received.filter(({ path }) => path === "/all").map(({ body }) => JSON.parse(body).reason);
  world.write("a", "1");
  await served(world, hook, {}, weekly);
  world.put("a.json", { kind: "backup", name: "docs", sources: [world.source] });
  await served(world, hook, {}, weekly);
  world.clock.pass(6 * day);
  await served(world, hook, {}, weekly);
  deepStrictEqual(reasons(), []);
  world.clock.pass(day);
  await served(world, hook, {}, weekly);
  deepStrictEqual(reasons(), ["All is well: 1 new snapshot, 1 run, 0 with problems, 0 failed"]);
  world.put("b.json", { kind: "backup", sources: [`${world.base}/missing`] });
  await served(world, hook, {}, weekly);
  world.clock.pass(7 * day);
  await served(world, hook, { docs: 26 * 3_600_000 }, weekly);
  deepStrictEqual(
    reasons()[1],
    "Not all is well: 0 new snapshots, 1 run, 0 with problems, 1 failed. Late: docs",
  );
  world.clock.pass(7 * day);
  await served(world, hook);
  strictEqual(reasons().length, 2);
});
