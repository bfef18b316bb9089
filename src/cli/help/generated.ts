/** Generated parts of topics: the commands, and all options. */
import type { Command, Option } from "commander";

/** The topic that lists all commands. */
export function commandsTopic(program: Command): string {
  const groups = Map.groupBy(visibleCommands(program), (command) => command.helpGroup());
  const sections = [...groups].map(([group, commands]) => {
    const rows = commands.flatMap(rowsOf).map(([usage, summary]) => `| \`${usage}\` | ${cell(summary)} |`);
    return `## ${group.replace(/:$/, "") || "Help"}\n\n| | |\n|-|-|\n${rows.join("\n")}\n`;
  });
  return `# Commands: what the program can do\n
\`backup-tool help COMMAND\` shows the options of a command, with examples. All commands also take those of
\`backup-tool help options\`.\n
${sections.join("\n")}`;
}

/** Rows for a command, or for its subcommands. */
function rowsOf(command: Command): [string, string][] {
  const inner = visibleCommands(command);
  if (inner.length > 0) return inner.flatMap(rowsOf);
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  const operands = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? name : `[${name}]`;
  });
  return [[[...names, ...operands].join(" "), command.summary()]];
}

function visibleCommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

/** The topic that lists all others. @param topics names and titles */
export function topicsTopic(topics: readonly (readonly [string, string])[]): string {
  const all = [["commands", "what the program can do"], ...topics];
  const rows = all.map(([name = "", title = ""]) => `| ${name} | ${cell(title)} |`);
  return `# Help topics: what there is to read\n
Read one with \`backup-tool help TOPIC\`; \`backup-tool help COMMAND\` shows the options of a command.\n
| | |\n|-|-|\n${rows.join("\n")}\n`;
}

/** The text with all global options listed in place of `<!-- options -->`. */
export function withOptions(text: string, program: Command): string {
  const rows = program.options.filter(({ hidden }) => !hidden).map((option) =>
    `| \`${flagsOf(option)}\` | ${cell(option.description)} |`
  );
  return text.replace("<!-- options -->", `| | |\n|-|-|\n${rows.join("\n")}`);
}

/** "-s, --storage LOCATION" for "-s, --storage <LOCATION>". */
export function flagsOf({ flags }: Option): string {
  return flags.replace(/[<>]/g, "");
}

/** The text with bars escaped, because they end a cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
