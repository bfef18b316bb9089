/** Backups from servers: what is unchanged isn't fetched, what changes is read again, and all of it can be restored. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AwsClient } from "aws4fetch";
import { openRemoteTree } from "../../../src/backend/open_tree.ts";
import { MissingTree, patientTree, type RemoteTree } from "../../../src/backend/remote_tree.ts";
import { BadUsage } from "../../../src/core/fault.ts";
import { TOP } from "../../../src/core/apath.ts";
import { rawOf, textOf } from "../../../src/core/raw.ts";
import { backUpRemote, type RemoteBackupRequest } from "../../../src/operations/remote_sources/remote_backup.ts";
import { forget } from "../../../src/operations/forget/forget.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import type { SnapshotInfo } from "../../../src/snapshot/snapshot_info.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";
import { impatient, openPlace } from "../../support/remote_place.ts";
import { HAS_REAL_S3, realS3 } from "../../support/real_s3.ts";
import { ACCESS_KEY, type S3Request, type S3Server, s3Server, SECRET_KEY } from "../../support/s3_server.ts";
import {
  apache,
  HAS_APACHE,
  HAS_RCLONE,
  HAS_RCLONE_S3,
  HAS_SABRE,
  HAS_SSHD,
  openssh,
  PASSWORD,
  rclone,
  sabre,
  type SshServer,
  USER,
} from "../../support/servers.ts";
import { noise, random } from "../../support/units.ts";
import { TestMonitor, World } from "../../support/world.ts";

const disk = openDisk();

async function treeAt(location: string, variables: Readonly<Record<string, string>>): Promise<RemoteTree> {
  return await openRemoteTree(location, {
    disk,
    random,
    clock: impatient,
    credentials: { env: (name) => variables[name] },
  });
}

/** A backup into the world's storage. */
async function backUp(
  world: World,
  tree: RemoteTree,
  monitor: TestMonitor,
  changes: Partial<RemoteBackupRequest> = {},
): Promise<SnapshotInfo> {
  world.clock.pass(60);
  await using storage = world.open(monitor);
  const signal = new AbortController().signal;
  const request = { host: "h", user: "u", tags: [], excludes: [], workers: 0, signal, ...changes };
  return await backUpRemote(storage, tree, request, monitor);
}

const KEYS = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };

function put(server: S3Server, key: string, body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): void {
  const request: S3Request = { method: "PUT", url: new URL("http://x"), headers: new Headers(headers), body };
  server.objects.set(`/bucket/${key}`, request);
}

function listed(world: World, id: SnapshotInfo["id"]): Promise<string[]> {
  return (async () => {
    await using storage = world.open(new TestMonitor());
    const manifest = await storage.manifest(id);
    return [...manifest.entries(TOP)].map(({ path, kind, size }) => `${kind} ${textOf(path)} ${size}`);
  })();
}

/** Letters on a server, of which one has changed from backup to backup. */
async function withLetters(world: World, server: S3Server, tree: RemoteTree): Promise<SnapshotInfo> {
  const text = (n: number) =>
    new TextEncoder().encode(`Dear reader, this is letter ${n}. ${"All is well. ".repeat(90)}`);
  for (let i = 0; i < 60; i++) put(server, `data/letter${i}`, text(i));
  await backUp(world, tree, new TestMonitor());
  put(server, "data/letter0", text(1000));
  const monitor = new TestMonitor(), snapshot = await backUp(world, tree, monitor);
  deepStrictEqual(monitor.problems, []);
  deepStrictEqual([snapshot.change, snapshot.alarm], [{ files: 60, changed: 1, gone: 0, renamed: 0 }, undefined]);
  return snapshot;
}

