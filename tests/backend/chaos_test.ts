/**
 * Through a network that breaks off, delays, repeats and falls silent: a result is right, or it is a fault; the number of
 * tries is bounded; and what was said to be stored is there, whole.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Backend, type ObjectKey, objectKey } from "../../src/backend/backend.ts";
import { MissingObject, PlaceUnavailable } from "../../src/backend/faults.ts";
import { Interrupted } from "../../src/core/fault.ts";
import { ChaosProxy, HTTP_MISHAPS, type Mishap, mishaps, TCP_MISHAPS } from "../support/chaos_proxy.ts";
import { rounds as roundsOf } from "../support/effort.ts";
import { hastened, openPlace } from "../support/remote_place.ts";
import { HAS_REAL_S3, realS3 } from "../support/real_s3.ts";
import { restServer } from "../support/rest_server.ts";
import { ACCESS_KEY, s3Server, SECRET_KEY } from "../support/s3_server.ts";
import { HAS_RCLONE, HAS_SSHD, openssh, PASSWORD, rclone, type SshServer, USER } from "../support/servers.ts";
import { noise, sha256 } from "../support/units.ts";

const OBJECTS = 12, TRIES = 5;

interface Run {
  /** What was told to be stored and not removed since. */
  readonly stored: Map<ObjectKey, Uint8Array<ArrayBuffer>>;
  /** What may or may not be there: a fault was the answer. */
  readonly unknown: Set<ObjectKey>;
  operations: number;
  faults: number;
}

/** Everything once for each of some objects; any fault but those of the network fails the test. */
async function work(backend: Backend, seed: number): Promise<Run> {
  const run: Run = { stored: new Map(), unknown: new Set(), operations: 0, faults: 0 };
  const attempt = async <T>(action: () => Promise<T>): Promise<T | "fault"> => {
    run.operations++;
    try {
      return await action();
    } catch (error) {
      ok(error instanceof PlaceUnavailable, `${error}`);
      run.faults++;
      return "fault";
    }
  };
  const one = async (index: number) => {
    const bytes = noise(1 + (index * 7919 % 90_000), seed * 100 + index), key = objectKey("data", sha256(bytes));
    if (await attempt(() => backend.put(key, bytes)) === "fault") return void run.unknown.add(key);
    run.stored.set(key, bytes);
    const whole = await attempt(() => backend.get(key));
    if (whole !== "fault") deepStrictEqual(whole, bytes);
    const range = { from: bytes.length >> 2, length: bytes.length >> 1 };
    const part = await attempt(() => backend.get(key, { range }));
    if (part !== "fault") deepStrictEqual(part, bytes.slice(range.from, range.from + range.length));
    const size = await attempt(() => backend.head(key));
    if (size !== "fault") strictEqual(size, bytes.length);
    if (index % 3 > 0) return;
    if (await attempt(() => backend.remove(key)) === "fault") run.unknown.add(key);
    run.stored.delete(key);
  };
  // Some of it at once, as a backup does.
  for (let i = 0; i < OBJECTS; i += 4) await Promise.all([0, 1, 2, 3].map((j) => one(i + j)));
  const listed = await attempt(() =>
    Array.fromAsync(backend.list("data"), ({ name, size }) => [`data/${name}`, size] as const)
  );
  if (listed !== "fault") assertListed(run, new Map(listed));
  return run;
}

function assertListed({ stored, unknown }: Run, listed: ReadonlyMap<string, number>): void {
  for (const [key, bytes] of stored) strictEqual(listed.get(key), bytes.length, key);
  for (const key of listed.keys()) ok(stored.has(key as ObjectKey) || unknown.has(key as ObjectKey), key);
}

/** By a connection without mishaps. */
async function assertThere(backend: Backend, run: Run): Promise<void> {
  const listed = await Array.fromAsync(backend.list("data"), ({ name, size }) => [`data/${name}`, size] as const);
  assertListed(run, new Map(listed));
  for (const [key, bytes] of run.stored) deepStrictEqual(await backend.get(key), bytes);
  for (const key of run.unknown) {
    // Whole, or not there at all: a checked get tells.
    await backend.get(key).catch((error) => ok(error instanceof MissingObject, `${error}`));
  }
}

interface Subject {
  readonly target: number;
  readonly location: (port: number, name: string) => string;
  readonly variables: Readonly<Record<string, string>>;
  readonly kinds: readonly Mishap["kind"][];
  readonly rounds: number;
}

async function throughChaos(
  { target, location, variables, kinds, rounds }: Subject,
  name: string,
): Promise<void> {
  let faults = 0, operations = 0;
  for (let seed = 1; seed <= roundsOf(rounds, 60); seed++) {
    const place = `${name}${seed}`;
    await using straight = await openPlace(location(target, place), variables);
    await using proxy = new ChaosProxy(target, mishaps(seed, kinds, 2));
    // Silence takes a minute each time, and minutes pass quickly here.
    const options = { clock: hastened(300), create: false };
    await using backend = await openPlace(location(proxy.port, place), variables, options);
    const run = await work(backend, seed);
    // Three requests a try at the most, and one more to clean up.
    ok(proxy.connections <= run.operations * TRIES * 4, `${proxy.connections} connections for ${run.operations}`);
    await assertThere(straight, run);
    faults += run.faults;
    operations += run.operations;
  }
  ok(faults * 3 < operations, `${faults} of ${operations} failed: tries are for something`);
}

