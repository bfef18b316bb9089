/** Jobs that somebody cancels: by a file named as their run. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Clock } from "../../../src/core/clock.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { isCancelled, requestCancel } from "../../../src/jobs/state/cancel_requests.ts";
import type { JobExecutor } from "../../../src/jobs/service/job_executor.ts";
import type { Performed } from "../../../src/jobs/service/thread.ts";
import { type Call, hookedDisk } from "../../support/hooked_disk.ts";
import { JobWorld } from "../../support/job_world.ts";
import { serveIn } from "../../support/serving.ts";

/** The clock, whose `every` is another. */
function clockWith(clock: Clock, every: Clock["every"]): Clock {
  return {
    zone: clock.zone,
    nowMs: () => clock.nowMs(),
    offsetMinutes: (atMs) => clock.offsetMinutes(atMs),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    sleepSync: (ms) => clock.sleepSync(ms),
    every,
  };
}

const never = () => new DisposableStack();
const soon = (_: number, action: () => void) => {
  const timer = setInterval(action, 0);
  return { [Symbol.dispose]: () => clearInterval(timer) };
};

function runOf(world: JobWorld, name: string): string {
  return JSON.parse(Deno.readTextFileSync(`${world.jobs}/.backup-tool/running/${name}`)).run;
}

function cancel(world: JobWorld, name: string): void {
  using control = world.machine.disk.openDir(rawOf(`${world.jobs}/.backup-tool`));
  requestCancel(control, runOf(world, name));
}

/** Does a job that is cancelled at the first call of the disk for which `at` is true. */
async function performCancelled(world: JobWorld, name: string, at: (call: Call) => boolean) {
  let isAsked = false;
  const disk = hookedDisk(world.machine.disk, (call, proceed) => {
    if (!isAsked && at(call)) {
      isAsked = true;
      cancel(world, name);
      performer.cancelIfAsked();
    }
    return proceed();
  });
  using performer: JobExecutor = world.performer(disk);
  const entry = await performer.perform(rawOf(name));
  ok(isAsked, "it came too late");
  return entry;
}

Deno.test("A backup that is cancelled ends as cancelled, makes no snapshot, and the wish is gone with it", async () => {
  using world = new JobWorld();
  for (let i = 0; i < 40; i++) world.write(`f${i}`, `content ${i}`);
  world.put("a.json", { kind: "backup", sources: [world.source] });
  const entry = await performCancelled(world, "a.json", ({ path }) => path.endsWith("/f20"));
  deepStrictEqual([entry?.outcome, entry?.kind, entry?.error?.code], ["cancelled", "backup", "cancelled"]);
  deepStrictEqual(world.history().map(({ outcome }) => outcome), ["cancelled"]);
  deepStrictEqual(world.remains(), []);
  using storage = world.open();
  strictEqual(storage.snapshots().filter(({ complete }) => complete).length, 0);
  using control = world.machine.disk.openDir(rawOf(`${world.jobs}/.backup-tool`));
  strictEqual(isCancelled(control, entry?.run ?? ""), false);
  world.put("b.json", { kind: "backup", sources: [world.source] });
  strictEqual((await world.perform("b.json"))?.outcome, "done");
});

Deno.test("A job that waits half done is ended as cancelled at its next turn, and nothing of it is done", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", { kind: "backup", sources: [world.source] });
  world.signal.abort();
  await world.perform("a.json").catch(() => {});
  cancel(world, "a.json");
  world.signal = new AbortController();
  strictEqual((await world.perform("a.json"))?.outcome, "cancelled");
  deepStrictEqual(world.remains(), []);
  using storage = world.open();
  deepStrictEqual(storage.snapshots().filter(({ complete }) => complete), []);
});

Deno.test("An import whose copy is whole is finished, whoever cancels it", async () => {
  using world = new JobWorld();
  world.write("sub/a", "1");
  world.put("a.json", { kind: "import", source: `${world.source}/sub`, destination: "kept" });
  const entry = await performCancelled(
    world,
    "a.json",
    ({ operation, path }) => operation === "unlink" && path.endsWith("/sub/a"),
  );
  strictEqual(entry?.outcome, "done");
  strictEqual(Deno.readTextFileSync(`${world.archive}/kept/a`), "1");
  deepStrictEqual([...Deno.readDirSync(world.source)], []);
});

Deno.test("A wish that names no run of ours cancels nothing", async () => {
  using world = new JobWorld();
  world.put("a.json", { kind: "check" });
  const directory = `${world.jobs}/.backup-tool/cancel`;
  Deno.mkdirSync(directory);
  for (const name of ["a.json", "0".repeat(32), "f"]) Deno.writeTextFileSync(`${directory}/${name}`, "");
  strictEqual((await world.perform("a.json"))?.outcome, "done");
  using control = world.machine.disk.openDir(rawOf(`${world.jobs}/.backup-tool`));
  for (const run of ["../cancel", "..", "", "A".repeat(32)]) strictEqual(isCancelled(control, run), false);
});

Deno.test("The service hears of a wish while a job runs, by the directory or by its next look", async () => {
  for (const isHeard of [true, false]) {
    using world = new JobWorld();
    world.put("a.json", { kind: "check" });
    const asked = Promise.withResolvers<Performed>(), heard: string[] = [];
    await serveIn(world, {
      scanMs: 20,
      listen: (path, look) => {
        heard.push(path.slice(world.jobs.length));
        const timer = isHeard && path.endsWith("/cancel") ? setTimeout(look, 0) : undefined;
        return { [Symbol.dispose]: () => clearTimeout(timer) };
      },
      machine: { ...world.machine, clock: clockWith(world.machine.clock, isHeard ? never : soon) },
      makeRunner: () => ({
        perform: () => asked.promise,
        cancelIfAsked: () => {
          world.signal.abort();
          asked.resolve({});
        },
        stop: () => {},
        isSyncing: false,
        [Symbol.dispose]: () => {},
      }),
      once: false,
    });
    deepStrictEqual(heard, ["", "/.backup-tool/paused", "/.backup-tool/cancel"]);
  }
});

Deno.test("How far a job is is told while it is done, to whoever wants to know", async () => {
  using world = new JobWorld();
  for (let i = 0; i < 20; i++) world.write(`f${i}`, `content ${i}`);
  world.put("a.json", { kind: "backup", sources: [world.source] });
  const phases = new Set<string | null>();
  let tell: (() => void)[] = [];
  const clock = clockWith(world.machine.clock, (_, action) => {
    tell.push(action);
    return { [Symbol.dispose]: () => void (tell = tell.filter((one) => one !== action)) };
  });
  const disk = hookedDisk(world.machine.disk, ({ path }, proceed) => {
    if (path.endsWith("/f7")) { for (const action of tell) action(); }
    return proceed();
  });
  using performer = world.performerWith({
    machine: { ...world.machine, disk, clock },
    onProgress: ({ job, phase }) => {
      strictEqual(job, "a.json");
      phases.add(phase);
    },
  });
  await performer.perform(rawOf("a.json"));
  ok(phases.has("reading the source"), [...phases].join());
  deepStrictEqual(tell, []);
});
