/** Jobs, recurring jobs and the service's state, mutated: whatever is in a file, it is read or refused with words. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Complaint, complaintText } from "../../src/core/jsonc.ts";
import { type Raw, rawOf, rawOfBytes, textOf } from "../../src/core/raw.ts";
import { appendHistory, readHistory } from "../../src/jobs/state/history.ts";
import type { HistoryEntry } from "../../src/jobs/state/stored_state.ts";
import { parseJob, parseRecurringJob } from "../../src/jobs/schema/job_file.ts";
import type { LogEvent } from "../../src/jobs/log/log.ts";
import { type JobRecord, RecordStore } from "../../src/jobs/state/job_state.ts";
import { RecurringJobs } from "../../src/jobs/queue/recurring.ts";
import { nextDueMs } from "../../src/jobs/schema/schema.ts";
import { readEntry, readRecord, readTurns } from "../../src/jobs/state/stored_state.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { atLeast } from "../support/effort.ts";
import { hookedDisk } from "../support/hooked_disk.ts";
import { JobWorld } from "../support/job_world.ts";
import { fuzz, fuzzRounds, mutateJsonFile } from "../support/mutate.ts";
import { CHECK, serveIn } from "../support/serving.ts";

const NOW = Date.parse("2026-11-20T22:30:00Z"), HOUR_MS = 3_600_000;
const LONGEST_TOLD = 10_000, LONGEST_MS = 10_000;
const CRON = { every: "*/5 3 * * 1", timeZone: "Europe/Berlin" };
const JOBS = [
  {
    kind: "backup",
    name: "photos",
    sources: ["/volume1/photos", { path: "/volume1/docs", as: "docs" }],
    exclude: ["*.tmp"],
    excludeFrom: ["/etc/excludes"],
    presets: ["nas"],
    tags: ["nightly"],
    excludeLargerThan: "1.5GiB",
    maxSize: 1000,
    ignoreFiles: false,
    lock: { before: "true", after: "true", readFrom: "/snapshot" },
    static: ["*.raw"],
    workers: 2,
    keep: { daily: 7, within: "1y6m", tag: ["a,b"], yearly: "unlimited" },
  },
  { kind: "import", source: "/incoming/scans", destination: "scans/2026-11", pack: "zip", removeSource: false },
  {
    kind: "restore",
    name: "photos",
    snapshot: "latest~1",
    paths: ["/a"],
    include: ["2024/**"],
    target: "/r",
    strip: 1,
    overwrite: "always",
    delete: true,
    owners: "ids",
  },
  { kind: "check", readData: true, readDataSubset: "oldest:5%" },
  { kind: "prune", keep: "policy", host: "nas" },
  { kind: "copy", to: { any: ["thing"] } },
].map((job) => JSON.stringify(job));

/** Text of a file as the service reads it. */
function mutated(original: string, seed: number): string {
  return textOf(rawOfBytes(mutateJsonFile(original, seed)));
}

