/** backup-tool version */
import { VERSION } from "../../core/version.ts";
import { examples } from "../settings/options.ts";
import type { Define } from "./command.ts";

const RELEASES = "BACKUP_TOOL_RELEASES";

export const defineVersion: Define = (program, act) => {
  const command = program.command("version")
    .summary("print the version")
    .description(
      "Print the version of this tool. With --check, also look whether there is a newer one. Nothing looks for newer " +
        "versions by itself, and none is installed.",
    )
    .option("--check [URL]", `look for a newer version at this address (default: that in ${RELEASES})`)
    .addHelpText(
      "after",
      examples(
        "backup-tool version",
        "backup-tool version --json",
        "backup-tool version --check https://example.org/backup-tool",
      ),
    );
  command.action(({ check }: { readonly check?: string | true }) =>
    act(command, async (session) => {
      const shown = { name: "backup-tool", version: VERSION };
      if (!session.options.json) session.out.line(`backup-tool ${VERSION}`);
      if (check === undefined) return session.options.json ? session.out.json(shown) : undefined;
      const { adviceOf, newestVersion } = await import("../session/releases.ts");
      const newest = await newestVersion(session, check === true ? session.world.env(RELEASES) : check, RELEASES);
      if (session.options.json) session.out.json({ ...shown, newest });
      else session.out.line(adviceOf(newest));
    }, { config: false })
  );
};
