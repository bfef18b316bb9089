/** backup-tool version */
import { VERSION } from "../../core/version.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

export const defineVersion: Define = (program, act) => {
  const command = program.command("version")
    .summary("print the version")
    .description("Print the version of this tool.")
    .addHelpText("after", examples("backup-tool version", "backup-tool version --json"));
  command.action(() =>
    act(command, (session) => {
      if (session.options.json) session.out.json({ name: "backup-tool", version: VERSION });
      else session.out.line(`backup-tool ${VERSION}`);
      return Promise.resolve();
    }, { config: false })
  );
};
