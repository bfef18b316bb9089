/** A world that keeps what is written to it, with a clock that the test moves. */
import { run } from "../../src/cli/program/run.ts";
import type { Output, World } from "../../src/cli/world.ts";
import { rawOf } from "../../src/core/raw.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import type { SystemFacts } from "../../src/platform/facts.ts";
import type { Machine } from "../../src/platform/machine.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { commandOutput } from "../../src/platform/process.ts";
import { readSecret } from "../../src/platform/secrets.ts";
import { readTextFile } from "../../src/platform/system.ts";
import { whyOthersWritePath } from "../../src/platform/written_by_others.ts";
import { TestClock, WORKER_SCRIPT } from "../support/world.ts";

export class FakeOutput implements Output {
  text = "";
  writes = 0;
  isTerminal = false;
  width = 80;
  /** Thrown by every write. */
  failure: Error | undefined;
  readonly #decoder = new TextDecoder();

  write = (bytes: Uint8Array): void => {
    if (this.failure !== undefined) throw this.failure;
    this.writes++;
    this.text += this.#decoder.decode(bytes, { stream: true });
  };
  columns = (): number => this.width;
  closed = false;
  isClosed = (): boolean => this.closed;
}

export class FakeWorld implements World {
  readonly clock = new TestClock();
  readonly stdout = new FakeOutput();
  readonly stderr = new FakeOutput();
  readonly variables: Record<string, string> = {};
  readonly cores = 2;
  memoryBytes = 2 ** 32;
  memory = (): number => this.memoryBytes;
  readonly interrupts: (() => void)[] = [];
  directory = "/";
  machine(): Promise<Machine> {
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    return Promise.resolve({ disk: openDisk(), clock: this.clock, random, workerScript: WORKER_SCRIPT });
  }
  facts(): Promise<SystemFacts> {
    return Promise.resolve({
      runtime: "Deno 2.6.0 (V8 14.2)",
      isExecutable: true,
      system: "linux",
      kernel: "6.12.1",
      target: "x86_64-unknown-linux-gnu",
      cores: 2,
      memoryBytes: 2 ** 32,
      availableMemoryBytes: 2 ** 31,
      isRoot: false,
      isContainer: false,
      hasLibrary: true,
      openFiles: 1024,
      mounts: 30,
    });
  }
  env(name: string): string | undefined {
    if (name === "BACKUP_TOOL_STATE") return this.variables[name] ?? "/nowhere/backup-tool-state";
    return this.variables[name];
  }
  readonly here = {
    directory: () => rawOf(this.directory),
    home: () => this.variables["HOME"] ?? this.variables["USERPROFILE"],
  };
  readTextFile = readTextFileOfTests;
  readSecret = readSecret;
  whyOthersWrite = whyOthersWritePath;
  /** What a person types when asked; without any, nobody is there. */
  readonly answers: string[] = [];
  readonly questions: string[] = [];
  askSecret = (question: string): Promise<string | undefined> => {
    this.questions.push(question);
    return Promise.resolve(this.answers.shift());
  };
  /** What a pager was to show. */
  readonly pages: { readonly text: string; readonly line: string }[] = [];
  hasPager = true;
  showPages = (text: string, line: string): Promise<boolean> => {
    if (this.hasPager) this.pages.push({ text, line });
    return Promise.resolve(this.hasPager);
  };
  /** What is read from standard input. */
  input: AsyncIterable<Uint8Array<ArrayBuffer>> = ReadableStream.from([]);
  stdin = () => this.input;
  commandOutput = (line: string, signal: AbortSignal) => commandOutput(line, { signal });
  host = () => "testhost";
  user = () => "tester";
  onInterrupt(stop: () => void): Disposable {
    this.interrupts.push(stop);
    return { [Symbol.dispose]: () => void this.interrupts.splice(this.interrupts.indexOf(stop), 1) };
  }
}

/** Never the settings of the machine that runs the tests. */
export function readTextFileOfTests(path: string, mostBytes?: number): string {
  if (path === "/etc/backup-tool.jsonc") throw new DiskFault("ENOENT", "read", rawOf(path));
  return readTextFile(path, mostBytes);
}

/** A world that keeps what is written to it. */
export interface KeepingWorld extends World {
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
}

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in such a world. */
export async function runIn(world: KeepingWorld, ...args: string[]): Promise<Ran> {
  world.stdout.text = world.stderr.text = "";
  const status = await run(args, world);
  return { status, stdout: world.stdout.text, stderr: world.stderr.text };
}
