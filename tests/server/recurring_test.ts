/** Jobs that are written by page and interface, one-off and recurring: by whom, what they may say, and when they rest. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { RecurringJobs } from "../../src/jobs/queue/recurring.ts";
import { JobWorld } from "../support/job_world.ts";
import { type Answer, ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";

/** A share with some files, below which jobs may back up. */
async function scene(site: { readonly mayRemove?: boolean } = {}) {
  const world = new JobWorld({ inMemory: true }), share = `${world.base}/share`;
  Deno.mkdirSync(`${share}/photos`, { recursive: true });
  Deno.writeTextFileSync(`${share}/photos/a.jpg`, "a picture");
  Deno.writeTextFileSync(`${share}/photos/b.tmp`, "nothing");
  const server = await webServer(world, {}, { sourcesBelow: [rawOf(share)], ...site });
  return { world, share, server };
}

type Sent = readonly [method: string, target: string, body?: unknown, headers?: Readonly<Record<string, string>>];

function send(server: WebServer, token: string, [method, target, body, headers = {}]: Sent): Promise<Answer> {
  const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  return ask(server, target, { method, token, headers: { "content-type": "application/json", ...headers }, ...text });
}

const ADMIN = tokenOf("admin"), RUN = tokenOf("run"), PHOTOS = "/api/v1/recurring/photos.jsonc";
const JOBS = "/api/v1/jobs", PLANS = "/api/v1/plans";

Deno.test("A backup is planned, put in with its limits, and done as it was planned", async () => {
  const { world, share, server } = await scene();
  using _ = world;
  await using __ = server;
  const job = { kind: "backup", name: "photos", sources: [`${share}/photos`], exclude: ["*.tmp"] };
  const planned = await send(server, ADMIN, ["POST", PLANS, job]);
  strictEqual(planned.status, 200, planned.text);
  const plan = JSON.parse(planned.text);
  deepStrictEqual([plan.series, plan.new.files, plan.excluded[0].entries], ["photos", 1, 1]);
  strictEqual(world.open().snapshots().length, 0);
  const { status, text } = await send(server, ADMIN, ["POST", JOBS, job]);
  strictEqual(status, 201, text);
  const { file } = JSON.parse(text);
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${server.jobs}/${file}`)), {
    ...job,
    by: "admin",
    limits: { role: "admin", below: [share] },
  });
  strictEqual((await world.perform(file))?.outcome, "done");
});

Deno.test("A backup's plan comes as lines, too, the plan last", async () => {
  const { world, share, server } = await scene();
  using _ = world;
  await using __ = server;
  const job = { kind: "backup", name: "photos", sources: [`${share}/photos`], exclude: ["*.tmp"] };
  const { problems, ...plan } = JSON.parse((await send(server, ADMIN, ["POST", PLANS, job])).text);
  deepStrictEqual(problems, []);
  const headers = { accept: "application/x-ndjson" };
  const told = await send(server, ADMIN, ["POST", PLANS, job, headers]);
  deepStrictEqual([told.status, told.headers.get("content-type"), told.isWhole], [200, headers.accept, true]);
  deepStrictEqual(told.text.trimEnd().split("\n").map((line) => JSON.parse(line)), [{ summary: plan }]);
  const gone = await send(server, ADMIN, ["POST", PLANS, { ...job, sources: [`${share}/gone`] }, headers]);
  deepStrictEqual([gone.status, gone.headers.get("content-type")], [400, "application/problem+json"]);
});

Deno.test("Jobs that say more than they may, or come from whoever may not, are refused at once", async () => {
  const { world, share, server } = await scene();
  using _ = world;
  await using __ = server;
  const job = { kind: "backup", sources: [`${share}/photos`] };
  const refused: [status: number, token: string, job: object][] = [
    [403, tokenOf("read"), job],
    [403, tokenOf("photos"), job],
    [400, RUN, job],
    [400, ADMIN, { ...job, sources: ["/etc"] }],
    [400, ADMIN, { ...job, sources: [`${share}/../other`] }],
    [400, ADMIN, { ...job, sources: ["sftp:host:/x"] }],
    [400, ADMIN, { ...job, hooks: { before: "touch /x" } }],
    [400, ADMIN, { ...job, lock: { before: "touch /x" } }],
    [400, ADMIN, { ...job, excludeFrom: ["/etc/shadow"] }],
    [400, ADMIN, { ...job, storage: "/elsewhere" }],
    [400, ADMIN, { ...job, keep: { last: 1 } }],
    [400, ADMIN, { kind: "prune", keep: "policy" }],
    [400, ADMIN, { kind: "copy", to: "/elsewhere" }],
    [400, ADMIN, { kind: "import", source: share, destination: "x" }],
  ];
  for (const [status, token, body] of refused) {
    strictEqual((await send(server, token, ["POST", JOBS, body])).status, status, JSON.stringify([token, body]));
  }
  // What somebody says of limits counts for nothing.
  const wide = { ...job, by: "root", limits: { role: "admin", below: ["/"], remove: true } };
  const { file } = JSON.parse((await send(server, ADMIN, ["POST", JOBS, wide])).text);
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${server.jobs}/${file}`)).limits, {
    role: "admin",
    below: [share],
  });
  strictEqual((await send(server, RUN, ["POST", JOBS, { kind: "drill", bytes: "1M" }])).status, 201);
});

