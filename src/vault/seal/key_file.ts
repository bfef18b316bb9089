/**
 * A key as text: an age identity file, with a line for people. `age -d -i FILE` opens data units with its first
 * identity and everything else with its second. In `keys/` it is encrypted with a passphrase; on paper it is plain.
 */
import { BadKeyFile } from "../format/faults.ts";
import { fullKey, IDENTITY_LENGTH, metaIdentityOf, type VaultKey, writeOnlyKey } from "./keys.ts";

/** The information in the first line. */
export interface KeyLabel {
  /** UUID of the vault. */
  readonly vault: string;
  /** Name of the key. */
  readonly name: string;
  /** ISO 8601. */
  readonly created: string;
}

const RECIPIENT_MARK = "data-recipient:";
const IDENTITY_START = "AGE-SECRET-KEY-1";

export function encodeKeyFile(key: VaultKey, { vault, name, created }: KeyLabel): string {
  const day = created.slice(0, 10), about = `backup-tool vault ${vault}`, label = JSON.stringify(name);
  if (key.dataIdentity === undefined) {
    return `# ${about}, write-only key ${label}, ${day}. It can store, but not read contents.\n` +
      `# ${RECIPIENT_MARK} ${key.dataRecipient}\n${key.metaIdentity}\n`;
  }
  return `# ${about}, key ${label}, ${day}. Whoever has the next line can read everything.\n` +
    `${key.dataIdentity}\n${key.metaIdentity}\n`;
}

/**
 * Reads a key file, or what was typed from paper: in any case, with spaces and line breaks anywhere in a key. The data
 * line alone is enough, because the other one is derived from it.
 * @throws BadKeyFile
 */
export async function parseKeyFile(text: string): Promise<VaultKey> {
  const [first, second, ...more] = identitiesIn(text);
  if (first === undefined) throw new BadKeyFile(`no line of it begins with ${IDENTITY_START}`);
  if (more.length > 0) throw new BadKeyFile("it has more than two secret lines");
  if (second !== undefined) {
    if (metaIdentityOf(first) !== second) throw new BadKeyFile("its two secret lines don't belong together");
    return await fullKey(first);
  }
  const recipient = recipientIn(text);
  return recipient === undefined ? await fullKey(first) : await writeOnlyKey(first, recipient);
}

/** The vault that a key file belongs to; undefined if it doesn't say. */
export function vaultOfKeyFile(text: string): string | undefined {
  return /^#\s*backup-tool vault ([0-9a-f-]{36})\b/m.exec(text)?.[1];
}

/** The label in a key file's first line; undefined if it was changed by hand. `created` is a day. */
export function labelOfKeyFile(text: string): KeyLabel | undefined {
  const found = /^#\s*backup-tool vault ([0-9a-f-]{36}), (?:write-only )?key ("(?:[^"\\]|\\.)*"), (\d{4}-\d\d-\d\d)\b/m
    .exec(text);
  const [, vault, name, created] = found ?? [];
  if (vault === undefined || name === undefined || created === undefined) return undefined;
  try {
    return { vault, name: String(JSON.parse(name)), created };
  } catch {
    return undefined; // what stands between the quotes is no text
  }
}

function identitiesIn(text: string): string[] {
  const secrets = text.replace(/^\s*#.*$/gm, "").replace(/\s+/g, "").toUpperCase();
  const [before, ...keys] = secrets.split(IDENTITY_START);
  if (before !== "") throw new BadKeyFile("it has a line that is neither a comment nor a key");
  for (const key of keys) {
    const length = IDENTITY_START.length + key.length;
    if (length !== IDENTITY_LENGTH) {
      throw new BadKeyFile(`a key has ${length} characters instead of ${IDENTITY_LENGTH}`);
    }
  }
  return keys.map((key) => IDENTITY_START + key);
}

function recipientIn(text: string): string | undefined {
  return /^\s*#\s*data-recipient:\s*(\S+)\s*$/mi.exec(text)?.[1]?.toLowerCase();
}
