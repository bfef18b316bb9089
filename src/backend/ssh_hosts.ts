/** Reads `~/.ssh/config`: the address of a host, the user name there, and the keys to use. */

export interface SshHost {
  readonly hostName?: string;
  readonly port?: number;
  readonly user?: string;
  /** Key files in order; may contain `~` and tokens such as `%d`. */
  readonly identityFiles: readonly string[];
  /** Name under which the host's key is known. */
  readonly hostKeyAlias?: string;
  /** Set if the host can only be reached through something else: "ProxyJump bastion". */
  readonly proxy?: string;
}

const LINE = /^\s*([A-Za-z]+)(?:(?:\s*=\s*|\s+)(.*?))?\s*$/;
const MOST_PORT = 65_535;

/** The first value of each keyword applies, as in ssh. `Include` and `Match` blocks are skipped, except `Match all`. */
export function sshHostOf(text: string, host: string): SshHost {
  const found = new Map<string, string>(), identityFiles: string[] = [];
  let counts = true;
  for (const line of text.split("\n")) {
    const [, keyword = "", value = ""] = LINE.exec(line) ?? [], key = keyword.toLowerCase();
    if (key === "host") counts = matchesAny(wordsOf(value), host);
    else if (key === "match") counts = value.toLowerCase() === "all";
    else if (counts && key === "identityfile") identityFiles.push(wordsOf(value)[0] ?? "");
    else if (counts && value !== "" && !found.has(key)) {
      found.set(key, key.startsWith("proxy") ? value : wordsOf(value)[0] ?? "");
    }
  }
  const hostName = found.get("hostname")?.replaceAll("%h", host).replaceAll("%%", "%"), user = found.get("user");
  const port = portOf(found.get("port")), hostKeyAlias = found.get("hostkeyalias"), proxy = proxyOf(found);
  return {
    ...(hostName !== undefined && { hostName }),
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    identityFiles: identityFiles.filter((file) => file !== "" && file !== "none"),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    ...(proxy !== undefined && { proxy }),
  };
}

/** Resolves an `IdentityFile` to a path. */
export function identityPath(file: string, { home, host, user }: Record<"home" | "host" | "user", string>): string {
  const tokens: Readonly<Record<string, string>> = { "%d": home, "%h": host, "%r": user, "%%": "%" };
  return file.replace(/^~(?=\/)/, home).replace(/%[dhr%]/g, (token) => tokens[token] ?? token);
}

function proxyOf(found: ReadonlyMap<string, string>): string | undefined {
  for (const [key, name] of [["proxyjump", "ProxyJump"], ["proxycommand", "ProxyCommand"]] as const) {
    const value = found.get(key);
    if (value !== undefined && value !== "" && value.toLowerCase() !== "none") return `${name} ${value}`;
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
  const isFor = (pattern: string) => globOf(pattern).test(host.toLowerCase());
  if (patterns.some((pattern) => pattern.startsWith("!") && isFor(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && isFor(pattern));
}

function globOf(pattern: string): RegExp {
  const source = pattern.toLowerCase().replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}
