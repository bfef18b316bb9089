/** The service as the system sees it: a process with signals, a manager's socket, priorities, and an exit status. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { lstatSync } from "node:fs";
import { Place, PROGRAM } from "../program.ts";
import { has, IS_LINUX } from "../../support/needs.ts";

/** Of 10 ms each: more than even a busy machine needs. */
const MOST_TRIES = 12_000;

class JobPlace extends Place {
  readonly jobs = `${this.base}/jobs`;

  static async make(): Promise<JobPlace> {
    const place = new JobPlace();
    Deno.mkdirSync(place.jobs);
    await place.expect(0, "init");
    return place;
  }
  put(name: string, job: unknown): void {
    Deno.writeTextFileSync(`${this.jobs}/${name}`, typeof job === "string" ? job : JSON.stringify(job));
  }
  remains(): string[] {
    return [...Deno.readDirSync(this.jobs)].map(({ name }) => name).filter((name) => name !== ".backup-tool");
  }
  /** Returns when a job is in the middle of a file. */
  async hasBegunToRead(): Promise<void> {
    // A file may have gone since it was listed.
    const sizeOf = (name: string) => lstatSync(`${this.storage}/tmp/${name}`, { throwIfNoEntry: false })?.size ?? 0;
    const isBegun = () =>
      [...Deno.readDirSync(`${this.storage}/tmp`)].some(({ name, isFile }) => isFile && sizeOf(name) > 0);
    for (let tries = 0; !isBegun(); tries++) {
      if (tries > MOST_TRIES) throw new Error("Nothing is being read");
      await new Promise((wake) => setTimeout(wake, 10));
    }
  }
}

/** A service that runs, and what it has said. */
class Running {
  readonly child: Deno.ChildProcess;
  said = "";
  readonly #done: Promise<void>;
  readonly #startedMs = performance.now();
  /** How long it took to say something: five seconds of a machine that does nothing else are ten starts. */
  #startMs = 0;

