/** System calls of the program: listed, and the n-th of them made to fail, or to be the last. */
import { PROGRAM } from "../cli/program.ts";

/** True if there is strace, and tracing is allowed. */
export function canTrace(): boolean {
  try {
    return new Deno.Command("strace", { args: ["-f", "-o", "/dev/null", "true"], stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A call to interfere with: the n-th of that name in its thread. */
export interface Point {
  readonly call: string;
  readonly when: number;
}

export interface Traced {
  readonly status: number;
  readonly stderr: string;
  /** Lines of strace. */
  readonly trace: string;
}

export interface TraceOptions {
  readonly cwd: string;
  readonly env: Record<string, string>;
}

function trace(rules: readonly string[], args: readonly string[], { cwd, env }: TraceOptions): Traced {
  const output = Deno.makeTempFileSync({ prefix: "backup-tool-trace-" });
  try {
    const { code, stderr } = new Deno.Command("strace", {
      args: ["-f", "-y", "-s", "0", "-o", output, ...rules, ...PROGRAM, ...args],
      cwd,
      env,
      stdout: "null",
    }).outputSync();
    return { status: code, stderr: new TextDecoder().decode(stderr), trace: Deno.readTextFileSync(output) };
  } finally {
    Deno.removeSync(output);
  }
}

/** All calls of these names that are about something below `base`, in order. */
export function pointsOf(
  calls: readonly string[],
  args: readonly string[],
  base: string,
  options: TraceOptions,
): Point[] {
  const counts = new Map<string, number>(), points: Point[] = [];
  const { trace: lines } = trace(["--seccomp-bpf", "-e", `trace=${calls.join(",")}`], args, options);
  for (const line of lines.split("\n")) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    const key = `${thread} ${call}`, when = (counts.get(key) ?? 0) + 1;
    counts.set(key, when);
    if (line.includes(base)) points.push({ call, when });
  }
  return points;
}

/** Runs it with one call interfered with. @param how as strace has it: "signal=KILL", "error=EIO" */
export function interfere({ call, when }: Point, how: string, args: readonly string[], options: TraceOptions): Traced {
  return trace(["-e", `trace=${call}`, "-e", `inject=${call}:${how}:when=${when}`], args, options);
}