Deno.test("S3: a backup of encrypted files raises an alarm, and fetches none of them twice for it", async () => {
  await using server = s3Server();
  using world = new World();
  await using tree = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/data`, KEYS);
  const good = await withLetters(world, server, tree);
  for (let i = 0; i < 30; i++) put(server, `data/letter${i}`, noise(1000, i));
  const gets = () => server.requests.filter(({ method, url }) => method === "GET" && !url.search).length;
  const before = gets(), monitor = new TestMonitor();
  const snapshot = await backUp(world, tree, monitor);
  strictEqual(gets() - before, 30);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["unusual-change"]);
  deepStrictEqual([snapshot.change?.changed, snapshot.alarm?.reasons, snapshot.problems], [30, ["scrambled"], 0]);
  ok((snapshot.alarm?.sampled ?? 0) >= 10);
  strictEqual(snapshot.alarm?.scrambled, snapshot.alarm?.sampled);
  using storage = world.open();
  await forget(storage, { policy: { last: 1 }, among: {}, dryRun: false }, new TestMonitor());
  ok(storage.snapshots().some(({ id }) => id === good.id), "it was the last one before");
});

Deno.test("S3: most files gone are an alarm, also if the backup was interrupted", async () => {
  await using server = s3Server();
  using world = new World();
  await using tree = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/data`, KEYS);
  await withLetters(world, server, tree);
  for (let i = 0; i < 40; i++) server.objects.delete(`/bucket/data/letter${i}`);
  put(server, "data/letter55x", noise(100, 1));
  const stop = new AbortController(),
    stopping: RemoteTree = {
      ...tree,
      location: tree.location,
      list: (directory, signal) => tree.list(directory, signal),
      details: (path, entry, signal) => tree.details(path, entry, signal),
      verify: (path, entry, signal) => tree.verify(path, entry, signal),
      piece: (path, entry, range) => {
        stop.abort();
        return tree.piece(path, entry, range);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  await rejects(backUp(world, stopping, new TestMonitor(), { signal: stop.signal }), { code: "interrupted" });
  const monitor = new TestMonitor(), snapshot = await backUp(world, tree, monitor);
  deepStrictEqual(monitor.problems.map(({ name }) => name), ["unusual-change"]);
  deepStrictEqual([snapshot.change, snapshot.alarm?.reasons], [
    { files: 60, changed: 0, gone: 40, renamed: 0 },
    ["gone"],
  ]);
});

Deno.test("S3: all objects, in order, with metadata; the second time nothing is fetched", async () => {
  await using server = s3Server({ pageSize: 3 });
  using world = new World();
  put(server, "data/b/c/deep.bin", noise(100_000, 1), { "x-amz-meta-owner": "me", "content-type": "image/x" });
  put(server, "data/b.txt", noise(10, 2));
  put(server, "data/b/ä (1).txt", noise(20, 3));
  put(server, "data/b/", noise(0, 0));
  put(server, "data/empty", noise(0, 0));
  put(server, "other/not", noise(5, 5));
  for (let i = 0; i < 7; i++) put(server, `data/many/${i}`, noise(i, i));
  await using tree = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/data`, KEYS);
  const monitor = new TestMonitor();
  const first = await backUp(world, tree, monitor);
  deepStrictEqual(monitor.problems, []);
  strictEqual(first.name, "data");
  deepStrictEqual(await listed(world, first.id), [
    "dir / 0",
    "dir /b 0",
    "file /b.txt 10",
    "file /empty 0",
    "dir /many 0",
    "dir /b/c 0",
    "file /b/ä (1).txt 20",
    "file /b/c/deep.bin 100000",
    ...Array.from({ length: 7 }, (_, i) => `file /many/${i} ${i}`),
  ]);
  const gets = () => server.requests.filter(({ method, url }) => method === "GET" && !url.search).length;
  const before = gets(), again = new TestMonitor();
  const second = await backUp(world, tree, again);
  strictEqual(gets(), before);
  deepStrictEqual([again.of("unchangedFiles"), again.of("readFiles"), again.of("writtenHunks")], [11, 0, 0]);
  const third = await backUp(world, tree, new TestMonitor(), { skipIfUnchanged: true, checkpointMs: 0 });
  deepStrictEqual([third.id, gets()], [second.id, before]);
  // One more, and one that changes in nothing but its bytes.
  put(server, "data/b.txt", noise(10, 9));
  put(server, "data/new", noise(3, 3));
  const changed = new TestMonitor();
  const snapshot = await backUp(world, tree, changed);
  deepStrictEqual([changed.of("readFiles"), changed.of("unchangedFiles")], [2, 10]);
  await world.restore(snapshot.id, { target: rawOf(`${world.base}/out`) });
  ok(Buffer.compare(Deno.readFileSync(`${world.base}/out/b.txt`), noise(10, 9)) === 0);
  ok(Buffer.compare(Deno.readFileSync(`${world.base}/out/b/c/deep.bin`), noise(100_000, 1)) === 0);
  strictEqual(Deno.statSync(`${world.base}/out/b.txt`).mtime?.getTime(), Date.UTC(2026, 4, 20, 10, 0, 5));
  await using storage = world.open(new TestMonitor());
  const entry = (await storage.manifest(second.id)).entry(rawOf("/b/c/deep.bin") as never);
  const xattrs = Object.entries(entry?.xattrs ?? {}).map(([name, value]) => `${name}=${atob(value)}`);
  match(xattrs.join(" "), /user\.etag="\w+" user\.mime_type=image\/x user\.x-amz-meta-owner=me/);
});

Deno.test("S3: an object that changes while it is read is read again; one that always does is named", async () => {
  using world = new World();
  let changes = 1, version = 0;
  await using server = s3Server({
    before: ({ method, url }) => {
      if (method === "GET" && url.pathname.endsWith("/busy") && changes-- > 0) {
        put(server, "d/busy", noise(1000, ++version));
      }
      return undefined;
    },
  });
  put(server, "d/busy", noise(1000, 0));
  put(server, "d/calm", noise(10, 0));
  await using tree = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/d`, KEYS);
  const monitor = new TestMonitor(), first = await backUp(world, tree, monitor);
  deepStrictEqual(monitor.problems, []);
  await world.restore(first.id, { target: rawOf(`${world.base}/out`) });
  ok(Buffer.compare(Deno.readFileSync(`${world.base}/out/busy`), noise(1000, 1)) === 0);
  changes = Infinity;
  put(server, "d/busy", noise(1000, 99));
  const second = new TestMonitor();
  const snapshot = await backUp(world, tree, second);
  deepStrictEqual(second.problems.map(({ name }) => name), ["remote-changed"]);
  deepStrictEqual(await listed(world, snapshot.id), ["dir / 0", "file /busy 1000", "file /calm 10"]);
});

