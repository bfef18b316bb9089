/**
 * The server with much to do at once: a search over many paths, downloads, a backup, and a crowd of connections that say
 * nothing, with few files that it may have open. With SLOW=1 there are a million paths and 2,000 such connections.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hash } from "node:crypto";
import { rebuildCatalog } from "../../src/operations/repair/rebuild.ts";
import { ASSETS } from "../../src/server/pages/assets.ts";
import { IS_SLOW } from "../support/effort.ts";
import { makeManySnapshots } from "../support/many_snapshots.ts";
import { IS_LINUX } from "../support/needs.ts";
import { type ServingProgram, servingProgram } from "../support/serving_program.ts";
import { type Answer, ask, send, toEnd, tokenOf } from "../support/web_server.ts";
import { TestMonitor, World } from "../support/world.ts";

const FILES = IS_SLOW ? 1_000_000 : 4000, SILENT = IS_SLOW ? 2000 : 300, MOST_FILES = 512;
const LARGE = 1024 * 1024, DOWNLOADS = 12, PAGE = 200, PAGES = IS_SLOW ? 5 : 3;
const BACKED_UP = IS_SLOW ? 20_000 : 200, ASSETS_ASKED = IS_SLOW ? 200 : 30;
/** Beyond what a search of so many paths takes in SQLite and in two threads: nothing may pile up. */
const MOST_KB = 900_000;

async function filled(world: World): Promise<void> {
  {
    using storage = world.open();
    await makeManySnapshots(storage, { files: FILES, snapshots: 2, changed: 0.01 });
    rebuildCatalog(storage, new TestMonitor());
  }
  Deno.writeFileSync(`${world.source}/large.bin`, new Uint8Array(LARGE).map((_, at) => at % 251));
  await world.backup({ name: "docs" });
  Deno.removeSync(`${world.source}/large.bin`);
  for (let n = 0; n < BACKED_UP; n++) world.write(`${n % 50}/${n}.txt`, `file ${n}`);
}

/** All connections that could be made; whether the server keeps them is its own affair. */
async function crowd({ port }: ServingProgram): Promise<DisposableStack> {
  using held = new DisposableStack();
  for (let n = 0; n < SILENT; n++) held.use(await Deno.connect({ hostname: "127.0.0.1", port }));
  return held.move();
}

/** An answer; while the crowd comes, connections without a request yet may have to give way to it. */
async function asked(server: ServingProgram, target: string, name: "read" | "run"): Promise<Answer> {
  for (;;) {
    const answer = await ask(server, target, { token: tokenOf(name) });
    if (answer.status !== 0) return answer;
  }
}

async function search(server: ServingProgram): Promise<readonly string[]> {
  const paths: string[] = [];
  for (let page = 0, after = ""; page < PAGES; page++) {
    const { status, text } = await asked(server, `/api/v1/search?q=*.*&limit=${PAGE}${after}`, "read");
    strictEqual(status, 200, text);
    const { items, next } = JSON.parse(text);
    for (const { path } of items) if (path !== paths.at(-1)) paths.push(path);
    after = `&after=${encodeURIComponent(next)}`;
  }
  return paths;
}

async function download(server: ServingProgram, n: number): Promise<string> {
  const { status, bytes, isWhole } = await asked(
    server,
    "/content/docs:latest/large.bin",
    n % 2 === 0 ? "read" : "run",
  );
  deepStrictEqual([status, isWhole], [200, true]);
  return hash("sha256", bytes);
}

/** Puts a backup in, and waits for its snapshot. */
async function backup(server: ServingProgram, world: World, jobs: string): Promise<number> {
  Deno.writeTextFileSync(
    `${jobs}/load.json`,
    JSON.stringify({ kind: "backup", sources: [world.source], name: "load" }),
  );
  for (;;) {
    const { status, text } = await asked(server, "/api/v1/snapshots?name=load", "run");
    strictEqual(status, 200, text);
    const { items: [first] } = JSON.parse(text);
    if (first !== undefined) return first.files;
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Asks for an asset, again and again. @returns how long each took, in ms */
async function assets(server: ServingProgram): Promise<readonly number[]> {
  const times: number[] = [];
  for (let n = 0; n < ASSETS_ASKED; n++) {
    const start = performance.now();
    strictEqual((await asked(server, ASSETS.style.address, "read")).bytes.length > 0, true);
    times.push(performance.now() - start);
  }
  return times;
}

/** Times are reported, and none of them is a reason to fail: other programs may be what takes long. */
function report(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b), at = (share: number) => Math.round(sorted[Math.floor(share)] ?? 0);
  const last = sorted.length - 1;
  if (IS_SLOW) {
    console.log(`${what}: half within ${at(last / 2)} ms, 95% within ${at(last * 0.95)} ms, all ${at(last)} ms`);
  }
}

async function timed<T>(times: number[], work: Promise<T>): Promise<T> {
  const start = performance.now(), result = await work;
  times.push(performance.now() - start);
  return result;
}

/** The most memory that the process ever had, in KB. */
function peakOf({ pid }: ServingProgram): number {
  return Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
}

Deno.test({
  name: "A search, downloads, a backup and a silent crowd at once: all answers are right, and memory is bounded",
  ignore: !IS_LINUX,
  fn: async () => {
    using world = new World({ inMemory: !IS_SLOW });
    await filled(world);
    const jobs = `${world.base}/jobs`;
    Deno.mkdirSync(jobs, { mode: 0o700 });
    await using server = await servingProgram(world, jobs, MOST_FILES);
    const quiet: number[] = [], busy: number[] = [], taken: number[] = [];
    report("assets, with nothing else to do", await assets(server));
    const alone = await timed(quiet, search(server));
    ok(
      alone.length > PAGE * PAGES * 0.9 && alone.every((path, at) => at === 0 || path > alone[at - 1]!),
      `${alone.length} in order`,
    );
    using silent = await crowd(server);
    using more = await crowd(server);
    const downloads = Array.from({ length: DOWNLOADS }, (_, n) => timed(taken, download(server, n)));
    const [found, files, lags, ...got] = await Promise.all([
      timed(busy, search(server)),
      backup(server, world, jobs),
      assets(server),
      ...downloads,
    ]);
    report("assets, with everything at once", lags);
    report(`downloads of ${LARGE} bytes`, taken);
    report(`${PAGES} pages of a search alone`, quiet);
    report(`${PAGES} pages of a search with everything at once`, busy);
    deepStrictEqual(found, alone);
    strictEqual(files, BACKED_UP);
    const content = hash("sha256", new Uint8Array(LARGE).map((_, at) => at % 251));
    deepStrictEqual(new Set(got), new Set([content]));
    if (IS_SLOW) console.log(`peak: ${peakOf(server)} KB`);
    ok(peakOf(server) < MOST_KB, `${peakOf(server)} KB`);
    strictEqual(/server-bug|Too many open files/.exec(server.log()), null, server.log());
    for (const held of [silent, more]) held.dispose();
    using events = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await send(
      events,
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokenOf("read")}\r\n\r\n`,
    );
    await events.read(new Uint8Array(4096));
    strictEqual(await server.stop(), 0, "a stream without an end doesn't keep it");
    await toEnd(events);
  },
});
