/** Options for pruning a vault. */
import { type Command, Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import { parseSize } from "../../core/size_text.ts";
import type { EngineKind } from "../../operations/open.ts";
import { paceFrom, parseDuration, parseShare, type WrittenPace } from "../../operations/settings/prune_pace.ts";
import type { RemovalPace } from "../../snapshot/repository.ts";
import { reading } from "./options.ts";

export type PaceOptions = WrittenPace;

export function addPaceOptions(command: Command): Command {
  return command
    .addOption(
      textOption(
        "--grace <TIME>",
        "vaults: time between marking data as unreferenced and deleting it (default: 24h)",
        parseDuration,
      ),
    )
    .addOption(
      textOption(
        "--keep-unused <TIME>",
        "vaults: keep unreferenced data that long (default: 7d)",
        parseDuration,
      ),
    )
    .addOption(
      textOption(
        "--max-unused <SHARE>",
        "vaults: tolerate that share of unreferenced data in units (default: 5%)",
        parseShare,
      ),
    )
    .addOption(textOption("--max-repack <SIZE>", "vaults: repack at most that much (default: 10G)", parseSize))
    .option("--unsafe", "vaults: allow a grace below an hour: nobody may be restoring");
}

/** An option whose value is validated when it is parsed, so that errors name the option. */
function textOption(flags: string, description: string, judge: (text: string) => unknown): Option {
  return new Option(flags, description).argParser(reading((text) => {
    judge(text);
    return text;
  }));
}

/** The pace that the options request. @throws BadUsage for a storage */
export function paceOf(options: PaceOptions, engine: EngineKind): RemovalPace | undefined {
  const { grace, keepUnused, maxUnused, maxRepack, unsafe } = options;
  const pace = paceFrom({ grace, keepUnused, maxUnused, maxRepack, unsafe });
  if (pace === undefined || engine === "vault") return pace;
  throw new BadUsage("These options are for vaults; a storage is pruned at once", "Leave them out");
}
