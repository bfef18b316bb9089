/** Alerts: what there is one for, how it is dismissed, and that it returns when its reason changes. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { rebuildingText, unusableText } from "../../src/snapshot/catalog_notice.ts";
import { JournalDirectory } from "../../src/source/lock/journal.ts";
import { appendHistory } from "../../src/jobs/state/history.ts";
import { ask, type Asking, tokenOf, type TOKENS, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

const DAY_MS = 86_400_000, FORM = "application/x-www-form-urlencoded";

interface Alert {
  readonly id: string;
  readonly code: string;
  readonly subject: string;
  readonly message: string;
  readonly dismissed?: { readonly by: string };
}

async function alerts(server: WebServer, who: typeof TOKENS[number] = "admin"): Promise<readonly Alert[]> {
  return JSON.parse((await ask(server, "/api/v1/status", { token: tokenOf(who) })).text).alerts;
}

async function change(server: WebServer, method: string, id: string, who: typeof TOKENS[number] = "admin") {
  return (await ask(server, `/api/v1/alerts/${id}/dismissal`, { method, token: tokenOf(who) })).status;
}

/** A storage whose only snapshot is 30 days old. */
async function late(): Promise<World> {
  const world = new World({ inMemory: true });
  world.write("a", "a");
  await world.backup({ name: "photos" });
  world.clock.ms += 30 * DAY_MS;
  return world;
}

Deno.test("A snapshot from the future is an alert, until its time has come or it is forgotten", async () => {
  using world = new World({ inMemory: true });
  world.write("a", "a");
  world.clock.ms += 30 * DAY_MS;
  await world.backup({ name: "photos" });
  world.clock.ms -= 30 * DAY_MS;
  await using server = await webServer(world);
  const [alert, ...others] = await alerts(server, "watch");
  deepStrictEqual([alert?.code, others], ["future-snapshot", []]);
  ok(alert?.subject.startsWith("photos on "));
  ok(alert?.message.includes("later than this clock"), alert?.message);
  world.clock.ms += 30 * DAY_MS;
  deepStrictEqual(await alerts(server), []);
});

Deno.test("A dismissed alert says who did it, is remembered, and returns when the reason changes", async () => {
  using world = await late();
  {
    await using server = await webServer(world);
    const [alert] = await alerts(server);
    deepStrictEqual([alert?.code, alert?.dismissed], ["late", undefined]);
    for (const name of ["watch", "read", "run"] as const) {
      strictEqual(await change(server, "PUT", alert?.id ?? "", name), 403);
    }
    strictEqual(await change(server, "PUT", "f".repeat(16)), 404);
    strictEqual(await change(server, "PUT", alert?.id ?? ""), 204);
    strictEqual((await alerts(server))[0]?.dismissed?.by, "admin");
    ok(server.log.some(({ event, message }) => event === "by-page" && message.includes("dismissed the alert photos")));
  }
  await using server = await webServer(world);
  const [alert] = await alerts(server, "watch");
  strictEqual(alert?.dismissed?.by, "admin");
  strictEqual(await change(server, "DELETE", alert.id), 204);
  strictEqual((await alerts(server))[0]?.dismissed, undefined);
  strictEqual(await change(server, "PUT", alert.id), 204);
  world.write("b", "b");
  await world.backup({ name: "photos" });
  deepStrictEqual(await alerts(server), []);
  world.clock.ms += 30 * DAY_MS;
  deepStrictEqual((await alerts(server)).map(({ code, dismissed }) => [code, dismissed]), [["late", undefined]]);
});

Deno.test("By the page: an alert is folded away, and shown again", async () => {
  using world = await late();
  await using server = await webServer(world);
  const page = async () => (await ask(server, "/", { token: tokenOf("admin"), headers: { accept: "text/html" } })).text;
  const send = (path: string, id: string): Promise<{ status: number }> => {
    const asking: Asking = {
      method: "POST",
      token: tokenOf("admin"),
      body: `alert=${id}`,
      headers: { "content-type": FORM },
    };
    return ask(server, path, asking);
  };
  const [alert] = await alerts(server), id = alert?.id ?? "";
  ok((await page()).includes(`name="alert" value="${id}"`));
  strictEqual((await send("/alerts/dismiss", id)).status, 303);
  const folded = await page();
  ok(folded.includes("All is well.") && folded.includes("1 dismissed alert") && folded.includes("Dismissed by admin"));
  strictEqual((await send("/alerts/recall", id)).status, 303);
  ok(!(await page()).includes("dismissed alert"));
  const text = (await ask(server, "/", { token: tokenOf("watch"), headers: { accept: "text/html" } })).text;
  ok(!text.includes("/alerts/dismiss"));
});

