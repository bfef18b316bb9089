import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { watchDirectory } from "../../../src/platform/watch.ts";
import { serve } from "../../../src/jobs/service/service.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { JobWorld } from "../../support/job_world.ts";
import { HAS_FFI } from "../../support/needs.ts";
import { CHECK } from "../../support/serving.ts";

const STEP_MS = 10_000;

/** A service that is told of changes, with a clock on which sleeping takes no time. */
class Idle implements Disposable {
  readonly world = new JobWorld();
  /** Calls of the disk since the step before, by step. */
  readonly touched: string[][] = [[]];
  /** Called before each step, with its number from 0. */
  beforeStep: (step: number) => void = () => {};
  hears = true;
  looks: (() => void)[] = [];
  steps = 0;
  #ms = Date.UTC(2026, 10, 20, 12);

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  move(ms: number): void {
    this.#ms += ms;
  }

  async run(): Promise<void> {
    const { world } = this, temp = undefined;
    const disk = hookedDisk(openDisk(), ({ operation, path }, proceed) => {
      this.touched.at(-1)?.push(`${operation} ${path.replace(world.base, "")}`);
      return proceed();
    });
    const clock: Clock = {
      ...{ nowMs: () => this.#ms, offsetMinutes: () => 0, zone: "UTC", sleepSync: () => {} },
      every: () => ({ [Symbol.dispose]: () => {} }),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
    await serve({
      machine: { ...world.machine, disk, clock },
      places: { jobs: rawOf(world.jobs), storage: rawOf(world.storagePath), temp },
      log: () => {},
      once: false,
      scanMs: STEP_MS,
      historyDays: 400,
      makeRunner: world.makeRunner,
      listen: (path, look) => {
        // That one is listened to while a job runs.
        if (!path.includes("/.backup-tool/")) this.looks.push(look);
        return { hears: this.hears, [Symbol.dispose]: () => {} };
      },
      notify: () => {},
      watchdogMs: undefined,
      signal: world.signal.signal,
    });
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.beforeStep(this.steps++);
    if (signal?.aborted !== true) this.#ms += ms;
    this.touched.push([]);
    return Promise.resolve();
  }

  /** Numbers of the steps that touched the disk. */
  get busy(): number[] {
    return this.touched.flatMap((calls, step) => calls.length > 0 ? [step] : []);
  }
}

Deno.test(
  { name: "an idle service that is told of changes doesn't touch a disk for an hour", ignore: !HAS_FFI },
  async () => {
    using idle = new Idle();
    idle.beforeStep = (step) => {
      if (step === 800) idle.world.signal.abort();
    };
    await idle.run();
    // 3600 s are 360 steps.
    deepStrictEqual(idle.busy, [0, 360, 720]);
    const changes = idle.touched.slice(1).flat().filter((call) =>
      !/^(open|openDir|stat|statSelf|list|read|\w+Inodes)/.test(call)
    );
    deepStrictEqual(changes, []);
  },
);

Deno.test(
  { name: "an idle service looks at once when it is told to, and when its clock is set", ignore: !HAS_FFI },
  async () => {
    using idle = new Idle();
    idle.beforeStep = (step) => {
      if (step === 5) {
        idle.world.put("a.json", CHECK);
        idle.looks[0]?.();
      }
      if (step === 20) idle.move(-86_400_000);
      if (step === 40) idle.move(86_400_000);
      if (step === 60) idle.world.signal.abort();
    };
    await idle.run();
    const { busy } = idle;
    ok([6, 21, 41].every((step) => busy.includes(step)), busy.join());
    ok(
      !busy.some((step) => (step > 0 && step < 6) || (step > 22 && step < 41) || (step > 42 && step < 61)),
      busy.join(),
    );
    strictEqual([...Deno.readDirSync(idle.world.jobs)].some(({ name }) => name === "a.json"), false);
  },
);

Deno.test({
  name: "an idle service does what recurs at its time, and hears of new files in recurring/",
  ignore: !HAS_FFI,
}, async () => {
  using idle = new Idle();
  const recurring = `${idle.world.jobs}/recurring`;
  idle.beforeStep = (step) => {
    if (step === 2) {
      Deno.mkdirSync(recurring);
      Deno.writeTextFileSync(`${recurring}/a.json`, JSON.stringify({ ...CHECK, every: "30 12 * * *" }));
      idle.looks[0]?.();
    }
    if (step === 250) idle.world.signal.abort();
  };
  await idle.run();
  // Noon and 1800 s.
  ok(idle.busy.includes(180) || idle.busy.includes(181), idle.busy.join());
  strictEqual(idle.busy.filter((step) => step > 10 && step < 180).length, 0, idle.busy.join());
  strictEqual(idle.looks.length, 2);
});

Deno.test({ name: "a service that nobody tells of changes looks at every step", ignore: !HAS_FFI }, async () => {
  using idle = new Idle();
  idle.hears = false;
  idle.beforeStep = (step) => {
    if (step === 20) idle.world.signal.abort();
  };
  await idle.run();
  deepStrictEqual(idle.busy.slice(0, 20), Array.from({ length: 20 }, (_, step) => step));
});

Deno.test("watchDirectory() says whether the system tells of changes", () => {
  const directory = Deno.makeTempDirSync();
  {
    using watch = watchDirectory(rawOf(directory), () => {});
    strictEqual(watch.hears, true);
  }
  Deno.removeSync(directory);
  using none = watchDirectory(rawOf(`${directory}/never`), () => {});
  strictEqual(none.hears, false);
});
