/** Runs a command and says how long it took and how much memory it needed. */
import type { Command } from "./works.ts";

const TIME = "/usr/bin/time";

export interface Measured {
  readonly seconds: number;
  /** Undefined where GNU time is not installed; the same holds for the processors' time. */
  readonly peakBytes: number | undefined;
  readonly cpuSeconds: number | undefined;
}

/** A measured command failed: the numbers would mean nothing. */
export class CommandFailed extends Error {}

export function isInstalled(program: string): boolean {
  const paths = (Deno.env.get("PATH") ?? "").split(":");
  return paths.some((path) => path !== "" && exists(`${path}/${program}`));
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs a command to its end. @throws CommandFailed with what it said */
export function run({ argv, cwd, env }: Command): void {
  const [program, ...args] = argv;
  const { code, stderr, stdout } = new Deno.Command(program!, {
    args,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env } }),
  }).outputSync();
  if (code === 0) return;
  const said = new TextDecoder().decode(stderr) || new TextDecoder().decode(stdout);
  throw new CommandFailed(`${argv.join(" ")} ended with status ${code}:\n${said.trim()}`);
}

export function measure(command: Command, scratch: string): Measured {
  const withTime = exists(TIME);
  const report = `${scratch}/peak`;
  const argv = withTime ? [TIME, "-o", report, "-f", "%M %U %S", ...command.argv] : command.argv;
  const start = performance.now();
  run({ ...command, argv });
  const seconds = (performance.now() - start) / 1000;
  if (!withTime) return { seconds, peakBytes: undefined, cpuSeconds: undefined };
  const [peak = 0, user = 0, system = 0] = Deno.readTextFileSync(report).trim().split(" ").map(Number);
  return { seconds, peakBytes: peak * 1024, cpuSeconds: user + system };
}

/** Bytes of all files below a directory. */
export function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}`;
    bytes += isDirectory ? bytesBelow(path) : Deno.lstatSync(path).size;
  }
  return bytes;
}
