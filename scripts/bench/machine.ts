/** What a benchmark ran on: numbers mean nothing without it. */
import { cpus, release, totalmem, type } from "node:os";
import type { Peer } from "./works.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly fileSystem: string;
  /** By program. */
  readonly versions: Readonly<Record<string, string>>;
  /** All of it in one sentence. */
  readonly text: string;
}

/** First line of what a program prints, or "unknown". */
function firstLine(program: string, ...args: string[]): string {
  try {
    const { stdout } = new Deno.Command(program, { args, stderr: "null" }).outputSync();
    return new TextDecoder().decode(stdout).split("\n")[0]!.trim() || "unknown";
  } catch {
    return "unknown";
  }
}

export function machine(directory: string, peers: readonly Peer[]): Machine {
  const processors = cpus();
  const cpu = processors[0]?.model ?? "unknown";
  const cores = processors.length, memoryBytes = totalmem(), system = `${type()} ${release()}`;
  const fileSystem = firstLine("findmnt", "-n", "-o", "FSTYPE", "-T", directory);
  const versions = Object.fromEntries(
    peers.flatMap(({ programs }) => programs.slice(0, 1)).map((program) => [
      program,
      firstLine(program, program === "restic" ? "version" : "--version"),
    ]),
  );
  const text = `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${system}, ${fileSystem}; ` +
    `${Object.entries(versions).map(named).join("; ")}.`;
  return { cpu, cores, memoryBytes, system, fileSystem, versions, text };
}

/** A version with the name of its program, which not every program says. */
function named([name, version]: readonly [string, string]): string {
  return version.includes(name) ? version : `${name} ${version}`;
}
