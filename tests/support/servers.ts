/** Real servers for places of vaults, each on a port and in a directory of its own, until disposed. */
import { has } from "./needs.ts";

export const USER = "tester", PASSWORD = "p4ss-word:with?all";

export interface Server extends Disposable {
  readonly port: number;
  /** What it serves. */
  readonly directory: string;
}

const START_MS = 120_000;
const SABRE = "/usr/share/php/Sabre/autoload.php";
const APACHE = "/usr/sbin/apache2", APACHE_MODULES = "/usr/lib/apache2/modules";

export const HAS_RCLONE = has("rclone");
/** Newer ones than Debian's do, too. */
export const HAS_RCLONE_S3 = HAS_RCLONE && servesS3();
export const HAS_REST_SERVER = has("rest-server");
export const HAS_APACHE = isFile(APACHE) && isFile(`${APACHE_MODULES}/mod_dav_fs.so`);
export const HAS_SABRE = has("php") && isFile(SABRE);
export const HAS_SSHD = isFile("/usr/sbin/sshd") && has("ssh-keygen");

/** @param kind what `rclone serve` is to be */
export async function rclone(kind: "restic" | "webdav" | "sftp" | "s3", ...more: readonly string[]): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort();
  const login = kind === "s3" ? ["--auth-key", `${USER},${PASSWORD}`] : ["--user", USER, "--pass", PASSWORD];
  const args = ["serve", kind, "--addr", `127.0.0.1:${port}`, ...login, "--config", "/dev/null", ...more, directory];
  return await running(["rclone", ...args], directory, port);
}

/** What restic's authors wrote. */
export async function resticServer(...more: readonly string[]): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort();
  const args = ["--no-auth", "--path", directory, "--listen", `127.0.0.1:${port}`];
  return await running(["rest-server", ...args, ...more], directory, port);
}

/** Apache with mod_dav_fs. */
export async function apache(): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort();
  // It gives up root's rights.
  Deno.chmodSync(directory, 0o777);
  Deno.mkdirSync(`${directory}/dav`);
  Deno.chmodSync(`${directory}/dav`, 0o777);
  const file = `${directory}/apache.conf`;
  Deno.writeTextFileSync(file, apacheConfig(directory, port));
  const command = [APACHE, ...["-DFOREGROUND", "-f", file]];
  return { ...await running(command, directory, port), directory: `${directory}/dav` };
}

/** The WebDAV server that Nextcloud and ownCloud are made of: sabre/dav, with a directory instead of a database. */
export async function sabre(): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort();
  Deno.mkdirSync(`${directory}/dav`);
  const script = `<?php
require '${SABRE}';
$server = new Sabre\\DAV\\Server(new Sabre\\DAV\\FS\\Directory('${directory}/dav'));
$server->setBaseUri('/');
$server->exec();
`;
  Deno.writeTextFileSync(`${directory}/server.php`, script);
  const settings = ["-d", "display_errors=0", "-d", "memory_limit=256M"];
  const command = ["php", ...settings, "-S", `127.0.0.1:${port}`, `${directory}/server.php`];
  const server = await running(command, directory, port);
  return { ...server, directory: `${directory}/dav` };
}

/** OpenSSH; what it serves is the whole machine, to this user's key. */
export interface SshServer extends Server {
  /** Has `.ssh/known_hosts` and `.ssh/id_ed25519` in it, as a home directory. */
  readonly home: string;
}

export async function openssh(): Promise<SshServer> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort();
  const home = sshHome(directory, port);
  const root = Deno.uid() === 0;
  if (root) Deno.mkdirSync("/run/sshd", { recursive: true });
  const config = `Port ${port}
ListenAddress 127.0.0.1
HostKey ${directory}/host
AuthorizedKeysFile ${home}/.ssh/id_ed25519.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
`;
  Deno.writeTextFileSync(`${directory}/config`, config);
  const args = ["-D", "-f", `${directory}/config`];
  const command = ["/usr/sbin/sshd", ...args];
  return { ...await running(command, directory, port), home };
}

/** `rclone serve sftp` with a host key that `home` knows. */
export async function rcloneSftp(): Promise<SshServer> {
  const keys = Deno.makeTempDirSync({ prefix: "backup-tool-test-" });
  makeKey(`${keys}/host`);
  const server = await rclone("sftp", "--key", `${keys}/host`, "--dir-cache-time", "1ms");
  return { ...server, home: sshHome(keys, server.port) };
}

