/** A prune that is killed, or that the place fails, at every one of its requests. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { stride } from "../support/effort.ts";
import { EVERY_RULE, PruneWorld } from "../support/prune_world.ts";

/** Every request in turn, with SLOW=1; otherwise one in so many. */
const EVERY = stride(6);
/** Requests after which a lease is dead. */
const LEASE = 40;

/** A vault in which a prune has everything to do that there is. */
async function muchToDo(): Promise<PruneWorld> {
  const rules = EVERY_RULE;
  const world = await PruneWorld.make({ seed: 7, rules, graceMs: 0, keepUnusedMs: 0, deleteFails: 0, ledgerLines: 2 });
  const store = async (contents: readonly number[]) => await world.finish(await world.write(contents));
  const forget = async (index: number) => await world.finish(await world.forget(() => [...world.saved.keys()][index]!));
  await store([1, 2, 10]);
  await store([1, 2, 3, 4, 11]);
  await forget(0);
  await world.finish(await world.prune()); // something is doomed, something packed anew
  await store([5, 6, 7]);
  await store([5, 8, 10]);
  await forget(2);
  const killed = await world.write([0, 9]);
  await world.runTo(killed, "put", "index/");
  world.actors.length = 0;
  return world;
}

/** Nothing is lost, and prunes that come later leave nothing that nobody needs. */
async function comesRight(world: PruneWorld, at: string): Promise<void> {
  deepStrictEqual([await world.broken("lines"), await world.unreadable(), world.bugs], [[], [], []], at);
  world.time += LEASE;
  for (let i = 0; i < 3; i++) await world.finish(await world.prune());
  strictEqual(world.ends.get("needed-missing"), undefined, at);
  deepStrictEqual([await world.broken("lines"), world.bugs], [[], []], at);
  ok(
    (await world.units()).every(({ unitClass }) => unitClass !== undefined),
    `${at}: a unit that no index lists stays`,
  );
  deepStrictEqual(await world.unneeded(), { contents: 0, hunks: 0, bytes: 0 }, at);
}

Deno.test("a prune that is killed at any request leaves nothing but garbage, which the next one removes", async () => {
  const before = await muchToDo(), whole = before.fork(), run = await whole.prune();
  await whole.finish(run);
  ok(run.steps > 30, `only ${run.steps} requests`);
  for (let killedAt = 0; killedAt < run.steps; killedAt += EVERY) {
    const world = before.fork(), actor = await world.prune();
    while (actor.steps < killedAt) await world.step(actor);
    await comesRight(world, `killed at ${killedAt}: ${actor.next?.verb} ${actor.next?.target}`);
  }
});

for (const failure of ["before", "after"] as const) {
  Deno.test(`a prune whose requests fail ${failure} they are carried out ends, and the next one goes on`, async () => {
    const before = await muchToDo(), whole = before.fork(), run = await whole.prune();
    await whole.finish(run);
    for (let failed = 1; failed < run.steps; failed += EVERY) {
      const world = before.fork();
      world.failures.set(failed, failure);
      const actor = await world.prune();
      await world.finish(actor);
      await comesRight(world, `request ${failed} failed`);
    }
  });
}

Deno.test("a snapshot that is being stored while a prune is killed is whole when it is said to be saved", async () => {
  const before = await muchToDo(), whole = before.fork(), run = await whole.prune();
  await whole.finish(run);
  for (let killedAt = 3; killedAt < run.steps; killedAt += 2 * EVERY) {
    const world = before.fork(), writer = await world.write([1, 5, 6, 7]);
    for (let i = 0; i < 8; i++) await world.step(writer);
    const actor = await world.prune();
    while (actor.steps < killedAt) await world.step(actor);
    await world.finish(writer);
    strictEqual(world.saved.size, before.saved.size + 1);
    await comesRight(world, `killed at ${killedAt}`);
  }
});
