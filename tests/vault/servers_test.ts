/**
 * Vaults on real servers: their life in short, and with SLOW=1 every rule of repositories, sinks and operations. What a
 * server alone may do wrong is in tests/backend.
 */
import type { Backend } from "../../src/backend/backend.ts";
import { rawOf } from "../../src/core/raw.ts";
import { ObjectStore } from "../../src/server/object_store/object_store.ts";
import { operationsContract } from "../contract/operations_contract.ts";
import { repositoryContract } from "../contract/repository_contract.ts";
import { sinkContract } from "../contract/sink_contract.ts";
import { vaultLife } from "../contract/vault_life.ts";
import { vaultKind } from "../contract/vault_repository_place.ts";
import { IS_SLOW } from "../support/effort.ts";
import { HAS_REAL_S3, realS3 } from "../support/real_s3.ts";
import { openPlace } from "../support/remote_place.ts";
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
  USER,
} from "../support/servers.ts";
import type { ServerVaultKind } from "../support/vault_place.ts";
import { tokenOf, webServer } from "../support/web_server.ts";
import { World } from "../support/world.ts";

/** How a place of a name on it is opened. */
type Opener = (name: string) => Promise<Backend>;

let places = 0;

/** @param start undefined: it can't be had here */
async function onServer(
  server: string,
  start: (() => Promise<Opener>) | undefined,
  { leaks = false, encrypted = true } = {},
): Promise<void> {
  const open = await start?.();
  const newPlace = () => {
    const name = `vault${places++}`;
    return { open: () => open!(name) };
  };
  const kind: ServerVaultKind = { where: "server", encrypted, newPlace, server, leaks };
  vaultLife(kind, { ignore: open === undefined });
  if (open !== undefined) everyRule(kind);
}

/** With SLOW=1. */
function everyRule(kind: ServerVaultKind): void {
  if (!IS_SLOW) return;
  const repository = vaultKind(kind, { workers: 0, copies: false });
  repositoryContract(repository);
  sinkContract(repository);
  operationsContract(repository);
  repositoryContract(vaultKind(kind, { workers: 0, copies: true }));
}

const davLogin = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
const restLogin = { BACKUP_TOOL_REST_USER: USER, BACKUP_TOOL_REST_PASSWORD: PASSWORD };

const ownLogin = { BACKUP_TOOL_REST_USER: "objects", BACKUP_TOOL_REST_PASSWORD: tokenOf("objects") };

await onServer(
  "rclone serve restic",
  HAS_RCLONE
    ? async () => {
      const { port } = await rclone("restic");
      return (name) => openPlace(`rest:http://127.0.0.1:${port}/${name}`, restLogin);
    }
    : undefined,
);

await onServer(
  "rest-server",
  HAS_REST_SERVER
    ? async () => {
      const { port } = await resticServer();
      return (name) => openPlace(`rest:http://127.0.0.1:${port}/${name}`);
    }
    : undefined,
);

await onServer(
  "rclone serve webdav",
  HAS_RCLONE
    ? async () => {
      const { port } = await rclone("webdav", "--dir-cache-time", "1ms");
      return (name) => openPlace(`dav:http://127.0.0.1:${port}/${name}`, davLogin);
    }
    : undefined,
  { encrypted: false },
);

await onServer(
  "Apache",
  HAS_APACHE
    ? async () => {
      const { port } = await apache();
      return (name) => openPlace(`dav:http://127.0.0.1:${port}/${name}`, davLogin);
    }
    : undefined,
);

await onServer(
  "sabre/dav",
  HAS_SABRE
    ? async () => {
      const { port } = await sabre();
      return (name) => openPlace(`dav:http://127.0.0.1:${port}/${name}`);
    }
    : undefined,
);

const rcloneKeys = { AWS_ACCESS_KEY_ID: USER, AWS_SECRET_ACCESS_KEY: PASSWORD };
await onServer(
  "rclone serve s3",
  HAS_RCLONE_S3
    ? async () => {
      const { port, directory } = await rclone("s3");
      Deno.mkdirSync(`${directory}/bucket`);
      return (name) => openPlace(`s3:http://127.0.0.1:${port}/bucket/${name}`, rcloneKeys);
    }
    : undefined,
);

await onServer(
  "a real S3 server",
  HAS_REAL_S3
    ? async () => {
      const { location, variables } = await realS3();
      return (name) => openPlace(`${location}/${name}`, variables);
    }
    : undefined,
);

/** Servers in this process: one for each place. */
function inProcess(server: string, newPlace: ServerVaultKind["newPlace"]): void {
  const kind: ServerVaultKind = { where: "server", encrypted: true, newPlace, server, leaks: false };
  vaultLife(kind);
}

inProcess("a small S3 server", () => {
  const server = s3Server({ pageSize: 7 }), keys = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
  return {
    open: () => openPlace(`s3:http://127.0.0.1:${server.port}/bucket/vault`, keys),
    close: async () => await server[Symbol.asyncDispose](),
  };
});

interface OwnServer {
  readonly open: Opener;
  readonly close: () => Promise<void>;
}

function ownServer(): OwnServer {
  const world = new World(), path = `${world.base}/objects`;
  Deno.mkdirSync(path);
  const objects = new ObjectStore({ disk: world.machine.disk, path: rawOf(path), appendOnly: false, reserved: 0 });
  const serving = webServer(world, {}, { objects });
  return {
    open: async (name) =>
      await openPlace(`rest:http://127.0.0.1:${(await serving).port}/objects/objects/${name}/`, ownLogin),
    async close() {
      await (await serving)[Symbol.asyncDispose]();
      objects[Symbol.dispose]();
      world[Symbol.dispose]();
    },
  };
}

inProcess("our own object server", () => {
  const { open, close } = ownServer();
  return { open: () => open("vault"), close };
});

if (IS_SLOW) {
  const { open, close } = ownServer();
  globalThis.addEventListener("unload", () => void close());
  const newPlace = () => {
    const name = `vault${places++}`;
    return { open: () => open(name) };
  };
  // The server is here, and so are its ends of what the rules leave open.
  everyRule({ where: "server", encrypted: true, newPlace, server: "our own object server", leaks: true });
}

// SSH's timers go on for a while: nothing comes after these.
await onServer(
  "OpenSSH",
  HAS_SSHD
    ? async () => {
      const { port, directory, home } = await openssh();
      return (name) => openPlace(`sftp://127.0.0.1:${port}${directory}/${name}`, { HOME: home });
    }
    : undefined,
  { leaks: true },
);

const sftpLogin = { BACKUP_TOOL_SFTP_PASSWORD: PASSWORD };
await onServer(
  "rclone serve sftp (SLOW)",
  HAS_RCLONE && HAS_SSHD && IS_SLOW
    ? async () => {
      const { port, home } = await rcloneSftp();
      return (name) => openPlace(`sftp://${USER}@127.0.0.1:${port}/${name}`, { HOME: home, ...sftpLogin });
    }
    : undefined,
  { leaks: true },
);
