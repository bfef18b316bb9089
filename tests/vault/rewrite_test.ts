/** Rewriting snapshots of vaults, and rewrites that die at any request. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { faulty } from "../../src/backend/faulty.ts";
import { parseApath } from "../../src/core/apath.ts";
import { Fault } from "../../src/core/fault.ts";
import { textOf } from "../../src/core/raw.ts";
import { check } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { rewrite, type RewriteRequest } from "../../src/operations/rewrite/rewrite.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const EVERY = Deno.env.get("SLOW") === "1" ? 1 : 3;

const REQUEST: RewriteRequest = {
  among: {},
  unwanted: { paths: [parseApath("/dir/secret")], patterns: [] },
  facts: { name: "papers" },
  dryRun: false,
  signal,
};

async function filled(world: World, name: string): Promise<VaultPlace> {
  const place = await VaultPlace.make(world, KINDS[1], name);
  await using vault = await place.open();
  using storage = world.open();
  await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  return place;
}

async function hasSecret(vault: Vault): Promise<boolean[]> {
  const has: boolean[] = [];
  for (const { id } of await vault.snapshots()) {
    const paths = [...(await vault.manifest(id)).entries()].map(({ path }) => textOf(path));
    ok(paths.includes("/dir/kept"));
    has.push(paths.includes("/dir/secret"));
  }
  return has;
}

async function assertWhole(vault: Vault): Promise<void> {
  const monitor = new TestMonitor();
  const request = { readData: true, workers: 0, signal };
  await check(vault, request, () => {}, monitor);
  deepStrictEqual(monitor.problems, []);
}

Deno.test("a rewrite of a vault that dies at any request leaves each snapshot as it was or as it is to be", async () => {
  using world = new World({ inMemory: true });
  world.write("dir/secret", noise(5000, 1));
  world.write("dir/kept", noise(5000, 2));
  await world.backup();
  world.write("more", noise(5000, 3));
  await world.backup();
  let cut = 0, number = 0;
  const seen = new Set<string>();
  for (const failure of ["die", "after"] as const) {
    for (let at = 1;; at += EVERY) {
      const place = await filled(world, `vault${number++}`);
      let requests = 0;
      try {
        await using vault = await place.open(new TestMonitor(), undefined, {
          through: (inner) =>
            faulty(inner, ({ number }) => {
              requests = number + 1;
              if (failure === "die") return number >= at ? "before" : undefined;
              return number === at ? failure : undefined;
            }),
        });
        await rewrite(vault, REQUEST, new TestMonitor());
      } catch (error) {
        ok(error instanceof Fault && error.code === "place-unavailable", String(error));
        cut++;
      }
      await using vault = await place.open();
      const before = await hasSecret(vault);
      strictEqual(before.length, 2, `cut at ${at}`);
      seen.add(before.join());
      await assertWhole(vault);
      await rewrite(vault, REQUEST, new TestMonitor()).catch((error) => {
        // All of it had been done: nothing matches any more.
        deepStrictEqual([error.code, before], ["nothing-matches", [false, false]]);
      });
      deepStrictEqual(await hasSecret(vault), [false, false]);
      strictEqual((await vault.rootIds()).length, 2, `cut at ${at}`);
      deepStrictEqual((await vault.snapshots()).map(({ name }) => name), ["papers", "papers"]);
      await assertWhole(vault);
      if (requests <= at) break;
    }
  }
  ok(cut > 3, `${cut} were cut off`);
  ok(seen.has("false,true") && seen.has("true,true"), [...seen].join(" "));
});

Deno.test("the catalog that a vault keeps is after a rewrite what one made anew is", async () => {
  using world = new World({ inMemory: true });
  world.write("dir/secret", "secret");
  world.write("dir/kept", "kept");
  await world.backup();
  world.write("dir/secret", "another secret");
  await world.backup();
  const place = await filled(world, "vault");
  const versions = async (vault: Vault) =>
    await vault.query((catalog) => [...catalog.find({})].map((version) => JSON.stringify(version)));
  {
    await using vault = await place.open();
    strictEqual((await versions(vault)).filter((version) => version.includes("/dir/secret")).length, 2);
    await rewrite(vault, { ...REQUEST, facts: {} }, new TestMonitor());
  }
  await using vault = await place.open();
  const live = await versions(vault);
  ok(live.length > 0 && !live.some((version) => version.includes("secret")), live.join("\n"));
});
