/** backup-tool help */
import type { Command } from "commander";
import { BadUsage } from "../../core/fault.ts";
import { similarNames } from "../../core/similar.ts";
import { paintFor } from "../output/terminal/colors.ts";
import type { World } from "../world.ts";

/**
 * Also for commands inside commands: `help tree build`. What follows a command's name (somebody asks what the line means
 * that is to be typed next) is passed over: whatever is asked, nothing but help is shown.
 */
export function defineHelp(program: Command, world: World): void {
  program.helpCommand(false);
  program.command("help")
    .summary("show help for a command or a topic")
    .description(
      "Show the options of a command with examples, or a help topic. `help topics` lists the topics. Where a command and " +
        "a topic share a name, both are shown.",
    )
    .argument("[COMMAND...]", "a command or a topic")
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { TOPICS, topicNamed } = await import("../help/topics.ts");
      const [first = ""] = words;
      const text = words.length === 1 ? topicNamed(first) : undefined;
      const command = commandNamed(program, words);
      if (command !== undefined) command.outputHelp();
      if (first === "topics") return await showTopic(await listOfTopics(), world);
      if (text !== undefined) return await showTopic(command === undefined ? text : `---\n\n${text}`, world);
      if (command === undefined) throw noHelpFor(words, program, [...TOPICS.keys()]);
    });
}

/** The command of the longest beginning of `words` that names one; undefined where another must follow. */
function commandNamed(program: Command, words: readonly string[]): Command | undefined {
  let found = program;
  for (const word of words) {
    if (found.commands.length === 0 || word.startsWith("-")) return found;
    const inner = found.commands.find((command) => command.name() === word);
    if (inner === undefined) return undefined;
    found = inner;
  }
  return found;
}

function noHelpFor(words: readonly string[], program: Command, topics: readonly string[]): BadUsage {
  const names = [...program.createHelp().visibleCommands(program).map((command) => command.name()), ...topics];
  const meant = words.length === 1 ? similarNames(words[0] ?? "", names) : [];
  return new BadUsage(
    `There is no command or topic '${words.join(" ")}'`,
    meant.length > 0 ? `Did you mean ${meant.join(" or ")}?` : "See `backup-tool help` and `backup-tool help topics`",
  );
}

async function listOfTopics(): Promise<string> {
  const { TOPICS, titleOf } = await import("../help/topics.ts");
  const rows = [...TOPICS].map(([name, text]) => `| ${name} | ${titleOf(text)} |`);
  return `# Help topics

Read one with \`backup-tool help TOPIC\`; \`backup-tool help COMMAND\` shows the options of a command.

| | |
|-|-|
${rows.join("\n")}
`;
}

/** Through a pager at a terminal, as it is elsewhere. */
async function showTopic(markdown: string, world: World): Promise<void> {
  const { pageText } = await import("../help/page.ts");
  const text = pageText(markdown, paintFor(world.stdout, (name) => world.env(name)));
  const pager = world.env("BACKUP_TOOL_PAGER") ?? world.env("PAGER") ?? "less";
  const isPaged = world.stdout.isTerminal && pager !== "cat" && world.env("TERM") !== "dumb";
  if (isPaged && await world.showPages(text, pager)) return;
  world.stdout.write(new TextEncoder().encode(text));
}
