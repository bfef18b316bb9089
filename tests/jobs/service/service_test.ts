import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import { systemClock } from "../../../src/platform/system_clock.ts";
import { JobWorld } from "../../support/job_world.ts";
import { CHECK, serveIn, started } from "../../support/serving.ts";
import { otherFileSystem } from "../../support/needs.ts";
import type { Performed } from "../../../src/jobs/service/thread.ts";

const ELSEWHERE = otherFileSystem();

Deno.test("serve() does jobs in the bytewise order of their names, and nothing else in the directory", async () => {
  using world = new JobWorld();
  for (const name of ["b.json", "a.jsonc", "B.JSON", "é.json", "10.json", "9.json"]) world.put(name, CHECK);
  for (const name of [".hidden.json", "~temp.json", "#x.json", "readme.txt", "a.json.part"]) world.put(name, CHECK);
  Deno.mkdirSync(`${world.jobs}/dir.json`);
  Deno.writeTextFileSync(`${world.base}/elsewhere.json`, JSON.stringify(CHECK));
  Deno.symlinkSync(`${world.base}/elsewhere.json`, `${world.jobs}/link.json`);
  const served = await serveIn(world);
  deepStrictEqual(started(served), ["10.json", "9.json", "B.JSON", "a.jsonc", "b.json", "é.json"]);
  deepStrictEqual(served.entries.map(({ outcome }) => outcome), Array(6).fill("done"));
  deepStrictEqual(world.remains().sort(), [
    "#x.json",
    ".hidden.json",
    "a.json.part",
    "dir.json",
    "link.json",
    "readme.txt",
    "~temp.json",
  ]);
});

Deno.test("serve() decides anew after each job which one is next", async () => {
  using world = new JobWorld();
  world.put("b.json", CHECK);
  world.put("c.json", CHECK);
  let isPut = false;
  const served = await serveIn(world, {
    notify: (state) => {
      if (!state.includes("b.json") || isPut) return;
      isPut = true;
      world.put("a.json", CHECK);
    },
  });
  deepStrictEqual(started(served), ["b.json", "a.json", "c.json"]);
});

Deno.test("serve() removes what is no job, tells where and why, and keeps its text in the history", async () => {
  using world = new JobWorld();
  const text = `{\n  "kind": "check",\n  "readdata": true\n}`;
  world.put("bad.json", text);
  world.put("good.json", CHECK);
  const { entries, log } = await serveIn(world);
  deepStrictEqual(entries.map(({ outcome }) => outcome), ["rejected", "done"]);
  ok(
    log.some(({ level, message }) =>
      level === "error" && message.includes(`3:3: Unknown key "readdata". Did you mean "readData"?`)
    ),
  );
  deepStrictEqual(world.remains(), []);
  const [rejected] = world.history();
  deepStrictEqual([rejected?.name, rejected?.text, rejected?.outcome], ["bad.json", text, "rejected"]);
});

Deno.test("serve() gives a file that is still being written its time, and does the others meanwhile", async () => {
  using world = new JobWorld();
  world.clock.ms = Date.now();
  world.put("a.json", `{"kind":"che`);
  world.put("b.json", CHECK);
  let waits = 0;
  const served = await serveIn(world, {
    machine: { ...world.machine, clock: { ...real(), nowMs: () => (waits++, Date.now()) } },
    notify: (state) => {
      if (state.includes("Doing b.json")) world.put("a.json", CHECK);
    },
  });
  deepStrictEqual(started(served), ["b.json", "a.json"]);
  deepStrictEqual(served.entries.map(({ outcome }) => outcome), ["done", "done"]);
});

function real() {
  const { sleep, sleepSync, every } = systemClock;
  return { offsetMinutes: () => 0, zone: "UTC", sleep, sleepSync, every };
}

Deno.test("serve() rejects what doesn't parse once it has been left alone for two seconds", async () => {
  using world = new JobWorld();
  world.put("a.json", `{"kind":"che`);
  const served = await serveIn(world, {
    machine: { ...world.machine, clock: { ...real(), nowMs: () => Date.now() + 5000 } },
  });
  deepStrictEqual(served.entries.map(({ outcome }) => outcome), ["rejected"]);
});

Deno.test("serve() finishes first what has begun, even if another job comes before it", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("z.json", { kind: "backup", sources: [world.source] });
  {
    using storage = world.open();
    using _ = storage.write("somebody else");
    await rejects(world.perform("z.json"), { code: "locked" });
  }
  world.put("a.json", CHECK);
  deepStrictEqual(started(await serveIn(world)), ["z.json", "a.json"]);
});

