/** backup-tool recover-page */
import type { Define } from "./command.ts";
import { examples } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import type { Session } from "../session/session.ts";
import { BadUsage } from "../../core/fault.ts";
import { baseName, bytesOf, parentPath, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { DiskFault } from "../../platform/disk.ts";

const PUBLIC_FILE = 0o644;
const CONFIG = rawOf("config"), DATA = rawOf("data"), KEYS = rawOf("keys");

export const defineRecoverPage: Define = (program, act) => {
  const command = program.command("recover-page")
    .summary("write the page that opens a vault in a browser")
    .description(
      "Write a page that opens a vault with nothing but a browser: one file, without any network. Keep it where you keep " +
        "your key, never beside a vault: whoever can write there could replace it by one that keeps your passphrase. Its " +
        "SHA-256 is printed, also by `key show --paper`; compare it before you use a copy.",
    )
    .argument("[FILE]", "a new file (default: print only the SHA-256)")
    .addHelpText("after", examples("backup-tool recover-page ~/recover.html", "sha256sum ~/recover.html"));
  command.action((file: string | undefined) =>
    act(command, async (session) => {
      const { pageDigest, PAGE } = await import("../recover/recover_page.ts");
      const sha256 = pageDigest(), path = file === undefined ? undefined : absolutePath(session.world, file);
      if (path !== undefined) await writePage(session, path, PAGE);
      const lines = [...(path === undefined ? [] : [`Wrote ${textOf(path)}`]), `SHA-256 ${sha256}`];
      session.result({ sha256, path: path === undefined ? null : textOf(path) }, lines);
    }, { config: false })
  );
};

/** Writes the page. @throws BadUsage in a vault; DiskFault, also if something else has that name */
async function writePage(session: Session, path: Raw, page: string): Promise<void> {
  using directory = (await session.machine()).disk.openDir(parentPath(path));
  const isVault = directory.stat(CONFIG)?.kind === "file" &&
    [KEYS, DATA].some((name) => directory.stat(name)?.kind === "dir");
  if (isVault) {
    throw new BadUsage(
      "The page must not lie in a vault",
      "Whoever can write there could replace it by one that keeps your passphrase: keep it elsewhere",
    );
  }
  using file = directory.create(baseName(path), PUBLIC_FILE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", path);
  file.write(bytesOf(rawOf(page)), 0);
  file.sync();
}
