/** Jobs that have to do with another storage or vault than that of the service. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { openBackend } from "../../../src/backend/open.ts";
import { initVault, unlockVault } from "../../../src/vault/access.ts";
import { openVault, type Vault } from "../../../src/vault/vault.ts";
import { JobWorld } from "../../support/job_world.ts";
import { serveIn, started } from "../../support/serving.ts";
import { TestMonitor } from "../../support/world.ts";

const PASSPHRASE = "four random words";

/** A storage with some snapshots, and a vault that the configuration calls "offsite". */
async function worldWithVault(snapshots = 2): Promise<JobWorld> {
  const world = new JobWorld();
  const backend = await openBackend(`${world.base}/vault`, { ...world.machine, create: true });
  await initVault(backend, world.machine, { passphrase: PASSPHRASE, workFactor: 1 });
  Deno.writeTextFileSync(`${world.base}/password`, `${PASSPHRASE}\n`, { mode: 0o600 });
  world.vaults = { offsite: { location: `${world.base}/vault`, passwordFile: `${world.base}/password` } };
  for (let i = 1; i <= snapshots; i++) {
    world.write("a", `version ${i}`);
    await world.backup({ name: "photos", host: "testhost" });
  }
  return world;
}

async function openedVault(world: JobWorld): Promise<Vault> {
  const backend = await openBackend(`${world.base}/vault`, world.machine);
  const access = await unlockVault(backend, { kind: "passphrase", passphrase: PASSPHRASE });
  return await openVault(backend, access, { machine: world.machine, monitor: new TestMonitor(), host: "testhost" });
}

Deno.test("a copy job copies what isn't there, keeps order there, and reads a part of it", async () => {
  using world = await worldWithVault(3);
  world.put("a.json", { kind: "copy", to: "offsite", snapshots: "latest" });
  const first = await world.perform("a.json");
  deepStrictEqual([first?.outcome, first?.problems, first?.counts["storedItems"]], ["done", [], 1]);
  const more = { keep: { last: 2 }, prune: "weekly", checkSubset: "oldest:100%" };
  world.put("b.json", { kind: "copy", to: "offsite", name: "photos", ...more });
  const second = await world.perform("b.json");
  // The oldest would go at once.
  deepStrictEqual([second?.outcome, second?.problems, second?.counts["storedItems"]], ["done", [], 1]);
  strictEqual(second?.counts["checkedBytes"], 18);
  await using vault = await openedVault(world);
  using storage = world.open();
  deepStrictEqual((await vault.snapshots()).map(({ id }) => id), storage.snapshots().slice(1).map(({ id }) => id));
});

Deno.test("a copy lets a job that waits have its turn, and goes on afterwards", async () => {
  using world = await worldWithVault(3);
  world.put("a-copy.json", { kind: "copy", to: "offsite" });
  world.put("b-check.json", { kind: "check" });
  await rejects(world.perform("a-copy.json"), { code: "gave-way" });
  {
    await using vault = await openedVault(world);
    strictEqual((await vault.snapshots()).length, 1);
  }
  const served = await serveIn(world, { makeRunner: world.makeRunner });
  deepStrictEqual(started(served), ["a-copy.json", "b-check.json"]);
  deepStrictEqual(served.entries.map(({ name, outcome }) => `${name} ${outcome}`), [
    "b-check.json done",
    "a-copy.json done",
  ]);
  await using vault = await openedVault(world);
  strictEqual((await vault.snapshots()).length, 3);
});

Deno.test("jobs check, prune, drill and restore from a vault, and back up into one, by its name", async () => {
  using world = await worldWithVault(1);
  const done = async (job: Record<string, unknown>) => {
    world.put("a.json", { storage: "offsite", ...job });
    const entry = await world.perform("a.json");
    deepStrictEqual([entry?.outcome, entry?.problems], ["done", []], JSON.stringify(job));
    return entry;
  };
  await done({ kind: "backup", sources: [world.source], name: "direct" });
  ok((await done({ kind: "check", readData: true }))!.counts["checkedBytes"]! > 0);
  await done({ kind: "drill", bytes: "1M" });
  await done({ kind: "prune", keep: { last: 1 }, keepUnused: "0" });
  await done({ kind: "restore", target: `${world.base}/back` });
  strictEqual(Deno.readTextFileSync(`${world.base}/back/a`), "version 1");
  await using vault = await openedVault(world);
  deepStrictEqual((await vault.snapshots()).map(({ name }) => name), ["direct"]);
  using storage = world.open();
  strictEqual(storage.snapshots().length, 1);
});

Deno.test("a job waits for a place that isn't there, and keeps no other from its turn", async () => {
  using world = await worldWithVault(1);
  world.put("a.json", { kind: "copy", to: `${world.base}/unmounted` });
  world.put("b.json", { kind: "check" });
  const served = await serveIn(world, { makeRunner: world.makeRunner });
  deepStrictEqual(served.entries.map(({ name }) => name), ["b.json"]);
  strictEqual(served.postponed?.code, "place-waits");
  deepStrictEqual(world.remains().sort(), ["a.json", "a.json"]);
});

Deno.test("a job fails with what is wrong with the vault that it names", async () => {
  using world = await worldWithVault(1);
  const codeOf = async (job: unknown) => {
    world.put("a.json", job);
    return (await world.perform("a.json"))?.error?.code;
  };
  strictEqual(await codeOf({ kind: "copy", to: "offsite", from: "offsite" }), "bad-usage");
  strictEqual(await codeOf({ kind: "check", storage: `${world.base}/vault` }), undefined);
  const { vaults } = world;
  world.vaults = {};
  strictEqual(await codeOf({ kind: "check", storage: `${world.base}/vault` }), "no-key");
  world.vaults = vaults;
  Deno.writeTextFileSync(`${world.base}/password`, "wrong\n");
  strictEqual(await codeOf({ kind: "check", storage: "offsite" }), "wrong-passphrase");
  Deno.chmodSync(`${world.base}/password`, 0o644);
  strictEqual(await codeOf({ kind: "check", storage: "offsite" }), "exposed-secret");
  strictEqual(await codeOf({ kind: "copy", to: "no such name" }), "bad-job");
});
