/**
 * Finds the secret that opens a vault. Secrets come from files, from the output of a command, or from a person; never
 * from arguments or variables, which others can see. No message contains them.
 */
import { BadUsage, Fault } from "../../core/fault.ts";
import { rawOf } from "../../core/raw.ts";
import { DiskFault } from "../../platform/disk.ts";
import type { Secret } from "../../vault/access.ts";
import { NoKey } from "../../vault/format/faults.ts";
import type { LoginSettings } from "./vault_settings.ts";

/** Sources of secrets. */
export interface SecretWorld {
  /** Reads a file that nobody else can read. @param path absolute @throws ExposedSecret, DiskFault */
  readSecret(path: string, mostBytes: number): string;
  /** Runs a shell command and yields its output. @throws CommandFailed */
  commandOutput(line: string, signal: AbortSignal): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Asks a person, without echo; undefined if nobody is there. @throws Interrupted */
  askSecret(question: string): Promise<string | undefined>;
  /** Looks up a variable; undefined if it isn't set. */
  env(name: string): string | undefined;
}

/** A source without any secrets. */
export const NO_SECRETS: SecretWorld = {
  readSecret: (path) => {
    throw new DiskFault("ENOENT", "read", rawOf(path));
  },
  commandOutput: () => ReadableStream.from([]),
  askSecret: () => Promise.resolve(undefined),
  env: () => undefined,
};

/** The text can't be a passphrase. */
export class BadPassphrase extends Fault {
  readonly code = "bad-passphrase";
  readonly hint = "A passphrase is one line of text that is not empty";
  constructor(from: string, why: string) {
    super(`Cannot use the passphrase from ${from}: ${why}`);
  }
}

export interface GivenSecret {
  readonly secret: Secret;
  /** True if a person typed it, and may try again. */
  readonly isTyped: boolean;
}

const MOST_SECRET_BYTES = 64 * 1024;

/**
 * Finds the secret for a vault.
 * @param vault as described by its `config`
 * @throws NoKey, BadPassphrase, ExposedSecret, DiskFault, Interrupted
 */
export async function secretFor(
  settings: LoginSettings,
  vault: { readonly location: string; readonly encrypted: boolean },
  world: SecretWorld,
  signal: AbortSignal,
): Promise<GivenSecret> {
  const given = (secret: Secret): GivenSecret => ({ secret, isTyped: false });
  if (settings.keyFile !== undefined) {
    return given({ kind: "key-file", text: world.readSecret(settings.keyFile, MOST_SECRET_BYTES) });
  }
  const passphrase = await givenPassphrase(settings, world, signal);
  if (passphrase !== undefined) return given({ kind: "passphrase", passphrase });
  if (!vault.encrypted || settings.encrypted === false) return given({ kind: "unencrypted" });
  const typed = await world.askSecret(`Passphrase of ${vault.location}: `);
  if (typed === undefined) throw new NoKey(vault.location);
  return { secret: { kind: "passphrase", passphrase: judged(typed, "the terminal") }, isTyped: true };
}

/** Reads the passphrase from a file or command; undefined if neither is set. @throws what {@link secretFor} throws */
export async function givenPassphrase(
  { passwordFile, passwordCommand }: LoginSettings,
  world: SecretWorld,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (passwordFile !== undefined) {
    return firstLine(world.readSecret(passwordFile, MOST_SECRET_BYTES), JSON.stringify(passwordFile));
  }
  if (passwordCommand === undefined) return undefined;
  return firstLine(await printed(passwordCommand, world, signal), "the command");
}

/**
 * Asks for a new passphrase twice.
 * @param elsewhere how to give it without a terminal
 * @throws BadUsage if nobody is there; BadPassphrase, Interrupted
 */
export async function newPassphrase(world: SecretWorld, location: string, elsewhere: string): Promise<string> {
  const first = await world.askSecret(`New passphrase for ${location}: `);
  if (first === undefined) {
    throw new BadUsage("A new passphrase is needed, and nobody is here to type one", elsewhere);
  }
  const passphrase = judged(first, "the terminal");
  if (await world.askSecret("The same once more: ") === passphrase) return passphrase;
  throw new BadPassphrase("the terminal", "it was not the same the second time");
}

async function printed(line: string, world: SecretWorld, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of world.commandOutput(line, signal)) {
      if (text.length < MOST_SECRET_BYTES) text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    // The line itself may hold what is no one else's business.
    if (!(error instanceof Fault) || error.code !== "command-failed") throw error;
    throw new BadPassphrase("the command", "it failed");
  }
  return text;
}

function firstLine(text: string, from: string): string {
  return judged(/^[^\r\n]*/.exec(text)?.[0] ?? "", from);
}

function judged(passphrase: string, from: string): string {
  if (passphrase === "") throw new BadPassphrase(from, "it is empty");
  // Different bytes would become the same passphrase.
  if (!passphrase.isWellFormed() || passphrase.includes("\ufffd")) throw new BadPassphrase(from, "it is not UTF-8");
  return passphrase;
}
