/** Restores by page and interface: who may have what restored where, and what is put in for the jobs. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { hashPassword } from "../../src/server/accounts/passwords.ts";
import { UserFile } from "../../src/server/accounts/user_file.ts";
import { JobWorld } from "../support/job_world.ts";
import { type Answer, ask, tokenOf, type WebServer, webServer } from "../support/web_server.ts";

const PASSWORD = "correct horse battery";

async function scene() {
  const world = new JobWorld({ inMemory: true }), share = `${world.base}/share`;
  Deno.mkdirSync(share);
  world.write("photos/a.jpg", "a picture");
  world.write("photos/b.jpg", "another picture");
  world.write("letter", "dear you");
  const { snapshot: { id } } = await world.backup();
  const server = await webServer(world, {}, { restoreBelow: [rawOf(share)] });
  return { world, share, id, server };
}

function post(server: WebServer, target: string, token: string, body: object): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return ask(server, target, { method: "POST", token, headers, body: JSON.stringify(body) });
}

const JOBS = "/api/v1/jobs", PLANS = "/api/v1/restore-plans";

const LINES = "application/x-ndjson";

Deno.test("A restore's plan comes as lines, each change one, how many there are of each last", async () => {
  const { world, share, server } = await scene();
  using _ = world;
  await using __ = server;
  for (let n = 0; n < 600; n++) world.write(`many/${n}`, "many");
  await world.backup();
  const order = { kind: "restore", snapshot: "latest", paths: ["/many"], target: `${share}/back`, strip: 0 };
  const plan = JSON.parse((await post(server, PLANS, tokenOf("run"), order)).text);
  const asked = (body: object) =>
    ask(server, PLANS, {
      method: "POST",
      token: tokenOf("run"),
      headers: { "content-type": "application/json", accept: LINES },
      body: JSON.stringify(body),
    });
  const { status, headers, text, isWhole } = await asked(order);
  deepStrictEqual([status, headers.get("content-type"), isWhole], [200, LINES, true]);
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line)), { summary } = lines.pop();
  deepStrictEqual([plan.changes.length, lines.length, summary], [500, 601, { create: 601 }]);
  deepStrictEqual([lines.slice(0, 500), summary], [plan.changes, plan.counts]);
  const lost = await asked({ ...order, paths: ["/nothing"] });
  deepStrictEqual([lost.status, lost.headers.get("content-type")], [404, "application/problem+json"]);
});

Deno.test("A restore is planned, put in with its limits, and done as it was planned", async () => {
  const { world, share, id, server } = await scene();
  using _ = world;
  await using __ = server;
  const order = { kind: "restore", snapshot: "latest", paths: ["/photos"], target: `${share}/back`, strip: 0 };
  const plan = JSON.parse((await post(server, PLANS, tokenOf("run"), order)).text);
  deepStrictEqual(plan.changes.map(({ path }: { path: string }) => path.replace(share, "")).sort(), [
    "/back/photos",
    "/back/photos/a.jpg",
    "/back/photos/b.jpg",
  ]);
  deepStrictEqual([...Deno.readDirSync(share)], []);
  const { status, text } = await post(server, JOBS, tokenOf("run"), order);
  strictEqual(status, 201, text);
  const { file } = JSON.parse(text);
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${server.jobs}/${file}`)), {
    ...order,
    snapshot: id,
    by: "run",
    limits: { role: "run", below: [share] },
  });
  strictEqual((await world.perform(file))?.outcome, "done");
  strictEqual(Deno.readTextFileSync(`${share}/back/photos/b.jpg`), "another picture");
});

Deno.test("What goes elsewhere, says more than it may, or comes from whoever may not, is refused at once", async () => {
  const { world, share, server } = await scene();
  using _ = world;
  await using __ = server;
  const order = { kind: "restore", snapshot: "latest", target: `${share}/x` };
  const refused: [status: number, token: string, order: object][] = [
    [403, tokenOf("read"), order],
    [403, tokenOf("watch"), order],
    [403, tokenOf("photos"), order],
    [403, tokenOf("run"), { ...order, target: "/etc/x" }],
    [403, tokenOf("admin"), { ...order, target: `${share}/../x` }],
    [403, tokenOf("admin"), { ...order, target: share }],
    [400, tokenOf("admin"), { ...order, target: "x" }],
    [400, tokenOf("run"), { ...order, overwrite: "always" }],
    [400, tokenOf("run"), { ...order, target: undefined, inPlace: true }],
    [400, tokenOf("admin"), { ...order, delete: true }],
    [400, tokenOf("admin"), { ...order, storage: "/elsewhere" }],
    [400, tokenOf("admin"), { ...order, limits: { role: "admin", below: ["/"] } }],
    [400, tokenOf("admin"), { ...order, workers: 4 }],
    [404, tokenOf("admin"), { ...order, snapshot: "feed" }],
  ];
  for (const [status, token, body] of refused) {
    for (const target of [JOBS, PLANS]) {
      strictEqual((await post(server, target, token, body)).status, status, JSON.stringify([token, body]));
    }
  }
  deepStrictEqual([...Deno.readDirSync(server.jobs)].filter(({ isFile }) => isFile), []);
  strictEqual((await post(server, JOBS, tokenOf("admin"), { ...order, overwrite: "if-newer" })).status, 201);
});

Deno.test("Where nothing says what may be restored to, nothing is", async () => {
  using world = new JobWorld({ inMemory: true });
  world.write("a", "1");
  await world.backup();
  await using server = await webServer(world);
  const answer = await post(server, JOBS, tokenOf("admin"), { kind: "restore", snapshot: "latest", target: "/tmp/x" });
  strictEqual(answer.status, 404);
  match(answer.text, /--restore-below/);
  ok(!(await ask(server, "/browse/latest", { token: tokenOf("admin") })).text.includes("Restore ..."));
});

Deno.test("By the page: the form keeps what was chosen, and replacing asks for the password again", async () => {
  const { world, share, id, server } = await scene();
  using _ = world;
  await using __ = server;
  using dir = world.machine.disk.openDir(rawOf(server.accounts));
  const file = new UserFile(dir), { random } = world.machine, user = file.user("admin");
  ok(user !== undefined);
  file.put({ ...user, password: await hashPassword(PASSWORD, random) }, random);
  const origin = `http://127.0.0.1:${server.port}`;
  let cookie = "";
  const send = (target: string, fields: Record<string, string>) => {
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      accept: "text/html",
      origin,
      ...(cookie !== "" && { cookie }),
    };
    return ask(server, target, { method: "POST", headers, body: new URLSearchParams(fields).toString() });
  };
  const signedIn = await send("/session", { name: "admin", password: PASSWORD });
  cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const target = `/restore/${id}/photos`, fresh = { place: "new", base: share, name: "here", owners: "target" };
  const page = await ask(server, target, { headers: { cookie, accept: "text/html" } });
  match(page.text, /restored-photos-/);
  const plan = await send(target, { ...fresh, do: "plan" });
  match(plan.text, /What it would do/);
  ok(plan.text.includes(`${share}/here/photos/a.jpg`), plan.text);
  const wrong = await send(target, { ...fresh, base: "/etc", do: "restore" });
  strictEqual(wrong.status, 400);
  match(wrong.text, /may not reach it/);
  match(wrong.text, /value="here"/);
  world.clock.pass(11);
  const back = { place: "back", overwrite: "always", do: "restore" };
  match((await send(target, back)).text, /needs your password/);
  strictEqual((await send(target, { ...back, password: "something else" })).status, 400);
  deepStrictEqual([...Deno.readDirSync(server.jobs)].filter(({ isFile }) => isFile), []);
  strictEqual((await send(target, { ...back, password: PASSWORD })).status, 303);
  strictEqual((await send(target, { ...fresh, do: "restore" })).status, 303);
  const jobs = [...Deno.readDirSync(server.jobs)].filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  const outcomes: (string | undefined)[] = [];
  for (const name of jobs) outcomes.push((await world.perform(name))?.outcome);
  // The sources lie where nobody said that something may be restored to.
  deepStrictEqual(outcomes.sort(), ["done", "failed"]);
  strictEqual(Deno.readTextFileSync(`${share}/here/photos/a.jpg`), "a picture");
});
