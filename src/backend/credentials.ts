/** Sources of the secrets for a place. They never come from arguments, which everybody on the machine can read. */
import { Fault } from "../core/fault.ts";
import { fieldsOf, parseJson } from "../core/json.ts";
import { CommandFailed, commandOutput } from "../platform/process.ts";
import { readSecret } from "../platform/secrets.ts";
import { BadCredentials } from "./faults.ts";
import type { Place } from "./location.ts";

export interface CredentialSource {
  /** Absolute path of a file with lines `name = value`, readable only by its owner. */
  readonly file?: string;
  /** Shell command that prints the contents of such a file, or JSON in the format of AWS' `credential_process`. */
  readonly command?: string;
  /** Looks up an environment variable, such as AWS_SECRET_ACCESS_KEY. */
  readonly env?: (name: string) => string | undefined;
}

/** Maps names such as `user`, `password` or `access-key-id` to values. */
export type Secrets = ReadonlyMap<string, string>;

/** Names of credentials to the variables that may hold them. */
const VARIABLES: Readonly<Record<Place["kind"], Readonly<Record<string, readonly string[]>>>> = {
  file: {},
  rest: variables("BACKUP_TOOL_REST_", ["user", "password", "token"]),
  dav: variables("BACKUP_TOOL_DAV_", ["user", "password", "token"]),
  sftp: {
    ...variables("BACKUP_TOOL_SFTP_", ["user", "password", "key-file", "key-passphrase"]),
    "agent": ["SSH_AUTH_SOCK"],
    "home": ["HOME", "USERPROFILE"],
  },
  s3: {
    ...variables("AWS_", ["access-key-id", "secret-access-key", "session-token"]),
    region: ["AWS_REGION", "AWS_DEFAULT_REGION"],
  },
};
/** What is no secret, and may stand in messages. */
const OPEN = new Set(["user", "region", "key-file", "agent", "home", "version", "expiration"]);
const MOST_BYTES = 256 * 1024;
/** Anything shorter would blot out ordinary words. */
const LEAST_HIDDEN = 4;
const HIDDEN = "[secret]";

export class Credentials {
  readonly #source: CredentialSource;
  readonly #kind: Place["kind"];
  #secrets: Promise<Secrets> | undefined;
  #version = 0;
  #renewing: Promise<void> | undefined;
  readonly #hidden = new Set<string>();

  constructor(source: CredentialSource, kind: Place["kind"]) {
    this.#source = source;
    this.#kind = kind;
  }

  /** Reads the secrets, once. @throws BadCredentials, ExposedSecret, DiskFault */
  get(): Promise<Secrets> {
    return this.#secrets ??= this.#read();
  }

  /** Changes whenever other secrets were read. */
  get version(): number {
    return this.#version;
  }

  /**
   * Reads the source again, once for all requests that were refused at the same time.
   * @param refused version of the secrets that a server no longer accepts
   * @returns false if there are no others
   * @throws as {@link get}; the former secrets stay
   */
  async renew(refused: number): Promise<boolean> {
    if (this.#source.file === undefined && this.#source.command === undefined) return false;
    if (refused === this.#version) await (this.#renewing ??= this.#renew().finally(() => this.#renewing = undefined));
    return refused !== this.#version;
  }

  async #renew(): Promise<void> {
    const old = await this.get(), fresh = await this.#read();
    if (isSame(old, fresh)) return;
    this.#secrets = Promise.resolve(fresh);
    this.#version++;
  }

  /** Has another form of a secret hidden too. */
  alsoHide(secret: string): void {
    this.#hidden.add(secret);
  }

  /** Replaces every secret that was read here in a text. */
  hide(text: string): string {
    let clean = text;
    for (const secret of this.#hidden) clean = clean.replaceAll(secret, HIDDEN);
    return clean;
  }

  async #read(): Promise<Secrets> {
    const { file, command, env = () => undefined } = this.#source;
    const secrets = new Map<string, string>();
    for (const [name, variables] of Object.entries(VARIABLES[this.#kind])) {
      const value = variables.map(env).find((each) => each !== undefined && each !== "");
      if (value !== undefined) secrets.set(name, value);
    }
    if (file !== undefined) note(secrets, parsed(readSecret(file, MOST_BYTES), JSON.stringify(file)));
    if (command !== undefined) note(secrets, parsed(await printedBy(command), "what the credentials command prints"));
    for (const [name, value] of secrets) this.#remember(name, value);
    return secrets;
  }

  #remember(name: string, value: string): void {
    if (OPEN.has(name) || value.length < LEAST_HIDDEN) return;
    this.#hidden.add(value);
    this.#hidden.add(encodeURIComponent(value));
  }
}

function variables(prefix: string, names: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [name, [prefix + name.replaceAll("-", "_").toUpperCase()]]));
}

function note(into: Map<string, string>, found: ReadonlyMap<string, string>): void {
  for (const [name, value] of found) into.set(name, value);
}

function isSame(a: Secrets, b: Secrets): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

async function printedBy(command: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of commandOutput(command)) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > MOST_BYTES) throw bad("the credentials command", "it prints too much");
    }
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    // Not its line: somebody may have put a secret there.
    throw bad("the credentials command", error.message.slice(error.message.lastIndexOf(": ") + 2));
  }
  return text + decoder.decode();
}

/** Lines `name = value`; of sections, as AWS' files have them, the first one. @throws BadCredentials */
function parsed(text: string, what: string): Map<string, string> {
  if (text.trimStart().startsWith("{")) return fromJson(text, what);
  const found = new Map<string, string>();
  let sections = 0;
  for (const [index, full] of text.split("\n").entries()) {
    const line = full.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    if (line.startsWith("[")) sections++;
    else if (sections < 2) {
      const equals = line.indexOf("=");
      if (equals < 1) throw bad(what, `line ${index + 1} is not \`name = value\``);
      found.set(normal(line.slice(0, equals)), unquoted(line.slice(equals + 1).trim()));
    }
  }
  return found;
}

function fromJson(text: string, what: string): Map<string, string> {
  try {
    const fields = Object.entries(fieldsOf(parseJson(text)));
    return new Map(fields.flatMap(([name, value]) => typeof value === "string" ? [[normal(name), value]] : []));
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw bad(what, "it is not JSON"); // the error may quote it
  }
}

/** `AWS_ACCESS_KEY_ID`, `aws_access_key_id` and `AccessKeyId` are one name. */
function normal(name: string): string {
  const words = name.trim().replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase().replaceAll("_", "-");
  return words.replace(/^(?:aws|backup-tool-(?:rest|dav|sftp))-/, "");
}

function unquoted(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value;
}

function bad(what: string, why: string): BadCredentials {
  return new BadCredentials(what, why, "It has lines such as `user = me` and `password = ...`: see the README");
}
