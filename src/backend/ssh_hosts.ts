/** Reads `~/.ssh/config`: the address of a host, the user name there, and the keys to use. */

export interface SshHost {
  readonly hostName?: string;
  readonly port?: number;
  readonly user?: string;
  /** Key files in order; may contain `~` and tokens such as `%d`. */
  readonly identityFiles: readonly string[];
  /** Socket of an agent, with the same; "none", or a variable such as `$OTHER_AUTH_SOCK`. */
  readonly identityAgent?: string;
  /** Name under which the host's key is known. */
  readonly hostKeyAlias?: string;
  /** Set if the host can only be reached through something else: "ProxyJump bastion". */
  readonly proxy?: string;
}

/** The texts of the files that an `Include` names, in order. */
export type Include = (pattern: string) => readonly string[];

const LINE = /^\s*([A-Za-z]+)(?:(?:\s*=\s*|\s+)(.*?))?\s*$/;
const MOST_PORT = 65_535;
/** As many files as ssh follows, one including the next. */
const MOST_DEPTH = 16;

/**
 * The first value of each keyword applies, as in ssh. Of `Match`, the criteria `all`, `host` and `originalhost` are
 * known; blocks with others are skipped.
 */
export function sshHostOf(text: string, host: string, include: Include = () => []): SshHost {
  const settings = new Settings(host, include);
  settings.read(text, 0);
  const { identityFiles } = settings, user = settings.get("user"), hostName = settings.hostName;
  const port = portOf(settings.get("port")), hostKeyAlias = settings.get("hostkeyalias"), proxy = proxyOf(settings);
  const identityAgent = settings.get("identityagent");
  return {
    ...(hostName !== undefined && { hostName }),
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    identityFiles: identityFiles.filter((file) => file !== "" && file !== "none"),
    ...(identityAgent !== undefined && { identityAgent }),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    ...(proxy !== undefined && { proxy }),
  };
}

/** Resolves an `IdentityFile` to a path. */
export function identityPath(file: string, { home, host, user }: Record<"home" | "host" | "user", string>): string {
  const tokens: Readonly<Record<string, string>> = { "%d": home, "%h": host, "%r": user, "%%": "%" };
  return file.replace(/^~(?=\/)/, home).replace(/%[dhr%]/g, (token) => tokens[token] ?? token);
}

/** What the files say about one host, as far as they were read. */
class Settings {
  readonly identityFiles: string[] = [];
  readonly #host: string;
  readonly #include: Include;
  readonly #found = new Map<string, string>();

  constructor(host: string, include: Include) {
    this.#host = host;
    this.#include = include;
  }

  get(keyword: string): string | undefined {
    return this.#found.get(keyword);
  }

  get hostName(): string | undefined {
    return this.get("hostname")?.replaceAll("%h", this.#host).replaceAll("%%", "%");
  }

  read(text: string, depth: number): void {
    let counts = true;
    for (const line of text.split("\n")) {
      const [, keyword = "", value = ""] = LINE.exec(line) ?? [], key = keyword.toLowerCase();
      if (key === "host") counts = matchesAny(wordsOf(value), this.#host);
      else if (key === "match") counts = this.#matches(wordsOf(value));
      else if (counts && key === "include") this.#readIncluded(value, depth);
      else if (counts && value !== "") this.#set(key, value);
    }
  }

  /** Its own blocks begin and end in it. */
  #readIncluded(value: string, depth: number): void {
    if (depth === MOST_DEPTH) return;
    for (const text of wordsOf(value).flatMap(this.#include)) this.read(text, depth + 1);
  }

  #set(key: string, value: string): void {
    const [word = ""] = wordsOf(value);
    if (key === "identityfile") this.identityFiles.push(word);
    else if (!this.#found.has(key)) this.#found.set(key, key.startsWith("proxy") ? value : word);
  }

  /** Every criterion must hold. */
  #matches(words: readonly string[]): boolean {
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? "", isNot = word.startsWith("!"), criterion = word.slice(isNot ? 1 : 0).toLowerCase();
      if (criterion === "all") continue;
      if (criterion !== "host" && criterion !== "originalhost") return false;
      const host = criterion === "host" ? this.hostName ?? this.#host : this.#host;
      if (matchesAny((words[++at] ?? "").split(","), host) === isNot) return false;
    }
    return true;
  }
}

function proxyOf(settings: Settings): string | undefined {
  for (const [key, name] of [["proxyjump", "ProxyJump"], ["proxycommand", "ProxyCommand"]] as const) {
    const value = settings.get(key);
    if (value !== undefined && value.toLowerCase() !== "none") return `${name} ${value}`;
  }
  return undefined;
}

function portOf(text: string | undefined): number | undefined {
  const port = /^\d+$/.test(text ?? "") ? Number(text) : 0;
  return port > 0 && port <= MOST_PORT ? port : undefined;
}

/** Words, some of them in quotes. */
function wordsOf(text: string): string[] {
  return Array.from(text.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? "");
}

function matchesAny(patterns: readonly string[], host: string): boolean {
  const isFor = (pattern: string) => globOf(pattern.toLowerCase()).test(host.toLowerCase());
  if (patterns.some((pattern) => pattern.startsWith("!") && isFor(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && isFor(pattern));
}

/** A pattern with `*` and `?`. */
export function globOf(pattern: string): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}