Deno.test("serve() refuses a second service of the same jobs, and of the same storage", async () => {
  using world = new JobWorld();
  const other = `${world.base}/other-jobs`;
  const refused = { code: "service-running" };
  const running = Promise.withResolvers<void>();
  const first = serveIn(world, {
    once: false,
    notify: (state) => void (state.startsWith("READY") && running.resolve()),
  });
  await running.promise;
  await rejects(serveIn(world), refused);
  const places = { jobs: rawOf(other), storage: rawOf(world.storagePath), temp: undefined };
  await rejects(serveIn(world, { places }), refused);
  world.signal.abort();
  strictEqual((await first).interrupted, true);
  world.signal = new AbortController();
  deepStrictEqual((await serveIn(world)).entries, []);
});

Deno.test("serve() leaves a job where it is while the storage is locked", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", { kind: "backup", sources: [world.source] });
  {
    using storage = world.open();
    using _ = storage.write("somebody else");
    const { postponed, entries } = await serveIn(world);
    deepStrictEqual([postponed?.code, entries], ["locked", []]);
  }
  deepStrictEqual((await serveIn(world)).entries.map(({ outcome }) => outcome), ["done"]);
});

Deno.test("serve() tells once that a job must wait, and does it as soon as it can", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  world.put("a.json", { kind: "backup", sources: [world.source] });
  let tries = 0;
  const { log, entries } = await serveIn(world, {
    once: false,
    listen: (_, look) => {
      const timer = setInterval(look, 20);
      return { [Symbol.dispose]: () => clearInterval(timer) };
    },
    makeRunner: () => ({
      perform: () => {
        if (++tries < 4) {
          return Promise.resolve({ postponed: { code: "locked", message: "Somebody writes", hint: "" } });
        }
        world.signal.abort();
        return Promise.resolve({});
      },
      cancelIfAsked: () => {},
      stop: () => {},
      isSyncing: false,
      [Symbol.dispose]: () => {},
    }),
  });
  deepStrictEqual([tries, entries], [4, []]);
  deepStrictEqual(log.map(({ event }) => event), [
    "service-started",
    "job-started",
    "job-postponed",
    "service-stopped",
  ]);
});

Deno.test("serve() isn't stopped before a job that waits for the disk has ended", async () => {
  using world = new JobWorld();
  world.put("a.json", { kind: "backup", sources: [world.source] });
  const ended = Promise.withResolvers<Performed>();
  const order: string[] = [];
  const later: Promise<void>[] = [];
  const soon = (action: () => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(() => (action(), resolve()), 0);
    later.push(promise);
  };
  await serveIn(world, {
    once: false,
    log: ({ event }) => void order.push(event),
    notify: (state) => {
      if (!state.startsWith("EXTEND_TIMEOUT_USEC=")) return;
      order.push("waiting");
      soon(() => world.clock.ms += 500);
      if (order.filter((what) => what === "waiting").length === 2) ended.resolve({});
    },
    makeRunner: () => ({
      perform: () => {
        soon(() => world.signal.abort());
        return ended.promise;
      },
      cancelIfAsked: () => {},
      stop: () => {
        order.push("asked to stop");
        soon(() => world.clock.ms += 4000);
      },
      isSyncing: true,
      [Symbol.dispose]: () => {},
    }),
  });
  await Promise.all(later);
  deepStrictEqual(order, [
    "service-started",
    "job-started",
    "asked to stop",
    "waiting",
    "waiting",
    "service-stopped",
  ]);
});

Deno.test("serve() wants its temporary directory on the file system of the storage, and names both devices", {
  ignore: ELSEWHERE === undefined,
}, async () => {
  using world = new JobWorld();
  const elsewhere = ELSEWHERE ?? "";
  const places = { jobs: rawOf(world.jobs), storage: rawOf(world.storagePath), temp: rawOf(elsewhere) };
  await rejects(serveIn(world, { places }), (error: Error & { code?: string }) => {
    strictEqual(error.code, "split-temp");
    strictEqual(error.message.match(/device \d+:\d+/g)?.length, 2);
    return true;
  });
});

