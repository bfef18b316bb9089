/** The options that say which snapshots to keep. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Amount, parseAmount, parseSpan, PERIODS, type Policy, tagList } from "../../core/policy.ts";
import { reading } from "./options.ts";

export interface KeepOptions {
  readonly keepLast?: Amount;
  readonly keepHourly?: Amount;
  readonly keepDaily?: Amount;
  readonly keepWeekly?: Amount;
  readonly keepMonthly?: Amount;
  readonly keepYearly?: Amount;
  readonly keepWithin?: string;
  readonly keepTag?: readonly string[];
}

export function addKeepOptions(command: Command): Command {
  command.addOption(
    new Option("--keep-last <N>", "the newest N, or all: `unlimited`, or -1").argParser(reading(parseAmount)),
  );
  for (const period of PERIODS) {
    const text = `the newest of each of N ${UNITS[period]}`;
    command.addOption(new Option(`--keep-${period} <N>`, text).argParser(reading(parseAmount)));
  }
  return command
    .addOption(
      new Option("--keep-within <SPAN>", "all from SPAN before the newest one on, such as 30d, 1y6m").argParser(
        spanText,
      ),
    )
    .addOption(
      new Option("--keep-tag <TAG>", "all with that tag; `a,b`: with both (repeatable)").argParser(collectedTags),
    );
}

const UNITS = { hourly: "hours", daily: "days", weekly: "weeks", monthly: "months", yearly: "years" } as const;

const spanText = reading((text) => {
  parseSpan(text);
  return text;
});

function collectedTags(text: string, before: readonly string[] = []): readonly string[] {
  if (tagList(text).length === 0) throw new InvalidArgumentError("Give a tag.");
  return [...before, text];
}

/** Undefined if no option of these was given. */
export function policyOf(options: KeepOptions): Policy | undefined {
  const rules = Object.entries(options)
    .filter(([option]) => option.startsWith("keep"))
    .map(([option, value]) => [option.slice("keep".length).toLowerCase(), value]);
  return rules.length === 0 ? undefined : Object.fromEntries(rules);
}
