/** Usage errors in the form of every error, with suggestions. */
import type { Command, Option } from "commander";
import { BadUsage } from "../../core/fault.ts";
import { similarNames } from "../../core/similar.ts";

/** The parser's message for a value that is empty, or invalid. */
const EMPTY =
  /^(?:Option '(?:-\w, )?(--[\w-]+)[^']*' argument|Command-argument value) '' is invalid(?: for argument '(.*?)')?\. (.*)$/;

/** The parser's message for an option at the end of the line that lacks its value. */
const NO_VALUE = /^Option '(?:-\w, )?(--[\w-]+)[^']*' argument missing$/;
/** The parser's message for a value that is not among the choices. */
const NO_CHOICE =
  /^(?:Option '(?:-\w, )?(--[\w-]+)[^']*' argument|Command-argument value) '(.*)' is invalid(?: for argument '(.*?)')?\. Allowed choices are (.*)$/;

/** Names of commands in other programs, with the equivalents of this one. */
const ELSEWHERE: Readonly<Record<string, readonly string[] | string>> = {
  list: ["ls", "snapshots"],
  show: ["ls", "cat"],
  log: ["snapshots", "history"],
  verify: ["check"],
  test: ["check", "drill"],
  fsck: ["check"],
  delete: ["forget"],
  remove: ["forget", "rewrite"],
  rm: ["forget", "rewrite"],
  purge: ["rewrite"],
  recreate: ["rewrite"],
  gc: ["prune"],
  clean: ["prune"],
  compact: ["prune"],
  extract: ["restore"],
  undelete: ["restore"],
  export: ["dump"],
  create: ["init", "backup"],
  save: ["backup"],
  reindex: ["rebuild"],
  search: ["find"],
  info: ["stats", "snapshots"],
  du: ["stats"],
  size: ["stats"],
  sync: ["copy"],
  push: ["copy"],
  daemon: ["serve"],
  server: ["serve"],
  schedule: ["serve"],
  passwd: ["key change"],
  password: ["key change"],
  debug: ["doctor"],
  settings: ["config"],
  mount: "Snapshots are ordinary directories in the storage: see `backup-tool help snapshots`",
  umount: "Nothing is mounted: see `backup-tool help snapshots`",
  unlock: "A lock ends with the process that holds it: there is nothing to unlock",
  "break-lock": "A lock ends with the process that holds it: there is nothing to unlock",
  migrate: "Newer versions read all older formats: there is nothing to migrate",
};

/**
 * The fault for a message of the parser.
 * @param text such as "error: unknown command 'lss'"
 * @param command that was being parsed
 */
export function usageFault(text: string, command: Command): BadUsage {
  const [first = ""] = text.trimEnd().split("\n");
  const message = first.replace(/^error: /, "").replace(/^./, (letter) => letter.toUpperCase()).replace(/\.$/, "");
  const [, option, argument, allowed] = EMPTY.exec(message) ?? [];
  if (allowed !== undefined) return isEmpty(option ?? argument ?? "argument", allowed);
  const value = valueFault(message, command);
  if (value !== undefined) return value;
  const elsewhere = elsewhereHint(message, command);
  if (elsewhere !== undefined) return new BadUsage(message, elsewhere);
  const meant = meantBy(message, command);
  return new BadUsage(
    message,
    meant.length > 0 ? `Did you mean ${meant.join(" or ")}?` : `See \`${helpFor(command)}\``,
  );
}

/** The fault for a value that is missing or invalid; undefined for another message. */
function valueFault(message: string, command: Command): BadUsage | undefined {
  const missing = NO_VALUE.exec(message)?.[1];
  if (missing !== undefined) return new BadUsage(`Option ${missing} needs a value`, `See \`${helpFor(command)}\``);
  const [, option, value = "", argument, choices] = NO_CHOICE.exec(message) ?? [];
  if (choices === undefined) return undefined;
  const names = choices.split(", "), last = names.pop();
  const what = option === undefined ? `${argument?.toLowerCase()} '${value}'` : `value '${value}' for ${option}`;
  return new BadUsage(`Unknown ${what}`, `Use ${[names.join(", "), last].filter(Boolean).join(" or ")}`);
}

/** The equivalent of another program's command; undefined if there is none. */
function elsewhereHint(message: string, command: Command): string | undefined {
  const [, typed = ""] = /^Unknown command '(.*)'$/.exec(message) ?? [];
  const ours = command.parent === null ? ELSEWHERE[typed] : undefined;
  if (ours === undefined || typeof ours === "string") return ours;
  return `backup-tool has no \`${typed}\`; use ${ours.map((name) => `\`${name}\``).join(" or ")}`;
}

function meantBy(message: string, command: Command): readonly string[] {
  const [, what, typed = ""] = /^Unknown (command|option) '(.*)'$/.exec(message) ?? [];
  if (what === "command") {
    const names = command.createHelp().visibleCommands(command).map((inner) => inner.name());
    return nearest(typed, names);
  }
  if (what !== "option" || !typed.startsWith("--")) return [];
  const [name = ""] = typed.split("=");
  return nearest(name.slice(2), longOptions(command)).map((option) => `--${option}`);
}

/** Similar names, or else those that contain the text. */
function nearest(typed: string, names: readonly string[]): readonly string[] {
  const similar = similarNames(typed, names);
  if (similar.length > 0 || typed.length < 3) return similar;
  return names.filter((name) => name.includes(typed)).slice(0, 3);
}

/** Names of all options without dashes, including global ones. */
function longOptions(command: Command): string[] {
  const help = command.createHelp();
  const options = [
    ...help.visibleOptions(command),
    ...command.parent === null ? [] : optionsAbove(command),
  ];
  return options.flatMap(({ long }) => long ? [long.slice(2)] : []);
}

/** Options of the commands above, including those that help pages omit. */
function optionsAbove({ parent }: Command): Option[] {
  return parent === null ? [] : [...parent.options.filter(({ hidden }) => !hidden), ...optionsAbove(parent)];
}

/** The command for help: "backup-tool help tree build". */
function helpFor(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  names.splice(1, 0, "help");
  return names.join(" ");
}

/**
 * Refuses empty arguments. An unset variable, as in `backup "$SOURCE"`, must never stand for the current directory.
 * Options for which an empty value is meaningful parse it differently.
 * @throws BadUsage
 */
export function refuseEmpty(command: Command): void {
  const empty = command.args.indexOf("");
  if (empty >= 0) {
    throw isEmpty(
      command.registeredArguments.at(Math.min(empty, command.registeredArguments.length - 1))?.name() ?? "argument",
    );
  }
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const option of at.options) {
      const name = option.attributeName();
      const values = [at.getOptionValue(name)].flat();
      if (at.getOptionValueSource(name) === "cli" && values.includes("")) throw isEmpty(option.long ?? option.flags);
    }
  }
}

function isEmpty(what: string, how = "Give it a value"): BadUsage {
  return new BadUsage(`\`${what}\` is empty`, `${how}; is a variable not set?`);
}
