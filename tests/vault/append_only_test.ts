/** Servers that let nobody delete: backups go on for ever, and whoever wants something gone hears who may. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Backend } from "../../src/backend/backend.ts";
import { Interrupted } from "../../src/core/fault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { prune } from "../../src/operations/forget/prune.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { ObjectStore } from "../../src/server/object_store/object_store.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { openPlace } from "../support/remote_place.ts";
import { HAS_REST_SERVER, resticServer, type Server } from "../support/servers.ts";
import { noise } from "../support/units.ts";
import { tokenOf, webServer } from "../support/web_server.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const WORK = { workers: 0, signal: new AbortController().signal };

async function opened(world: World, backend: Backend): Promise<Vault> {
  const access = await unlockVault(backend, { kind: "unencrypted" }), { machine } = world;
  return await openVault(backend, access, {
    machine,
    monitor: new TestMonitor(),
    host: "testhost",
    unitBytes: 100_000,
  });
}

async function life(open: () => Promise<Backend>): Promise<void> {
  using world = new World({ inMemory: true });
  {
    await using backend = await open();
    await initVault(backend, world.machine, {});
  }
  const request = { ...world.request(), tree: false, checkpointBytes: 300_000 };
  for (let day = 0; day < 3; day++) {
    for (let i = 0; i < 120; i++) world.write(`file${i}`, noise(20_000, day * 50 + i));
    world.clock.pass(24 * 60);
    await using vault = await opened(world, await open());
    // The first one is interrupted, and its partial snapshots can't be removed.
    const stop = new AbortController(), monitor = new TestMonitor(), { count } = monitor;
    monitor.count = (counter, by) => {
      count(counter, by);
      if (day === 0 && monitor.of("walkedEntries") > 80) stop.abort();
    };
    const backingUp = backup(vault, { ...request, signal: stop.signal }, monitor);
    if (day === 0) await rejects(backingUp, Interrupted);
    else await backingUp;
  }
  await using vault = await opened(world, await open());
  const snapshots = await vault.snapshots(), [first] = snapshots, last = snapshots.at(-1)!;
  ok(snapshots.filter(({ complete }) => complete).length === 2);
  await using writer = await vault.write();
  await rejects(writer.forget([first!.id]), { code: "place-refuses" });
  const pace = { graceMs: 0, keepUnusedMs: 0, unsafe: true };
  await rejects(prune(vault, { dryRun: false, pace, ...WORK }, () => {}, new TestMonitor()), { code: "append-only" });
  const findings: Finding[] = [];
  await check(vault, { readData: true, ...WORK }, (each) => findings.push(each), new TestMonitor());
  deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), []);
  strictEqual((await vault.snapshots()).length, snapshots.length);
  await restore(vault, world.restoreRequest(last, `${world.base}/out`), new TestMonitor());
  strictEqual(differences(world.source, `${world.base}/out`), "");
}

Deno.test("our own server, append-only: backups go on, forget and prune are refused, nothing is lost", async () => {
  using world = new World();
  const path = `${world.base}/objects`, { disk } = world.machine;
  Deno.mkdirSync(path);
  using objects = new ObjectStore({ disk, path: rawOf(path), appendOnly: true, reserved: 0 });
  await using server = await webServer(world, {}, { objects });
  const login = { BACKUP_TOOL_REST_USER: "objects", BACKUP_TOOL_REST_PASSWORD: tokenOf("objects") };
  await life(() => openPlace(`rest:http://127.0.0.1:${server.port}/objects/objects/vault/`, login));
});

const NO_SERVER: Server = { port: 0, directory: "", [Symbol.dispose]: () => {} };
const restic = HAS_REST_SERVER ? await resticServer("--append-only") : NO_SERVER;

Deno.test({
  name: "an append-only rest-server: backups go on, forget and prune are refused, nothing is lost",
  ignore: !HAS_REST_SERVER,
  async fn() {
    await life(() => openPlace(`rest:http://127.0.0.1:${restic.port}/vault/`));
  },
});