Deno.test("serve() prepares imports in another temporary directory if it is told to, and clears it", async () => {
  using world = new JobWorld();
  world.write("a", "1");
  const temp = `${world.base}/temp`;
  Deno.mkdirSync(temp);
  Deno.writeTextFileSync(`${temp}/a.json`, "somebody's own");
  world.put("a.json", { kind: "import", source: world.source, destination: "x" });
  const places = { jobs: rawOf(world.jobs), storage: rawOf(world.storagePath), temp: rawOf(temp) };
  deepStrictEqual((await serveIn(world, { places })).entries.map(({ outcome }) => outcome), ["done"]);
  deepStrictEqual([...Deno.readDirSync(`${temp}/.backup-tool`)], []);
  strictEqual(Deno.readTextFileSync(`${temp}/a.json`), "somebody's own");
});

Deno.test("serve() clears what jobs of another directory left in tmp/", async () => {
  using world = new JobWorld();
  Deno.mkdirSync(`${world.storagePath}/tmp/lost.json/copy/deep`, { recursive: true });
  await serveIn(world);
  deepStrictEqual(world.remains(), []);
});

Deno.test("serve() makes a missing job directory, and fails where there is no storage", async () => {
  using world = new JobWorld();
  const jobs = `${world.base}/new/jobs`;
  await serveIn(world, { places: { jobs: rawOf(jobs), storage: rawOf(world.storagePath), temp: undefined } });
  ok(Deno.statSync(jobs).isDirectory);
  const places = { jobs: rawOf(world.jobs), storage: rawOf(`${world.base}/nowhere`), temp: undefined };
  await rejects(serveIn(world, { places }), { code: "no-storage" });
});

Deno.test("serve() tells the service manager that it is ready, what it does, that it lives, and that it stops", async () => {
  using world = new JobWorld();
  world.put("a.json", CHECK);
  const served = await serveIn(world);
  deepStrictEqual(served.states, [
    "READY=1\nSTATUS=Waiting for jobs",
    "STATUS=Doing a.json",
    "STATUS=Waiting for jobs",
    "STOPPING=1",
  ]);
  setTimeout(() => {
    for (let i = 0; i < 3; i++) world.clock.ms += 10_000;
    world.signal.abort();
  }, 0);
  const { states } = await serveIn(world, { once: false, watchdogMs: 20_000, scanMs: 3_600_000 });
  strictEqual(states.filter((state) => state === "WATCHDOG=1").length, 3);
});

Deno.test("serve() notices a new job when it is told of a change, long before it would look by itself", async () => {
  using world = new JobWorld();
  let look = () => {};
  const states: string[] = [];
  const serving = serveIn(world, {
    once: false,
    scanMs: 60_000,
    listen: (_, listener) => {
      look = listener;
      return { [Symbol.dispose]: () => {} };
    },
    notify: (state) => {
      states.push(state);
      if (state.startsWith("READY")) setTimeout(() => (world.put("a.json", CHECK), look()), 10);
      if (states.some((before) => before.includes("Doing")) && state.includes("Waiting")) world.signal.abort();
    },
  });
  const { log } = await serving;
  deepStrictEqual(log.filter(({ event }) => event === "job-ended").map(({ fields }) => fields?.["outcome"]), ["done"]);
});

Deno.test("serve() takes no jobs from a directory of the storage, nor prepares imports in one, by whatever path", async () => {
  using world = new JobWorld();
  await world.backup();
  Deno.symlinkSync(world.storagePath, `${world.base}/link`);
  const before = [...Deno.readDirSync(world.storagePath)].map(({ name }) => name).sort();
  const places = (changes: { jobs?: string; temp?: string }) => ({
    places: {
      jobs: rawOf(changes.jobs ?? world.jobs),
      storage: rawOf(world.storagePath),
      temp: changes.temp === undefined ? undefined : rawOf(changes.temp),
    },
  });
  for (const name of ["", "/tmp", "/content", "/content/ab", "/2026/new/deep", "/db", "/archive/x"]) {
    for (const storage of [world.storagePath, `${world.base}/link`]) {
      await rejects(serveIn(world, places({ jobs: storage + name })), { code: "bad-job-directory" }, name);
      if (name !== "/tmp") await rejects(serveIn(world, places({ temp: storage + name })), { code: "bad-usage" }, name);
    }
  }
  deepStrictEqual([...Deno.readDirSync(world.storagePath)].map(({ name }) => name).sort(), before);
  const { entries } = await serveIn(
    world,
    places({ jobs: `${world.storagePath}/jobs`, temp: `${world.storagePath}/tmp` }),
  );
  deepStrictEqual(entries, []);
});
