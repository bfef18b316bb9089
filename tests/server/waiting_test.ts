/** Answers never wait for work: a search, a scan or a job may stand still, and pages, lists and contents come as ever. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { ASSETS } from "../../src/server/pages/assets.ts";
import { ThreadReader } from "../../src/server/reader/thread_reader.ts";
import { IS_WINDOWS } from "../support/needs.ts";
import { servingProgram } from "../support/serving_program.ts";
import { ask, tokenOf, webServer } from "../support/web_server.ts";
import { run, World } from "../support/world.ts";

const HELD_READER = new URL("../support/held_reader.ts", import.meta.url);

/** A pipe on whose other end somebody waits. */
interface Gate extends Disposable {
  /** Resolves when somebody has come to it, and is held until it opens. */
  reached(): Promise<void>;
}

function gate(path: string): Gate {
  run("mkfifo", path);
  let held: Deno.FsFile | undefined;
  return {
    async reached() {
      held = await Deno.open(path, { write: true });
    },
    [Symbol.dispose]() {
      held?.close();
      held = undefined;
    },
  };
}

/** What people look at, and what has to be in the answer. */
const SEEN: readonly (readonly [target: string, expected: string])[] = [
  ["/healthz", "ok"],
  [ASSETS.style.address, "font"],
  ["/", "docs"],
  ["/files", "docs"],
  ["/api/v1/status", '"docs"'],
  ["/api/v1/snapshots", '"docs"'],
  ["/api/v1/snapshots/latest/entries/", "a.txt"],
  ["/content/latest/a.txt", "hello"],
  ["/dav/docs/latest/a.txt", "hello"],
  ["/api/v1/jobs", "planned.jsonc"],
  ["/metrics", "backup_tool_"],
];

async function look(server: { readonly port: number }): Promise<void> {
  for (const [target, expected] of SEEN) {
    const { status, text } = await ask(server, target, { token: tokenOf("admin") });
    strictEqual(status, 200, target);
    ok(text.includes(expected), `${target}: ${text}`);
  }
  const list = { method: "PROPFIND", token: tokenOf("read"), headers: { depth: "1" } };
  strictEqual((await ask(server, "/dav/docs/latest/", list)).status, 207);
}

async function filled(world: World): Promise<string> {
  const jobs = `${world.base}/jobs`;
  world.write("a.txt", "hello");
  await world.backup({ name: "docs" });
  Deno.mkdirSync(`${jobs}/recurring`, { recursive: true, mode: 0o700 });
  const planned = { kind: "backup", sources: [world.source], every: "0 3 1 1 *", name: "planned" };
  Deno.writeTextFileSync(`${jobs}/recurring/planned.jsonc`, JSON.stringify(planned));
  return jobs;
}

Deno.test({
  name: "While a search and a scan hold their thread, everything else is answered; then they are, too",
  ignore: IS_WINDOWS,
  fn: async () => {
    using world = new World({ inMemory: true });
    await filled(world);
    const held = gate(`${world.base}/gate`);
    const setup = { location: world.storagePath, settings: {}, host: "testhost", vaults: {}, state: [] };
    await using reader = new ThreadReader(HELD_READER, setup, world.clock);
    await using server = await webServer(world, {}, { reader, sourcesBelow: [rawOf(world.source)] });
    using _ = held;
    const json = { method: "POST", token: tokenOf("run"), headers: { "content-type": "application/json" } };
    const works = [
      () => ask(server, "/api/v1/search?q=a.txt", { token: tokenOf("read") }),
      () => ask(server, "/api/v1/plans", { ...json, body: '{"file":"planned.jsonc"}' }),
    ];
    for (const work of works) {
      const answer = work();
      const early = answer.then(({ status, text }) => ok(false, `It was not held: ${status} ${text}`));
      await Promise.race([held.reached(), early]);
      early.catch(() => {});
      for (let times = 0; times < 3; times++) await look(server);
      held[Symbol.dispose]();
      const { status, text } = await answer;
      strictEqual(status, 200, text);
    }
    deepStrictEqual(server.log.filter(({ event }) => event === "server-bug"), []);
  },
});

Deno.test({
  name: "While a job is held, everything is answered, also what is searched; then it ends well",
  ignore: IS_WINDOWS,
  fn: async () => {
    using world = new World({ inMemory: true });
    const jobs = await filled(world), path = `${world.base}/gate`;
    const held = gate(path);
    const job = { kind: "backup", sources: [world.source], name: "held", lock: { before: `cat '${path}'` } };
    Deno.writeTextFileSync(`${jobs}/held.json`, JSON.stringify(job), { mode: 0o600 });
    await using server = await servingProgram(world, jobs, 512);
    using _ = held;
    await held.reached();
    const asked = async (target: string) => JSON.parse((await ask(server, target, { token: tokenOf("admin") })).text);
    for (let times = 0; times < 3; times++) {
      await look(server);
      strictEqual((await asked("/api/v1/search?q=a.txt")).items.length, 1);
      deepStrictEqual((await asked("/api/v1/snapshots?name=held")).items, []);
      strictEqual((await asked("/api/v1/jobs")).running.file, "held.json");
    }
    held[Symbol.dispose]();
    while ((await asked("/api/v1/snapshots?name=held")).items.length === 0);
    strictEqual(/server-bug/.exec(server.log()), null, server.log());
  },
});