/** How many of its requests were on their way at once, at most. */
function watched(tree: RemoteTree): { readonly tree: RemoteTree; readonly most: () => number } {
  let now = 0, most = 0;
  const asking = async <T>(action: () => Promise<T>): Promise<T> => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    return await action().finally(() => now--);
  };
  return {
    tree: {
      location: tree.location,
      list: (directory, signal) => asking(() => tree.list(directory, signal)),
      details: (path, entry, signal) => asking(() => tree.details(path, entry, signal)),
      piece: (path, entry, range) => asking(() => tree.piece(path, entry, range)),
      verify: (path, entry, signal) => asking(() => tree.verify(path, entry, signal)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    most: () => most,
  };
}

Deno.test("S3: small files are fetched several at once, as many as there may be connections", async () => {
  await using server = s3Server();
  using world = new World();
  for (let i = 0; i < 40; i++) put(server, `d/${i % 5}/${i}`, noise(1000 + i * 100, i));
  put(server, "d/2/large", noise(3_000_000, 1));
  await using real = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/d`, KEYS);
  const inner = watched(real), { tree, most } = watched(patientTree(inner.tree, 3, { sleep: noSleep, random }));
  const monitor = new TestMonitor(), { id } = await backUp(world, tree, monitor);
  deepStrictEqual([monitor.problems, monitor.of("readFiles")], [[], 41]);
  strictEqual(inner.most(), 3);
  ok(most() > 3 && most() <= 17, `${most()}`);
  await world.restore(id, { target: rawOf(`${world.base}/out`) });
  for (let i = 0; i < 40; i++) {
    deepStrictEqual(Deno.readFileSync(`${world.base}/out/${i % 5}/${i}`), noise(1000 + i * 100, i));
  }
});

const noSleep = () => Promise.resolve();

Deno.test("Names that no directory can hold are told, excludes are left out, and what isn't there is a fault", async () => {
  using world = new World();
  await using server = s3Server();
  for (const key of ["d/a//b", "d/../x", "d/.", "d/keep", "d/skip.tmp", "d/cache/x"]) put(server, key, noise(1, 1));
  await using tree = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/d`, KEYS);
  const monitor = new TestMonitor();
  const snapshot = await backUp(world, tree, monitor, { excludes: ["*.tmp", "cache/"], name: "mine" });
  strictEqual(snapshot.name, "mine");
  deepStrictEqual(await listed(world, snapshot.id), ["dir / 0", "dir /a 0", "file /keep 1"]);
  deepStrictEqual(new Set(monitor.problems.map(({ name }) => name)), new Set(["unfit-name"]));
  await using missing = await treeAt(`s3:http://127.0.0.1:${server.port}/bucket/missing`, KEYS);
  await rejects(backUp(world, missing, new TestMonitor()), MissingTree);
  await rejects(treeAt("rest:http://127.0.0.1:1/", {}), BadUsage);
});

