/** A small real world for tests: a temporary directory, the real disk, a clock that the test moves. */
import type { Clock } from "../../src/core/clock.ts";
import type { Algorithm } from "../../src/core/digest.ts";
import type { Counter, Monitor, Phase } from "../../src/core/monitor.ts";
import { type Raw, rawOf } from "../../src/core/raw.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { RestoreRequest } from "../../src/operations/restore/restore_request.ts";
import type { Disk } from "../../src/platform/disk.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import type { Machine } from "../../src/platform/machine.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { initStorage } from "../../src/storage/layout/init.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";

/** The program itself, which is also its own worker. */
export const WORKER_SCRIPT = new URL("../../main.ts", import.meta.url);

/** Counts, and keeps what was said. */
export class TestMonitor implements Monitor {
  readonly counters = new Map<Counter, number>();
  readonly problems: Error[] = [];
  readonly notices: string[] = [];
  count = (counter: Counter, by = 1): void => {
    this.counters.set(counter, this.of(counter) + by);
  };
  readonly phases: Phase[] = [];
  /** What is expected last. */
  expected: { readonly items?: number; readonly bytes?: number } = {};
  /** Bytes that are done, of those counters that are followed. */
  readonly followed = new Map<Counter, () => number>();
  current = (): void => {};
  phase = (phase: Phase): void => {
    if (this.phases.at(-1) !== phase) this.phases.push(phase);
  };
  follow = (counter: Counter, done: () => number): Disposable => {
    this.followed.set(counter, done);
    return { [Symbol.dispose]: () => {} };
  };
  setTotal = (total: { readonly items?: number; readonly bytes?: number }): void => {
    this.expected = { ...this.expected, ...total };
  };
  problem = (fault: Error): void => {
    this.problems.push(fault);
  };
  notice = (text: string): void => {
    this.notices.push(text);
  };
  of(counter: Counter): number {
    return this.counters.get(counter) ?? 0;
  }
}

