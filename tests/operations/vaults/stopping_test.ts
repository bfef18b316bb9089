/** Who wants to stop doesn't wait for a server: neither while a vault is opened, nor while it is looked at. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { openRepository, unlockAt, type VaultLogin } from "../../../src/operations/open.ts";
import { NO_SECRETS } from "../../../src/operations/vaults/login.ts";
import { makeVault } from "../../../src/operations/vaults/make_vault.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { ChaosProxy } from "../../support/chaos_proxy.ts";
import { restServer } from "../../support/rest_server.ts";
import { noise } from "../../support/units.ts";
import { TestMonitor, World } from "../../support/world.ts";

function loginOf(signal: AbortSignal): VaultLogin {
  const settings = { encrypted: false, cache: false, unitSize: 100_000 };
  return { settings, secrets: NO_SECRETS, host: "testhost", signal };
}

Deno.test("opening a vault on a server that is silent stops at once", async () => {
  await using server = restServer();
  await using proxy = new ChaosProxy(server.port, () => ({ kind: "stall" }));
  using world = new World({ inMemory: true });
  const location = `rest:http://127.0.0.1:${proxy.port}/`;
  for (const open of [openRepository, unlockAt]) {
    const stop = new AbortController(), before = proxy.connections;
    const opening = open(world.machine, location, new TestMonitor(), loginOf(stop.signal));
    proxy.onConnection = () => stop.abort();
    await rejects(opening, Interrupted);
    strictEqual(proxy.connections, before + 1);
  }
});

Deno.test("looking at a vault stops in the middle of a request; a backup that stops still stores what it has", async () => {
  let onRequest = (_: Request): void => {};
  await using server = restServer(undefined, (request) => {
    onRequest(request);
    return undefined;
  });
  using world = new World({ inMemory: true });
  const location = `rest:http://127.0.0.1:${server.port}/`, monitor = new TestMonitor();
  await makeVault(world.machine, location, { ...loginOf(new AbortController().signal), monitor }, {});
  for (let i = 0; i < 100; i++) world.write(`file${i}`, noise(50_000, i));
  {
    const stop = new AbortController();
    await using vault = await openRepository(world.machine, location, monitor, loginOf(stop.signal));
    let stored = 0;
    onRequest = ({ method }) => void (method === "POST" && ++stored === 3 && stop.abort());
    await rejects(backup(vault, { ...world.request(), tree: false, signal: stop.signal }, monitor), Interrupted);
  }
  onRequest = () => {};
  const stop = new AbortController();
  await using vault = await openRepository(world.machine, location, monitor, loginOf(stop.signal));
  deepStrictEqual((await vault.snapshots()).map(({ complete }) => complete), [false]);
  onRequest = () => stop.abort();
  await rejects(async () => await vault.provenSnapshots(), Interrupted);
});
