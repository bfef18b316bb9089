/** Real servers for places of vaults, each on a port and in a directory of its own, until disposed. */
import { has } from "./needs.ts";

export const USER = "tester", PASSWORD = "p4ss-word:with?all";

export interface Server extends Disposable {
  readonly port: number;
  /** What it serves. */
  readonly directory: string;
}

const START_MS = 20_000;
const APACHE = "/usr/sbin/apache2", APACHE_MODULES = "/usr/lib/apache2/modules";

export const HAS_RCLONE = has("rclone");
export const HAS_APACHE = isFile(APACHE) && isFile(`${APACHE_MODULES}/mod_dav_fs.so`);
export const HAS_SSHD = isFile("/usr/sbin/sshd") && has("ssh-keygen");

/** @param kind what `rclone serve` is to be */
export async function rclone(kind: "restic" | "webdav" | "sftp", ...more: readonly string[]): Promise<Server> {
  const directory = Deno.makeTempDirSync({ prefix: "backup-tool-test-" }), port = freePort();
  const login = ["--user", USER, "--pass", PASSWORD];
  const args = ["serve", kind, "--addr", `127.0.0.1:${port}`, ...login, "--config", "/dev/null", ...more, directory];
  return await running(
    new Deno.Command("rclone", { args, stdin: "null", stdout: "null", stderr: "null" }),
    directory,
    port,
  );
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
  const command = new Deno.Command(APACHE, {
    args: ["-DFOREGROUND", "-f", file],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  return { ...await running(command, directory, port), directory: `${directory}/dav` };
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

async function running(command: Deno.Command, directory: string, port: number): Promise<Server> {
  const child = command.spawn();
  const stop = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    Deno.removeSync(directory, { recursive: true });
  };
  globalThis.addEventListener("unload", stop);
  await answers(port);
  return {
    port,
    directory,
    [Symbol.dispose]() {
      globalThis.removeEventListener("unload", stop);
      stop();
    },
  };
}

/** Nobody tells when a server is ready but its port. */
async function answers(port: number): Promise<void> {
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

export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
