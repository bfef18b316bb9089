/** The format of help pages: options in groups, global ones in one line. */
import { type Argument, type Command, Help, type HelpConfiguration, type Option } from "commander";
import { VAULT_OPTIONS } from "../settings/vault_options.ts";

const COLUMNS = 80;

/** Groups of options by long name, in the order of the page. Options without a group are last. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  backup: {
    "What to back up": ["all", "source", "files-from", "null", "stdin-name", "command", "name", "host", "tag"],
    "What to exclude": [
      ...["exclude", "iexclude", "exclude-from", "exclude-preset", "exclude-if-present", "exclude-caches"],
      ...["exclude-larger-than", "one-file-system", "no-ignore-files"],
    ],
    "What counts as changed": ["force", "ignore-inode", "ignore-ctime", "static", "skip-if-unchanged"],
    "Consistent sources": ["lock", "before", "after", "read-from"],
    "Consideration for others": ["nice", "limit", "pause", "workers"],
  },
  restore: {
    "Where to": ["target", "as", "in-place", "strip"],
    "What to restore": ["include", "exclude"],
    "Files that exist": ["overwrite", "delete", "dry-run"],
    "Attributes": ["no-owner", "numeric-ids"],
    "Consideration for others": ["nice", "limit", "pause", "workers"],
  },
  copy: {
    "Which snapshots": ["name", "host", "tag", "latest"],
    "Where to": ["to", "to-key-file", "to-password-file", "to-password-command", "to-unencrypted"],
  },
  forget: {
    "Rules": [/^keep-/.source],
    "Which snapshots": ["host", "name", "tag"],
  },
  find: {
    "What to find": ["ignore-case", "kind", "larger-than", "smaller-than", "newer-than", "older-than", "content"],
    "Where": ["snapshot", "gone"],
  },
  serve: {
    "Jobs": ["jobs", "once", "tmp", "scan-every", "keep-history"],
    "Log": ["log", "log-format", "log-size"],
    "Consideration for others": ["nice", "limit", "pause", "workers"],
  },
};
const SAME: Readonly<Record<string, string>> = { plan: "backup" };

/** Prefix of descriptions of options that only concern vaults. */
const VAULTS = /^vaults: /;

/** Related topics of commands. */
const TOPICS: Readonly<Record<string, readonly string[]>> = {
  init: ["getting-started", "vaults"],
  backup: ["sources", "excludes", "changes", "configuration"],
  plan: ["changes", "excludes"],
  copy: ["vaults", "servers"],
  snapshots: ["snapshots"],
  ls: ["snapshots"],
  find: ["snapshots"],
  history: ["snapshots"],
  diff: ["snapshots"],
  restore: ["restoring"],
  dump: ["restoring"],
  forget: ["retention"],
  prune: ["retention", "vaults"],
  policy: ["retention"],
  rewrite: ["rewriting"],
  tag: ["snapshots"],
  tree: ["snapshots"],
  key: ["keys"],
  check: ["checking"],
  drill: ["checking"],
  repair: ["checking"],
  salvage: ["checking"],
  recover: ["sources"],
  serve: ["service", "jobs", "nas"],
  job: ["jobs"],
  notify: ["notifications"],
  metrics: ["metrics"],
  config: ["configuration", "environment"],
  completions: ["install"],
};

export const HELP_FORMAT: HelpConfiguration = {
  helpWidth: COLUMNS,
  minWidthToWrap: 24,
  // What they take stands on their own pages.
  subcommandTerm: (command) => command.name(),
  visibleOptions(command) {
    const all = Help.prototype.visibleOptions.call(this, command);
    if (command.parent === null) {
      for (const option of all) if (VAULT_OPTIONS.includes(option.attributeName())) option.helpGroup("For vaults:");
      return orderedByGroup(all, command);
    }
    // That every page has it need not stand on every page.
    const options = all.filter(({ long }) => long !== "--help" && long !== "--version");
    for (const option of options) option.helpGroup(headingOf(option, command));
    return orderedByGroup(options, command);
  },
  groupItems: (_all, visible, groupOf) => Map.groupBy(visible, groupOf),
  optionDescription: descriptionOf,
  argumentDescription: descriptionOf,
  formatHelp(command, help) {
    return `${Help.prototype.formatHelp.call(this, command, help).trimEnd()}\n${footOf(command)}`;
  },
};

function groupsOf(command: Command): [heading: string, names: readonly string[]][] {
  const name = command.name();
  return Object.entries(GROUPS[SAME[name] ?? name] ?? {});
}

function headingOf({ long, description }: Option, command: Command): string {
  if (VAULTS.test(description)) return "For vaults:";
  const groups = groupsOf(command), name = long?.slice(2) ?? "";
  const group = groups.find(([, names]) =>
    names.some((part) => part === name || (part[0] === "^" && name.match(part)))
  );
  if (group !== undefined) return `${group[0]}:`;
  return groups.length > 0 ? "Other options:" : "Options:";
}

function orderedByGroup(options: readonly Option[], command: Command): Option[] {
  const groups = groupsOf(command).map(([heading]) => `${heading}:`);
  const order = [...groups, "Options:", "Other options:", "For vaults:"];
  const placeOf = (option: Option) => order.indexOf(option.helpGroupHeading ?? "Options:");
  return options.toSorted((a, b) => placeOf(a) - placeOf(b));
}

/** Description with notes: "exclude well-known junk files (repeatable; nas or desktop)". */
function descriptionOf({ description, argChoices, defaultValue, defaultValueDescription }: Option | Argument): string {
  const notes: string[] = [];
  if (argChoices !== undefined) notes.push(orList(argChoices));
  const usual = defaultValueDescription ?? (typeof defaultValue === "boolean" ? undefined : defaultValue);
  if (usual !== undefined && !description.includes("(default")) notes.push(`default: ${usual}`);
  const text = description.replace(VAULTS, "");
  if (notes.length === 0) return text;
  const [, start, given] = /^(.*) \(([^()]*)\)$/s.exec(text) ?? [];
  return given === undefined ? `${text} (${notes.join("; ")})` : `${start} (${[given, ...notes].join("; ")})`;
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function footOf(command: Command): string {
  if (command.parent === null) return "\nHelp topics: see `backup-tool help topics`\n";
  const top = command.parent.parent === null ? command : command.parent;
  const topics = TOPICS[top.name()] ?? [];
  const more = topics.map((topic) => `\`help ${topic}\``).join(", ");
  return `\nGlobal options: see \`backup-tool help options\`\n${more === "" ? "" : `Topics: ${more}\n`}`;
}
