/** Every kind of remote place keeps the contract, on real servers. */
import type { Backend } from "../../src/backend/backend.ts";
import { openBackend } from "../../src/backend/open.ts";
import type { Clock } from "../../src/core/clock.ts";
import { openDisk } from "../../src/platform/open_disk.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import { backendContract, type BackendPlace } from "../contract/backend_contract.ts";
import {
  apache,
  HAS_APACHE,
  HAS_RCLONE,
  HAS_SSHD,
  openssh,
  PASSWORD,
  rclone,
  rcloneSftp,
  type SshServer,
  USER,
} from "../support/servers.ts";
import { random } from "../support/units.ts";

const disk = openDisk();
/** What fails is tried again, but nobody waits for it. */
const clock: Clock = { ...systemClock, zone: "UTC", sleep: () => Promise.resolve() };
let places = 0;

function env(values: Readonly<Record<string, string>>): (name: string) => string | undefined {
  return (name) => values[name];
}

/** @param litter puts into the place, a directory of this machine, what is no object */
function placeAt(
  locationOf: (name: string) => string,
  variables: Readonly<Record<string, string>>,
  litter?: (name: string) => void,
): BackendPlace {
  const name = `place${places++}`;
  const open = (): Promise<Backend> =>
    openBackend(locationOf(name), { disk, random, clock, create: true, credentials: { env: env(variables) } });
  return {
    open,
    ...(litter && { litter: () => litter(name) }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function litterIn(directory: string): void {
  Deno.mkdirSync(`${directory}/index`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/index/.tmp-0123`, "half");
  Deno.writeTextFileSync(`${directory}/index/notes.txt`, "not ours");
  Deno.mkdirSync(`${directory}/index/${"a".repeat(64)}`);
  Deno.writeTextFileSync(`${directory}/data/${"b".repeat(64)}`, "not where it belongs");
  Deno.mkdirSync(`${directory}/data/ff`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/data/ff/${"b".repeat(64)}`, "not where it belongs");
  if (Deno.uid() === 0) new Deno.Command("chown", { args: ["-R", "nobody", directory] }).outputSync();
}

const MISSING_SERVER: SshServer = { port: 0, directory: "", home: "", [Symbol.dispose]: () => {} };

const restic = HAS_RCLONE ? await rclone("restic") : MISSING_SERVER;
const restLogin = { BACKUP_TOOL_REST_USER: USER, BACKUP_TOOL_REST_PASSWORD: PASSWORD };
backendContract(
  "rest: rclone serve restic",
  () => placeAt((name) => `rest:http://127.0.0.1:${restic.port}/${name}`, restLogin),
  { ignore: !HAS_RCLONE },
);

const davLogin = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
const webdav = HAS_RCLONE ? await rclone("webdav", "--dir-cache-time", "0s") : MISSING_SERVER;
backendContract(
  "dav: rclone serve webdav",
  () =>
    placeAt(
      (name) => `dav:http://127.0.0.1:${webdav.port}/new/${name}`,
      davLogin,
      (name) => litterIn(`${webdav.directory}/new/${name}`),
    ),
  { ignore: !HAS_RCLONE },
);

const httpd = HAS_APACHE ? await apache() : MISSING_SERVER;
backendContract(
  "dav: Apache",
  () =>
    placeAt(
      (name) => `dav:http://127.0.0.1:${httpd.port}/new/${name}`,
      davLogin,
      (name) => litterIn(`${httpd.directory}/new/${name}`),
    ),
  { ignore: !HAS_APACHE },
);

/** Such as s3:http://127.0.0.1:7480/bucket; keys as for S3 always. */
const s3 = Deno.env.get("BACKUP_TOOL_TEST_S3");
backendContract(
  "s3: the server that BACKUP_TOOL_TEST_S3 names",
  () => placeAt((name) => `${s3}/${name}`, Deno.env.toObject()),
  { ignore: s3 === undefined },
);

const sshd = HAS_SSHD ? await openssh() : MISSING_SERVER;
backendContract(
  "sftp: OpenSSH",
  () =>
    placeAt(
      (name) => `sftp://127.0.0.1:${sshd.port}${sshd.directory}/new/${name}`,
      { HOME: sshd.home },
      (name) => litterIn(`${sshd.directory}/new/${name}`),
    ),
  { ignore: !HAS_SSHD, leaks: true },
);

const sftp = HAS_RCLONE && HAS_SSHD ? await rcloneSftp() : MISSING_SERVER;
backendContract(
  "sftp: rclone serve sftp",
  () =>
    placeAt(
      (name) => `sftp://${USER}@127.0.0.1:${sftp.port}/new/${name}`,
      { HOME: sftp.home, BACKUP_TOOL_SFTP_PASSWORD: PASSWORD },
      (name) => litterIn(`${sftp.directory}/new/${name}`),
    ),
  { ignore: !HAS_RCLONE || !HAS_SSHD, leaks: true },
);
