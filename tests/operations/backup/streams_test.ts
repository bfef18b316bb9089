/** Snapshots of things that are no directories: named sources, listed paths, streams. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { type Raw, rawOf, textOf } from "../../../src/core/raw.ts";
import { commandOutput } from "../../../src/platform/process.ts";
import { run, type TestMonitor, World } from "../../support/world.ts";

function paths(world: World): string[] {
  using storage = world.open();
  return [...storage.manifest(storage.resolve("latest").id).entries()].map(({ path }) => textOf(path));
}

function stream(name: string, ...parts: string[]) {
  const chunks = ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));
  return { name: rawOf(name), chunks };
}

async function text(world: World, path: string): Promise<string> {
  return Deno.readTextFileSync(`${(await world.restore("latest")).target}/${path}`);
}

Deno.test("backup() puts sources under the names they were given, whatever else they are", async () => {
  using world = new World();
  for (const name of ["a/1", "b/c/2", "b/3", "single"]) world.write(name, name);
  const at = (path: string, as?: string) => ({ path: rawOf(`${world.source}/${path}`), as: as as Raw | undefined });
  await world.backup({ sources: [at("a", "zeta")] });
  deepStrictEqual(paths(world), ["/zeta", "/zeta/1"]);
  const { snapshot } = await world.backup({ sources: [at("b", "x"), at("b/c", "c"), at("single", "a"), at("a")] });
  deepStrictEqual(paths(world), ["/a", "/a-2", "/c", "/x", "/a-2/1", "/c/2", "/x/3", "/x/c", "/x/c/2"]);
  strictEqual(snapshot.name, "x+c+a+a");
  const twice = { sources: [at("a", "same"), at("b", "same")] };
  await rejects(world.backup(twice), { code: "bad-usage", message: 'Two sources are called "same"' });
});

Deno.test("backup() of listed paths takes them, what is below them, and the directories on the way", async () => {
  using world = new World();
  for (const name of ["a/1", "a/2", "b/c/3", "b/c/4", "b/d/5", "e/6", "f"]) world.write(name, name);
  Deno.symlinkSync("b", `${world.source}/link`);
  const only = ["a/2", "b/c", "link/d/5", "f", "link"].map((path) => rawOf(`${world.source}/${path}`));
  const { monitor } = await world.backup({ only });
  deepStrictEqual(monitor.problems, []);
  deepStrictEqual(paths(world), [
    "/",
    "/a",
    "/b",
    "/f",
    "/link",
    "/a/2",
    "/b/c",
    "/b/d",
    "/b/c/3",
    "/b/c/4",
    "/b/d/5",
  ]);
});

Deno.test("backup() tells of listed paths that are missing or in no source, but not of those left out by a rule", async () => {
  using world = new World();
  for (const name of ["a/1", "b/2.tmp"]) world.write(name, name);
  const only = ["a/1", "a/missing", "no/where", "b/2.tmp", "../outside"].map((path) =>
    rawOf(`${world.source}/${path}`)
  );
  const { monitor } = await world.backup({ only, excludes: ["*.tmp"] });
  deepStrictEqual(told(monitor), ["no-source /a/missing", "no-source /no/where", "not-in-sources /../outside"]);
  deepStrictEqual(paths(world), ["/", "/a", "/b", "/a/1"]);
});

function told(monitor: TestMonitor): string[] {
  return monitor.problems.map(({ name, message }) => `${name} ${/source([^"]*)"/.exec(message)?.[1]}`).sort();
}

for (const workers of [0, 2]) {
  Deno.test(`backup() keeps streams as files, alone and between sources, with ${workers} workers`, async () => {
    using world = new World({ workers });
    world.write("file", "content");
    const first = await world.backup({ sources: [], streams: [stream("db.sql", "CREATE ", "TABLE")] });
    strictEqual(first.snapshot.name, "db.sql");
    deepStrictEqual([first.snapshot.files, first.snapshot.bytes], [1, 12]);
    deepStrictEqual(paths(world), ["/db.sql"]);
    strictEqual(await text(world, "db.sql"), "CREATE TABLE");
    strictEqual(Deno.readTextFileSync(`${world.storagePath}/${first.snapshot.tree}/db.sql`), "CREATE TABLE");
    strictEqual(Deno.statSync(`${world.storagePath}/${first.snapshot.tree}/db.sql`).mode! & 0o777, 0o400);
    const streams = () => [stream("z", "CREATE TABLE"), stream("a", "1"), stream("empty")];
    const { monitor } = await world.backup({ streams: streams() });
    deepStrictEqual(paths(world), ["/a", "/empty", "/source", "/z", "/source/file"]);
    deepStrictEqual([monitor.of("readFiles"), monitor.of("storedItems"), monitor.of("reusedItems")], [4, 3, 1]);
    const next = await world.backup({ streams: streams() });
    deepStrictEqual([next.monitor.of("readFiles"), next.monitor.of("unchangedFiles")], [3, 1]);
    strictEqual((await world.check()).damaged, 0);
    deepStrictEqual([...Deno.readDirSync(`${world.storagePath}/tmp`)], []);
  });
}

Deno.test("backup() makes no snapshot if a stream fails, and takes nothing from it", async () => {
  using world = new World();
  world.write("file", "content");
  for (const line of ["echo half; exit 3", "echo half; kill -9 $$", "/no/such/program"]) {
    const streams = [{ name: rawOf("out"), chunks: commandOutput(line) }];
    await rejects(world.backup({ streams }), { code: "command-failed" });
  }
  using storage = world.open();
  deepStrictEqual([storage.snapshots(), world.items().size], [[], 0]);
});

Deno.test("backup() takes large outputs of commands as they are", async () => {
  using world = new World();
  const line = "head -c 3000000 /dev/zero | tr '\\0' x; echo end";
  const { snapshot } = await world.backup({
    sources: [],
    streams: [{ name: rawOf("big"), chunks: commandOutput(line) }],
  });
  strictEqual(snapshot.bytes, 3_000_004);
  strictEqual((await text(world, "big")).slice(-5), "xend\n");
});

/** Stops whoever reads as soon as it waits for the second chunk. */
async function* abortingAfterTheFirst<T>(chunks: AsyncIterable<T>, controller: AbortController): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    yield chunk;
    controller.abort();
  }
}

Deno.test("backup() can be stopped while a stream is silent, and ends the command", async () => {
  using world = new World();
  const controller = new AbortController();
  const mark = `${world.base}/pid`;
  const line = `echo $$ > ${mark}; echo begun; exec sleep 60`;
  const chunks = abortingAfterTheFirst(commandOutput(line, { signal: controller.signal }), controller);
  const running = world.backup({ sources: [], streams: [{ name: rawOf("x"), chunks }], signal: controller.signal });
  await rejects(running, Interrupted);
  const pid = Deno.readTextFileSync(mark).trim();
  for (let i = 0; i < 50 && run("sh", "-c", `kill -0 ${pid} 2>/dev/null && echo alive || true`) !== ""; i++) {
    await new Promise((resume) => setTimeout(resume, 20));
  }
  strictEqual(run("sh", "-c", `kill -0 ${pid} 2>/dev/null && echo alive || true`), "");
});

Deno.test("backup() refuses a stream that has a source's name", async () => {
  using world = new World();
  const sources = [{ path: rawOf(world.source), as: rawOf("x") }];
  await rejects(world.backup({ sources, streams: [stream("x", "1")] }), { code: "bad-usage" });
});
