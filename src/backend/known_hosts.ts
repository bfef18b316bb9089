/** Reads which keys a user has accepted for an SSH server, from ssh's `known_hosts` files. */
import { Buffer } from "node:buffer";
import { createHmac, hash } from "node:crypto";

export interface HostKeys {
  /** Accepted keys in wire format, as base64. */
  readonly accepted: ReadonlySet<string>;
  /** Keys that must never be accepted, even if they are also listed as accepted. */
  readonly revoked: ReadonlySet<string>;
  /** Kinds of the accepted keys, such as "ssh-ed25519". */
  readonly kinds: ReadonlySet<string>;
}

const SSH_PORT = 22;
const HASHED = /^\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/;

/** Host keys that `text` (a known_hosts file) lists for a host. Lines of certificate authorities are skipped. */
export function keysOfHost(text: string, host: string, port: number): HostKeys {
  const name = port === SSH_PORT ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  const accepted = new Set<string>(), revoked = new Set<string>(), kinds = new Set<string>();
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/), marker = words[0]?.startsWith("@") ? words.shift() : undefined;
    const [hosts = "", kind = "", key = ""] = words;
    if (hosts === "" || hosts.startsWith("#") || key === "" || !isFor(hosts, name)) continue;
    if (marker === "@revoked") revoked.add(key);
    else if (marker === undefined) {
      accepted.add(key);
      kinds.add(kind);
    }
  }
  return { accepted, revoked, kinds };
}

/** Fingerprint of a key as ssh shows it, for people to compare. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${hash("sha256", key, "base64").replace(/=+$/, "")}`;
}

/** Type of a key in wire format, such as "ssh-ed25519". */
export function kindOf(key: Uint8Array): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  return bytes.length < 4 ? "" : bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString("latin1");
}

function isFor(patterns: string, name: string): boolean {
  let isMatch = false;
  for (const pattern of patterns.split(",")) {
    const isExcluded = pattern.startsWith("!");
    if (!matches(isExcluded ? pattern.slice(1) : pattern, name)) continue;
    if (isExcluded) return false;
    isMatch = true;
  }
  return isMatch;
}

function matches(pattern: string, name: string): boolean {
  const [, salt, digest] = HASHED.exec(pattern) ?? [];
  if (salt !== undefined) {
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === digest;
  }
  const source = pattern.toLowerCase().replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}
