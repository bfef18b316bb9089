/** Jobs by page and interface: what may be put in, by whom, and what is told while they run. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { HistoryEntry } from "../../src/jobs/state/stored_state.ts";
import { appendHistory } from "../../src/jobs/state/history.ts";
import {
  answerOf,
  ask,
  type Asking,
  send,
  tokenOf,
  type TOKENS,
  type WebServer,
  webServer,
} from "../support/web_server.ts";
import { World } from "../support/world.ts";

function addRecurring({ jobs }: WebServer, name: string, job: object): void {
  Deno.mkdirSync(`${jobs}/recurring`, { recursive: true });
  Deno.writeTextFileSync(`${jobs}/recurring/${name}`, JSON.stringify(job));
}

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => name).sort();
}

const PHOTOS = { kind: "backup", sources: ["/volume1/photos"], name: "photos", every: "0 3 * * *" };

Deno.test("A recurring job is started as if it were due, once, and taken out again by whoever may", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  addRecurring(server, "photos.jsonc", PHOTOS);
  const run: Asking = { method: "POST", token: tokenOf("run") }, target = "/api/v1/recurring/photos.jsonc/start";
  const { status, text } = await ask(server, target, run), { file } = JSON.parse(text);
  strictEqual(status, 202, text);
  deepStrictEqual(namesIn(server.jobs), [file]);
  const { every: _, ...once } = PHOTOS;
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${server.jobs}/${file}`)), { ...once, by: "run" });
  strictEqual((await ask(server, target, run)).status, 409);
  const jobs = JSON.parse((await ask(server, "/api/v1/jobs", { token: tokenOf("read") })).text);
  deepStrictEqual(jobs.waiting, [file]);
  strictEqual(jobs.recurring[0].next.length, 3);
  strictEqual((await ask(server, `/api/v1/jobs/${file}`, { ...run, method: "DELETE" })).status, 204);
  deepStrictEqual(namesIn(server.jobs), []);
  ok(server.log.some(({ event, message }) => event === "by-page" && message.startsWith("127.0.0.1: run put ")));
});

Deno.test("What somebody else put in is for admins to take out; what has begun is cancelled", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  Deno.writeTextFileSync(`${server.jobs}/own.json`, "{}");
  const remove = (file: string, token: string) => ask(server, `/api/v1/jobs/${file}`, { method: "DELETE", token });
  strictEqual((await remove("own.json", tokenOf("run"))).status, 404);
  Deno.mkdirSync(`${server.jobs}/.backup-tool/running`, { recursive: true });
  const record = `${server.jobs}/.backup-tool/running/own.json`, run = "0123456789abcdef".repeat(2);
  const begun = (text: string) =>
    Deno.writeTextFileSync(
      record,
      JSON.stringify({
        format: "backup-tool job",
        version: 1,
        run,
        name: "own.json",
        text,
        mark: { inode: "1", mtime: "1", size: 1 },
        start: "2026-11-20T22:00:00.000Z",
        phase: "begun",
      }),
    );
  const wishes = () => namesIn(`${server.jobs}/.backup-tool/cancel`);
  begun(`{"kind":"check","by":"anna"}`);
  strictEqual((await remove("own.json", tokenOf("run"))).status, 404);
  begun(`{"kind":"check","by":"run"}`);
  strictEqual((await remove("own.json", tokenOf("run"))).status, 202);
  deepStrictEqual(wishes(), [run]);
  Deno.removeSync(`${server.jobs}/.backup-tool/cancel/${run}`);
  begun("{}");
  strictEqual((await remove("own.json", tokenOf("run"))).status, 404);
  strictEqual((await remove("own.json", tokenOf("admin"))).status, 202);
  deepStrictEqual(wishes(), [run]);
  Deno.removeSync(record);
  strictEqual((await remove("recurring", tokenOf("admin"))).status, 404);
  strictEqual((await remove("own.json", tokenOf("admin"))).status, 204);
  deepStrictEqual(namesIn(server.jobs), []);
});

const REFUSED: readonly string[] = [
  `{"kind":"backup","sources":["/etc"],"hooks":{}}`,
  `{"kind":"check","lock":{"before":"touch /tmp/x"}}`,
  `{"kind":"check","storage":"/elsewhere"}`,
  `{"kind":"check","readDataSubset":"everything"}`,
  `{"kind":"check","__proto__":{"readData":true},"prune":true}`,
  `{"kind":"prune","keep":{"last":1}}`,
  `[]`,
  `"check"`,
  `{`,
];

Deno.test("What is no check and no restore can't be put in, nor keys that are not theirs", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const json = { "content-type": "application/json" };
  for (const body of REFUSED) {
    const { status } = await ask(server, "/api/v1/jobs", {
      method: "POST",
      token: tokenOf("admin"),
      headers: json,
      body,
    });
    strictEqual(status, 400, body);
  }
  const body = `{"kind":"check","readDataSubset":"5%"}`, put = { method: "POST", token: tokenOf("run"), body };
  strictEqual((await ask(server, "/api/v1/jobs", put)).status, 400, "without its media type");
  deepStrictEqual(namesIn(server.jobs), []);
  for (let i = 0; i < 20; i++) strictEqual((await ask(server, "/api/v1/jobs", { ...put, headers: json })).status, 201);
  strictEqual((await ask(server, "/api/v1/jobs", { ...put, headers: json })).status, 429);
  const [first = ""] = namesIn(server.jobs);
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${server.jobs}/${first}`)), { ...JSON.parse(body), by: "run" });
});

Deno.test("Events come as they happen; who only watches hears no names; a stream that ended makes room", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const heard: string[] = [];
  Deno.writeTextFileSync(`${server.jobs}/secret.json`, "{}");
  for (const role of ["watch", "admin"] as const) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await send(
      connection,
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokenOf(role)}\r\n\r\n`,
    );
    let text = await until(connection, "", "retry: 5000");
    server.desk.hear({
      level: "info",
      event: "job-started",
      message: "secret.json: started",
      fields: { job: "secret.json" },
    });
    text = await until(connection, text, "job-started");
    heard.push(String(text.includes("secret.json")));
  }
  deepStrictEqual(heard, ["false", "true"]);
  deepStrictEqual(JSON.parse((await ask(server, "/api/v1/jobs", { token: tokenOf("watch") })).text), {
    running: true,
    waiting: 0,
  });
  strictEqual(
    (await ask(server, "/api/v1/jobs/secret.json", { method: "DELETE", token: tokenOf("admin") })).status,
    204,
  );
  strictEqual(JSON.parse((await ask(server, "/api/v1/jobs", { token: tokenOf("watch") })).text).running, false);
  // As somebody does who goes from page to page: each leaves a stream behind.
  for (let i = 0; i < 12; i++) {
    for (let isFull = true; isFull;) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      const head = `Host: localhost\r\nAuthorization: Bearer ${tokenOf("read")}\r\n`;
      await send(connection, `GET /api/v1/events HTTP/1.1\r\n${head}\r\n`);
      const text = await until(connection, "", "\r\n\r\n");
      isFull = answerOf(Uint8Array.from(text, (one) => one.charCodeAt(0))).status !== 200;
    }
  }
});

async function listening(server: WebServer, name: typeof TOKENS[number], last = ""): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const head = `Host: localhost\r\nAuthorization: Bearer ${tokenOf(name)}\r\n${last && `Last-Event-ID: ${last}\r\n`}`;
  await send(connection, `GET /api/v1/events HTTP/1.1\r\n${head}\r\n`);
  return connection;
}

const ENDED = { level: "info", event: "job-ended", message: "a.json: done", fields: { job: "a.json" } } as const;

Deno.test("Who was away for a moment hears what was missed, or that it is forgotten", async () => {
  using world = new World({ inMemory: true });
  await using server = await webServer(world);
  const say = (job: string) => server.desk.hear({ ...ENDED, fields: { job } });
  let id = "";
  {
    using connection = await listening(server, "admin");
    const begun = await until(connection, "", "retry: 5000");
    say("first");
    id = /^id: (\S+)$/m.exec(await until(connection, begun, '"first"}}'))?.[1] ?? "";
  }
  ok(id !== "");
  say("second");
  {
    using connection = await listening(server, "admin", id);
    const text = await until(connection, "", '"second"}}');
    ok(!text.includes("first") && !text.includes("missed"), text);
  }
  for (const forgotten of ["x-1", id.replace(/\d+$/, "99"), "nonsense"]) {
    using connection = await listening(server, "admin", forgotten);
    ok(!(await until(connection, "", '"missed"')).includes("second"));
  }
  for (let i = 0; i < 300; i++) say(`more${i}`);
  using connection = await listening(server, "admin", id);
  ok(!(await until(connection, "", '"missed"')).includes("more"));
});

Deno.test("A new snapshot and a new alert are events, each for whoever may see it", async () => {
  using world = new World({ inMemory: true });
  world.write("a", "a");
  await world.backup({ name: "letters" });
  await using server = await webServer(world);
  using all = await listening(server, "read");
  using photos = await listening(server, "photos");
  using watch = await listening(server, "watch");
  const connections = [all, photos, watch], texts: string[] = [];
  for (const connection of connections) texts.push(await until(connection, "", "retry: 5000"));
  // The first look at all of it is over once the same questions have been answered after it.
  for (const name of ["read", "photos", "watch"] as const) {
    await ask(server, "/api/v1/status", { token: tokenOf(name) });
  }
  await world.backup({ name: "letters" });
  await world.backup({ name: "photos" });
  using storage = world.open();
  appendHistory(storage.dir, FAILED, false);
  server.desk.hear(ENDED);
  const [whole, own, watched] = await Promise.all([
    until(all, texts[0] ?? "", '"alert"').then((text) => until(all, text, "no disk")),
    until(photos, texts[1] ?? "", '"snapshot"'),
    until(watch, texts[2] ?? "", '"alert"'),
  ]);
  ok(whole.includes('"name":"letters"') && whole.includes('"name":"photos"'), whole);
  ok(own.includes('"name":"photos"') && !own.includes("letters") && !own.includes("no disk"), own);
  ok(!watched.includes("no disk"), watched);
});

const FAILED: HistoryEntry = {
  run: "one",
  name: "a.json",
  kind: "backup",
  start: "2026-11-20T20:00:00.000Z",
  end: "2026-11-20T20:05:00.000Z",
  text: "{}",
  counts: {},
  problems: [],
  problemCount: 0,
  outcome: "failed",
  error: { code: "x", message: "no disk", hint: "" },
};

async function until(connection: Deno.Conn, before: string, wanted: string): Promise<string> {
  let text = before;
  const into = new Uint8Array(4096);
  while (!text.includes(wanted)) {
    const got = await connection.read(into);
    if (got === null) throw new Error(`It ended with ${text}`);
    text += new TextDecoder("latin1").decode(into.subarray(0, got));
  }
  return text;
}
