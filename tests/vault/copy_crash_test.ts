/** Copies into vaults that die at any request: what was said to be copied is whole, and the next one does the rest. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { faulty } from "../../src/backend/faulty.ts";
import { Fault } from "../../src/core/fault.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const UNIT_BYTES = 40_000;
const EVERY = Deno.env.get("SLOW") === "1" ? 1 : 9;

/** All that complete snapshots need is where it may be relied on. */
async function assertWhole(vault: Vault): Promise<number> {
  const complete = (await vault.snapshots()).filter((snapshot) => snapshot.complete);
  for (const { id } of complete) {
    const manifest = await vault.manifest(id);
    for (const hunk of manifest.root.hunks) ok(vault.index.reliableHome(hunk.id, "meta"));
    for (const { content } of manifest.entries()) if (content) ok(await vault.contents.reliableHomes(content), content);
  }
  return complete.length;
}

Deno.test("a copy that dies at any request, or is told wrongly of one, leaves whole snapshots", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 5; i++) world.write(`dir/file${i}`, noise(12_000, i));
  world.write("large", noise(120_000, 77));
  await world.backup();
  world.write("dir/file1", noise(12_000, 99));
  await world.backup();
  using storage = world.open();
  const ids = storage.snapshots().map(({ id }) => id);
  let cut = 0, number = 0;
  for (const failure of ["die", "after"] as const) {
    for (let at = 4;; at += EVERY) {
      const place = await VaultPlace.make(world, KINDS[1], `vault${number++}`);
      let requests = 0;
      {
        await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
          through: (inner) =>
            faulty(inner, ({ number }) => {
              requests = number + 1;
              if (failure === "die") return number >= at ? "before" : undefined;
              return number === at ? failure : undefined;
            }),
        });
        const monitor = new TestMonitor();
        monitor.count = () => world.clock.pass(2);
        try {
          await copy(storage, vault, { workers: 0, signal, clock: world.clock }, monitor);
        } catch (error) {
          ok(error instanceof Fault && error.code === "place-unavailable", String(error));
          cut++;
        }
      }
      await using vault = await place.open();
      await assertWhole(vault);
      await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
      deepStrictEqual((await vault.snapshots()).map(({ id }) => id), ids);
      deepStrictEqual(await assertWhole(vault), 2);
      if (requests <= at) break;
    }
  }
  ok(cut > 3, `${cut} were cut off`);
});
