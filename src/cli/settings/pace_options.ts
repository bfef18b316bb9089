/** Options that limit how much of the machine long commands use. */
import { type Command, Option } from "commander";
import { parseRate } from "../../core/size_text.ts";
import { opposite, parsePositive, reading } from "./options.ts";

export interface PaceOptions {
  readonly nice?: "lowest" | "off";
  /** Bytes a second; false: no limit, whatever variables and the configuration say. */
  readonly limit?: number | false;
  /** Pause after each MiB in ms; false: none. */
  readonly pause?: number | false;
}

/** Adds the options. Unlike for `serve`, there is no limit unless an option or the configuration sets one. */
export function addPaceOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--nice <HOW>", "priority for processor and disk (default: off)").choices(["lowest", "off"]),
    )
    .addOption(
      new Option("--limit <RATE>", "read no more a second than that: 20MB/s").argParser(reading(parseRate)),
    )
    .addOption(
      new Option("--pause <MS>", "rest so many milliseconds after each MiB that is read").argParser(parsePositive),
    )
    .addOption(opposite("limit"))
    .addOption(opposite("pause"));
}
