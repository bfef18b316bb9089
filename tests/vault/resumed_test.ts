/** A backup whose credentials expire on the way, and which goes on hours later with others. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { PlaceRefuses } from "../../src/backend/faults.ts";
import { Fault } from "../../src/core/fault.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { openPlace } from "../support/remote_place.ts";
import { ACCESS_KEY, s3Error, type S3Server, s3Server, SECRET_KEY } from "../support/s3_server.ts";
import { noise } from "../support/units.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const FILES = 24, FILE_BYTES = 60_000, UNIT_BYTES = 100_000;

async function opened(world: World, server: S3Server, session: string): Promise<Vault> {
  const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_SESSION_TOKEN: session };
  const backend = await openPlace(`s3:http://127.0.0.1:${server.port}/bucket/vault`, env);
  const access = await unlockVault(backend, { kind: "unencrypted" });
  const options = { machine: world.machine, monitor: new TestMonitor(), host: "testhost", unitBytes: UNIT_BYTES };
  return await openVault(backend, access, options);
}

Deno.test("A backup whose credentials expire ends with what to do, and goes on hours later from there", async () => {
  let puts = 0, mostPuts = Infinity;
  await using server = s3Server({
    before: ({ method, headers }) => {
      const isOld = headers.get("x-amz-security-token") === "first";
      if (isOld && method === "PUT") puts++;
      return isOld && puts > mostPuts ? s3Error(400, "ExpiredToken") : undefined;
    },
  });
  using world = new World({ inMemory: true });
  for (let i = 0; i < FILES; i++) world.write(`file${i}`, noise(FILE_BYTES, i));
  {
    await using backend = await openPlace(`s3:http://127.0.0.1:${server.port}/bucket/vault`, {
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    });
    await initVault(backend, world.machine, {});
  }
  mostPuts = 8;
  const request = { ...world.request(), tree: false, checkpointBytes: 200_000 };
  await rejects(
    async () => {
      await using vault = await opened(world, server, "first");
      await backup(vault, request, new TestMonitor());
    },
    (error) => {
      ok(error instanceof PlaceRefuses, String(error));
      match((error as Fault).message, /the credentials have expired/);
      match((error as Fault).hint, /new credentials/);
      return true;
    },
  );
  const units = () => [...server.objects.keys()].filter((key) => key.includes("/data/"));
  const before = units();
  ok(before.length >= 4, `${before.length} units`);
  world.clock.pass(14 * 60);
  await using vault = await opened(world, server, "second");
  const monitor = new TestMonitor(), again = await backup(vault, request, monitor);
  deepStrictEqual(monitor.problems, []);
  // At most what no checkpoint had listed yet is stored again.
  const stored = monitor.of("storedBytes");
  ok(stored < FILES * FILE_BYTES, `${stored} bytes`);
  await restore(vault, world.restoreRequest(again, `${world.base}/out`), new TestMonitor());
  strictEqual(differences(world.source, `${world.base}/out`), "");
});
