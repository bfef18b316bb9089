import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { VERSION } from "../../../src/core/version.ts";
import { expositionOf } from "../../../src/operations/metrics/exposition.ts";
import { type MetricFacts, metricsOf, type RunFact } from "../../../src/operations/metrics/metrics.ts";
import type { SnapshotInfo } from "../../../src/snapshot/snapshot_info.ts";
import { has } from "../../support/needs.ts";

function snapshot(host: string, name: string, time: string, more: Partial<SnapshotInfo> = {}): SnapshotInfo {
  const base = { host, name, time, end: time, complete: true, files: 3, bytes: 30, problems: 0 };
  return { ...base, ...more } as SnapshotInfo;
}

function run(job: string, endMs: number, outcome = "done", kind: string | null = "backup"): RunFact {
  return { job, kind, outcome, startMs: endMs - 1500, endMs };
}

const FACTS: MetricFacts = {
  snapshots: [
    snapshot("nas", "photos", "2026-11-19T00:00:00Z"),
    snapshot("nas", "photos", "2026-11-20T00:00:00Z", { files: 4, bytes: 40, problems: 2 }),
    snapshot("nas", "photos", "2026-11-21T00:00:00Z", { complete: false, files: 1 }),
    snapshot("pc", 'a "b"\\\n', "2026-11-18T00:00:00Z"),
  ],
  runs: [run("night.jsonc", 10_000), run("night.jsonc", 20_000, "failed"), run("x.json", 15_000, "rejected", null)],
  jobsWaiting: 2,
  storage: {
    contentBytes: 50,
    logicalBytes: 100,
    freeBytes: undefined,
    verification: {
      all: { contents: 5, bytes: 50 },
      never: { contents: 1, bytes: 5 },
      damaged: { contents: 0, bytes: 0 },
      within: [],
      oldest: "2026-11-01T00:00:00.500Z",
    },
  },
};

/** Lines without comments, as a map. */
function values(facts: MetricFacts): Map<string, string> {
  const lines = expositionOf(metricsOf(facts)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]));
}

Deno.test("metrics tell of each series its newest complete snapshot", () => {
  const seen = values(FACTS), photos = '{host="nas",name="photos"}';
  strictEqual(seen.get(`backup_tool_snapshot_last_timestamp_seconds${photos}`), `${Date.UTC(2026, 10, 20) / 1000}`);
  strictEqual(seen.get(`backup_tool_snapshot_files${photos}`), "4");
  strictEqual(seen.get(`backup_tool_snapshot_problems${photos}`), "2");
  strictEqual(seen.get(`backup_tool_snapshots${photos}`), "2");
  strictEqual(seen.get('backup_tool_snapshots{host="pc",name="a \\"b\\"\\\\\\n"}'), "1");
  strictEqual(seen.get(`backup_tool_info{version="${VERSION}"}`), "1");
});

Deno.test("metrics tell when a job last went well, also if it failed since", () => {
  const seen = values(FACTS), night = '{job="night.jsonc",kind="backup"}';
  strictEqual(seen.get(`backup_tool_job_last_success_timestamp_seconds${night}`), "10");
  strictEqual(seen.get(`backup_tool_job_last_end_timestamp_seconds${night}`), "20");
  strictEqual(seen.get(`backup_tool_job_duration_seconds${night}`), "1.5");
  strictEqual(seen.get('backup_tool_job_runs_total{kind="none",outcome="rejected"}'), "1");
  strictEqual(seen.get("backup_tool_jobs_waiting"), "2");
  strictEqual(seen.has('backup_tool_job_last_success_timestamp_seconds{job="x.json",kind="none"}'), false);
});

Deno.test("what isn't known is no sample, and its family isn't there", () => {
  const seen = values(FACTS), text = expositionOf(metricsOf(FACTS));
  strictEqual(seen.get("backup_tool_verification_oldest_timestamp_seconds"), `${Date.UTC(2026, 10, 1) / 1000 + 0.5}`);
  ok(!text.includes("free_bytes"));
  deepStrictEqual([...values({ snapshots: [], runs: [] }).keys()], [`backup_tool_info{version="${VERSION}"}`]);
});

Deno.test("names of jobs that are new each time don't become labels without end", () => {
  const runs = Array.from({ length: 1000 }, (_, n) => run(`once-${n}.json`, n * 1000));
  const jobs = [...values({ snapshots: [], runs }).keys()].filter((key) => key.includes("last_end"));
  deepStrictEqual([jobs.length, jobs.at(-1)?.includes("once-999.json")], [200, true]);
});

Deno.test({
  name: "promtool finds nothing wrong with the metrics",
  ignore: !has("promtool"),
  fn: async () => {
    const child = new Deno.Command("promtool", { args: ["check", "metrics"], stdin: "piped", stderr: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(expositionOf(metricsOf(FACTS))));
    await writer.close();
    const { code, stderr } = await child.output();
    deepStrictEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  },
});
