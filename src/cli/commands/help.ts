/** backup-tool help */
import type { Command } from "commander";
import { BadUsage } from "../../core/fault.ts";
import { similarNames } from "../../core/similar.ts";
import { paintFor } from "../output/terminal/colors.ts";
import type { World } from "../world.ts";

/**
 * Adds `help`, also for nested commands: `help tree build`. Further words after a command's name are ignored, as users
 * may ask about a line that they are about to type: whatever is asked, only help is shown.
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
    .option("--man", "print it as a man page, in the language of roff")
    .allowUnknownOption()
    .action(async (words: readonly string[], { man = false }: { readonly man?: boolean }) => {
      const text = words.length === 1 ? await topic(words[0] ?? "", program) : undefined;
      const command = commandNamed(program, words);
      if (command === undefined && text === undefined) throw await noHelpFor(words, program);
      if (man) return await showManPage(command ?? words[0] ?? "", text, world);
      command?.outputHelp();
      if (text !== undefined) await showTopic(command === undefined ? text : `\n${text}`, world);
    });
}

/** The Markdown of a topic, including generated ones; undefined if there is none of that name. */
async function topic(name: string, program: Command): Promise<string | undefined> {
  const [{ TOPICS, titleOf, topicNamed }, { commandsTopic, topicsTopic, withOptions }] = await Promise.all([
    import("../help/topics.ts"),
    import("../help/generated.ts"),
  ]);
  if (name === "commands") return commandsTopic(program);
  if (name === "topics") return topicsTopic([...TOPICS].map(([topic, text]) => [topic, titleOf(text)]));
  const text = topicNamed(name);
  return text === undefined ? undefined : withOptions(text, program);
}

async function showManPage(page: Command | string, text: string | undefined, world: World): Promise<void> {
  const { commandPage, topicPage } = await import("../help/man_page.ts");
  const roff = typeof page === "string" ? topicPage(page, text ?? "") : commandPage(page);
  world.stdout.write(new TextEncoder().encode(roff));
}

/** The command named by the longest prefix of `words`; undefined if a subcommand is missing. */
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

async function noHelpFor(words: readonly string[], program: Command): Promise<BadUsage> {
  const { TOPICS } = await import("../help/topics.ts");
  const names = program.createHelp().visibleCommands(program).map((command) => command.name());
  const meant = words.length === 1 ? similarNames(words[0] ?? "", [...names, ...TOPICS.keys()]) : [];
  return new BadUsage(
    `There is no command or topic '${words.join(" ")}'`,
    meant.length > 0 ? `Did you mean ${meant.join(" or ")}?` : "See `backup-tool help` and `backup-tool help topics`",
  );
}

/** Shows a topic: on a terminal in a pager, otherwise as text. */
async function showTopic(markdown: string, world: World): Promise<void> {
  const { pageText } = await import("../help/page.ts");
  const text = pageText(markdown, paintFor(world.stdout, (name) => world.env(name)));
  const pager = world.env("BACKUP_TOOL_PAGER") ?? world.env("PAGER") ?? "less";
  const isPaged = world.stdout.isTerminal && pager !== "cat" && world.env("TERM") !== "dumb";
  if (isPaged && await world.showPages(text, pager)) return;
  world.stdout.write(new TextEncoder().encode(text));
}
