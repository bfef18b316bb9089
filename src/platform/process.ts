/** Runs other programs and shell commands. */
import { Fault } from "../core/fault.ts";
import { IS_WINDOWS } from "./portable_calls.ts";
import { givenUmask } from "./umask.ts";

export class CommandFailed extends Fault {
  readonly code = "command-failed";
  readonly hint: string = "Run it by hand to see what it says";
  constructor(command: string, why: string) {
    super(`The command ${JSON.stringify(command)} failed: ${why}`);
  }
}

/** Containers are often made without a shell. */
class NoShell extends CommandFailed {
  override readonly hint = "Give it a shell, or pipe the output into `backup-tool backup --stdin-name`";
  constructor(command: string, shell: string) {
    super(command, `this system has no ${shell} that could run it`);
  }
}

const SHELL = "/bin/sh";

export interface CommandOptions {
  /** Variables in addition to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Terminates the command when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Yields the standard output of a command as it arrives; its standard error goes to this program's.
 * @throws CommandFailed at the end if the exit status is not 0
 */
export async function* commandOutput(
  line: string,
  { env, signal }: CommandOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const [file = "", ...args] = masked(shellWords(line));
  const streams = { stdin: "null", stdout: "piped", stderr: "inherit" } as const;
  const child = spawn(
    line,
    new Deno.Command(file, { args, ...streams, ...(env && { env }), ...(signal && { signal }) }),
  );
  let isEnded = false;
  try {
    yield* child.stdout;
    const status = await child.status;
    isEnded = true;
    if (!status.success) throw new CommandFailed(line, reasonOf(status));
  } finally {
    // Whoever read the output has stopped: the command has nobody to work for.
    if (!isEnded) tryKill(child);
  }
}

/** @throws CommandFailed if it can't be started, for whatever reason */
function spawn(line: string, command: Deno.Command): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof Deno.errors.NotFound) throw new NoShell(line, shellWords("")[0] ?? "");
    throw new CommandFailed(line, `it can't be started (${error.message})`);
  }
}

/** Standard input, up to its end. */
export function standardInput(): AsyncIterable<Uint8Array<ArrayBuffer>> {
  return Deno.stdin.readable;
}

export interface CommandResult {
  readonly ok: boolean;
  /** Reason of the failure; "" after success. */
  readonly reason: string;
  readonly output: string;
  /** Standard error. */
  readonly errors: string;
}

/**
 * Runs a program to its end. A missing program is a failure like any other.
 * @param env variables in addition to those of {@link cleanEnvironment}
 */
export async function runProgram(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const [file = "", ...args] = masked(argv);
  const clean = { ...cleanEnvironment(Deno.env.toObject()), ...env };
  try {
    const done = await new Deno.Command(file, { args, env: clean, clearEnv: true, stdin: "null" }).output();
    const [output, errors] = [done.stdout, done.stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    return { ok: done.success, reason: done.success ? "" : reasonOf(done), output: output!, errors: errors! };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { ok: false, reason: `${file} can't be started`, output: "", errors: error.message };
  }
}

/** Where programs are if nobody says. */
const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What programs need to find others, their user's files, and the language to speak; on Windows, the system. */
const KEPT = IS_WINDOWS
  ? /^(?:PATH|PATHEXT|SYSTEMROOT|SYSTEMDRIVE|COMSPEC|WINDIR|TEMP|TMP|USERPROFILE|USERNAME)$/i
  : /^(?:HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ)$/;

/**
 * Selects the variables for a program that runs on our behalf, possibly as root: no secrets that were meant for this
 * process, and nothing that makes it load code of others.
 */
export function cleanEnvironment(all: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => KEPT.test(name)));
  if (IS_WINDOWS) return kept;
  // A relative entry would be looked for wherever we happen to be.
  const directories = (all["PATH"] ?? "").split(":").filter((directory) => directory.startsWith("/"));
  return { ...kept, PATH: directories.join(":") || USUAL_PATH };
}

/** This process has no mask of modes; what its commands make is to have the modes that it would have without us. */
function masked(argv: readonly string[]): readonly string[] {
  const [shell, option, line] = argv, mask = givenUmask();
  if (mask === undefined || IS_WINDOWS) return argv;
  const command = `umask ${mask.toString(8).padStart(4, "0")}`;
  if (shell === SHELL && option === "-c" && argv.length === 3) return [SHELL, "-c", `${command}\n${line}`];
  return argv;
}

/** Does the same for any program, by way of the shell. */
export function maskedProgram(argv: readonly string[]): readonly string[] {
  const [first, second] = argv, mask = givenUmask();
  if (mask === undefined || IS_WINDOWS || (first === SHELL && second === "-c")) return masked(argv);
  return masked([SHELL, "-c", `umask ${mask.toString(8).padStart(4, "0")}; exec "$@"`, SHELL, ...argv]);
}

/** The program and arguments that run a line in the system's shell. */
export function shellWords(line: string): readonly string[] {
  return IS_WINDOWS ? ["cmd", "/d", "/s", "/c", line] : [SHELL, "-c", line];
}

export function reasonOf({ code, signal }: { readonly code: number; readonly signal: string | null }): string {
  return signal === null ? `it ended with status ${code}` : `it was ended by ${signal}`;
}

function tryKill(child: Deno.ChildProcess): void {
  try {
    child.kill();
  } catch {
    // It has ended by itself.
  }
}