/** Words for people, not too many, and none of the program's own. */
function assertWords(problems: readonly Complaint[]): void {
  const told = problems.map(complaintText).join("\n");
  ok(told.length < LONGEST_TOLD, `${told.length} characters`);
  ok(!/\bat file:|RangeError|TypeError|undefined|\[object/.test(told), told);
  ok(problems.every(({ line, column }) => line > 0 && column > 0));
}

function timed<T>(action: () => T): T {
  const start = performance.now();
  const result = action();
  ok(performance.now() - start < LONGEST_MS, "it takes too long");
  return result;
}

Deno.test("any mutation of a job is a job, or refused with words", async () => {
  let sound = 0;
  await fuzz(fuzzRounds(3000), (seed) => {
    const { job, problems } = timed(() => parseJob(mutated(JOBS[seed % JOBS.length]!, seed)));
    strictEqual(job === undefined, problems.length > 0);
    assertWords(problems);
    if (job !== undefined) sound++;
  });
  ok(sound > atLeast(100), `${sound} are still jobs`);
});

Deno.test("any mutation of a recurring job is one that has a time, or refused with words", async () => {
  let sound = 0;
  await fuzz(fuzzRounds(2000), (seed) => {
    const text = mutated(JSON.stringify({ ...JSON.parse(JOBS[seed % JOBS.length]!), ...CRON }), seed);
    const { job, problems } = timed(() => parseRecurringJob(text, NOW));
    assertWords(problems);
    if (job === undefined) return ok(problems.length > 0);
    sound++;
    const due = nextDueMs(job, NOW)!;
    ok(due > NOW && (nextDueMs(job, due) ?? Infinity) > due);
  });
  ok(sound > atLeast(100), `${sound} are still jobs`);
});

const ENTRY: HistoryEntry = {
  run: "0123456789abcdef0123456789abcdef",
  name: "a.json",
  kind: "check",
  outcome: "problems",
  start: "2026-11-20T22:30:00.000Z",
  end: "2026-11-20T22:31:00.000Z",
  text: `{"kind":"check"}`,
  counts: { files: 3 },
  problems: [{ code: "disk", message: "Cannot read it", hint: "Look at it" }],
  problemCount: 1,
  snapshot: "f".repeat(64),
  error: { code: "disk", message: "Cannot read it", hint: "Look at it" },
};
const RECORD = JSON.stringify({
  format: "backup-tool job",
  version: 1,
  run: ENTRY.run,
  name: "a.json",
  text: ENTRY.text,
  mark: { inode: "12", mtime: "1700000000000000000", size: 16 },
  start: ENTRY.start,
  phase: "ended",
  copy: "13",
  snapshot: ENTRY.snapshot,
  entry: ENTRY,
});
const TURNS = JSON.stringify({
  format: "backup-tool recurring",
  version: 1,
  jobs: {
    "hourly.json": { seen: "2026-11-20T21:30:00.000Z" },
    "b.json": { seen: "2026-11-20T21:30:00.000Z", due: "2026-11-20T22:00:00.000Z" },
  },
});

Deno.test("any mutation of a line of the history is an entry with every field in its form, or none", async () => {
  await fuzz(fuzzRounds(3000), (seed) => {
    const entry = timed(() => readEntry(mutated(JSON.stringify(ENTRY), seed)));
    if (entry === undefined) return;
    ok(Number.isFinite(Date.parse(entry.start)) && /^\d{4}-\d\d-/.test(entry.end));
    ok(entry.problems.every(({ message }) => typeof message === "string"));
    ok(JSON.stringify(entry).length < 1_000_000);
  });
});

Deno.test("any mutation of a record is that job's, or none", async () => {
  const name = rawOf("a.json");
  await fuzz(fuzzRounds(3000), (seed) => {
    const record = timed(() => readRecord(mutated(RECORD, seed), name));
    if (record === undefined) return;
    deepStrictEqual([rawOf(record.name), typeof record.text, typeof record.run], [name, "string", "string"]);
    ok(record.phase !== "ended" || record.entry !== undefined);
  });
});

Deno.test("any mutation of what is noted of recurring jobs gives times, or nothing", async () => {
  await fuzz(fuzzRounds(3000), (seed) => {
    const { turns } = timed(() => readTurns(mutated(TURNS, seed)));
    for (const { seen, due = 0 } of turns.values()) ok(Number.isFinite(seen) && Number.isFinite(due));
  });
});

/** A job directory in a temporary one. */
class Place implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "backup-tool-fuzz-" });
  readonly log: LogEvent[] = [];

  constructor() {
    for (const name of ["recurring", ".backup-tool", ".backup-tool/running"]) Deno.mkdirSync(`${this.path}/${name}`);
    Deno.writeTextFileSync(
      `${this.path}/recurring/hourly.json`,
      `{"kind":"check","every":"0 * * * *","timeZone":"UTC"}`,
    );
  }
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
  /** As a service that starts anew. @returns how many jobs it drops */
  tick(atMs: number): number {
    using jobs = openDisk().openDir(rawOf(this.path));
    using control = jobs.openDir(rawOf(".backup-tool"));
    new RecurringJobs(jobs, control, (event) => void this.log.push(event)).tick(atMs);
    const dropped = [...Deno.readDirSync(this.path)].filter(({ isFile }) => isFile);
    for (const { name } of dropped) Deno.removeSync(`${this.path}/${name}`);
    return dropped.length;
  }
}

Deno.test("whatever is noted of recurring jobs costs at most one run", async () => {
  using place = new Place();
  await fuzz(fuzzRounds(150, 5000), (seed) => {
    Deno.writeFileSync(`${place.path}/.backup-tool/recurring.json`, mutateJsonFile(TURNS, seed));
    const runs = [0, 1, 2].map((hour) => place.tick(NOW + hour * HOUR_MS));
    deepStrictEqual(runs.slice(1), [1, 1]);
    ok(runs[0]! <= 1);
  });
});

Deno.test("whatever is in recurring/, the others are dropped when they are due", async () => {
  using place = new Place();
  await fuzz(fuzzRounds(150, 5000), (seed) => {
    const text = JSON.stringify({ ...JSON.parse(JOBS[seed % JOBS.length]!), every: "0 5 1 1 *" });
    Deno.writeFileSync(`${place.path}/recurring/a.json`, mutateJsonFile(text, seed));
    Deno.writeTextFileSync(`${place.path}/.backup-tool/recurring.json`, "{}");
    const runs = [0, 1].map((hour) => place.tick(NOW + hour * HOUR_MS));
    ok(runs[1]! >= 1);
  });
});

Deno.test("whatever is in a record, it is loaded or removed", async () => {
  using place = new Place();
  const path = `${place.path}/.backup-tool/running/a.json`, name = rawOf("a.json");
  await fuzz(fuzzRounds(300, 5000), (seed) => {
    Deno.writeFileSync(path, mutateJsonFile(RECORD, seed));
    using store = new RecordStore(openDisk().openDir(rawOf(`${place.path}/.backup-tool`)));
    deepStrictEqual(store.names(), [name]);
    const record: JobRecord | undefined = store.load(name);
    deepStrictEqual(store.names(), record === undefined ? [] : [name]);
    if (record !== undefined) deepStrictEqual(saved(store, record), record);
  });
});