/** At different moments of each request, over a way that is slow. Nothing half done may show, and all goes on afterwards. */
async function stopsAnywhere(
  { target, location, variables }: Pick<Subject, "target" | "location" | "variables">,
): Promise<void> {
  await using straight = await openPlace(location(target, "stopped"), variables);
  const kept = noise(200_000, 1), keptKey = objectKey("data", sha256(kept));
  await straight.put(keptKey, kept);
  await using proxy = new ChaosProxy(target, () => ({ kind: "delay", ms: 3 }));
  await using backend = await openPlace(location(proxy.port, "stopped"), variables, { create: false });
  let stopped = 0;
  for (let round = 1; round <= roundsOf(6, 60); round++) {
    const bytes = noise(200_000, round + 1), key = objectKey("data", sha256(bytes));
    const actions = [
      (signal: AbortSignal) => backend.put(key, bytes, { signal }),
      (signal: AbortSignal) => backend.get(keptKey, { signal }),
      (signal: AbortSignal) => Array.fromAsync(backend.list("data", signal)),
      (signal: AbortSignal) => backend.remove(objectKey("index", sha256(bytes)), signal),
    ];
    for (const action of actions) {
      const stop = new AbortController(), going = action(stop.signal);
      setTimeout(() => stop.abort(), round * 4 % 23);
      await going.catch((error) => ok(error instanceof Interrupted && ++stopped > 0, `${error}`));
    }
    // It is there as a whole, or not at all: a checked get shows.
    await straight.get(key).catch((error) => ok(error instanceof MissingObject, `${error}`));
    strictEqual(await backend.head(keptKey), kept.length);
  }
  ok(stopped > 6, `${stopped} were stopped`);
}

Deno.test("Ctrl-C in the middle of any request, S3", async () => {
  await using server = s3Server();
  const variables = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
  const location = (port: number, name: string) => `s3:http://127.0.0.1:${port}/bucket/${name}`;
  await stopsAnywhere({ target: server.port, location, variables });
});

Deno.test("Through chaos, REST: never a wrong result", async () => {
  await using server = restServer();
  const location = (port: number, name: string) => `rest:http://127.0.0.1:${port}/${name}`;
  await throughChaos({ target: server.port, location, variables: {}, kinds: HTTP_MISHAPS, rounds: 3 }, "rest");
});

Deno.test("Through chaos, S3: never a wrong result", async () => {
  await using server = s3Server();
  const variables = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
  const location = (port: number, name: string) => `s3:http://127.0.0.1:${port}/bucket/${name}`;
  await throughChaos({ target: server.port, location, variables, kinds: HTTP_MISHAPS, rounds: 3 }, "s3");
});

const s3 = HAS_REAL_S3 ? await realS3() : { port: 0, path: "", variables: {} };

Deno.test({
  name: "Through chaos, a real S3 server: never a wrong result",
  ignore: !HAS_REAL_S3,
  async fn() {
    const { port: target, path, variables } = s3, kinds = [...HTTP_MISHAPS, "cut-up", "cut-down", "delay"] as const;
    const location = (port: number, name: string) => `s3:http://127.0.0.1:${port}/${path}/${name}`;
    await throughChaos({ target, location, variables, kinds, rounds: 3 }, "real");
  },
});

const NO_SERVER: SshServer = { port: 0, directory: "", home: "", [Symbol.dispose]: () => {} };
const webdav = HAS_RCLONE ? await rclone("webdav", "--dir-cache-time", "1ms") : NO_SERVER;

Deno.test({
  name: "Through chaos, WebDAV: never a wrong result",
  ignore: !HAS_RCLONE,
  async fn() {
    const variables = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    const location = (port: number, name: string) => `dav:http://127.0.0.1:${port}/${name}`;
    await throughChaos({ target: webdav.port, location, variables, kinds: TCP_MISHAPS, rounds: 2 }, "dav");
  },
});

Deno.test({
  name: "Ctrl-C in the middle of any request, WebDAV",
  ignore: !HAS_RCLONE,
  async fn() {
    const variables = { BACKUP_TOOL_DAV_USER: USER, BACKUP_TOOL_DAV_PASSWORD: PASSWORD };
    const location = (port: number, name: string) => `dav:http://127.0.0.1:${port}/${name}`;
    await stopsAnywhere({ target: webdav.port, location, variables });
  },
});

const sshd = HAS_SSHD ? await openssh() : NO_SERVER;

/** A proxy has another port each time. */
function knowEveryPort(): void {
  const known = `${sshd.home}/.ssh/known_hosts`;
  Deno.writeTextFileSync(known, `* ${Deno.readTextFileSync(known).split(" ").slice(1).join(" ")}`);
}

Deno.test({
  name: "Ctrl-C in the middle of any request, SFTP",
  ignore: !HAS_SSHD,
  async fn() {
    knowEveryPort();
    const location = (port: number, name: string) => `sftp://127.0.0.1:${port}${sshd.directory}/${name}`;
    await stopsAnywhere({ target: sshd.port, location, variables: { HOME: sshd.home } });
  },
  // Of ciphers the garbage collector lets go.
  sanitizeResources: false,
});

Deno.test({
  name: "Through chaos, SFTP: never a wrong result",
  ignore: !HAS_SSHD,
  async fn() {
    knowEveryPort();
    const location = (port: number, name: string) => `sftp://127.0.0.1:${port}${sshd.directory}/${name}`;
    const kinds = ["cut-up", "cut-down", "delay"] as const;
    await throughChaos({ target: sshd.port, location, variables: { HOME: sshd.home }, kinds, rounds: 1 }, "sftp");
  },
  // Of ciphers the garbage collector lets go.
  sanitizeResources: false,
});
