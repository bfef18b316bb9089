import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { putAgain, retriedText, runNamed } from "../../../src/jobs/queue/retry.ts";
import type { HistoryEntry } from "../../../src/jobs/state/stored_state.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { FakeWorld, runIn } from "../../cli/fake_world.ts";
import { JobWorld } from "../../support/job_world.ts";

Deno.test("a failed job is put in again by one command, and done then", async () => {
  using world = new JobWorld();
  world.write("f", "text");
  world.put("back.json", { kind: "restore", snapshot: "latest", target: `${world.base}/back` });
  strictEqual((await world.perform("back.json"))?.outcome, "failed", "there is no snapshot yet");
  world.put("photos.json", { kind: "backup", sources: [world.source] });
  strictEqual((await world.perform("photos.json"))?.outcome, "done");
  const [failed] = world.history(), shell = new FakeWorld();
  const job = (...args: string[]) =>
    runIn(shell, "job", "retry", ...args, "--jobs", world.jobs, "-s", world.storagePath);
  const dry = await job("back", "--dry-run");
  deepStrictEqual([dry.status, [...Deno.readDirSync(world.jobs)].filter(({ isFile }) => isFile)], [0, []]);
  const { status, stdout } = await job(failed!.run.slice(0, 8), "--json");
  deepStrictEqual([status, JSON.parse(stdout).jobs], [0, [{ run: failed!.run, name: "back.json", file: "back.json" }]]);
  deepStrictEqual(Deno.readTextFileSync(`${world.jobs}/back.json`), failed!.text);
  const twice = await job("back");
  deepStrictEqual([twice.status, /already/.test(twice.stderr)], [2, true]);
  strictEqual((await world.perform("back.json"))?.outcome, "done");
  strictEqual(Deno.readTextFileSync(`${world.base}/back/f`), "text");
  strictEqual((await job("photos")).status, 2, "it was done");
  strictEqual((await job("photos", "--force")).status, 0);
  deepStrictEqual((await job("nothing")).stderr.includes("Cannot find a run"), true);
});

const ENTRY: HistoryEntry = {
  run: "aaaa1111",
  name: "one.json",
  kind: "check",
  outcome: "failed",
  start: "2026-11-20T22:05:11.123Z",
  end: "2026-11-20T22:05:11.123Z",
  text: `{"kind":"check"}`,
  counts: {},
  problems: [],
  problemCount: 0,
};

Deno.test("a run is named by its id, a beginning of it, or its job", () => {
  const second = { ...ENTRY, run: "aaaa2222" }, other = { ...ENTRY, run: "bbbb", name: "two.jsonc" };
  const history = [ENTRY, second, other];
  deepStrictEqual(["aaaa1", "one", "one.json", "two", "bbbb"].map((name) => runNamed(name, history).run), [
    "aaaa1111",
    "aaaa2222",
    "aaaa2222",
    "bbbb",
    "bbbb",
  ]);
  throws(() => runNamed("aaaa", history), { code: "bad-usage" });
  throws(() => runNamed("aa", history), { code: "no-run" });
});

Deno.test("what would only fail again isn't put in again", () => {
  strictEqual(retriedText(ENTRY, false), ENTRY.text);
  for (const change of [{ outcome: "done" }, { text: null }, { text: "{" }] as const) {
    throws(() => retriedText({ ...ENTRY, ...change }, false), { code: "bad-usage" });
  }
  strictEqual(retriedText({ ...ENTRY, outcome: "done" }, true), ENTRY.text);
});

Deno.test("another job of the same name stays, and the job gets another name", () => {
  using world = new JobWorld();
  const disk = openDisk(), random = (bytes: number) => new Uint8Array(bytes);
  using directory = disk.openDir(rawOf(world.jobs));
  const put = (text: string) => textOf(putAgain(directory, { disk, random, name: rawOf("a.json"), text }));
  deepStrictEqual([put("1"), put("2"), put("3")], ["a.json", "a-2.json", "a-3.json"]);
  throws(() => put("2"), { code: "bad-usage" });
  strictEqual(Deno.readTextFileSync(`${world.jobs}/a-2.json`), "2");
});