/** Stands still until it is moved. What waits for it goes on when it has been moved far enough. */
export class TestClock implements Clock {
  #ms = Date.UTC(2026, 10, 20, 22, 5, 11, 123);
  readonly #waiting = new Map<() => void, number>();
  readonly zone = "Europe/Berlin";
  get ms(): number {
    return this.#ms;
  }
  set ms(ms: number) {
    this.#ms = ms;
    for (const [wake, atMs] of [...this.#waiting]) {
      if (atMs > ms) continue;
      this.#waiting.delete(wake);
      wake();
    }
  }
  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    if (ms === 0) return await systemClock.sleep(0);
    if (signal?.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#waiting.set(wake, this.#ms + ms);
    signal?.addEventListener("abort", wake);
    await promise;
    this.#waiting.delete(wake);
    signal?.removeEventListener("abort", wake);
  };
  /** Takes no time, but moves the clock. */
  sleepSync = (ms: number): void => {
    this.ms += ms;
  };
  every = (ms: number, action: () => void): Disposable => {
    const wake = () => {
      this.#waiting.set(wake, this.#ms + ms);
      action();
    };
    this.#waiting.set(wake, this.#ms + ms);
    return { [Symbol.dispose]: () => void this.#waiting.delete(wake) };
  };
  nowMs(): number {
    return this.ms;
  }
  offsetMinutes(): number {
    return 60;
  }
  /** @param minutes to move on */
  pass(minutes: number): void {
    this.ms += minutes * 60_000;
  }
}

export interface WorldOptions {
  readonly algorithm?: Algorithm;
  readonly hexSplit?: readonly number[];
  readonly disk?: Disk;
  readonly workers?: number;
  /** In memory where the system has a place for that: for tests that make many storages. */
  readonly inMemory?: boolean;
  /** Given the directory that goes away: the one to make the storage in, if not that. */
  readonly storageIn?: (base: string) => string;
}

const MEMORY = "/dev/shm";

function temporaryDirectory(inMemory: boolean): string {
  const prefix = "backup-tool-test-";
  try {
    if (inMemory) return Deno.makeTempDirSync({ prefix, dir: MEMORY });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return Deno.makeTempDirSync({ prefix });
}

/** A storage beside a source, both empty, in a directory that goes away. */
export class World implements Disposable {
  readonly base: string;
  readonly clock = new TestClock();
  readonly machine: Machine;
  readonly source: string;
  readonly storagePath: string;
  readonly #workers: number;

  constructor(options: WorldOptions = {}) {
    this.base = temporaryDirectory(options.inMemory === true);
    this.source = `${this.base}/source`;
    this.storagePath = `${options.storageIn?.(this.base) ?? this.base}/storage`;
    Deno.mkdirSync(this.source);
    let seed = 1;
    this.machine = {
      disk: options.disk ?? openDisk(),
      clock: this.clock,
      random: (bytes) => Uint8Array.from({ length: bytes }, () => (seed = (seed * 48271) % 0x7fffffff) & 0xff),
      workerScript: WORKER_SCRIPT,
    };
    this.#workers = options.workers ?? 0;
    initStorage(this.machine, rawOf(this.storagePath), {
      algorithm: options.algorithm ?? "sha256",
      hexSplit: options.hexSplit ?? [2],
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  open(monitor: Monitor = new TestMonitor()): Storage {
    return openStorage(this.machine, rawOf(this.storagePath), monitor);
  }

  /** Backs up the source a minute after the last backup. */
  async backup(
    changes: Partial<BackupRequest> = {},
  ): Promise<{ snapshot: SnapshotInfo; monitor: TestMonitor }> {
    const monitor = new TestMonitor();
    this.clock.pass(1);
    using storage = this.open(monitor);
    const snapshot = await backup(storage, { ...this.request(), ...changes }, monitor);
    return { snapshot, monitor };
  }

  request(): BackupRequest {
    return {
      sources: [rawOf(this.source)],
      name: undefined,
      tags: [],
      excludes: [],
      ignoreFiles: true,
      oneFileSystem: false,
      excludeCaches: false,
      largestBytes: undefined,
      tree: true,
      workers: this.#workers,
      host: "testhost",
      user: "tester",
      signal: new AbortController().signal,
    };
  }

  /** Restores a snapshot into a new directory. @returns its path */
  async restore(
    snapshot: string,
    { target: into, ...changes }: Partial<RestoreRequest> & { readonly target?: Raw } = {},
  ): Promise<{ target: string; monitor: TestMonitor }> {
    const monitor = new TestMonitor();
    const target = into ?? Deno.makeTempDirSync({ dir: this.base, prefix: "restored-" });
    using storage = this.open(monitor);
    await restore(storage, { ...this.restoreRequest(storage.resolve(snapshot), target), ...changes }, monitor);
    return { target, monitor };
  }

  restoreRequest(snapshot: SnapshotInfo, target: string): RestoreRequest {
    return {
      snapshot,
      paths: [],
      destination: { kind: "directory", path: rawOf(target), strip: 0 },
      include: [],
      exclude: [],
      overwrite: undefined,
      delete: false,
      owners: "names",
      workers: this.#workers,
      signal: new AbortController().signal,
    };
  }

  /** Checks everything, data included. */
  async check(readData = true): Promise<{ findings: Finding[]; damaged: number; monitor: TestMonitor }> {
    const monitor = new TestMonitor();
    const findings: Finding[] = [];
    using storage = this.open(monitor);
    const request = { readData, workers: this.#workers, signal: new AbortController().signal };
    const { damaged } = await check(storage, request, (finding) => findings.push(finding), monitor);
    return { findings, damaged, monitor };
  }

  write(path: string, text: string | Uint8Array): void {
    const full = `${this.source}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    if (typeof text === "string") Deno.writeTextFileSync(full, text);
    else Deno.writeFileSync(full, text);
  }

  /** Files in content/, by id. */
  items(): Map<string, string> {
    const found = new Map<string, string>();
    const visit = (path: string, id: string) => {
      for (const entry of Deno.readDirSync(path)) {
        if (entry.isDirectory) visit(`${path}/${entry.name}`, id + entry.name);
        else found.set(id + entry.name, `${path}/${entry.name}`);
      }
    };
    visit(`${this.storagePath}/content`, "");
    return found;
  }
}

/** Runs a program and returns what it printed; throws if it failed. */
export function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args, env: { LC_ALL: "C" } }).outputSync();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${program} ${args.join(" ")} failed:\n${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

/** What rsync would have to change to make `copy` equal `original`, in content and all metadata; "" if nothing. */
export function differences(original: string, copy: string): string {
  return run("rsync", "-aHAX", "--delete", "--checksum", "--dry-run", "--itemize-changes", `${original}/`, `${copy}/`);
}
