/** Runs a command in its own process group, so that everything it has started can be terminated with it. */
import { spawn } from "node:child_process";
import process from "node:process";
import type { Clock } from "../core/clock.ts";
import { IS_WINDOWS } from "./portable_calls.ts";
import { cleanEnvironment, maskedProgram, reasonOf, shellWords } from "./process.ts";
import { systemClock } from "./system_clock.ts";

export interface GroupOptions {
  /** Variables in addition to those of {@link cleanEnvironment}. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Time limit; Infinity: none. */
  readonly timeoutMs: number;
  /** Terminates the command when aborted. */
  readonly signal: AbortSignal;
  /** Called with each line of standard output and standard error as it arrives. */
  readonly line: (text: string) => void;
}

export interface GroupEnd {
  /** Reason of the failure; "" if the exit status was 0. */
  readonly reason: string;
  /** What terminated it, if it didn't end by itself. */
  readonly stoppedBy?: "signal" | "timeout";
}

/** After the request to end, for what ignores that. */
const KILL_AFTER_MS = 2000;
/** Somebody that the command has left running may hold its output open for ever: it is over after two such times without any. */
const QUIET_MS = 300, QUIET_TIMES = 2;
/** Of a line; the rest of a longer one is dropped. */
const LONGEST_LINE = 4096;

/**
 * Runs a command to its end, without standard input. A command that can't be started is a failure like any other.
 * @param command a shell command, or a program with its arguments
 */
export async function runInGroup(command: string | readonly string[], options: GroupOptions): Promise<GroupEnd> {
  const { signal, clock, timeoutMs } = options;
  if (signal.aborted) return { reason: "it was not started", stoppedBy: "signal" };
  const child = start(command, options), ended = new AbortController();
  let stoppedBy: GroupEnd["stoppedBy"];
  const stop = (why: "signal" | "timeout") => {
    if (stoppedBy !== undefined || ended.signal.aborted) return;
    stoppedBy = why;
    endGroup(child.pid, ended.signal);
  };
  const heard = () => stop("signal");
  signal.addEventListener("abort", heard);
  if (Number.isFinite(timeoutMs)) clock.sleep(timeoutMs, ended.signal).then(() => stop("timeout"));
  const reason = await child.ended;
  ended.abort();
  signal.removeEventListener("abort", heard);
  if (stoppedBy === undefined) return { reason };
  killGroup(child.pid, "SIGKILL");
  return { reason, stoppedBy };
}

interface Started {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Resolves with the reason of the failure; "" after success. */
  readonly ended: Promise<string>;
}

function start(command: string | readonly string[], { env, line }: GroupOptions): Started {
  const { promise, resolve } = Promise.withResolvers<string>();
  const cannot = ({ message }: Error) => resolve(`it can't be started (${message})`);
  try {
    const [file = "", ...args] = maskedProgram(typeof command === "string" ? shellWords(command) : command);
    const variables = { ...cleanEnvironment(Deno.env.toObject()), ...env };
    const child = spawn(file, args, { env: variables, detached: !IS_WINDOWS, stdio: ["ignore", "pipe", "pipe"] });
    const { stdout, stderr } = child;
    for (const stream of [stdout, stderr]) tellLines(stream, line);
    child.on("error", cannot);
    child.on("exit", (code, signal) => {
      const reason = code === 0 ? "" : reasonOf({ code: code ?? 0, signal });
      const end = () => {
        resolve(reason);
        for (const stream of [stdout, stderr]) stream.destroy();
      };
      const drained = new AbortController();
      child.on("close", () => drained.abort());
      quiet(drained.signal, [stdout, stderr]).then(end);
    });
    return { pid: child.pid, ended: promise };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    cannot(error);
    return { pid: undefined, ended: promise };
  }
}

/** Resolves when all is read that was there. @param drained aborted when nothing can come any more */
async function quiet(drained: AbortSignal, streams: readonly TextStream[]): Promise<void> {
  let times = 0;
  for (const stream of streams) stream.on("data", () => void (times = 0));
  while (!drained.aborted && times++ < QUIET_TIMES) await systemClock.sleep(QUIET_MS, drained);
}

interface TextStream {
  setEncoding(encoding: "utf8"): unknown;
  on(event: "data", listener: (text: string) => void): unknown;
  on(event: "end" | "error", listener: () => void): unknown;
}

function tellLines(stream: TextStream, line: (text: string) => void): void {
  let rest = "";
  const tell = (text: string) => line(text.replace(/\r$/, ""));
  stream.setEncoding("utf8");
  stream.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
    for (const one of lines) tell(one.slice(0, LONGEST_LINE));
  });
  stream.on("end", () => {
    if (rest !== "") tell(rest);
    rest = "";
  });
  // What can't be read is not of interest: the exit status says how it went.
  stream.on("error", () => {});
}

/** @param ended aborted when nothing is left to be ended */
function endGroup(pid: number | undefined, ended: AbortSignal): void {
  killGroup(pid, "SIGTERM");
  systemClock.sleep(KILL_AFTER_MS, ended).then(() => {
    if (!ended.aborted) killGroup(pid, "SIGKILL");
  });
}

function killGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    if (IS_WINDOWS) spawn("taskkill", ["/pid", String(pid), "/t", "/f"], { stdio: "ignore" }).on("error", () => {});
    else process.kill(-pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}
