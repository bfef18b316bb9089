/** Backups from servers over a network that breaks off: repeated as people would, and what they restore is right. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { openRemoteTree } from "../../../src/backend/open_tree.ts";
import { PlaceUnavailable } from "../../../src/backend/faults.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backUpRemote } from "../../../src/operations/remote_sources/remote_backup.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import type { SnapshotInfo } from "../../../src/snapshot/snapshot_info.ts";
import { ChaosProxy, HTTP_MISHAPS, type Mishap, mishaps, TCP_MISHAPS } from "../../support/chaos_proxy.ts";
import { rounds } from "../../support/effort.ts";
import { hastened } from "../../support/remote_place.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../../support/s3_server.ts";
import { HAS_RCLONE, PASSWORD, rclone, type Server, USER } from "../../support/servers.ts";
import { noise, random } from "../../support/units.ts";
import { TestMonitor, World } from "../../support/world.ts";

const FILES = 25, MOST_REPETITIONS = 30, disk = openDisk();

function bytesOf(number: number, version: number): Uint8Array<ArrayBuffer> {
  return noise(1 + (number * 7919) % 90_000, number % 3 === 0 ? number + version * 1000 : number);
}

interface Subject {
  readonly target: number;
  readonly location: (port: number) => string;
  readonly variables: Readonly<Record<string, string>>;
  readonly put: (name: string, bytes: Uint8Array<ArrayBuffer>) => void;
  readonly kinds: readonly Mishap["kind"][];
}

/** @returns number of connections */
async function life({ target, location, variables, put, kinds }: Subject, seed: number): Promise<number> {
  using world = new World();
  await using proxy = new ChaosProxy(target, mishaps(seed, kinds, 2));
  const credentials = { env: (name: string) => variables[name] };
  const once = async (): Promise<SnapshotInfo> => {
    await using tree = await openRemoteTree(location(proxy.port), { disk, random, clock: hastened(300), credentials });
    using storage = world.open();
    const { signal } = new AbortController(), monitor = new TestMonitor();
    // The address of a proxy is another one each time, so the series is named.
    const request = { name: "cloud", host: "h", user: "u", tags: [], excludes: [], workers: 0, signal };
    const snapshot = await backUpRemote(storage, tree, request, monitor);
    deepStrictEqual(monitor.problems, []);
    return snapshot;
  };
  for (let version = 0; version < 2; version++) {
    for (let i = 0; i < FILES; i++) put(`${i % 4}/${i}`, bytesOf(i, version));
    world.clock.pass(60);
    let snapshot: SnapshotInfo | undefined;
    for (let times = 1; snapshot === undefined; times++) {
      snapshot = await once().catch((error) => {
        ok(error instanceof PlaceUnavailable && times < MOST_REPETITIONS, `${error}`);
        return undefined;
      });
    }
    const out = `${world.base}/out${version}`;
    await world.restore(snapshot.id, { target: rawOf(out) });
    for (let i = 0; i < FILES; i++) deepStrictEqual(Deno.readFileSync(`${out}/${i % 4}/${i}`), bytesOf(i, version));
  }
  return proxy.connections;
}

async function lives(subject: Subject, times: number): Promise<void> {
  let connections = 0;
  for (let seed = 1; seed <= times; seed++) connections += await life(subject, seed);
  // One would do, if nothing happened to it.
  ok(connections > 6 * times, `${connections}: there has to be chaos`);
}

Deno.test("Through chaos files of an S3 server are backed up, and restored", async () => {
  await using server = s3Server({ pageSize: 3 });
  const put = (name: string, body: Uint8Array<ArrayBuffer>) => {
    const facts = { method: "PUT", url: new URL("http://x"), headers: new Headers(), body };
    server.objects.set(`/bucket/tree/${name}`, facts);
  };
  const variables = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
  const location = (port: number) => `s3:http://127.0.0.1:${port}/bucket/tree`;
  await lives({ target: server.port, location, variables, put, kinds: HTTP_MISHAPS }, rounds(2, 30));
});

const NO_SERVER: Server = { port: 0, directory: "", [Symbol.dispose]: () => {} };
const server = HAS_RCLONE ? await rclone("webdav", "--dir-cache-time", "1ms") : NO_SERVER;

Deno.test({
  name: "Through chaos files of a WebDAV server are backed up, and restored",
  ignore: !HAS_RCLONE,
  async fn() {
    const variables = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    const location = (port: number) => `dav:http://127.0.0.1:${port}/tree`;
    const put = (name: string, bytes: Uint8Array<ArrayBuffer>) => {
      Deno.mkdirSync(`${server.directory}/tree/${name.slice(0, name.lastIndexOf("/"))}`, { recursive: true });
      Deno.writeFileSync(`${server.directory}/tree/${name}`, bytes);
    };
    await lives({ target: server.port, location, variables, put, kinds: TCP_MISHAPS }, rounds(1, 10));
  },
});
