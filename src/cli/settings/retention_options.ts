/** Options for the retention policy. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { optionText, parseAmount, parseSpan, PERIODS, type Policy, tagList } from "../../core/policy.ts";
import { parseSize } from "../../core/size_text.ts";
import { reading } from "./options.ts";

/** Options for the rules, with the parser's names: `keepDaily`, `keepWithinDaily`. */
export type KeepOptions = { readonly [Rule in keyof Policy as `keep${Capitalize<Rule>}`]?: Policy[Rule] };

export function addKeepOptions(command: Command): Command {
  command.addOption(
    new Option("--keep-last <N>", "keep the newest N snapshots; `unlimited` for all").argParser(reading(parseAmount)),
  );
  for (const period of PERIODS) {
    const text = `the newest of each of N ${PERIOD_NAMES[period]}s`;
    command.addOption(new Option(`--keep-${optionText(period)} <N>`, text).argParser(reading(parseAmount)));
  }
  command
    .addOption(
      new Option("--keep-within <SPAN>", "keep all within SPAN before the newest snapshot, such as 30d, 1y6m")
        .argParser(
          spanText,
        ),
    );
  for (const period of PERIODS) {
    const text = `the newest of each ${PERIOD_NAMES[period]} of SPAN`;
    command.addOption(new Option(`--keep-within-${optionText(period)} <SPAN>`, text).argParser(spanText));
  }
  return command
    .addOption(
      new Option("--keep-tag <TAG>", "keep all with this tag; `a,b` for both (repeatable)").argParser(collectedTags),
    )
    .addOption(
      new Option("--keep-free <SIZE>", "remove the oldest, though rules keep them, until SIZE is free").argParser(
        sizeRule,
      ),
    );
}

const PERIOD_NAMES = {
  minutely: "minute",
  hourly: "hour",
  daily: "day",
  weekly: "week",
  monthly: "month",
  quarterly: "quarter",
  halfYearly: "half-year",
  yearly: "year",
} as const;

const sizeRule = reading((text) => {
  parseSize(text);
  return text;
});

const spanText = reading((text) => {
  parseSpan(text);
  return text;
});

/** Parser for repeated options with tags; commas combine tags that must all be present. */
export function collectedTags(text: string, before: readonly string[] = []): readonly string[] {
  if (tagList(text).length === 0) throw new InvalidArgumentError("Give a tag.");
  return [...before, text];
}

/** Name of a rule: "withinDaily" for "keepWithinDaily". */
function ruleOf(option: string): string {
  const rule = option.slice("keep".length);
  return rule.charAt(0).toLowerCase() + rule.slice(1);
}

/** The policy that the options set; undefined if there is no such option. */
export function policyOf(options: KeepOptions): Policy | undefined {
  const rules = Object.entries(options)
    .filter(([option]) => option.startsWith("keep"))
    .map(([option, value]) => [ruleOf(option), value]);
  return rules.length === 0 ? undefined : Object.fromEntries(rules);
}
