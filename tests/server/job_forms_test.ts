/** The forms of jobs: rules, rewriting, vaults by name, and what a recurring job's page can do besides. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { RepositoryReader } from "../../src/server/reader/repository_reader.ts";
import { formOfJob, jobOfForm } from "../../src/server/pages/job_fields.ts";
import type { ServerOptions } from "../../src/server/serve.ts";
import { twoVaults } from "../support/two_vaults.ts";
import { ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

async function serving(world: World, site: Partial<ServerOptions["site"]>): Promise<WebServer> {
  world.write("x", "x");
  await world.backup({ name: "photos" });
  return await webServer(world, {}, { sourcesBelow: [rawOf(world.source)], ...site });
}

function send(server: WebServer, target: string, fields: Record<string, string>) {
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "text/html" };
  return ask(server, target, {
    method: "POST",
    token: tokenOf("admin"),
    headers,
    body: `${new URLSearchParams(fields)}`,
  });
}

function look(server: WebServer, target: string, name: "watch" | "read" | "admin" | "photos" = "admin") {
  return ask(server, target, { token: tokenOf(name), headers: { accept: "text/html" } });
}

Deno.test("A form stands for every job that has fields for its keys, and for no other", () => {
  const jobs: readonly Record<string, unknown>[] = [
    { kind: "prune", keep: "policy" },
    { kind: "prune", keep: { last: 3, daily: 7, within: "30d", free: "50G" }, name: "photos" },
    { kind: "copy", to: "far", keep: { monthly: "unlimited" } },
    { kind: "rewrite", snapshots: "all", remove: ["/a", "/b c"] },
    { kind: "rewrite", snapshots: ["abc", "def"], exclude: ["*.tmp"] },
    { kind: "rewrite", name: "photos", newTags: ["a"], newDescription: "x", newTime: "2026-11-20 23:05" },
    { kind: "tag", snapshots: ["latest"], add: ["a"], remove: ["b"], description: "x" },
    { kind: "forget", snapshots: ["0".repeat(64)] },
    { kind: "forget", keep: { daily: 7 }, name: "photos" },
    { kind: "tree", snapshots: ["latest"], action: "build", every: "0 3 * * *" },
  ];
  for (const job of jobs) {
    const form = formOfJob(job);
    ok(form !== undefined, JSON.stringify(job));
    deepStrictEqual(jobOfForm(String(job.kind), form), job);
  }
  for (const job of [{ kind: "prune", keep: { tag: ["a"] } }, { kind: "prune", keep: { daily: "7" } }]) {
    strictEqual(formOfJob(job), undefined, JSON.stringify(job));
  }
});

Deno.test("Rules and rewriting are offered where removing is allowed, and are put in as they were written", async () => {
  using world = new World({ inMemory: true });
  await using server = await serving(world, { mayRemove: true });
  const form = (await look(server, "/jobs/new/prune")).text;
  ok(form.includes('name="keep.daily"') && form.includes('value="rules"'), form);
  const rules = { keep: "rules", "keep.last": " 3 ", "keep.within": "30d", every: "0 4 * * *", file: "tidy" };
  const wrong = await send(server, "/jobs/new/prune", { ...rules, "keep.daily": "many", do: "check" });
  ok(wrong.text.includes('aria-invalid="true"') && wrong.text.includes('value="many"'), wrong.text);
  strictEqual((await send(server, "/jobs/new/prune", { ...rules, do: "put" })).status, 303);
  deepStrictEqual(JSON.parse(server.desk.recurring.read("tidy.jsonc").text).keep, { last: 3, within: "30d" });
  ok((await look(server, "/jobs/recurring/tidy.jsonc")).text.includes('name="keep.last" value="3"'));
  strictEqual(
    (await send(server, "/jobs/new/rewrite", { snapshots: "all", remove: "/secret", do: "put" })).status,
    303,
  );
  const [waiting = ""] = server.desk.waiting(), job = JSON.parse(Deno.readTextFileSync(`${server.jobs}/${waiting}`));
  deepStrictEqual([job.kind, job.snapshots, job.remove, job.limits.remove], ["rewrite", "all", ["/secret"], true]);
});

Deno.test("Tags, trees and forgetting have forms: what removes something only where that is allowed", async () => {
  using world = new World({ inMemory: true });
  await using server = await serving(world, {});
  const tag = (await look(server, "/jobs/new/tag?snapshots=3f2a91b0")).text;
  ok(/<textarea[^>]*name="snapshots"[^>]*>\n3f2a91b0</.test(tag) && !tag.includes('name="remove"'), tag);
  strictEqual((await look(server, "/jobs/new/forget")).status, 404);
  const put = { snapshots: "photos:latest", do: "put" };
  strictEqual((await send(server, "/jobs/new/tag", { ...put, add: "pinned" })).status, 303);
  ok((await send(server, "/jobs/new/tag", { ...put, set: "x" })).text.includes("Expected no &quot;set&quot;"));
  ok((await send(server, "/jobs/new/tree", { ...put, action: "remove" })).text.includes("Expected &quot;build&quot;"));
  const [waiting = ""] = server.desk.waiting(), job = JSON.parse(Deno.readTextFileSync(`${server.jobs}/${waiting}`));
  deepStrictEqual([job.kind, job.snapshots, job.add], ["tag", ["photos:latest"], ["pinned"]]);
});

Deno.test("Forgetting is put in by form and by interface, with whole ids", async () => {
  using world = new World({ inMemory: true });
  await using server = await serving(world, { mayRemove: true });
  ok((await look(server, "/jobs/new/prune")).text.includes('<option value="policy" selected>'));
  const put = { do: "put", keep: "" };
  ok((await send(server, "/jobs/new/forget", { ...put, snapshots: "latest" })).text.includes("Expected whole ids"));
  strictEqual((await send(server, "/jobs/new/forget", { ...put, snapshots: "0".repeat(64) })).status, 303);
  const body = JSON.stringify({ kind: "tree", snapshots: ["latest"], action: "remove" });
  const asking = { method: "POST", headers: { "content-type": "application/json" }, body };
  const { status, text } = await ask(server, "/api/v1/jobs", { ...asking, token: tokenOf("admin") });
  strictEqual(status, 201, text);
  strictEqual((await ask(server, "/api/v1/jobs", { ...asking, token: tokenOf("run") })).status, 400);
  strictEqual(server.desk.waiting().length, 2);
});

Deno.test("Without that, there are no rules, no rewriting and no removing, and a pause is an alert for everybody", async () => {
  using world = new World({ inMemory: true });
  await using server = await serving(world, {});
  ok(!(await look(server, "/jobs/new/backup")).text.includes("keep.daily"));
  strictEqual((await look(server, "/jobs/new/rewrite")).status, 404);
  const fields = { sources: world.source, keep: "rules", "keep.last": "1", every: "0 4 * * *", do: "put" };
  ok((await send(server, "/jobs/new/backup", { ...fields, file: "x" })).text.includes("Expected &quot;policy&quot;"));
  await send(server, "/jobs/new/backup", { ...fields, keep: "policy", file: "x" });
  ok(!(await look(server, "/jobs/recurring/x.jsonc")).text.includes("Remove the job"));
  strictEqual((await send(server, "/jobs/recurring/x.jsonc", { do: "remove" })).status, 403);
  strictEqual((await send(server, "/jobs/pause", { file: "x.jsonc", days: "2" })).status, 303);
  const alerts = async (name: "watch" | "read" | "photos") =>
    JSON.parse((await ask(server, "/api/v1/status", { token: tokenOf(name) })).text).alerts
      .map(({ code, subject }: Record<string, string>) => `${code}: ${subject}`);
  deepStrictEqual(await alerts("read"), ["paused: Paused: x.jsonc"]);
  deepStrictEqual(await alerts("watch"), ["paused: A recurring job is paused"]);
  deepStrictEqual(await alerts("photos"), []);
  ok((await look(server, "/", "read")).text.includes("Paused: x.jsonc"));
  await send(server, "/jobs/resume", { file: "x.jsonc" });
  deepStrictEqual(await alerts("read"), []);
});

Deno.test("A recurring job is removed on its page, and a vault is chosen by its name", async () => {
  using world = new World({ inMemory: true });
  world.write("x", "x");
  await world.backup({ name: "photos" });
  const { reader, desk } = await twoVaults(world);
  await using _ = reader;
  await using server = await serving(world, { mayRemove: true, vaults: desk });
  const form = (await look(server, "/jobs/new/copy")).text;
  ok(/<select id="to"[^]*<option value="far">far<\/option><option value="lost">/.test(form), form);
  strictEqual(
    (await send(server, "/jobs/new/copy", { to: "far", every: "0 5 * * *", file: "c", do: "put" })).status,
    303,
  );
  const page = await look(server, "/jobs/recurring/c.jsonc");
  ok(page.text.includes("Remove the job") && page.text.includes('<option value="far" selected>'), page.text);
  strictEqual((await send(server, "/jobs/recurring/c.jsonc", { do: "remove" })).status, 303);
  deepStrictEqual(server.desk.recurring.all(), []);
  strictEqual((await send(server, "/jobs/recurring/c.jsonc", { do: "remove" })).status, 404);
});

Deno.test("All recurring jobs are paused at once, a week at most, and resumed", async () => {
  using world = new World({ inMemory: true });
  await using server = await serving(world, {});
  const put = { sources: world.source, every: "0 4 * * *", do: "put" };
  for (const file of ["x", "y"]) strictEqual((await send(server, "/jobs/new/backup", { ...put, file })).status, 303);
  const paused = () => server.desk.recurring.all().filter(({ pausedUntil }) => pausedUntil !== undefined).length;
  ok((await look(server, "/jobs")).text.includes("Pause all"));
  ok(!(await look(server, "/jobs", "read")).text.includes("Pause all"));
  strictEqual((await send(server, "/jobs/pause", { all: "1", days: "8" })).status, 400);
  strictEqual(paused(), 0);
  strictEqual((await send(server, "/jobs/pause", { all: "1", days: "3" })).status, 303);
  strictEqual(paused(), 2);
  strictEqual((await send(server, "/jobs/resume", { all: "1" })).status, 303);
  strictEqual(paused(), 0);
});

Deno.test("The history is chosen by outcome, kind and name, in pages; names are for those who may see them", async () => {
  using world = new World({ inMemory: true });
  await using reader = new RepositoryReader(() => Promise.resolve(world.open()));
  const runs = Array.from({ length: 60 }, (_, i) => ({
    run: `run-${i}`,
    name: i % 2 === 0 ? "a.json" : "b.json",
    kind: i % 2 === 0 ? "backup" : "check",
    outcome: i % 10 === 0 ? "failed" as const : "done" as const,
    start: "2026-11-20T20:00:00.000Z",
    end: "2026-11-20T20:05:00.000Z",
    text: null,
    counts: {},
    problems: [],
    problemCount: 0,
  }));
  reader.jobHistory = (last) => Promise.resolve(runs.slice(-last));
  await using server = await serving(world, { reader });
  const of = async (query: string, name: "read" | "watch" = "read") => {
    const { status, text } = await ask(server, `/api/v1/job-history${query}`, { token: tokenOf(name) });
    return status === 200 ? JSON.parse(text) : status;
  };
  const names = ({ items }: { items: { run: string }[] }) => items.map(({ run }) => run);
  deepStrictEqual(names(await of("?outcome=failed&limit=2")), ["run-50", "run-40"]);
  deepStrictEqual((await of("?outcome=failed&limit=2")).next, "run-40");
  deepStrictEqual(names(await of("?outcome=failed&limit=3&after=run-40")), ["run-30", "run-20", "run-10"]);
  strictEqual((await of("?outcome=failed&after=run-10")).next, undefined);
  deepStrictEqual(names(await of("?kind=check&name=b.json&limit=1")), ["run-59"]);
  deepStrictEqual(names(await of("?kind=check&name=a.json")), []);
  strictEqual(await of("?after=nothing"), 404);
  const watched = await of("?limit=2", "watch");
  ok(watched.items.length === 2 && watched.next === undefined && !JSON.stringify(watched).includes("a.json"));
  deepStrictEqual((await of("?name=a.json", "watch")).items, []);
  const first = (await look(server, "/jobs?kind=backup")).text;
  ok(first.includes("run-58") && !first.includes("run-59") && !first.includes("Older ones"), first);
  const all = (await look(server, "/jobs")).text;
  ok(all.includes('href="/jobs?after=run-10#history"'), all);
  ok((await look(server, "/jobs?after=run-10")).text.includes("run-9"));
});
