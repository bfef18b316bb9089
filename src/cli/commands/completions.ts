/** backup-tool completions */
import { Argument } from "commander";
import { SCRIPTS, type Shell } from "../completion/scripts.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const defineCompletions: Define = (program, act) => {
  const command = program.command("completions")
    .summary("generate shell completion scripts")
    .description(
      "Print a script with which a shell completes commands, options, and what the storage contains: snapshots, paths in " +
        "them, names and tags. Put it where the shell looks for completions, and start a new shell.",
    )
    .addArgument(new Argument("<SHELL>", "which shell").choices(Object.keys(SCRIPTS)))
    .addHelpText(
      "after",
      examples(
        "backup-tool completions bash > /etc/bash_completion.d/backup-tool",
        "backup-tool completions zsh > /usr/local/share/zsh/site-functions/_backup-tool",
        "backup-tool completions fish > ~/.config/fish/completions/backup-tool.fish",
        "backup-tool completions powershell >> $PROFILE",
        `eval "$(backup-tool completions bash)"`,
      ),
    );
  command.action((shell: Shell) =>
    act(command, (session) => {
      if (session.options.json) session.out.json({ shell, script: SCRIPTS[shell] });
      else session.out.exact(SCRIPTS[shell]);
      return Promise.resolve();
    }, { config: false })
  );
};
