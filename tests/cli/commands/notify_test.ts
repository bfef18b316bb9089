import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { WebHook } from "../../support/web_hook.ts";
import { FakeWorld, runIn } from "../fake_world.ts";

class NotifyWorld extends FakeWorld implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-test-" });
  constructor(hook: WebHook) {
    super();
    const { base } = this;
    this.directory = base;
    this.variables["HOME"] = base;
    this.variables["BACKUP_TOOL_STATE"] = `${base}/state`;
    Deno.mkdirSync(`${base}/photos`);
    Deno.mkdirSync(`${base}/.config/backup-tool`, { recursive: true });
    Deno.writeTextFileSync(`${base}/address`, `webhook+http://${hook.host}/s3cret\n`, { mode: 0o600 });
    const config = {
      storage: "~/st",
      notify: {
        phone: { toFile: "~/address", on: ["done", "failed", "problems", "late"] },
        ping: { to: `healthchecks+http://${hook.host}/ping` },
      },
      expect: { photos: "26h" },
    };
    Deno.writeTextFileSync(`${base}/.config/backup-tool/backup-tool.jsonc`, JSON.stringify(config));
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
}

const heard = ({ received }: WebHook) =>
  received.map(({ path, body }) =>
    path === "/s3cret" ? `${JSON.parse(body).subject}: ${JSON.parse(body).event}` : path
  );

Deno.test("a command that cron runs tells how it ended, and ends as it would have anyway", async () => {
  await using hook = new WebHook();
  using world = new NotifyWorld(hook);
  const done = await runIn(world, "backup", "photos", "--init", "--notify", "all");
  deepStrictEqual([done.status, heard(hook)], [0, ["/ping/start", "backup photos: done", "/ping"]]);
  hook.received.length = 0;
  world.variables["BACKUP_TOOL_NOTIFY"] = "phone";
  const failed = await runIn(world, "backup", "missing");
  deepStrictEqual([failed.status, heard(hook)], [1, ["backup missing: failed"]]);
  hook.received.length = 0;
  hook.answer = () => new Response("", { status: 500 });
  const untold = await runIn(world, "backup", "photos");
  strictEqual(untold.status, 0);
  match(untold.stderr, /phone could not be notified: refused \(500\); it will be tried again/);
  ok(!untold.stderr.includes("s3cret"));
  delete world.variables["BACKUP_TOOL_NOTIFY"];
  hook.answer = () => new Response("");
  world.clock.pass(2);
  const sent = await runIn(world, "notify");
  deepStrictEqual([sent.status, sent.stdout, heard(hook).at(-1)], [
    0,
    "No notification waits\n",
    "backup photos: done",
  ]);
});

Deno.test("notify --late tells of a series that nobody backed up, without any run", async () => {
  await using hook = new WebHook();
  using world = new NotifyWorld(hook);
  await runIn(world, "backup", "photos", "--init");
  strictEqual((await runIn(world, "notify", "--late")).status, 0);
  world.clock.pass(27 * 60);
  const late = await runIn(world, "notify", "--late");
  strictEqual(late.status, 3);
  match(
    late.stdout,
    /^The newest snapshot of photos is from .* ago; expected one every 1 d 02 h\nNo notification waits\n$/,
  );
  await runIn(world, "notify", "--late", "--json");
  deepStrictEqual(heard(hook), ["photos: late"]);
});

Deno.test("notify --test says of each target whether it was accepted, and never where it is", async () => {
  await using hook = new WebHook();
  using world = new NotifyWorld(hook);
  hook.answer = ({ path }) => new Response("", { status: path === "/ping" ? 404 : 200 });
  const tested = await runIn(world, "notify", "--test");
  deepStrictEqual([tested.status, tested.stdout], [3, "phone: accepted\nping: refused (404)\n"]);
  const wrong = await runIn(world, "notify", "--test", "phon");
  strictEqual(wrong.status, 2);
  match(wrong.stderr, /There is no target "phon" in "notify"\n {2}hint: Did you mean "phone"\?/);
});

Deno.test("a configuration whose address is none is refused without repeating it", async () => {
  await using hook = new WebHook();
  using world = new NotifyWorld(hook);
  Deno.writeTextFileSync(`${world.base}/bad.jsonc`, `{"notify": {"phone": {"to": "https://s3cret.example/x"}}}`);
  const { status, stderr } = await runIn(world, "version", "--config", `${world.base}/bad.jsonc`);
  const notified = await runIn(world, "notify", "--config", `${world.base}/bad.jsonc`);
  strictEqual(notified.status, 2, `${status} ${stderr}`);
  match(notified.stderr, /its scheme is unknown/);
  ok(!notified.stderr.includes("s3cret"), notified.stderr);
});

Deno.test("commands know the targets that were added on the page, and another version's file stops no backup", async () => {
  await using hook = new WebHook();
  using world = new NotifyWorld(hook);
  Deno.writeTextFileSync(`${world.base}/.config/backup-tool/backup-tool.jsonc`, '{"storage": "~/st"}');
  strictEqual((await runIn(world, "notify")).status, 2);
  Deno.mkdirSync(`${world.base}/state/notify`, { recursive: true });
  const file = `${world.base}/state/notify/targets.json`, to = `webhook+http://${hook.host}/s3cret`;
  Deno.writeTextFileSync(file, JSON.stringify({ version: 1, targets: { page: { to, on: ["done"] } } }));
  strictEqual((await runIn(world, "notify", "--test")).stdout, "page: accepted\n");
  strictEqual((await runIn(world, "backup", "photos", "--init", "--notify", "page")).status, 0);
  deepStrictEqual(heard(hook), ["test of notifications: done", "backup photos: done"]);
  Deno.writeTextFileSync(file, JSON.stringify({ version: 2, targets: { page: { to } } }));
  const { status, stderr } = await runIn(world, "backup", "photos", "--notify", "page");
  strictEqual(status, 0);
  match(stderr, /Cannot use the notification targets in ".*targets\.json"/);
});
