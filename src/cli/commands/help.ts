/** backup-tool help */
import type { Command } from "commander";

/** Also for commands inside commands: `help tree build`. */
export function defineHelp(program: Command): void {
  program.helpCommand(false);
  program.command("help")
    .summary("show a command's options and examples")
    .description("Show what a command does, its options and examples.")
    .argument("[COMMAND...]", "which command")
    .action(async (names: readonly string[]) => {
      let found = program;
      for (const name of names) {
        const next = found.commands.find((command) => command.name() === name);
        // Parsing the name as a command fails, and says which one may have been meant.
        if (next === undefined) return void await found.parseAsync([name], { from: "user" });
        found = next;
      }
      found.outputHelp();
    });
}
