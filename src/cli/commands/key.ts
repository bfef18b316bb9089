/** backup-tool key list, add, remove, change, show, export */
import type { Command } from "commander";
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { textOf } from "../../core/raw.ts";
import type { KeyCopy, ListedKey } from "../../operations/keys/keys.ts";
import { type LoginSettings } from "../../operations/vaults/vault_settings.ts";
import type { Session } from "../session/session.ts";
import { examples } from "../settings/options.ts";
import { absolutePath } from "../settings/paths.ts";
import { loginOfOptions } from "../settings/vault_options.ts";
import type { Define } from "./command.ts";

interface NewPassphraseOptions {
  readonly newPasswordFile?: string;
  readonly newPasswordCommand?: string;
}

export const defineKey: Define = (program, act) => {
  const key = program.command("key")
    .helpCommand(false)
    .summary("manage the keys of a vault")
    .description(
      "Every key of a vault gives the same secret, under a passphrase of its own. A write-only key can store, list and " +
        "prune, but read no content: for a host that only backs up.",
    );
  for (const define of [defineList, defineAdd, defineRemove, defineChange, defineShow, defineExport]) define(key, act);
};

const defineList: Define = (key, act) => {
  const command = key.command("list")
    .summary("list the keys of a vault")
    .description("List the keys of a vault. Names are known of keys that were made, or have opened the vault, here.")
    .addHelpText("after", examples("backup-tool key list -s /mnt/usb/vault"));
  command.action(() =>
    act(command, async (session) => {
      const { listKeys } = await import("../../operations/keys/keys.ts");
      const keys = await listKeys(await session.unlock());
      if (session.options.json) return session.out.json(keys.map(keyJson));
      session.table(COLUMNS, keys.map(rowOf), "There are no keys: only the printed key, or an exported one, opens it");
    }, { output: true })
  );
};

const COLUMNS = [{ title: "ID" }, { title: "NAME" }, { title: "KIND" }, { title: "CREATED" }, { title: "" }];
const SHORT_ID = 12;

function rowOf({ id, facts, isInUse }: ListedKey): string[] {
  const { name = "?", kind = "?", created = "?" } = facts ?? {};
  return [id.slice(0, SHORT_ID), name, kind, created, isInUse ? "in use" : ""];
}

function keyJson({ id, facts, isInUse }: ListedKey) {
  const { name = null, kind = null, created = null } = facts ?? {};
  return { id, name, kind, created, inUse: isInUse };
}

const defineAdd: Define = (key, act) => {
  const command = withNewPassphrase(key.command("add"))
    .summary("add a key with a passphrase of its own")
    .description("Add a key to a vault. Its passphrase is asked for, twice, unless a file or a command gives it.")
    .option("--write-only", "a key that can add backups, but not read them")
    .option("--name <NAME>", "what `key list` calls it (default: USER@HOST)")
    .addHelpText(
      "after",
      examples(
        "backup-tool key add -s /mnt/usb/vault --name office",
        "backup-tool key add -s offsite --write-only --name webserver",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const options = command.opts<NewPassphraseOptions & { readonly writeOnly?: boolean; readonly name?: string }>();
      const { addKey } = await import("../../operations/keys/keys.ts");
      const { writeOnly = false, name = `${session.world.user()}@${session.world.host()}` } = options;
      const place = await session.unlock(), passphrase = await passphraseOf(session, options);
      const id = await addKey(place, { passphrase, name, writeOnly });
      session.result({ id, name, kind: writeOnly ? "write-only" : "full" }, [
        `Added the ${writeOnly ? "write-only " : ""}key ${id.slice(0, SHORT_ID)}, ${name}`,
      ]);
    })
  );
};

const defineRemove: Define = (key, act) => {
  const command = key.command("remove")
    .summary("remove a key")
    .description("Remove a key from a vault. Whoever has read it can still open the vault.")
    .argument("<ID>", "its id, or the beginning of it")
    .option("--force", "even if no other key is known here that can read the vault")
    .addHelpText("after", examples("backup-tool key remove 3f2a91b0 -s /mnt/usb/vault"));
  command.action((id: string) =>
    act(command, async (session) => {
      const { force = false } = command.opts<{ readonly force?: boolean }>();
      const { removeKey, UNSHARING } = await import("../../operations/keys/keys.ts");
      const removed = await removeKey(await session.unlock(), id, { evenLast: force });
      session.result({ id: removed.id, left: removed.left }, [
        `Removed the key ${removed.id.slice(0, SHORT_ID)}${
          removed.facts?.name === undefined ? "" : `, ${removed.facts.name}`
        }`,
        UNSHARING,
      ]);
    })
  );
};

