/** Hooks around jobs, and who may have them. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { markOf, readJobFile } from "../../../src/jobs/queue/job_directory.ts";
import { requestCancel } from "../../../src/jobs/state/cancel_requests.ts";
import { RecordStore } from "../../../src/jobs/state/job_state.ts";
import { becomeWriter } from "../../../src/operations/become_writer.ts";
import { retriedText } from "../../../src/jobs/queue/retry.ts";
import { RecurringJobs } from "../../../src/jobs/queue/recurring.ts";
import { hookSetsFrom } from "../../../src/operations/settings/hooks_schema.ts";
import { LiveDesk } from "../../../src/server/jobs/live_desk.ts";
import { JobWorld } from "../../support/job_world.ts";

/** What hooks printed. */
function said(world: JobWorld): string[] {
  const lines = world.log.filter(({ event }) => event === "notice").map(({ message }) => message);
  world.log.length = 0;
  return lines.flatMap((line) => /: hook (\w+: .*)$/.exec(line)?.[1] ?? []);
}

const NOTING = {
  before: "echo $BACKUP_TOOL_COMMAND $BACKUP_TOOL_JOB",
  onSuccess: "echo $BACKUP_TOOL_STATUS $BACKUP_TOOL_EXIT_STATUS",
  onFailure: "echo $BACKUP_TOOL_STATUS $BACKUP_TOOL_EXIT_STATUS $BACKUP_TOOL_ERROR_CODE",
  after: "echo $BACKUP_TOOL_STATUS ${BACKUP_TOOL_SNAPSHOT:+snapshot} ${BACKUP_TOOL_EXIT_STATUS:-none}",
};

function backupJob(world: JobWorld, more = {}): object {
  return { kind: "backup", name: "photos", sources: [world.source], ...more };
}

Deno.test("a job runs the hooks of the configuration around its own", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.hooks = hookSetsFrom([{ before: "echo $BACKUP_TOOL_NAME $BACKUP_TOOL_RUN", after: "echo outer" }, {
    commands: ["prune"],
    before: "echo no",
  }]);
  world.put("a.json", backupJob(world, { hooks: NOTING }));
  const entry = await world.perform("a.json");
  strictEqual(entry?.outcome, "done");
  deepStrictEqual(said(world), [
    `before: photos ${entry?.run}`,
    "before: backup a.json",
    "onSuccess: done 0",
    "after: done snapshot 0",
    "after: outer",
  ]);
  deepStrictEqual(world.remains(), []);
});

Deno.test("a job whose `before` hook fails is not done; one whose later hook fails has a problem", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", backupJob(world, { hooks: { ...NOTING, before: "exit 5" } }));
  const failed = await world.perform("a.json");
  deepStrictEqual([failed?.outcome, failed?.error?.code, failed?.snapshot], ["failed", "hook-failed", undefined]);
  deepStrictEqual(said(world), ["onFailure: failed 1 hook-failed", "after: failed 1"]);
  world.put("b.json", backupJob(world, { hooks: { onSuccess: "exit 5" } }));
  const done = await world.perform("b.json");
  deepStrictEqual([done?.outcome, done?.problems.map(({ code }) => code)], ["problems", ["hook-failed"]]);
  ok(done?.snapshot !== undefined);
});

Deno.test("a job that fails runs `onFailure`, and so does one with problems", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  await world.backup();
  world.put("a.json", { kind: "restore", snapshot: "nothing", target: `${world.base}/target`, hooks: NOTING });
  strictEqual((await world.perform("a.json"))?.outcome, "failed");
  deepStrictEqual(said(world).slice(1), ["onFailure: failed 1 no-snapshot", "after: failed 1"]);
  world.put("b.json", backupJob(world, { sources: [world.source, `${world.base}/nowhere`], hooks: NOTING }));
  const entry = await world.perform("b.json");
  strictEqual(
    said(world)[1],
    entry?.outcome === "problems" ? "onFailure: problems 3" : "onFailure: failed 1 no-source",
  );
});

Deno.test("a job that is stopped, or has to wait, runs `after` alone, and all hooks when it goes on", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", backupJob(world, { hooks: { ...NOTING, before: ["echo ready", "sleep 1000"] } }));
  const { log } = world, push = log.push.bind(log), stop = world.signal;
  log.push = (...events) => {
    if (events.some(({ message }) => message.endsWith("hook before: ready"))) stop.abort();
    return push(...events);
  };
  await rejects(world.perform("a.json"), { code: "interrupted" });
  deepStrictEqual(said(world), ["before: ready", "after: interrupted none"]);
  deepStrictEqual(world.remains(), ["a.json", "a.json"]);

  world.signal = new AbortController();
  world.put("b.json", backupJob(world, { hooks: NOTING }));
  {
    using storage = world.open();
    await using _writer = await becomeWriter(storage, "backup");
    await rejects(world.perform("b.json"), { code: "locked" });
  }
  deepStrictEqual(said(world), ["before: backup b.json", "after: postponed none"]);
  strictEqual((await world.perform("b.json"))?.outcome, "done");
  deepStrictEqual(said(world), ["before: backup b.json", "onSuccess: done 0", "after: done snapshot 0"]);
});

