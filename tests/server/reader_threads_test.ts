/** The threads that read: those for long work end when they had none for a while, and leave nothing open. */
import { ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { ThreadReader } from "../../src/server/reader/thread_reader.ts";
import { World } from "../support/world.ts";

const MINUTE_MS = 60_000;

Deno.test("A thread for long work ends after a minute without any; the next work starts another", async () => {
  using world = new World();
  world.write("a", "a");
  await world.backup({ name: "photos" });
  const { clock, machine: { workerScript } } = world;
  ok(workerScript !== undefined);
  const setup = { location: world.storagePath, settings: {}, host: "testhost", vaults: {}, state: [] };
  await using reader = new ThreadReader(workerScript, setup, clock);
  const work = () => reader.folders({ tops: [rawOf(world.source)], path: rawOf(world.source), hidden: [] });
  strictEqual(reader.threads, 0);
  strictEqual((await reader.list())?.snapshots.length, 1);
  await work();
  strictEqual(reader.threads, 2);
  clock.ms += MINUTE_MS / 2;
  await work();
  clock.ms += MINUTE_MS * 0.75;
  strictEqual(reader.threads, 2, "it had work meanwhile");
  clock.ms += MINUTE_MS;
  strictEqual(reader.threads, 1);
  await work();
  strictEqual(reader.threads, 2);
});
