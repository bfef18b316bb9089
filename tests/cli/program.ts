/**
 * The program as a user meets it. Where BACKUP_TOOL_EXE names the executable, each command is a process of it; without,
 * commands run in this process, and those that have to be a process are started from the source.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { World } from "../../src/cli/world.ts";
import { rawOf } from "../../src/core/raw.ts";
import { systemFacts } from "../../src/platform/facts.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { commandOutput } from "../../src/platform/process.ts";
import { readSecret } from "../../src/platform/secrets.ts";
import * as system from "../../src/platform/system.ts";
import { whyOthersWritePath } from "../../src/platform/written_by_others.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import { FakeOutput, readTextFileOfTests, runIn } from "./fake_world.ts";

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const MAIN = new URL("../../main.ts", import.meta.url).pathname;

export const isExecutable = EXECUTABLE !== undefined;
/** The words that start it. */
export const PROGRAM: readonly string[] = EXECUTABLE ? [EXECUTABLE] : [Deno.execPath(), "run", "-A", MAIN];

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Lines on standard error that say nothing of a failure: progress, and what the disk of other systems can't keep. */
const ASIDE = /^\{(?:"progress":|"notice":\{"message":"Not backed up on this system: ).*\n/gm;

/** A directory with a storage that isn't made yet, and a source, in which the program runs. */
export class Place implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-cli-" });
  readonly storage = `${this.base}/storage`;
  readonly source = `${this.base}/source`;
  readonly env: Record<string, string> = {
    BACKUP_TOOL_STORAGE: this.storage,
    TZ: ZONE,
    // No settings of whoever runs the tests, and nothing that was done to their sources.
    XDG_CONFIG_HOME: `${this.base}/config`,
    BACKUP_TOOL_STATE: `${this.base}/state`,
  };

  constructor() {
    Deno.mkdirSync(this.source);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }

  /** Returns when what was written until now is old enough for the next backup to be believed unchanged by later ones. */
  async ages(): Promise<void> {
    await systemClock.sleep(2 * RACY_MS);
  }

  command(...args: string[]): Deno.Command {
    return this.#spawnable([...PROGRAM, ...args]);
  }

  /** A shell line in which "$@" is the program and `args`. */
  shell(line: string, ...args: string[]): Ended {
    return ended(this.#spawnable(["/bin/bash", "-c", line, "bash", ...PROGRAM, ...args]).outputSync());
  }

  /** Meanwhile, servers of this process answer. */
  async run(...args: string[]): Promise<Ended> {
    return isExecutable
      ? ended(await this.command(...args).output())
      : await runIn(new PlaceWorld(this.base, this.env), ...args);
  }

  /** Runs it, and fails unless it ends with `status`. */
  async expect(status: number, ...args: string[]): Promise<Ended> {
    const done = await this.run(...args);
    strictEqual(done.status, status, `${args.join(" ")}\n${done.stdout}${done.stderr}`);
    return done;
  }

  /** Runs it as a process in any case, and fails unless it ends with `status`. */
  expectProcess(status: number, ...args: string[]): Ended {
    const done = ended(this.command(...args).outputSync());
    strictEqual(done.status, status, `${args.join(" ")}\n${done.stdout}${done.stderr}`);
    return done;
  }

  /** What `--json` prints; on standard error there may be nothing but progress, which a slow machine is told of. */
  // deno-lint-ignore no-explicit-any -- a test knows what it asked for
  async json(...args: string[]): Promise<any> {
    const { stdout, stderr } = await this.expect(0, ...args, "--json");
    strictEqual(stderr.replace(ASIDE, ""), "");
    return JSON.parse(stdout);
  }

  /** Runs it, which must fail with a fault: checks the exit status, the form, and what `--json` says. @returns the message */
  async fault(status: number, code: string, ...args: string[]): Promise<string> {
    const { stderr, stdout } = await this.expect(status, ...args);
    strictEqual(stdout, "");
    const [message = "", hint = "", ...rest] = stderr.trimEnd().split("\n");
    deepStrictEqual([message.startsWith("backup-tool: "), hint.startsWith("  hint: "), rest], [true, true, []], stderr);
    const { error } = JSON.parse(
      (await this.expect(status, ...args, "--json")).stderr.trimEnd().split("\n").at(-1) ?? "",
    );
    deepStrictEqual(error, { code, message: message.slice(13), hint: hint.slice(8) });
    return message.slice(13);
  }

  /** Runs it and sends SIGINT as soon as `text` is seen on standard error. */
  async interrupted(text: string, ...args: string[]): Promise<Ended> {
    const child = this.#spawnable([...PROGRAM, ...args], "piped").spawn();
    let stderr = "", isSent = false;
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += chunk;
      if (!isSent && stderr.includes(text)) child.kill("SIGINT");
      isSent ||= stderr.includes(text);
    }
    return { status: (await child.status).code, stdout: await new Response(child.stdout).text(), stderr };
  }

  write(path: string, text: string): void {
    Deno.writeTextFileSync(`${this.source}/${path}`, text);
  }

  #spawnable([file = "", ...args]: readonly string[], streams?: "piped"): Deno.Command {
    const env = EXECUTABLE ? { ...this.env, PATH: "" } : { ...this.env, NO_COLOR: "1" };
    const output = streams === undefined ? {} : { stdout: streams, stderr: streams };
    return new Deno.Command(file, { args, cwd: this.base, env, clearEnv: EXECUTABLE !== undefined, ...output });
  }
}

/** This machine as a process in a place would find it. */
class PlaceWorld implements World {
  readonly stdout = new FakeOutput();
  readonly stderr = new FakeOutput();
  readonly cores = 1;
  memory = (): number => 2 ** 32;
  readonly clock = { ...systemClock, zone: ZONE, offsetMinutes };
  readonly here;
  readonly #env: Readonly<Record<string, string>>;

  constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.here = { directory: () => rawOf(directory), home: system.here.home };
    this.#env = env;
  }
  facts = async () => systemFacts((await this.machine()).disk);
  env = (name: string) => this.#env[name] || undefined;
  machine = () => {
    const { clock } = this, random = system.systemRandom;
    return Promise.resolve({ disk: openDisk(), clock, random, workerScript: undefined });
  };
  readTextFile = readTextFileOfTests;
  readSecret = readSecret;
  whyOthersWrite = whyOthersWritePath;
  askSecret = () => Promise.resolve(undefined);
  showPages = () => Promise.resolve(false);
  stdin = () => ReadableStream.from([]);
  commandOutput = (line: string, signal: AbortSignal) => commandOutput(line, { signal });
  host = system.hostName;
  user = system.loginName;
  onInterrupt = () => ({ [Symbol.dispose]() {} });
}

/** See RacyTimestamps. */
const RACY_MS = 20;
const ZONE = "Europe/Berlin";

function offsetMinutes(atMs: number): number {
  const parts = new Intl.DateTimeFormat("en", { timeZone: ZONE, timeZoneName: "longOffset" }).formatToParts(atMs);
  const name = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  return Number(name.match(/\+0(\d)/)?.[1]) * 60;
}

function ended({ code, stdout, stderr }: Deno.CommandOutput): Ended {
  return { status: code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
