/** Options of commands that work long: how much of the machine they leave to others. */
import { type Command, Option } from "commander";
import { parseRate } from "../../core/size_text.ts";
import { opposite, parsePositive, reading } from "./options.ts";

export interface PaceOptions {
  readonly nice?: "lowest" | "off";
  /** Bytes a second; false: whatever variables and the configuration say, none. */
  readonly limit?: number | false;
  /** Milliseconds after each MiB. */
  readonly pause?: number | false;
}

/** As `serve` has them; by hand nothing is held back unless it is said, here or in the configuration. */
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