  constructor(place: JobPlace, args: readonly string[], env: Record<string, string> = {}) {
    const [file = "", ...words] = PROGRAM;
    this.child = new Deno.Command(file, {
      args: [...words, "serve", "--jobs", place.jobs, ...args],
      cwd: place.base,
      env: { ...place.env, ...env, NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#done = this.#listen();
  }
  async #listen(): Promise<void> {
    for await (const text of this.child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#startMs ||= performance.now() - this.#startedMs;
      this.said += text;
    }
  }
  async until(pattern: RegExp): Promise<void> {
    for (let i = 0; !pattern.test(this.said); i++) {
      if (i > MOST_TRIES) throw new Error(`Never said ${pattern}:\n${this.said}`);
      await new Promise((wake) => setTimeout(wake, 10));
    }
  }
  /** Five seconds; on a busy machine as many more as it needs for other things. */
  get fiveSecondsMs(): number {
    return Math.max(5000, 10 * this.#startMs);
  }
  async ended(): Promise<Deno.CommandStatus> {
    await this.#done;
    return await this.child.status;
  }
  /** Sends a signal; milliseconds until it ended. */
  async stop(signal: Deno.Signal): Promise<{ status: Deno.CommandStatus; ms: number }> {
    const start = performance.now();
    this.child.kill(signal);
    const status = await this.ended();
    return { status, ms: performance.now() - start };
  }
}

const CHECK = { kind: "check" };

Deno.test("serve --once does what is there, and ends with the status of the worst job", async () => {
  using place = await JobPlace.make();
  const once = async (status: number) => await place.expect(status, "serve", "--jobs", "jobs", "--once");
  strictEqual((await once(0)).stdout, "");
  place.write("a", "1");
  place.put("1.json", { kind: "backup", sources: [place.source], name: "photos" });
  place.put("2.json", { kind: "restore", name: "photos", target: `${place.base}/restored` });
  place.put("3.json", { kind: "check", readData: true });
  place.put("4.json", { kind: "prune", keep: { last: 1 } });
  place.put("5.json", { kind: "import", source: place.source, destination: "old/photos" });
  const { stderr } = place.expectProcess(0, "serve", "--jobs", "jobs", "--once");
  match(stderr, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {4}Taking jobs from .*\/jobs$/m);
  match(stderr, / info {4}1\.json: backup done in .*, 1 file \(1 new, 0 changed\), 1 B read$/m);
  strictEqual(Deno.readTextFileSync(`${place.base}/restored/a`), "1");
  strictEqual(Deno.readTextFileSync(`${place.storage}/archive/old/photos/a`), "1");
  deepStrictEqual(place.remains(), []);
  const history = await place.json("job", "history");
  deepStrictEqual(history.map(({ kind, outcome }: { kind: string; outcome: string }) => [kind, outcome]), [
    ["backup", "done"],
    ["restore", "done"],
    ["check", "done"],
    ["prune", "done"],
    ["import", "done"],
  ]);
  place.put("a.json", "{}");
  await once(2);
  place.put("a.json", CHECK);
  const { stdout, stderr: lines } = await place.expect(0, "serve", "--jobs", "jobs", "--once", "--json");
  const [{ run }] = await place.json("job", "history", "--last", "1");
  deepStrictEqual(JSON.parse(stdout), {
    jobs: [{ run, name: "a.json", kind: "check", outcome: "done", problemCount: 0 }],
    postponed: null,
  });
  deepStrictEqual(lines.trimEnd().split("\n").map((line) => JSON.parse(line).event), [
    "service-started",
    "job-started",
    "job-ended",
  ]);
  place.put("a.json", { kind: "restore", snapshot: "ffff", target: `${place.base}/nowhere` });
  place.put("b.json", "{}");
  place.put("c.json", CHECK);
  match((await once(1)).stderr, /a\.json: restore failed: Cannot find a snapshot "ffff"/);
  const table = (await place.expect(0, "job", "history", "--last", "3")).stdout.split("\n");
  match(table[0]!, /^ENDED +JOB +KIND +OUTCOME +TOOK +WHAT$/);
  match(table[1]!, / a\.json +restore +failed +\d+\.\d s +Cannot find a snapshot/);
  strictEqual((await place.json("job", "history", "--unhappy")).length, 3);
});

Deno.test("serve --log-format json writes an object a line, also into a file that is turned over by size", async () => {
  using place = await JobPlace.make();
  for (let i = 0; i < 20; i++) place.put(`${i}.json`, CHECK);
  const log = `${place.base}/serve.log`;
  const { stderr } = await place.expect(
    0,
    "serve",
    "--jobs",
    "jobs",
    "--once",
    "--log",
    log,
    "--log-format",
    "json",
    "--log-size",
    "1K",
  );
  const events = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(
    events.filter(({ event }) => event === "job-ended").map(({ outcome, level }) => [outcome, level]),
    Array(20).fill(["done", "info"]),
  );
  const files = [...Deno.readDirSync(place.base)].map(({ name }) => name).filter((name) => name.startsWith("serve.log"))
    .sort();
  deepStrictEqual(files, ["serve.log", "serve.log.1", "serve.log.2", "serve.log.3", "serve.log.4", "serve.log.5"]);
  for (const file of files) ok(Deno.statSync(`${place.base}/${file}`).size <= 1024);
  strictEqual(stderr.endsWith(Deno.readTextFileSync(log)), true);
});

Deno.test("serve takes new jobs at once, and ends with 0 when it is told to stop", async () => {
  using place = await JobPlace.make();
  const service = new Running(place, ["--scan-every", "600"]);
  await service.until(/Taking jobs/);
  place.put("a.json", CHECK);
  await service.until(/a\.json: check done/);
  place.put("b.json", CHECK);
  await service.until(/b\.json: check done/);
  match(await place.fault(11, "service-running", "serve", "--jobs", place.jobs, "--once"), /another service does/);
  const { status, ms } = await service.stop("SIGTERM");
  deepStrictEqual([status.code, status.signal], [0, null]);
  ok(ms < service.fiveSecondsMs, `${ms} ms`);
});

Deno.test(
  "serve on a terminal says what it does, and Ctrl-C ends it in good order",
  { ignore: !has("script") },
  async () => {
    using place = await JobPlace.make();
    const line = [...PROGRAM, "serve", "--jobs", place.jobs].map((word) => `'${word}'`).join(" ");
    const terminal = new Deno.Command("script", {
      // the shell hears Ctrl-C as well, and not every shell lives on: the trap is for it alone
      args: ["-qec", `trap : INT; ${line}; echo "ended with $?"`, "/dev/null"],
      cwd: place.base,
      env: { ...place.env, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const keys = terminal.stdin.getWriter();
    let shown = "", isPut = false, isPressed = false;
    for await (const text of terminal.stdout.pipeThrough(new TextDecoderStream())) {
      shown += text;
      if (!isPut && shown.includes("Taking jobs")) {
        isPut = true;
        place.put("a.json", CHECK);
      }
      if (!isPressed && shown.includes("check done")) {
        isPressed = true;
        await keys.write(Uint8Array.of(3));
      }
    }
    await keys.close().catch(() => {}); // it is gone with the terminal
    await terminal.status;
    const lines = shown.split("\r\n").map((line) => line.replace(/^\^C/, "").replace(/^\S+Z (\S+) +/, "$1 "));
    deepStrictEqual(lines.map((line) => line.replace(/ in \d.*$/, "")).filter((line) => line !== ""), [
      `info Taking jobs from ${place.jobs}`,
      "info a.json: started",
      "info a.json: check done",
      "backup-tool: Stopping; once more to stop at once",
      "info Stopped",
      "ended with 0",
    ]);
  },
);

Deno.test("serve looks again when it is sent SIGHUP", async () => {
  using place = await JobPlace.make();
  Deno.mkdirSync(`${place.base}/elsewhere`);
  const service = new Running(place, ["--scan-every", "600"]);
  await service.until(/Taking jobs/);
  service.child.kill("SIGHUP");
  place.put("a.json", CHECK);
  await service.until(/a\.json: check done/);
  strictEqual((await service.stop("SIGINT")).status.code, 0);
});

Deno.test("serve stops a long job within five seconds, and the next one finishes it", async () => {
  using place = await JobPlace.make();
  const original = new Uint8Array(6_000_000).map((_, i) => (i * 31) % 253);
  Deno.writeFileSync(`${place.source}/large`, original);
  place.put("a.json", { kind: "import", source: place.source, destination: "x" });
  const service = new Running(place, ["--limit", "200KB/s"]);
  await service.until(/a\.json: started/);
  await place.hasBegunToRead();
  const { status, ms } = await service.stop("SIGTERM");
  deepStrictEqual([status.code, status.signal], [0, null]);
  ok(ms < service.fiveSecondsMs, `${ms} ms`);
  deepStrictEqual(place.remains(), ["a.json"]);
  await place.expect(0, "serve", "--jobs", "jobs", "--once");
  ok(Buffer.from(original).equals(Deno.readFileSync(`${place.storage}/archive/x/large`)));
  deepStrictEqual(place.remains(), []);
});

Deno.test("serve stops within five seconds even when the job doesn't listen, and at once when it is told twice", async () => {
  using place = await JobPlace.make();
  Deno.writeFileSync(`${place.source}/large`, new Uint8Array(5_000_000).fill(7));
  place.put("a.json", { kind: "backup", sources: [place.source], workers: 0 });
  let patience = 0;
  for (const isTwice of [false, true]) {
    const service = new Running(place, ["--limit", "100KB/s"]);
    await service.until(/a\.json: started/);
    await place.hasBegunToRead();
    if (isTwice) {
      service.child.kill("SIGTERM");
      await service.until(/once more to stop at once/);
    }
    const { status, ms } = await service.stop("SIGTERM");
    strictEqual(status.signal, isTwice ? "SIGTERM" : null);
    // Beside what it took when asked once, on the same machine.
    ok(
      ms < (isTwice ? Math.max(service.fiveSecondsMs / 5, patience / 2) : service.fiveSecondsMs),
      `${ms} ms, ${patience} ms`,
    );
    patience = ms;
  }
  await place.expect(0, "serve", "--jobs", "jobs", "--once");
  strictEqual((await place.json("snapshots")).filter(({ complete }: { complete: boolean }) => complete).length, 1);
});

Deno.test("serve --limit holds reading at that rate", async () => {
  using place = await JobPlace.make();
  Deno.writeFileSync(`${place.source}/large`, crypto.getRandomValues(new Uint8Array(65536)));
  for (let i = 0; i < 60; i++) {
    Deno.writeFileSync(`${place.source}/f${i}`, crypto.getRandomValues(new Uint8Array(65536)));
  }
  place.put("a.json", { kind: "backup", sources: [place.source], workers: 2 });
  const start = performance.now();
  place.expectProcess(0, "serve", "--jobs", "jobs", "--once", "--limit", "2MB/s");
  const seconds = (performance.now() - start) / 1000;
  ok(seconds >= 1.9, `${seconds} s for 4 MB at 2 MB/s`);
});

Deno.test("serve does its jobs at the lowest priority, and answers at its own", { ignore: !IS_LINUX }, async () => {
  using place = await JobPlace.make();
  for (const [nice, expected] of [["lowest", true], ["off", false]] as const) {
    const service = new Running(place, ["--nice", nice]);
    place.put("a.json", CHECK);
    await service.until(/a\.json: check done/);
    const tasks = [...Deno.readDirSync(`/proc/${service.child.pid}/task`)].map(({ name }) =>
      Deno.readTextFileSync(`/proc/${service.child.pid}/task/${name}/stat`).split(") ")[1]!.split(" ")[16]
    );
    strictEqual(tasks.includes("19"), expected, nice);
    const main = Deno.readTextFileSync(`/proc/${service.child.pid}/stat`).split(") ")[1]!.split(" ")[16];
    ok(main !== "19");
    await service.stop("SIGTERM");
  }
});

const MANAGER = "import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1])\n" +
  "print('bound',flush=True)\nwhile True: print(s.recv(4096).decode().replace('\\n',';'),flush=True)";

Deno.test(
  "serve speaks the protocol of systemd: ready, status, watchdog, stopping",
  { ignore: !has("python3") },
  async () => {
    using place = await JobPlace.make();
    const socket = `${place.base}/notify`;
    const manager = new Deno.Command("python3", { args: ["-c", MANAGER, socket], stdout: "piped" }).spawn();
    let heard = "";
    const listening = (async () => {
      for await (const text of manager.stdout.pipeThrough(new TextDecoderStream())) heard += text;
    })();
    while (!heard.includes("bound")) await new Promise((wake) => setTimeout(wake, 10));
    const service = new Running(place, [], { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" });
    place.put("a.json", CHECK);
    await service.until(/a\.json: check done/);
    while (heard.split("WATCHDOG=1").length <= 3) await new Promise((wake) => setTimeout(wake, 10));
    await service.stop("SIGTERM");
    manager.kill();
    await listening;
    await manager.status;
    const states = heard.trimEnd().split("\n").slice(1);
    strictEqual(states[0], "READY=1;STATUS=Waiting for jobs");
    ok(states.includes("STATUS=Doing a.json"));
    strictEqual(states.at(-1), "STOPPING=1");
  },
);