function sshHome(directory: string, port: number): string {
  const home = `${directory}/home`;
  Deno.mkdirSync(`${home}/.ssh`, { recursive: true });
  if (!isFile(`${directory}/host`)) makeKey(`${directory}/host`);
  makeKey(`${home}/.ssh/id_ed25519`);
  const [kind, key] = Deno.readTextFileSync(`${directory}/host.pub`).split(" ");
  Deno.writeTextFileSync(`${home}/.ssh/known_hosts`, `[127.0.0.1]:${port} ${kind} ${key}\n`);
  return home;
}

export function makeKey(path: string, passphrase = ""): void {
  new Deno.Command("ssh-keygen", { args: ["-q", "-t", "ed25519", "-N", passphrase, "-f", path] }).outputSync();
}

function apacheConfig(directory: string, port: number): string {
  const modules = ["mpm_event", "authz_core", "authn_core", "authn_file", "auth_basic", "authz_user", "dav", "dav_fs"];
  const htpasswd = new Deno.Command("htpasswd", { args: ["-nbm", USER, PASSWORD] }).outputSync().stdout;
  Deno.writeFileSync(`${directory}/users`, htpasswd);
  const root = Deno.uid() === 0 ? "User nobody\nGroup nogroup" : "";
  return `ServerRoot ${directory}
PidFile ${directory}/pid
Listen 127.0.0.1:${port}
ServerName 127.0.0.1
ErrorLog ${directory}/error.log
${modules.map((name) => `LoadModule ${name}_module ${APACHE_MODULES}/mod_${name}.so`).join("\n")}
${root}
DocumentRoot ${directory}/dav
DavLockDB ${directory}/lock
<Directory ${directory}/dav>
  Dav On
  AuthType Basic
  AuthName dav
  AuthUserFile ${directory}/users
  Require valid-user
</Directory>
`;
}

/**
 * Runs a server until the tests are at their end, however that comes: then nobody holds its shell's input open any more.
 * sshd doesn't always heed the first wish.
 */
const WHILE_WANTED = '"$@" </dev/null & server=$!; cat >/dev/null; kill $server; sleep 1; kill -9 $server';

async function running(command: readonly string[], directory: string, port: number): Promise<Server> {
  const server = spawned(command, { atEnd: () => Deno.removeSync(directory, { recursive: true }) });
  await answers(port);
  return { port, directory, [Symbol.dispose]: () => server[Symbol.dispose]() };
}

/** The runtime kills its children when it ends, so what has to be done after that is up to a grandchild. */
function survived(script: string): string {
  return `exec 3<&0; (${script}) <&3 3<&- & exec 3<&-; wait`;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Of a shell, whose input ends when it is not wanted any more. Default: runs the command until then. */
  readonly script?: string;
  /** Called when it is not wanted any more. */
  readonly atEnd?: () => void;
}

/** A program that runs until it is disposed, or the tests are at their end. */
export function spawned(
  command: readonly string[],
  { env = {}, script = WHILE_WANTED, atEnd }: SpawnOptions = {},
): Disposable {
  const args = ["-c", survived(script), "sh", ...command];
  const child = new Deno.Command("/bin/sh", { args, env, stdin: "piped", stdout: "null", stderr: "null" }).spawn();
  const stop = () => {
    child.stdin.close().catch(() => {}); // it has ended by itself
    atEnd?.();
  };
  globalThis.addEventListener("unload", stop);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("unload", stop);
      stop();
    },
  };
}

/** Runs a program to its end. @throws Error with what it said */
export function run([program = "", ...args]: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const { success, stderr } = new Deno.Command(program, { args, env, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Nobody tells when a server is ready but its port. */
export async function answers(port: number): Promise<void> {
  for (const start = Date.now();;) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (error) {
      if (Date.now() - start > START_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Ports that no connection of another test gets by chance: systems give those above. */
const FIRST_PORT = 20_000, PORTS = 12_000;

export function freePort(): number {
  for (;;) {
    const [random = 0] = crypto.getRandomValues(new Uint16Array(1)), port = FIRST_PORT + random % PORTS;
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

function servesS3(): boolean {
  const { stdout } = new Deno.Command("rclone", { args: ["serve", "--help"] }).outputSync();
  return /^ +s3 /m.test(new TextDecoder().decode(stdout));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
