/** An SSH connection with an SFTP channel, to a server whose key is known. */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { Fault, unlessFault } from "../core/fault.ts";
import { provideCommonJs } from "../platform/common_js.ts";
import { readTextFile } from "../platform/system.ts";
import { connectTcp } from "../platform/tcp.ts";
import type { Credentials, Secrets } from "./credentials.ts";
import { PlaceRefuses, PlaceUnavailable, PlaceUntrusted } from "./faults.ts";
import { fingerprintOf, type HostKeys, keysOfHost, kindOf } from "./known_hosts.ts";
import type { SftpPlace } from "./location.ts";
import { configuredHost } from "./ssh_config.ts";
import type { SshHost } from "./ssh_hosts.ts";
import { sshMethods } from "./ssh_login.ts";
import type { Sftp, Ssh2, SshClient, SshConfig, SshError } from "./ssh_types.ts";

const SSH_PORT = 22;
const CONNECT_MS = 20_000;
/** A server that does not answer so many questions in a row is gone: after a minute. */
const KEEPALIVE_MS = 15_000, KEEPALIVES = 4;
/** The runtime of older executables has no AES-GCM that ssh2 can use. */
const CIPHERS = ["aes128-ctr", "aes256-ctr", "aes192-ctr"];
const SYSTEM_HOSTS = "/etc/ssh/ssh_known_hosts";
const MOST_HOSTS_BYTES = 16 * 1024 * 1024;
const RSA_KINDS = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];

export interface Session extends Disposable {
  readonly sftp: Sftp;
  readonly isOpen: boolean;
  /** Called when the connection ends, for requests that will get no answer. */
  readonly waiting: Set<() => void>;
}

/**
 * Connects and authenticates.
 * @throws PlaceUnavailable, PlaceRefuses, PlaceUntrusted, BadCredentials, ExposedSecret, DiskFault
 */
export async function openSession(place: SftpPlace, credentials: Credentials): Promise<Session> {
  const ssh2 = await loadSsh2(), secrets = await credentials.get();
  const config = configuredHost(secrets.get("home"), place.host), at = reached(place, config, secrets.get("user"));
  const [username, methods] = sshMethods(ssh2, secrets, { ...at, ...config, host: at.host, user: at.user });
  const known = keysOfHost(knownHosts(place, secrets), config.hostKeyAlias ?? at.host, at.port);
  const client = new ssh2.Client(), attempt = new Attempt({ host: place.host, port: at.port }, known);
  const socket = await connected(at);
  try {
    await attempt.ready(client, {
      sock: socket,
      username,
      authHandler: methods,
      hostVerifier: (key) => attempt.accepts(key),
      algorithms: { cipher: CIPHERS, ...hostKeyKinds(known) },
      readyTimeout: CONNECT_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVES,
    });
    return await withChannel(client, socket, place);
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  }
}

async function loadSsh2(): Promise<Ssh2> {
  provideCommonJs();
  const { default: ssh2 } = await import("ssh2");
  return ssh2;
}

/** Where a server is. */
interface SshAddress {
  readonly host: string;
  readonly port: number;
  /** User name on the server. */
  readonly user?: string | undefined;
}

/** What the location says itself counts first, then the credentials. @throws PlaceRefuses if it can't be reached directly */
function reached({ host, port, user }: SftpPlace, config: SshHost, ofSecrets: string | undefined): SshAddress {
  const at = {
    host: config.hostName ?? host,
    port: port ?? config.port ?? SSH_PORT,
    user: user ?? ofSecrets ?? config.user,
  };
  if (config.proxy === undefined) return at;
  throw new PlaceRefuses(
    `connect to ${host}`,
    `~/.ssh/config reaches it by ${config.proxy}, which is not supported`,
    `Open a tunnel, such as ssh -N -L 2222:localhost:${at.port} ${host}, and use sftp://127.0.0.1:2222/path`,
  );
}

async function connected({ host, port }: SshAddress): Promise<Duplex> {
  try {
    return await connectTcp(host, port, CONNECT_MS);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new PlaceUnavailable(`connect to ${host}`, reasonOf(error.message));
  }
}

function reasonOf(message: string): string {
  if (/dns|lookup|not known/i.test(message)) return "its address can't be found";
  if (/refused/i.test(message)) return "nobody answers there";
  return /unreachable/i.test(message) ? "there is no way to it" : "it does not answer";
}

