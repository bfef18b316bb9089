/** Methods to authenticate at an SSH server: a key file, the agent, the default keys, a password, in that order. */
import { Fault } from "../core/fault.ts";
import { readSecret } from "../platform/secrets.ts";
import { environment, loginName } from "../platform/system.ts";
import type { Secrets } from "./credentials.ts";
import { BadCredentials } from "./faults.ts";
import { identityPath } from "./ssh_hosts.ts";
import type { Ssh2, SshMethod } from "./ssh_types.ts";

const USUAL_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];
const MOST_KEY_BYTES = 64 * 1024;

/** The identity to log in with. */
export interface SshIdentity {
  readonly host: string;
  /** From the location, the credentials or `~/.ssh/config`. */
  readonly user?: string | undefined;
  /** Key files in `~/.ssh/config` that replace the default keys. */
  readonly identityFiles: readonly string[];
  /** `IdentityAgent` of `~/.ssh/config`, which replaces SSH_AUTH_SOCK. */
  readonly identityAgent?: string;
}

/** Lists the authentication methods to try. @throws BadCredentials, ExposedSecret, DiskFault */
export function sshMethods(
  ssh2: Ssh2,
  secrets: Secrets,
  { host, user, identityFiles, identityAgent = "SSH_AUTH_SOCK" }: SshIdentity,
): readonly [string, readonly SshMethod[]] {
  const username = user ?? loginName(), who = { home: secrets.get("home") ?? "", host, user: username };
  const methods: SshMethod[] = [];
  const keyFile = secrets.get("key-file"), password = secrets.get("password");
  const agent = identityAgent === "SSH_AUTH_SOCK" ? secrets.get("agent") : agentAt(identityPath(identityAgent, who));
  if (keyFile !== undefined) methods.push(namedKey(ssh2, username, keyFile, secrets.get("key-passphrase")));
  else {
    if (agent !== undefined) methods.push({ type: "agent", username, agent });
    const usual = who.home === "" ? [] : USUAL_KEYS.map((name) => `~/.ssh/${name}`);
    const files = identityFiles.length > 0 ? identityFiles : usual;
    methods.push(...keysIn(ssh2, username, files.map((file) => identityPath(file, who))));
  }
  if (password !== undefined) methods.push({ type: "password", username, password }, interactive(username, password));
  if (methods.length === 0) {
    throw new BadCredentials(
      "SSH",
      "there is neither an agent nor a key nor a password",
      "Start an agent, or name a key file in BACKUP_TOOL_SFTP_KEY_FILE or in a credentials file",
    );
  }
  return [username, methods];
}

/** A socket, a variable with one, or "none". */
function agentAt(text: string): string | undefined {
  if (text === "none") return undefined;
  return text.startsWith("$") ? environment(text.slice(1)) : text;
}

function namedKey(ssh2: Ssh2, username: string, path: string, passphrase: string | undefined): SshMethod {
  const key = readSecret(path, MOST_KEY_BYTES);
  if (ssh2.utils.parseKey(key, passphrase) instanceof Error) {
    const why = passphrase === undefined
      ? "it is no private key, or needs a passphrase"
      : "the passphrase does not open it";
    throw new BadCredentials(
      JSON.stringify(path),
      why,
      "Name another key file, or give `key_passphrase` in a credentials file",
    );
  }
  return { type: "publickey", username, key, ...(passphrase === undefined ? {} : { passphrase }) };
}

/** Those that need no passphrase. */
function keysIn(ssh2: Ssh2, username: string, paths: readonly string[]): SshMethod[] {
  return paths.flatMap((path) => {
    const key = readIfFit(path), isKey = key !== undefined && !(ssh2.utils.parseKey(key) instanceof Error);
    return isKey ? [{ type: "publickey" as const, username, key }] : [];
  });
}

/** ssh, too, passes over what is not there or not private. */
function readIfFit(path: string): string | undefined {
  try {
    return readSecret(path, MOST_KEY_BYTES);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return undefined;
  }
}

/** Some servers ask for the password this way only. */
function interactive(username: string, password: string): SshMethod {
  return {
    type: "keyboard-interactive",
    username,
    prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => password)),
  };
}