Deno.test("A file of dismissals that is damaged hides nothing", async () => {
  using world = await late();
  await using server = await webServer(world);
  strictEqual(await change(server, "PUT", (await alerts(server))[0]?.id ?? ""), 204);
  Deno.writeTextFileSync(`${server.accounts}/alerts.json`, "{");
  await using again = await webServer(world, { directory: rawOf(server.accounts) });
  strictEqual((await alerts(again))[0]?.dismissed, undefined);
});

Deno.test("A catalog that was rebuilt because it was damaged is an alert for a week, others are none", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const hear = (message: string) => server.desk.hear({ level: "info", event: "notice", message: `b.json: ${message}` });
  hear(rebuildingText("does not know all snapshots", ""));
  hear(rebuildingText(unusableText("broken"), ", in memory and for this command alone"));
  deepStrictEqual(await alerts(server), []);
  hear(rebuildingText(unusableText("broken"), ""));
  deepStrictEqual((await alerts(server)).map(({ code }) => code), ["catalog-rebuilt"]);
  world.clock.ms += 8 * DAY_MS;
  deepStrictEqual(await alerts(server), []);
});

Deno.test("A source that a killed backup left locked is an alert, with its name only for readers", async () => {
  using world = new World({ inMemory: true });
  const locks = rawOf(`${world.base}/locks`), { disk } = world.machine;
  await using server = await webServer(world, {}, { locks });
  deepStrictEqual(await alerts(server), []);
  using journals = JournalDirectory.make(disk, locks);
  journals.write("one", { kind: "commands", sources: ["/srv/mail"], started: "2026-11-20T22:00:00.000Z", acts: [] });
  const subjects = async (who: typeof TOKENS[number]) => (await alerts(server, who)).map(({ subject }) => subject);
  deepStrictEqual(await subjects("read"), ["Source left locked: /srv/mail"]);
  deepStrictEqual(await subjects("watch"), ["Source left locked"]);
  deepStrictEqual(await subjects("photos"), []);
  {
    using _held = journals.hold("one");
    deepStrictEqual(await subjects("read"), []);
  }
  Deno.writeTextFileSync(`${world.base}/locks/one.json`, "{");
  deepStrictEqual(await subjects("read"), ["Source left locked"]);
  journals.remove("one");
  deepStrictEqual(await subjects("read"), []);
});

Deno.test("A job that fails night after night is one alert; dismissed, it returns when it has another reason", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  let run = 0;
  const end = (outcome: "failed" | "done", message: string) => {
    using storage = world.open();
    const at = new Date(world.clock.ms + ++run * 1000).toISOString();
    appendHistory(storage.dir, {
      run: `run-${run}`,
      name: `photos.jsonc.2026112${run}T030000Z.json`,
      kind: "backup",
      outcome,
      start: at,
      end: at,
      text: null,
      counts: {},
      problems: [],
      problemCount: 0,
      ...(outcome === "failed" && { error: { code: "no-source", message, hint: "Check the spelling" } }),
    }, false);
  };
  const seen = async (who: typeof TOKENS[number] = "admin") =>
    (await alerts(server, who)).map(({ subject, message, dismissed }) => [subject, message, dismissed?.by]);
  end("failed", "no disk");
  end("failed", "no disk");
  deepStrictEqual(await seen(), [["Failed: photos", "no disk", undefined]]);
  deepStrictEqual(await seen("watch"), [["A job failed", "Its last run", undefined]]);
  deepStrictEqual(await seen("photos"), []);
  strictEqual(await change(server, "PUT", (await alerts(server))[0]?.id ?? ""), 204);
  end("failed", "no disk");
  deepStrictEqual(await seen(), [["Failed: photos", "no disk", "admin"]]);
  end("failed", "no permission");
  deepStrictEqual(await seen(), [["Failed: photos", "no permission", undefined]]);
  end("done", "");
  deepStrictEqual(await seen(), []);
  end("failed", "no disk");
  deepStrictEqual(await seen(), [["Failed: photos", "no disk", undefined]]);
});