function saved(store: RecordStore, record: JobRecord): JobRecord | undefined {
  store.save(record);
  return store.load(record.name as Raw);
}

Deno.test("whatever is in the history, the rest of it is read, and more can be added", async () => {
  using world = new JobWorld();
  using storage = world.open();
  const path = `${world.storagePath}/db/history`;
  Deno.mkdirSync(path);
  await fuzz(fuzzRounds(100, 3000), (seed) => {
    Deno.writeFileSync(`${path}/2026-11.jsonl`, mutateJsonFile(JSON.stringify(ENTRY), seed));
    appendHistory(storage.dir, { ...ENTRY, run: "added" }, true);
    appendHistory(storage.dir, { ...ENTRY, run: "added" }, true);
    strictEqual([...readHistory(storage)].filter(({ run }) => run === "added").length, 1);
  });
});

Deno.test("whatever is in the job directory and its state, serve() does the other jobs and comes to its end", async () => {
  using world = new JobWorld();
  const harmless = JSON.stringify({ kind: "check", readData: true, workers: 0 });
  world.clock.ms = Date.now() + 60_000;
  Deno.mkdirSync(`${world.jobs}/.backup-tool/running`);
  await fuzz(fuzzRounds(25, 1000), async (seed) => {
    Deno.writeFileSync(`${world.jobs}/a.json`, mutateJsonFile(harmless, seed));
    Deno.writeFileSync(
      `${world.jobs}/.backup-tool/running/b.json`,
      mutateJsonFile(RECORD.replaceAll("a.json", "b.json"), seed),
    );
    Deno.writeFileSync(`${world.jobs}/.backup-tool/recurring.json`, mutateJsonFile(TURNS, seed));
    for (const name of ["b.json", "c.json"]) world.put(name, CHECK);
    world.clock.pass(60);
    const { entries, postponed, log } = await serveIn(world);
    strictEqual(entries.filter(({ name, outcome }) => name === "c.json" && outcome === "done").length, 1);
    deepStrictEqual([postponed, world.remains()], [undefined, []]);
    ok(log.every(({ message }) => message.length < LONGEST_TOLD && !/\bat file:/.test(message)));
  });
});

const WRITES: ReadonlySet<string> = new Set([
  "create",
  "openOrCreate",
  "mkdir",
  "mknod",
  "symlink",
  "rename",
  "exchange",
  "unlink",
  "rmdir",
  "setAttributes",
  "setSelfAttributes",
  "setXattr",
]);

Deno.test("whatever a job says, nothing is written but in the storage, the job directory, and where it says", async () => {
  using world = new JobWorld();
  world.write("a/f", "1");
  await world.backup({ name: "first" });
  const out = `${world.base}/out`, victim = `${world.base}/victim`;
  Deno.mkdirSync(victim);
  Deno.writeTextFileSync(`${victim}/kept`, "");
  const jobs = [
    { kind: "backup", name: "b", sources: [world.source, { path: `${world.source}/a`, as: "x" }], exclude: ["*.tmp"] },
    { kind: "import", source: world.source, destination: "x/y", pack: "zip", removeSource: true, name: "i" },
    { kind: "import", source: `${world.source}/a`, destination: "../victim", removeSource: true },
    { kind: "restore", snapshot: "latest", name: "first", target: out, strip: 0, overwrite: "always", delete: true },
    { kind: "prune", keep: { last: 2 } },
  ].map((job) => JSON.stringify(job));
  const outside: string[] = [];
  const isInside = (path: string) => path === world.base || path.startsWith(`${world.base}/`);
  const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
    if (isInside(path)) return proceed();
    if (WRITES.has(operation)) {
      outside.push(`${operation} ${path}`);
      throw new DiskFault("EROFS", operation, rawOf(path));
    }
    // The machine that runs the tests is nobody's source.
    if (operation === "list") return { names: [], kinds: [] };
    return operation === "open" ? undefined : proceed();
  });
  await fuzz(fuzzRounds(60, 2000), async (seed) => {
    for (const path of ["a/f", "a/g"]) world.write(path, String(seed));
    const text = textOf(rawOfBytes(mutateJsonFile(jobs[seed % jobs.length]!, seed)));
    world.put("a.json", text);
    const entry = await world.perform("a.json", disk);
    const { job } = parseJob(text);
    strictEqual(entry?.outcome === "rejected", job === undefined);
    ok(entry?.error?.code !== "bug", entry?.error?.message);
    // A restore writes where it was told to.
    if (job?.kind !== "restore") deepStrictEqual(outside, []);
    outside.length = 0;
    ok(Deno.statSync(`${victim}/kept`).isFile);
    deepStrictEqual(world.remains(), []);
  });
});