/** The same with files of a real server. @param change how a test reaches the server's files */
async function lifeOf(open: () => Promise<RemoteTree>, directory: string): Promise<void> {
  using world = new World();
  Deno.mkdirSync(`${directory}/tree/sub dir/ü`, { recursive: true });
  const files = {
    "a": noise(5, 1),
    "sub dir/b%20c": noise(10_000_000, 2),
    "sub dir/ü/ö": noise(7, 3),
    "z": noise(0, 0),
  };
  for (const [name, bytes] of Object.entries(files)) {
    Deno.writeFileSync(`${directory}/tree/${name}`, bytes);
    Deno.utimeSync(`${directory}/tree/${name}`, 1_700_000_000, 1_700_000_000);
  }
  await using tree = await open();
  const first = new TestMonitor(), snapshot = await backUp(world, tree, first);
  deepStrictEqual(first.problems, []);
  await world.restore(snapshot.id, { target: rawOf(`${world.base}/out`) });
  for (const [name, bytes] of Object.entries(files)) {
    ok(Buffer.compare(Deno.readFileSync(`${world.base}/out/${name}`), bytes) === 0, name);
    strictEqual(Deno.statSync(`${world.base}/out/${name}`).mtime?.getTime(), 1_700_000_000_000);
  }
  Deno.writeFileSync(`${directory}/tree/a`, noise(5, 9));
  const second = new TestMonitor();
  await backUp(world, tree, second);
  deepStrictEqual([second.of("readFiles"), second.of("unchangedFiles")], [1, 3]);
  await changing(world, tree, `${directory}/tree/a`);
}

