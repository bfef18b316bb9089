/** A plan, for people and for programs. */
import { shortId } from "../../../core/short_id.ts";
import type { Clock } from "../../../core/clock.ts";
import { type Raw, textOf } from "../../../core/raw.ts";
import { countText, pluralText } from "../../../core/size_text.ts";
import { localTimeText } from "../../../core/time_text.ts";
import type { Amount, ExcludedByRule, Plan } from "../../../operations/plan/plan.ts";
import type { Explanation } from "../../../operations/plan/explain.ts";
import type { ExcludingRule } from "../../../source/walk.ts";
import { ignoringCase } from "../../../source/ignoring_case.ts";
import { PRESETS } from "../../../source/exclude_lists.ts";
import type { BackupSettings } from "../../../operations/settings/backup_settings.ts";
import type { Look } from "./entry_text.ts";
import { padded } from "../terminal/table.ts";

/** Settings that show where patterns come from. */
type ExcludeSettings = Pick<BackupSettings, "exclude" | "iexclude" | "excludeFrom" | "presets">;

/** Most rules that are listed. */
const MOST_RULES = 10;

/** Output of `plan --json`. Part of the interface. */
export function planJson(plan: Plan) {
  return {
    host: plan.host,
    name: plan.series,
    previous: plan.previous?.id ?? null,
    new: plan.new,
    changed: plan.changed,
    again: plan.again,
    unchanged: plan.unchanged,
    gone: plan.gone,
    excluded: plan.excluded.map(({ rule, entries, bytes }) => ({ ...ruleJson(rule), entries, bytes })),
    unreadable: plan.unreadable,
    readFiles: plan.readFiles,
    readBytes: plan.readBytes,
    storedItems: plan.store.contents,
    storedBytes: plan.store.bytes,
    packedBytes: plan.store.packedBytes,
    storageBytes: plan.storageBytes,
    units: plan.units ?? null,
    largest: plan.largest.map(({ path, bytes, state }) => ({ path: textOf(path), bytes, state })),
  };
}

function ruleJson(rule: ExcludingRule) {
  if (rule.by === "pattern") return { by: rule.by, pattern: rule.decision.pattern, from: rule.decision.from ?? null };
  if (rule.by === "marker") return { by: rule.by, name: textOf(rule.name) };
  return rule.by === "skip" ? { by: rule.by, why: rule.why } : { by: rule.by };
}

/** Lines for people. @param excludes where patterns come from */
export function planLines(plan: Plan, look: Look, excludes: ExcludeSettings): string[] {
  const { store, unreadable, largest } = plan;
  const size = (bytes: number) => look.sizeText(bytes);
  const amount = (name: string, amounts: Amount) => `  ${padded(name, 10)} ${amountText(amounts, look)}`;
  return [
    `Backup of ${plan.series}, compared with ${previousText(plan, look.world.clock)}`,
    ...STATES.map((state) => amount(state, plan[state])),
    ...(plan.again.files > 0 ? [`${amount("again", plan.again)}: the storage has lost their contents`] : []),
    ...(unreadable > 0 ? [`  problems   ${countText(unreadable)} (see above)`] : []),
    ...excludedLines(plan.excluded, excludes),
    `To read    ${pluralText(plan.readFiles, "file")} (${size(plan.readBytes)})`,
    `To store   about ${pluralText(store.contents, "new content")} (${size(store.bytes)}; ` +
    `compressed ${size(store.packedBytes)})`,
    `Growth     about ${size(plan.storageBytes)} ${growthText(plan)}`,
    ...(largest.length > 0 ? ["Largest"] : []),
    ...largest.map(({ path, bytes, state }) => `  ${padded(size(bytes), 9, true)}  ${textOf(path)} (${state})`),
  ];
}

function growthText({ units }: Plan): string {
  return units === undefined ? "on the storage's disk" : `in the vault, in ${pluralText(units, "new unit")}`;
}

const STATES = ["new", "changed", "unchanged", "gone"] as const;