const defineChange: Define = (key, act) => {
  const command = withNewPassphrase(key.command("change"))
    .summary("change a passphrase")
    .description("Change the passphrase that opens the vault. The new one is asked for, twice.")
    .addHelpText("after", examples("backup-tool key change -s /mnt/usb/vault"));
  command.action(() =>
    act(command, async (session) => {
      const { changePassphrase, UNSHARING } = await import("../../operations/keys/keys.ts");
      const place = await session.unlock();
      const passphrase = await passphraseOf(session, command.opts<NewPassphraseOptions>());
      const { id, former, stays } = await changePassphrase(place, passphrase);
      if (stays !== undefined) session.monitor.problem(stays);
      session.result({ id, former, formerStays: stays !== undefined }, [
        `Changed the passphrase: the key is now ${id.slice(0, SHORT_ID)}`,
        UNSHARING,
      ]);
    })
  );
};

interface CopyOptions {
  readonly writeOnly?: boolean;
  readonly name?: string;
}

const defineShow: Define = (key, act) => {
  const command = key.command("show")
    .summary("print the key, for paper")
    .description(
      "Print the key of a vault as text and as a QR code: what opens it when everything else is lost. Whoever sees it can " +
        "read everything.",
    )
    .option("--paper", "confirm that the secret itself is to be printed")
    .option("--write-only", "only the part that can add backups, but not read them")
    .addHelpText("after", examples("backup-tool key show --paper -s /mnt/usb/vault | lp"));
  command.action(() =>
    act(command, async (session) => {
      const { paper, ...copy } = command.opts<CopyOptions & { readonly paper?: boolean }>();
      if (paper !== true) {
        throw new BadUsage("`key show` prints the secret itself", "Say `--paper` if nobody else looks at the screen");
      }
      const { paperOf } = await import("../../operations/keys/keys.ts");
      const [unlocked, { pageDigest }] = await Promise.all([session.unlock(), import("../recover/recover_page.ts")]);
      const text = await paperOf(unlocked, defined<KeyCopy>(copy)) + pageLines(pageDigest());
      if (session.options.json) session.out.json({ paper: text });
      else session.out.exact(text);
    }, { output: true })
  );
};

/** Comments for a key file about the page for browsers. */
function pageLines(digest: string): string {
  const lines = [
    "",
    "Without the program: a browser opens the vault by the page recover.html, which `backup-tool recover-page` writes and",
    "each release has. Never use one that lies beside the vault. The SHA-256 of the right one is",
    `  ${digest}`,
  ];
  return lines.map((line) => `# ${line}`.trimEnd() + "\n").join("");
}

const defineExport: Define = (key, act) => {
  const command = key.command("export")
    .summary("write the key into a file that only you can read")
    .description(
      "Write the key into a new file, which --key-file takes, and `age -d -i`. Nothing protects it but its mode.",
    )
    .argument("<FILE>", "a new file")
    .option("--write-only", "only the part that can add backups, but not read them")
    .option("--name <NAME>", "what its first line calls it")
    .addHelpText("after", examples("backup-tool key export ~/offsite.key -s offsite"));
  command.action((file: string) =>
    act(command, async (session) => {
      const { exportKey } = await import("../../operations/keys/keys.ts");
      const path = absolutePath(session.world, file);
      await exportKey(await session.unlock(), path, defined<KeyCopy>(command.opts<CopyOptions>()));
      session.result({ path: textOf(path) }, [`Wrote the key into ${textOf(path)}: keep others from it`]);
    })
  );
};

function withNewPassphrase(command: Command): Command {
  return command
    .option("--new-password-file <FILE>", "the new passphrase is in the first line of this file")
    .option("--new-password-command <LINE>", "the new passphrase is what this prints");
}

const NOBODY_TYPES = "Give it with `--new-password-file` or `--new-password-command`";

async function passphraseOf(session: Session, options: NewPassphraseOptions): Promise<string> {
  const { newPasswordFile: passwordFile, newPasswordCommand: passwordCommand } = options, { secrets } = session;
  const { givenPassphrase, newPassphrase } = await import("../../operations/vaults/login.ts");
  const login: LoginSettings = loginOfOptions(defined<LoginSettings>({ passwordFile, passwordCommand }), session.world);
  return await givenPassphrase(login, secrets, session.signal) ??
    await newPassphrase(secrets, session.place.location, NOBODY_TYPES);
}
