/** Options that several commands share, and parsers of their values. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { Fault } from "../../core/fault.ts";
import { parseDuration } from "../../operations/settings/prune_pace.ts";

/** Options that are accepted before and after the name of the command. */
export interface GlobalOptions {
  readonly storage?: string;
  /** Path of the configuration; false: none. */
  readonly config?: string | false;
  readonly bytes?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** Time to wait for another run, for `parseDuration`. */
  readonly wait?: string;
  /** Names of targets to notify of the outcome. */
  readonly notify?: readonly string[];
  /** False: run no hooks. */
  readonly hooks?: boolean;
}

export function addGlobalOptions(program: Command): Command {
  program
    .option("-s, --storage <LOCATION>", "the storage or vault (or set BACKUP_TOOL_STORAGE)")
    .option("--config <FILE>", "use this configuration file (see `help configuration`)")
    .option("--json", "print the result as one JSON value")
    .option("--bytes", "print sizes in bytes")
    .option("-q, --quiet", "print only results and problems")
    .option("-v, --verbose", "report each file, and all counters at the end")
    .addOption(
      new Option("--wait <DURATION>", "wait up to DURATION for another writer: 30s, 90m, 2h").argParser(
        durationText,
      ),
    );
  // On the page of `notify`, and on no other.
  program.addOption(new Option("--notify <NAME>", "notify this target when it ends").argParser(collected).hideHelp());
  program.option("--no-hooks", "do not run the hooks of the configuration (see `help hooks`)");
  for (const name of ["config", "bytes", "quiet", "verbose"]) program.addOption(opposite(name));
  return program;
}

/** An option that overrides a variable or the configuration. Help pages omit it, because they would grow by half. */
export function opposite(name: string): Option {
  return new Option(`--no-${name}`).hideHelp();
}

const durationText = reading((text) => {
  parseDuration(text);
  return text;
});

export function workersOption(which = "0 for none (default: one per core, up to 4)"): Option {
  return new Option("--workers <N>", `number of worker threads; ${which}`)
    .argParser(reading(parseWorkers));
}

/** Parser for options that may be repeated. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Adapts a parser that throws Faults to the command line's errors. */
export function reading<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new InvalidArgumentError(`${error.hint}.`);
    }
  };
}

const MOST_THREADS = 64;

function parseWorkers(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= MOST_THREADS) return count;
  throw new InvalidArgumentError(`Give a whole number, 0 to ${MOST_THREADS}.`);
}

/** Parser for positive numbers. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("Give a number above 0.");
}

/** Section of examples at the end of a help page. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
