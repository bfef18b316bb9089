/** A job directory beside a storage and a source: puts jobs in, and does them. */
import { rawOf } from "../../src/core/raw.ts";
import type { HistoryEntry } from "../../src/jobs/state/stored_state.ts";
import { readHistory } from "../../src/jobs/state/history.ts";
import type { LogEvent } from "../../src/jobs/log/log.ts";
import { JobExecutor } from "../../src/jobs/service/job_executor.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { World, type WorldOptions } from "./world.ts";

export class JobWorld extends World {
  readonly jobs: string;
  readonly archive: string;
  readonly log: LogEvent[] = [];
  signal = new AbortController();

  constructor(options: WorldOptions = {}) {
    super(options);
    this.jobs = `${this.base}/jobs`;
    this.archive = `${this.storagePath}/archive`;
    // What lies below a private directory is published as private.
    Deno.chmodSync(this.base, 0o755);
    Deno.mkdirSync(`${this.jobs}/.backup-tool`, { recursive: true });
  }

  /** Puts a job file in. */
  put(name: string, job: unknown): void {
    Deno.writeTextFileSync(`${this.jobs}/${name}`, typeof job === "string" ? job : JSON.stringify(job));
  }

  /** Does a job in this thread. @param disk for tests that cut */
  async perform(name: string, disk?: Disk): Promise<HistoryEntry | undefined> {
    using performer = this.performer(disk);
    return await performer.perform(rawOf(name));
  }

  performer(disk?: Disk): JobExecutor {
    this.clock.pass(1);
    const setup = {
      machine: { ...this.machine, ...(disk !== undefined && { disk }) },
      host: "testhost",
      user: "tester",
      workers: 0,
      lockState: rawOf(`${this.base}/locks`),
      signal: this.signal.signal,
      log: (event: LogEvent) => void this.log.push(event),
    };
    return new JobExecutor(setup, { jobs: rawOf(this.jobs), storage: rawOf(this.storagePath), temp: undefined });
  }

  history(): HistoryEntry[] {
    using storage = this.open();
    return [...readHistory(storage)];
  }

  /** Everything in the job directory, and what jobs left in tmp/. */
  remains(): string[] {
    const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);
    const running = `${this.jobs}/.backup-tool/running`;
    return [
      ...names(this.jobs).filter((name) => name !== ".backup-tool"),
      ...names(running),
      ...names(`${this.storagePath}/tmp`).filter((name) => /\.jsonc?$/.test(name)),
    ];
  }
}
