/** A job directory beside a storage and a source: puts jobs in, and does them. */
import { rawOf } from "../../src/core/raw.ts";
import type { HistoryEntry } from "../../src/jobs/state/stored_state.ts";
import { readHistory } from "../../src/jobs/state/history.ts";
import type { LogEvent } from "../../src/jobs/log/log.ts";
import type { JobSetup } from "../../src/jobs/run/job_run.ts";
import { JobExecutor, type JobPlaces } from "../../src/jobs/service/job_executor.ts";
import { type JobRunner, SameThread } from "../../src/jobs/service/thread.ts";
import type { HookSet } from "../../src/operations/hooks/hook_set.ts";
import { NO_SECRETS } from "../../src/operations/vaults/login.ts";
import type { NamedVault } from "../../src/operations/vaults/vault_settings.ts";
import { readSecret } from "../../src/platform/secrets.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { World, type WorldOptions } from "./world.ts";

export class JobWorld extends World {
  readonly jobs: string;
  readonly archive: string;
  readonly log: LogEvent[] = [];
  signal = new AbortController();
  /** Those that the configuration names. */
  vaults: Readonly<Record<string, NamedVault>> = {};
  /** Those of the configuration. */
  hooks: readonly HookSet[] = [];

  constructor(options: WorldOptions = {}) {
    super(options);
    this.jobs = `${this.base}/jobs`;
    this.archive = `${this.storagePath}/archive`;
    // What lies below a private directory is published as private.
    Deno.chmodSync(this.base, 0o755);
    Deno.mkdirSync(`${this.jobs}/.backup-tool`, { recursive: true });
    // Whatever mask other tests have left this process: nobody else may put in commands.
    Deno.chmodSync(this.jobs, 0o755);
  }

  /** Puts a job file in. */
  put(name: string, job: unknown): void {
    const text = typeof job === "string" ? job : JSON.stringify(job);
    Deno.writeTextFileSync(`${this.jobs}/${name}`, text, { mode: 0o644 });
  }

  /** Does a job in this thread. @param disk for tests that cut */
  async perform(name: string, disk?: Disk): Promise<HistoryEntry | undefined> {
    using performer = this.performer(disk);
    return await performer.perform(rawOf(name));
  }

  performer(disk?: Disk): JobExecutor {
    return this.performerWith(this.#setup(disk));
  }

  performerWith(changes: Partial<JobSetup>): JobExecutor {
    this.clock.pass(1);
    return new JobExecutor({ ...this.#setup(), ...changes, signal: this.signal.signal }, {
      jobs: rawOf(this.jobs),
      storage: rawOf(this.storagePath),
      temp: undefined,
    });
  }

  /** Does what a service is asked for. */
  readonly makeRunner = (places: JobPlaces): JobRunner => new SameThread(this.#setup(), places);

  #setup(disk?: Disk): Omit<JobSetup, "signal"> {
    return {
      machine: { ...this.machine, ...(disk !== undefined && { disk }) },
      host: "testhost",
      user: "tester",
      workers: 0,
      lockState: rawOf(`${this.base}/locks`),
      vaults: this.vaults,
      hooks: this.hooks,
      secrets: { ...NO_SECRETS, readSecret },
      log: (event: LogEvent) => void this.log.push(event),
    };
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
