/** backup-tool recover-page */
import type { Define } from "./command.ts";
import { examples } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import type { Session } from "../session/session.ts";
import { BadUsage } from "../../core/fault.ts";
import { baseName, bytesOf, parentPath, type Raw, rawOf, textOf } from "../../core/raw.ts";
import { type Dir, DiskFault } from "../../platform/disk.ts";

const PUBLIC_FILE = 0o644;
const CONFIG = rawOf("config"), DATA = rawOf("data"), KEYS = rawOf("keys");
const CONTENT = rawOf("content"), DB = rawOf("db");

export const defineRecoverPage: Define = (program, act) => {
  const command = program.command("recover-page")
    .summary("write the page that opens a backup in a browser")
    .description(
      "Write a page that opens a vault or a storage with nothing but a browser: one file, without any network. Keep it " +
        "where you keep your key, never beside a vault: whoever can write there could replace it by one that keeps your " +
        "passphrase. Its SHA-256 is printed, also by `key show --paper`; compare it before you use a copy. The page of " +
        "--without-key opens only what is not encrypted, and may lie in a storage.",
    )
    .argument("[FILE]", "a new file (default: print only the SHA-256)")
    .option("--without-key", "write the page that has no field for a key")
    .addHelpText(
      "after",
      examples(
        "backup-tool recover-page ~/recover.html",
        "sha256sum ~/recover.html",
        "backup-tool recover-page --without-key /mnt/disk/storage/recover.html",
      ),
    );
  command.action((file: string | undefined, { withoutKey = false }: { readonly withoutKey?: boolean }) =>
    act(command, async (session) => {
      const { pageDigest, PAGE, STORAGE_PAGE } = await import("../recover/recover_page.ts");
      const page = withoutKey ? STORAGE_PAGE : PAGE, sha256 = pageDigest(page);
      const path = file === undefined ? undefined : absolutePath(session.world, file);
      if (path !== undefined) await writePage(session, path, { page, withoutKey });
      const lines = [...(path === undefined ? [] : [`Wrote ${textOf(path)}`]), `SHA-256 ${sha256}`];
      session.result({ sha256, path: path === undefined ? null : textOf(path) }, lines);
    }, { config: false })
  );
};

/** A page, and whether it has no field for a key. */
interface Written {
  readonly page: string;
  readonly withoutKey: boolean;
}

/** Writes a page. @throws BadUsage where it must not lie; DiskFault, also if something else has that name */
async function writePage(session: Session, path: Raw, { page, withoutKey }: Written): Promise<void> {
  using directory = (await session.machine()).disk.openDir(parentPath(path));
  assertMayLie(directory, withoutKey);
  using file = directory.create(baseName(path), PUBLIC_FILE);
  if (file === undefined) throw new DiskFault("EEXIST", "create", path);
  file.write(bytesOf(rawOf(page)), 0);
  file.sync();
}

function assertMayLie(directory: Dir, withoutKey: boolean): void {
  const has = (name: Raw) => directory.stat(name)?.kind === "dir";
  const replaced = "Whoever can write there could replace it by one that keeps your passphrase";
  if (directory.stat(CONFIG)?.kind === "file" && [KEYS, DATA].some(has)) {
    throw new BadUsage("The page must not lie in a vault", `${replaced}: keep it elsewhere`);
  }
  if (!withoutKey && [CONTENT, DB].every(has)) {
    throw new BadUsage("The page with a field for a key must not lie in a storage", `${replaced}: give --without-key`);
  }
}