Deno.test("Where nothing says what may be backed up, nothing is", async () => {
  using world = new JobWorld({ inMemory: true });
  await using server = await webServer(world);
  const { status, text } = await send(server, ADMIN, ["POST", JOBS, { kind: "backup", sources: ["/volume1"] }]);
  strictEqual(status, 404);
  match(text, /--sources-below/);
});

Deno.test("A recurring job is made, changed by whoever has seen it, and keeps its comments", async () => {
  const { world, share, server } = await scene();
  using _ = world;
  await using __ = server;
  const written = `{\n  // Every night\n  "kind": "backup", "sources": ["${share}/photos"], "every": "0 3 * * *",\n}\n`;
  strictEqual((await send(server, RUN, ["PUT", PHOTOS, written])).status, 403);
  strictEqual((await send(server, ADMIN, ["PUT", "/api/v1/recurring/x%2fy.jsonc", written])).status, 400);
  strictEqual((await send(server, ADMIN, ["PUT", PHOTOS, written.replace("0 3 * * *", "soon")])).status, 400);
  strictEqual((await send(server, ADMIN, ["PUT", PHOTOS, written])).status, 201);
  const seen = await send(server, ADMIN, ["GET", PHOTOS]), tag = seen.headers.get("etag") ?? "";
  match(seen.text, /Every night[^]*"limits"/);
  strictEqual((await send(server, ADMIN, ["PUT", PHOTOS, written])).status, 412);
  const changed = seen.text.replace("0 3", "0 4");
  strictEqual((await send(server, ADMIN, ["PUT", PHOTOS, changed, { "if-match": '"00"' }])).status, 412);
  strictEqual((await send(server, ADMIN, ["PUT", PHOTOS, changed, { "if-match": tag }])).status, 204);
  const [job] = JSON.parse((await send(server, tokenOf("read"), ["GET", JOBS])).text).recurring;
  deepStrictEqual([job.every, job.isEditable], ["0 4 * * *", true]);
  strictEqual(JSON.parse((await send(server, RUN, ["POST", PLANS, { file: "photos.jsonc" }])).text).new.files, 2);
});

Deno.test("What people have written is neither shown nor changed; nothing is removed unless that was allowed", async () => {
  for (const mayRemove of [false, true]) {
    const { world, share, server } = await scene({ mayRemove });
    using _ = world;
    await using __ = server;
    Deno.mkdirSync(`${server.jobs}/recurring`);
    const own = `{"kind":"backup","sources":["${share}"],"every":"0 3 * * *","hooks":{"before":"secret"}}`;
    Deno.writeTextFileSync(`${server.jobs}/recurring/own.json`, own);
    for (const [method, body] of [["GET"], ["PUT", own], ["DELETE"]] as const) {
      const { status, text } = await send(server, ADMIN, [method, "/api/v1/recurring/own.json", body]);
      ok(status >= 400 && status < 500 && !text.includes("secret"), `${method} ${status}`);
    }
    strictEqual(Deno.readTextFileSync(`${server.jobs}/recurring/own.json`), own);
    await send(server, ADMIN, ["PUT", PHOTOS, `{"kind":"check","every":"0 3 * * *"}`]);
    strictEqual((await send(server, ADMIN, ["DELETE", PHOTOS])).status, mayRemove ? 204 : 403);
    strictEqual((await send(server, ADMIN, ["POST", JOBS, { kind: "prune" }])).status, mayRemove ? 201 : 400);
  }
});

Deno.test("A job that is paused isn't dropped, a week at most; when it goes on, one run makes up for those missed", async () => {
  const { world, server } = await scene();
  using _ = world;
  await using __ = server;
  const { clock, disk } = world.machine;
  await send(server, ADMIN, ["PUT", PHOTOS, `{"kind":"check","every":"0 3 * * *"}`]);
  using jobs = disk.openDir(rawOf(server.jobs));
  using control = jobs.openDir(rawOf(".backup-tool"));
  const recurring = new RecurringJobs(jobs, control, () => {});
  recurring.tick(clock.nowMs());
  const until = (days: number) => ({ until: new Date(clock.nowMs() + days * 86_400_000).toISOString() });
  const pause = (days: number, token = ADMIN) => send(server, token, ["POST", `${PHOTOS}/pause`, until(days)]);
  strictEqual((await pause(3, RUN)).status, 403);
  for (const days of [8, -1]) strictEqual((await pause(days)).status, 400);
  strictEqual((await pause(3)).status, 204);
  const [state] = JSON.parse((await send(server, ADMIN, ["GET", JOBS])).text).recurring;
  deepStrictEqual([state.pausedUntil, state.next[0] > state.pausedUntil], [until(3).until, true]);
  const nowMs = clock.nowMs() + 2 * 86_400_000;
  strictEqual(recurring.tick(nowMs), clock.nowMs() + 3 * 86_400_000);
  deepStrictEqual(server.desk.waiting(), []);
  strictEqual((await send(server, ADMIN, ["POST", `${PHOTOS}/resume`])).status, 204);
  recurring.tick(nowMs);
  recurring.tick(nowMs);
  strictEqual(server.desk.waiting().length, 1);
  strictEqual((await send(server, ADMIN, ["POST", "/api/v1/recurring/none.json/resume"])).status, 404);
});