function knownHosts({ settings }: SftpPlace, secrets: Secrets): string {
  const named = settings.get("known-hosts"), home = secrets.get("home");
  if (named !== undefined) return readTextFile(named, MOST_HOSTS_BYTES);
  const files = [...(home === undefined ? [] : [`${home}/.ssh/known_hosts`]), SYSTEM_HOSTS];
  return files.map((file) => unlessFault(() => readTextFile(file, MOST_HOSTS_BYTES), "")).join("\n");
}

/** Has the server show a key of a kind that is known. */
function hostKeyKinds({ kinds }: HostKeys): { readonly serverHostKey?: readonly string[] } {
  const wanted = [...kinds].flatMap((kind) =>
    kind === "ssh-rsa" ? RSA_KINDS : /^(ssh-ed25519|ecdsa-)/.test(kind) ? [kind] : []
  );
  return wanted.length === 0 ? {} : { serverHostKey: wanted };
}

/** How an attempt to connect ends. */
class Attempt {
  readonly #place: SshAddress;
  readonly #known: HostKeys;
  #refusal: Fault | undefined;

  constructor(place: SshAddress, known: HostKeys) {
    this.#place = place;
    this.#known = known;
  }

  accepts(key: Buffer): boolean {
    const text = Buffer.from(key).toString("base64"), { accepted, revoked } = this.#known;
    if (accepted.has(text) && !revoked.has(text)) return true;
    this.#refusal = this.#distrust(key, revoked.has(text));
    return false;
  }

  async ready(client: SshClient, config: SshConfig): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.on("ready", resolve);
    client.on("error", (error) => reject(this.#refusal ?? faultOf(error, this.#place)));
    client.on(
      "close",
      () => reject(this.#refusal ?? new PlaceUnavailable(`connect to ${this.#place.host}`, "it hangs up")),
    );
    client.connect(config);
    await promise;
  }

  #distrust(key: Uint8Array, isRevoked: boolean): Fault {
    const { host, port } = this.#place, what = `connect to ${host}`, shown = `${kindOf(key)} ${fingerprintOf(key)}`;
    const at = port === 22 ? host : `-p ${port} ${host}`;
    if (isRevoked) return new PlaceUntrusted(what, `its key ${shown} was revoked`, "Ask who runs the server");
    if (this.#known.accepted.size === 0) {
      const hint = `Compare it with what the server's owner says, then accept it once: ssh ${at}`;
      return new PlaceUntrusted(what, `nobody has accepted its key yet, ${shown}`, hint);
    }
    const hint = "Ask who runs the server whether its key was changed; if so, remove the old one with ssh-keygen -R";
    return new PlaceUntrusted(
      what,
      `its key, ${shown}, is not the one that is known: somebody may stand between`,
      hint,
    );
  }
}

function faultOf({ level, message }: SshError, { host }: SshAddress): Fault {
  const what = `connect to ${host}`;
  if (level === "client-authentication") {
    return new PlaceRefuses(
      what,
      "the server accepts neither key nor password",
      "Check the user, and the key or password",
    );
  }
  if (level === "agent") return new PlaceRefuses(what, "the SSH agent does not answer", "Check SSH_AUTH_SOCK");
  if (/no matching/i.test(message)) {
    return new PlaceRefuses(what, `the server speaks no common protocol (${message})`, "Use a newer SSH server");
  }
  return new PlaceUnavailable(what, level === "client-timeout" ? "it does not answer" : "the connection broke off");
}

async function withChannel(client: SshClient, socket: Duplex, { host }: SftpPlace): Promise<Session> {
  const { promise, resolve, reject } = Promise.withResolvers<Sftp>();
  const what = `use SFTP at ${host}`, hint = "Check that SFTP is switched on there for this user";
  const waiting = new Set<() => void>();
  let isOpen = true;
  client.on("close", () => {
    isOpen = false;
    for (const tell of waiting) tell();
    reject(new PlaceUnavailable(what, "it hangs up"));
  });
  client.sftp((error, sftp) => error ? reject(new PlaceRefuses(what, "the server has none", hint)) : resolve(sftp));
  const sftp = await promise;
  return {
    sftp,
    waiting,
    get isOpen() {
      return isOpen;
    },
    [Symbol.dispose]() {
      isOpen = false;
      client.end();
      client.destroy();
      socket.destroy();
    },
  };
}