function previousText({ previous }: Plan, clock: Clock): string {
  if (previous === undefined) return "nothing: it is the first of its series";
  const atMs = Date.parse(previous.time);
  return `snapshot ${shortId(previous.id)} (${localTimeText(atMs, clock.offsetMinutes(atMs))})`;
}

function amountText({ files, bytes, others }: Amount, look: Look): string {
  const rest = others === 0 ? "" : `, ${pluralText(others, "directory or other", "directories and others")}`;
  return `${pluralText(files, "file")} (${look.sizeText(bytes)})${rest}`;
}

function excludedLines(excluded: readonly ExcludedByRule[], excludes: ExcludeSettings): string[] {
  const total = excluded.reduce((sum, { entries }) => sum + entries, 0);
  const rows = excluded.slice(0, MOST_RULES).map(({ rule, entries }) => {
    return `    ${padded(countText(entries), 9, true)}  ${ruleText(rule, excludes)}`;
  });
  const others = excluded.length - rows.length;
  return [
    ...(total > 0 ? [`  excluded   ${pluralText(total, "entry", "entries")}`] : []),
    ...rows,
    ...(others > 0 ? [`               by ${pluralText(others, "other rule")}`] : []),
  ];
}

/** Output of `plan --why --json`. Part of the interface. */
export function whyJson(path: Raw, why: Explanation) {
  const rule = why.verdict === "excluded" ? { rule: ruleJson(why.rule), at: textOf(why.at) } : {};
  const differences = "differences" in why ? { differences: why.differences } : {};
  return { path: textOf(path), verdict: why.verdict, ...rule, ...differences };
}

/** Line for people. @param excludes where patterns come from */
export function whyLine(path: Raw, why: Explanation, excludes: ExcludeSettings): string {
  const name = textOf(path);
  switch (why.verdict) {
    case "excluded": {
      const above = why.at === path ? "" : `, which excludes ${textOf(why.at)}`;
      return `${name} is excluded by ${ruleText(why.rule, excludes)}${above}`;
    }
    case "new":
      return `${name} is new`;
    case "unchanged":
      return `${name} is unchanged since the last snapshot`;
    case "changed":
      return `${name} would be read again: ${differencesText(why.differences)}`;
    default:
      return `${name} is in no source`;
  }
}

function differencesText(fields: readonly string[]): string {
  return fields.length === 0
    ? "it was not read completely, or changed just before the last snapshot, or everything is to be read"
    : `${fields.join(", ")} differ${fields.length === 1 ? "s" : ""} from the last snapshot`;
}

function ruleText(rule: ExcludingRule, excludes: ExcludeSettings): string {
  switch (rule.by) {
    case "pattern": {
      const { pattern, from } = rule.decision;
      const typed = excludes.iexclude?.find((one) => ignoringCase(one) === pattern);
      if (typed !== undefined) return `the pattern ${typed} of --iexclude`;
      return `the pattern ${pattern} ${from === undefined ? originText(pattern, excludes) : `of ${from}`}`.trimEnd();
    }
    case "size":
      return "the limit of size";
    case "cache":
      return "a CACHEDIR.TAG beside it";
    case "marker":
      return `--exclude-if-present: ${textOf(rule.name)} is beside it`;
    case "file-system":
      return "--one-file-system: what is mounted there is not entered";
    case "skip":
      return `a rule of this tool: ${rule.why}`;
  }
}

/** Where a pattern comes from; of equal patterns, the one that decides. */
function originText(pattern: string, { exclude = [], presets = [], excludeFrom = [] }: ExcludeSettings): string {
  if (exclude.includes(pattern)) return "of --exclude";
  const preset = presets.findLast((name) => PRESETS[name]?.includes(pattern));
  if (preset !== undefined) return `of --exclude-preset ${preset}`;
  return excludeFrom.length === 0 ? "" : `of ${excludeFrom.map((file) => `--exclude-from ${file}`).join(" or ")}`;
}
