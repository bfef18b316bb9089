/** Every kind of remote place keeps the contract, on real servers; servers that lie are found out. */
import { ok } from "node:assert/strict";
import { BACKEND_RULES, backendContract, type BackendPlace } from "../contract/backend_contract.ts";
import { IS_SLOW } from "../support/effort.ts";
import { HAS_REAL_S3, realS3 } from "../support/real_s3.ts";
import { openPlace } from "../support/remote_place.ts";
import { type Flaw, type RestServer, restServer } from "../support/rest_server.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../support/s3_server.ts";
import {
  apache,
  HAS_APACHE,
  HAS_RCLONE,
  HAS_RCLONE_S3,
  HAS_REST_SERVER,
  HAS_SABRE,
  HAS_SSHD,
  openssh,
  PASSWORD,
  rclone,
  rcloneSftp,
  resticServer,
  sabre,
  type SshServer,
  USER,
} from "../support/servers.ts";

let places = 0;

/** @param litter puts into the place, a directory of this machine, what is no object */
function placeAt(
  locationOf: (name: string) => string,
  variables: Readonly<Record<string, string>>,
  litter?: (name: string) => void,
): BackendPlace {
  const name = `place${places++}`;
  return {
    open: () => openPlace(locationOf(name), variables),
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

const resticOwn = HAS_REST_SERVER ? await resticServer() : MISSING_SERVER;
backendContract("rest: rest-server", () => placeAt((name) => `rest:http://127.0.0.1:${resticOwn.port}/${name}`, {}), {
  ignore: !HAS_REST_SERVER,
});

const davLogin = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
const webdav = HAS_RCLONE ? await rclone("webdav", "--dir-cache-time", "1ms") : MISSING_SERVER;
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

const php = HAS_SABRE ? await sabre() : MISSING_SERVER;
backendContract(
  "dav: sabre/dav",
  () =>
    placeAt(
      (name) => `dav:http://127.0.0.1:${php.port}/new/${name}`,
      {},
      (name) => litterIn(`${php.directory}/new/${name}`),
    ),
  { ignore: !HAS_SABRE },
);

const s3 = HAS_REAL_S3 ? await realS3() : { location: "", variables: {} };
backendContract("s3: a real server", () => placeAt((name) => `${s3.location}/${name}`, s3.variables), {
  ignore: !HAS_REAL_S3,
});

const rcloneS3 = HAS_RCLONE_S3 ? await rclone("s3") : MISSING_SERVER;
if (HAS_RCLONE_S3) Deno.mkdirSync(`${rcloneS3.directory}/bucket`);
backendContract(
  "s3: rclone serve s3",
  () =>
    placeAt((name) => `s3:http://127.0.0.1:${rcloneS3.port}/bucket/${name}`, {
      AWS_ACCESS_KEY_ID: USER,
      AWS_SECRET_ACCESS_KEY: PASSWORD,
    }),
  { ignore: !HAS_RCLONE_S3 },
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

const isSlowWanted = HAS_RCLONE && HAS_SSHD && IS_SLOW;
const sftp = isSlowWanted ? await rcloneSftp() : MISSING_SERVER;
backendContract(
  "sftp: rclone serve sftp (SLOW)",
  () =>
    placeAt(
      (name) => `sftp://${USER}@127.0.0.1:${sftp.port}/new/${name}`,
      { HOME: sftp.home, BACKUP_TOOL_SFTP_PASSWORD: PASSWORD },
      (name) => litterIn(`${sftp.directory}/new/${name}`),
    ),
  { ignore: !isSlowWanted, leaks: true },
);

const s3Login = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };

for (const [name, options] of Object.entries({ "with pages": { pageSize: 7 }, "that replaces": { replaces: true } })) {
  backendContract(`s3: a server ${name}`, () => {
    const server = s3Server(options);
    return {
      open: () => openPlace(`s3:http://127.0.0.1:${server.port}/bucket/a place (1) ü`, s3Login),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  });
}

function restPlace(server: RestServer): BackendPlace {
  return {
    open: () => openPlace(`rest:http://127.0.0.1:${server.port}/`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

backendContract("rest: a server of our own", () => restPlace(restServer()));

const FLAWS: readonly Flaw[] = [
  "says stored and stores nothing",
  "stores half",
  "says removed and removes nothing",
  "lies about sizes",
  "leaves things out of lists",
  "gives another part",
  "changes a bit",
  "gives a page for people",
];

for (const flaw of FLAWS) {
  Deno.test(`The contract finds out a server that ${flaw}`, async () => {
    const broken: string[] = [];
    for (const { title, check } of BACKEND_RULES) {
      await using place = restPlace(restServer(flaw));
      await check(place).catch(() => broken.push(title));
    }
    ok(broken.length > 0, broken.join("; "));
  });
}
