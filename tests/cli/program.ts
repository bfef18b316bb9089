/** Starts the program as a user does: the executable that BACKUP_TOOL_EXE names, or the source. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";

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

/** A directory with a storage that isn't made yet, and a source, in which the program runs. */
export class Place implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "backup-tool-cli-" });
  readonly storage = `${this.base}/storage`;
  readonly source = `${this.base}/source`;
  readonly env: Record<string, string> = {
    BACKUP_TOOL_STORAGE: this.storage,
    TZ: "Europe/Berlin",
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

  command(...args: string[]): Deno.Command {
    return this.#spawnable([...PROGRAM, ...args]);
  }

  /** A shell line in which "$@" is the program and `args`. */
  shell(line: string, ...args: string[]): Ended {
    return ended(this.#spawnable(["/bin/bash", "-c", line, "bash", ...PROGRAM, ...args]).outputSync());
  }

  run(...args: string[]): Ended {
    return ended(this.command(...args).outputSync());
  }

  /** Runs it, and fails unless it ends with `status`. */
  expect(status: number, ...args: string[]): Ended {
    const done = this.run(...args);
    strictEqual(done.status, status, `${args.join(" ")}\n${done.stdout}${done.stderr}`);
    return done;
  }

  /** What `--json` prints; on standard error there may be nothing but progress, which a slow machine is told of. */
  // deno-lint-ignore no-explicit-any -- a test knows what it asked for
  json(...args: string[]): any {
    const { stdout, stderr } = this.expect(0, ...args, "--json");
    strictEqual(stderr.replace(/^\{"progress":.*\n/gm, ""), "");
    return JSON.parse(stdout);
  }

  /** Runs it, which must fail with a fault: checks the exit status, the form, and what `--json` says. @returns the message */
  fault(status: number, code: string, ...args: string[]): string {
    const { stderr, stdout } = this.expect(status, ...args);
    strictEqual(stdout, "");
    const [message = "", hint = "", ...rest] = stderr.trimEnd().split("\n");
    deepStrictEqual([message.startsWith("backup-tool: "), hint.startsWith("  hint: "), rest], [true, true, []], stderr);
    const { error } = JSON.parse(this.expect(status, ...args, "--json").stderr.trimEnd().split("\n").at(-1) ?? "");
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

function ended({ code, stdout, stderr }: Deno.CommandOutput): Ended {
  return { status: code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