/** A file that somebody writes to while it is read is read again; one that never rests is marked. */
async function changing(world: World, tree: RemoteTree, file: string): Promise<void> {
  for (const [times, problems] of [[1, []], [Infinity, ["remote-changed"]]] as const) {
    let left: number = times, version = 100;
    Deno.writeFileSync(file, noise(++version, version));
    const disturbed: RemoteTree = {
      ...tree,
      async piece(path, entry, range) {
        if (path === "a" && left-- > 0) Deno.writeFileSync(file, noise(++version, version));
        return await tree.piece(path, entry, range);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const monitor = new TestMonitor(), snapshot = await backUp(world, disturbed, monitor);
    deepStrictEqual(monitor.problems.map(({ name }) => name), problems);
    const target = `${world.base}/changed${version}`;
    await world.restore(snapshot.id, { target: rawOf(target) }).catch(() => {}); // what is marked has no content
    if (times === 1) deepStrictEqual(Deno.readFileSync(`${target}/a`), noise(version, version));
  }
}

const s3 = HAS_REAL_S3 ? await realS3() : { port: 0, path: "", location: "", variables: {} };

Deno.test({
  name: "S3: a tree on a real server is backed up, with metadata, and restored; unchanged objects are not fetched",
  ignore: !HAS_REAL_S3,
  async fn() {
    const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = s3.variables;
    const aws = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1" });
    const url = (key: string) => `http://127.0.0.1:${s3.port}/${s3.path}/tree/${key}`;
    await using _bucket = await openPlace(s3.location, s3.variables);
    const put = async (key: string, body: Uint8Array<ArrayBuffer>) => {
      const headers = { "content-type": "image/x", "x-amz-meta-owner": "me" };
      const answer = await aws.fetch(url(key), { method: "PUT", headers, body });
      strictEqual(answer.status, 200, await answer.text());
    };
    const names = [
      "a.bin",
      "b/c/deep.bin",
      "b/%C3%A4%20%281%29.txt",
      ...Array.from({ length: 30 }, (_, i) => `n/${i}`),
    ];
    for (const [i, name] of names.entries()) await put(name, noise(1 + i * 20_000, i));
    using world = new World();
    await using tree = await treeAt(`${s3.location}/tree`, s3.variables);
    const first = new TestMonitor(), { id } = await backUp(world, tree, first);
    deepStrictEqual(first.problems, []);
    await world.restore(id, { target: rawOf(`${world.base}/out`) });
    for (const [i, name] of names.entries()) {
      const bytes = Deno.readFileSync(`${world.base}/out/${decodeURIComponent(name)}`);
      ok(Buffer.compare(bytes, noise(1 + i * 20_000, i)) === 0, name);
    }
    await put("a.bin", noise(7, 77));
    const second = new TestMonitor();
    await backUp(world, tree, second);
    deepStrictEqual([second.of("readFiles"), second.of("unchangedFiles")], [1, names.length - 1]);
  },
});

const NO_SERVER: SshServer = { port: 0, directory: "", home: "", [Symbol.dispose]: () => {} };
const webdav = HAS_RCLONE ? await rclone("webdav", "--dir-cache-time", "1ms") : NO_SERVER;

Deno.test({
  name: "WebDAV: a tree is backed up, and restored",
  ignore: !HAS_RCLONE,
  async fn() {
    const variables = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    await lifeOf(() => treeAt(`dav:http://127.0.0.1:${webdav.port}/tree`, variables), webdav.directory);
  },
});

const httpd = HAS_APACHE ? await apache() : NO_SERVER;

Deno.test({
  name: "WebDAV: a tree on Apache is backed up, and restored",
  ignore: !HAS_APACHE,
  async fn() {
    const variables = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    await lifeOf(() => treeAt(`dav:http://127.0.0.1:${httpd.port}/tree`, variables), httpd.directory);
  },
});

const php = HAS_SABRE ? await sabre() : NO_SERVER;

Deno.test({
  name: "WebDAV: a tree on sabre/dav is backed up, and restored",
  ignore: !HAS_SABRE,
  async fn() {
    await lifeOf(() => treeAt(`dav:http://127.0.0.1:${php.port}/tree`, {}), php.directory);
  },
});

const rcloneS3 = HAS_RCLONE_S3 ? await rclone("s3") : NO_SERVER;

Deno.test({
  name: "S3: a tree that rclone serves is backed up, and restored",
  ignore: !HAS_RCLONE_S3,
  async fn() {
    const variables = { AWS_ACCESS_KEY_ID: USER, AWS_SECRET_ACCESS_KEY: PASSWORD };
    const location = `s3:http://127.0.0.1:${rcloneS3.port}/bucket/tree`;
    await lifeOf(() => treeAt(location, variables), `${rcloneS3.directory}/bucket`);
  },
});

const sshd = HAS_SSHD ? await openssh() : NO_SERVER;

Deno.test({
  name: "SFTP: a tree is backed up, and restored",
  ignore: !HAS_SSHD,
  // Of ciphers the garbage collector lets go.
  sanitizeResources: false,
  async fn() {
    const location = `sftp://127.0.0.1:${sshd.port}${sshd.directory}/tree`;
    await lifeOf(() => treeAt(location, { HOME: sshd.home }), sshd.directory);
  },
});

Deno.test({
  name: "SFTP: owners, modes, times and symlinks are kept",
  ignore: !HAS_SSHD || !HAS_LINUX_DISK,
  sanitizeResources: false,
  async fn() {
    using world = new World();
    const top = `${sshd.directory}/kept`;
    Deno.mkdirSync(`${top}/dir`, { recursive: true });
    Deno.writeFileSync(`${top}/dir/file`, noise(10, 1), { mode: 0o640 });
    Deno.symlinkSync("dir/file", `${top}/link`);
    Deno.chmodSync(`${top}/dir`, 0o2750);
    Deno.utimeSync(`${top}/dir`, 1_600_000_000, 1_600_000_000);
    await using tree = await treeAt(`sftp://127.0.0.1:${sshd.port}${top}`, { HOME: sshd.home });
    const monitor = new TestMonitor(), { id } = await backUp(world, tree, monitor);
    deepStrictEqual(monitor.problems, []);
    const out = `${world.base}/out`;
    await world.restore(id, { target: rawOf(out) });
    const facts = (path: string) => {
      const { mode, uid, gid, mtime } = Deno.lstatSync(path);
      return [(mode ?? 0) & 0o7777, uid, gid, mtime?.getTime()];
    };
    for (const name of ["dir", "dir/file"]) {
      deepStrictEqual(facts(`${out}/${name}`), facts(`${top}/${name}`).map(wholeSeconds));
    }
    strictEqual(Deno.readLinkSync(`${out}/link`), "dir/file");
  },
});

/** Times of SFTP have no fractions. */
function wholeSeconds<T>(value: T): T | number {
  return typeof value === "number" && value > 1e11 ? Math.floor(value / 1000) * 1000 : value;
}

Deno.test("a snapshot names its source as people write it, and whose files it has", async () => {
  const variables = { HOME: "/nowhere" };
  for (
    const [location, shown] of [
      ["sftp:nas:documents", "sftp:nas:documents"],
      ["sftp:me@nas:/srv/x", "sftp:me@nas:/srv/x"],
      ["sftp://me@nas:2222/~/x/", "sftp://me@nas:2222/~/x"],
      ["sftp://[::1]/srv", "sftp:[::1]:/srv"],
      ["sftp://me%40home@nas/srv", "sftp://me%40home@nas/srv"],
      ["dav:https://me@cloud.example/dav", "dav:https://me@cloud.example/dav/"],
      ["s3:https://[::1]:9000/bucket/x?region=a", "s3:https://[::1]:9000/bucket/x/"],
    ] as const
  ) {
    await using tree = await treeAt(location, variables);
    strictEqual(tree.location, shown);
    await using again = await treeAt(shown, variables);
    strictEqual(again.location, shown);
  }
});