Deno.test("a job that is cancelled in a `before` hook has ended: `onFailure` and `after` run", async () => {
  using world = new JobWorld();
  world.put("a.json", backupJob(world, { hooks: { ...NOTING, before: ["echo ready", "sleep 1000"] } }));
  using performer = world.performer();
  const { log } = world, push = log.push.bind(log);
  log.push = (...events) => {
    if (events.some(({ message }) => message.endsWith("hook before: ready"))) {
      using control = world.machine.disk.openDir(rawOf(`${world.jobs}/.backup-tool`));
      const record = JSON.parse(Deno.readTextFileSync(`${world.jobs}/.backup-tool/running/a.json`));
      requestCancel(control, record.run);
      performer.cancelIfAsked();
    }
    return push(...events);
  };
  strictEqual((await performer.perform(rawOf("a.json")))?.outcome, "cancelled");
  deepStrictEqual(said(world), ["before: ready", "onFailure: cancelled 1 cancelled", "after: cancelled 1"]);
  deepStrictEqual(world.remains(), []);
});

Deno.test("commands of a job aren't run if others may write the file, or the job directory", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  const ran = `${world.base}/ran`, touch = `touch ${ran}`;
  const jobs = [
    backupJob(world, { hooks: { before: touch } }),
    backupJob(world, { lock: { before: touch } }),
    { kind: "backup", sources: [{ location: "dav:http://127.0.0.1:1/", credentialsCommand: touch }] },
  ];
  for (const job of jobs) {
    for (const [path, mode] of [[`${world.jobs}/a.json`, 0o664], [world.jobs, 0o777]] as const) {
      world.put("a.json", job);
      Deno.chmodSync(`${world.jobs}/a.json`, 0o644);
      Deno.chmodSync(path, mode);
      const entry = await world.perform("a.json");
      Deno.chmodSync(world.jobs, 0o755);
      deepStrictEqual([entry?.outcome, entry?.error?.code], ["failed", "untrusted-commands"]);
      ok(entry !== undefined);
      throws(() => retriedText(entry, false), { code: "bad-usage" });
    }
  }
  throws(() => Deno.statSync(ran), Deno.errors.NotFound);
  // A job that runs nothing has no need of that.
  world.put("a.json", backupJob(world));
  Deno.chmodSync(world.jobs, 0o777);
  strictEqual((await world.perform("a.json"))?.outcome, "done");
});

Deno.test("a record doesn't make a job trusted that was not: a later run knows", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", backupJob(world, { hooks: { before: "echo ran" } }));
  Deno.chmodSync(`${world.jobs}/a.json`, 0o666);
  {
    // As if the machine had stopped when the record was written, and somebody had changed the mode since.
    using jobs = world.machine.disk.openDir(rawOf(world.jobs));
    using records = new RecordStore(jobs.openDir(rawOf(".backup-tool")));
    const file = readJobFile(jobs, rawOf("a.json"));
    ok(file !== undefined);
    const { name, text } = file, untrusted = "others may write the file";
    records.save({
      run: "r",
      name,
      text,
      mark: markOf(file),
      start: "2026-11-20T22:05:11Z",
      phase: "begun",
      untrusted,
    });
  }
  Deno.chmodSync(`${world.jobs}/a.json`, 0o644);
  const entry = await world.perform("a.json");
  deepStrictEqual([entry?.run, entry?.error?.code], ["r", "untrusted-commands"]);
  deepStrictEqual(said(world), []);
});

Deno.test("a recurring job with commands is neither dropped nor started if others may write it", () => {
  using world = new JobWorld();
  const directory = `${world.jobs}/recurring`, file = `${directory}/a.json`;
  Deno.mkdirSync(directory);
  Deno.chmodSync(directory, 0o755);
  const job = { ...backupJob(world, { hooks: { before: "echo ran" } }), every: "0 3 * * *" };
  Deno.writeTextFileSync(file, JSON.stringify(job));
  using jobs = world.machine.disk.openDir(rawOf(world.jobs));
  using control = jobs.openDir(rawOf(".backup-tool"));
  const recurring = new RecurringJobs(jobs, control, (event) => void world.log.push(event));
  const desk = new LiveDesk(world.machine, rawOf(world.jobs));
  const dropped = () => [...Deno.readDirSync(world.jobs)].map(({ name }) => name).filter((name) => /json$/.test(name));

  for (const [path, mode] of [[file, 0o664], [directory, 0o775], [world.jobs, 0o777]] as const) {
    Deno.chmodSync(file, 0o644);
    Deno.chmodSync(path, mode);
    recurring.tick(world.clock.nowMs());
    world.clock.pass(2 * 24 * 60);
    recurring.tick(world.clock.nowMs());
    throws(() => desk.start("a.json", { name: "admin", mayAny: true }), { code: "untrusted-commands" });
    deepStrictEqual(dropped(), []);
    Deno.chmodSync(path, 0o755);
  }
  match(
    world.log[0]?.message ?? "",
    /^recurring\/a.json waits: Cannot run the commands in "recurring\/a.json" \(hooks\)/,
  );

  Deno.chmodSync(file, 0o644);
  recurring.tick(world.clock.nowMs());
  world.clock.pass(2 * 24 * 60);
  recurring.tick(world.clock.nowMs());
  strictEqual(dropped().length, 1);
});
