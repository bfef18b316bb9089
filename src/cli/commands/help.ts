/** backup-tool help */
import type { Command } from "commander";

/**
 * Also for commands inside commands: `help tree build`. What follows a command's name (somebody asks what the line means
 * that is to be typed next) is passed over: whatever is asked, nothing but help is shown.
 */
export function defineHelp(program: Command): void {
  program.helpCommand(false);
  program.command("help")
    .summary("show a command's options and examples")
    .description("Show what a command does, its options and examples.")
    .argument("[COMMAND...]", "which command")
    .allowUnknownOption()
    .action((words: readonly string[]) => commandNamed(program, words).outputHelp());
}

/** The command of the longest beginning of `words` that names one. Fails with "unknown command" where another must follow. */
function commandNamed(program: Command, words: readonly string[]): Command {
  let found = program;
  for (const word of words) {
    if (found.commands.length === 0 || word.startsWith("-")) return found;
    found = found.commands.find((command) => command.name() === word) ??
      found.error(`error: unknown command '${word}'`);
  }
  return found;
}
