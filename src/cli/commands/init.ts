/** backup-tool init */
import { Option } from "commander";
import { defined } from "../../core/defined.ts";
import { BadUsage } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import type { Algorithm } from "../../core/digest.ts";
import { hasScheme } from "../../operations/vaults/vault_settings.ts";
import type { InitRequest } from "../../vault/access.ts";
import type { Place } from "../../operations/vaults/place.ts";
import type { Session } from "../session/session.ts";
import { examples, reading } from "../settings/options.ts";
import type { Define } from "./command.ts";

interface StorageOptions {
  readonly algorithm: Algorithm;
  readonly hexSplit: readonly number[];
}

interface InitOptions extends StorageOptions {
  readonly vault?: boolean;
  readonly keyName?: string;
}

/** A copy of the list in storage/digest.ts, so that help needn't load the algorithms. */
const CHOICES: Record<Algorithm, true> = { sha256: true, blake3: true, sha1: true, md5: true, crc32: true };

/** Default settings of a new storage. */
export const DEFAULT_SETTINGS: StorageOptions = { algorithm: "sha256", hexSplit: [2] };

export const defineInit: Define = (program, act) => {
  const command = program.command("init")
    .summary("create a storage or a vault")
    .description(
      "Create a storage in an empty or new directory; or, with --vault, a vault: packed, compressed and encrypted, in a " +
        "directory or elsewhere. Its key is protected by a passphrase, which is asked for unless --password-file or " +
        "--password-command gives one.",
    )
    .addOption(
      new Option("--algorithm <NAME>", "checksum that names file contents; sha1, md5 and crc32 also compare bytes")
        .choices(Object.keys(CHOICES)).default(DEFAULT_SETTINGS.algorithm),
    )
    .addOption(
      new Option("--hex-split <DIGITS>", "hex digits of each level of directories in content/, such as 2, 3 or 2,2")
        .argParser(reading(parseHexSplit)).default(DEFAULT_SETTINGS.hexSplit, "2"),
    )
    .addOption(new Option("--vault", "create a vault").conflicts(["algorithm", "hexSplit"]))
    .option("--key-name <NAME>", "what `key list` calls the first key of the vault (default: USER@HOST)")
    .addHelpText(
      "after",
      examples(
        "backup-tool init -s /mnt/disk/storage",
        "backup-tool init -s /mnt/disk/storage --algorithm blake3",
        "backup-tool init -s /mnt/usb/vault --vault",
        "backup-tool init -s /mnt/usb/vault --vault --password-file ~/.vault-password",
      ),
    );
  command.action(() =>
    act(command, async (session) => {
      const options = command.opts<InitOptions>();
      if (options.vault === true) return await makeVault(session, session.place, options);
      if (options.keyName !== undefined) throw new BadUsage("`--key-name` is for vaults", "Add `--vault`");
      await makeStorage(session, session.place, options);
    })
  );
};

async function makeStorage(session: Session, place: Place, { algorithm, hexSplit }: StorageOptions): Promise<void> {
  const { location: path } = place;
  if (hasScheme(path) || place.name !== undefined) {
    throw new BadUsage(`Cannot create a storage at ${JSON.stringify(path)}`, "Create a vault there, with `--vault`");
  }
  const { initStorage } = await import("../../storage/layout/init.ts");
  initStorage(await session.machine(), rawOf(path), { algorithm, hexSplit });
  const { settings: { id, created } } = await session.openStorage("create a storage there");
  session.result({ path, id, algorithm, hexSplit, created }, [
    `Made a storage in ${path} (${algorithm}, hex split ${hexSplit.join(",")})`,
  ]);
}

async function makeVault(session: Session, place: Place, { keyName }: InitOptions): Promise<void> {
  const [{ makeVault }, request] = await Promise.all([
    import("../../operations/vaults/make_vault.ts"),
    requestFor(session, place, keyName),
  ]);
  const { config: { id, created, encrypted } } = await makeVault(
    await session.machine(),
    place.location,
    { settings: place.settings, secrets: session.secrets, monitor: session.monitor },
    request,
  );
  session.result({ location: place.location, id, created, encrypted }, [
    `Made a vault in ${place.location} (${
      encrypted ? "encrypted" : "NOT ENCRYPTED: who reads the place reads the files"
    })`,
    ...encrypted ? keepTheKey(session.options.storage ?? place.location) : [],
  ]);
}

/** Advice to keep the key. @param location as given by the user */
function keepTheKey(location: string): string[] {
  return [
    "Without the passphrase nobody can open it: print the key, keep the paper:",
    `  backup-tool key show --paper -s ${location} | lp`,
  ];
}

const NOBODY_TYPES =
  "Give it with `--password-file` or `--password-command`; `--unencrypted` creates a vault that everybody can read";

/** The request for a new vault. @throws BadUsage also if there is no user to ask */
async function requestFor(session: Session, { location, settings }: Place, keyName?: string): Promise<InitRequest> {
  if (settings.keyFile !== undefined) {
    throw new BadUsage("A new vault gets a key of its own", "Give a passphrase that protects it, and no `--key-file`");
  }
  if (settings.encrypted === false) {
    if (keyName === undefined) return {};
    throw new BadUsage("A vault that is not encrypted has no key", "Omit `--key-name`, or `--unencrypted`");
  }
  const { givenPassphrase, newPassphrase } = await import("../../operations/vaults/login.ts");
  const { world, secrets } = session;
  const passphrase = await givenPassphrase(settings, secrets, session.signal) ??
    await newPassphrase(secrets, location, NOBODY_TYPES);
  return defined<InitRequest>({ passphrase, keyName: keyName ?? `${world.user()}@${world.host()}` });
}

function parseHexSplit(text: string): readonly number[] {
  if (/^[1-9](?:,[1-9])*$/.test(text)) return text.split(",").map(Number);
  throw new BadUsage(
    `Cannot read ${JSON.stringify(text)} as a hex split`,
    "Give numbers of digits, such as 2, 3 or 2,2",
  );
}
