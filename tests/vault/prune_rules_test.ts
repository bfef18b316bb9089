/**
 * Each rule of writing and removing by the one sequence of requests that it is there for: kept, nothing is lost; switched
 * off, something is.
 */
import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { objectKey } from "../../src/backend/backend.ts";
import { EVERY_RULE, PruneWorld, type Rules, STEP_MS } from "../support/prune_world.ts";

/** @param off rules that aren't kept */
function world(off: Partial<Rules> = {}): Promise<PruneWorld> {
  return PruneWorld.make({ seed: 1, rules: { ...EVERY_RULE, ...off }, graceMs: 0, keepUnusedMs: 0, deleteFails: 0 });
}

const OFF = false;

/** A unit that nothing needs any more, and that nobody has looked at since: a new snapshot may rely on it. */
async function withUnused(off: Partial<Rules>): Promise<PruneWorld> {
  const made = await world(off);
  await made.finish(await made.write([1]));
  await made.finish(await made.forget());
  return made;
}

async function prune(world: PruneWorld, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await world.finish(await world.prune());
}

function snapshotsOf(world: PruneWorld): number {
  return [...world.objects.map.keys()].filter((key) => key.startsWith("snapshots/")).length;
}

async function loses(off: Partial<Rules>, scene: (off: Partial<Rules>) => Promise<PruneWorld>): Promise<void> {
  const kept = await scene({});
  deepStrictEqual(kept.bugs, []);
  ok(kept.saved.size > 0);
  deepStrictEqual(await kept.broken("bytes"), []);
  notDeepStrictEqual(await (await scene(off)).broken("bytes"), []);
}

Deno.test("whoever has stored a root looks once more whether what it needs is there (W5)", async () => {
  await loses({ w5: OFF }, async (off) => {
    const world = await withUnused(off), writer = await world.write([1]);
    await world.runTo(writer, "put", "snapshots/");
    await prune(world, 2);
    await world.finish(writer);
    return world;
  });
});

Deno.test("what a backup relies on, and its checkpoint didn't have yet, is looked for in the end", async () => {
  using made = await world();
  await made.finish(await made.backUp("one", [2, 3, 4, 5, 6]));
  const backup = await made.backUp("one", [1, 2, 3, 4, 5, 6]); // the first is new, and a checkpoint comes after it
  await made.runTo(backup, "put", "index/");
  await made.step(backup);
  await made.finish(await made.forget());
  await prune(made);
  await made.runTo(backup, "put", "snapshots/");
  await prune(made);
  await made.finish(backup);
  deepStrictEqual([await made.broken("lines"), made.saved.size], [[], 2]);
});

Deno.test("a backup whose list of files existed, and was pruned before its root was stored, stores it again", async () => {
  using made = await world();
  await made.finish(await made.backUp("one", [2, 3]));
  await made.finish(await made.forget());
  const backup = await made.backUp("one", [2, 3]); // makes the same hunk, and stores nothing
  await made.runTo(backup, "put", "snapshots/");
  await prune(made, 2);
  deepStrictEqual(await made.units(), [], "the hunk is gone");
  await made.finish(backup);
  deepStrictEqual([[...made.ends], snapshotsOf(made), await made.unreadable()], [[], 1, []]);
});

Deno.test("a root of a backup that lost something for good is taken back: prunes go on", async () => {
  using made = await world();
  await made.finish(await made.backUp("one", [2, 3]));
  await made.finish(await made.forget());
  const backup = await made.backUp("one", [2, 3]);
  await made.runTo(backup, "put", "snapshots/");
  await prune(made, 2);
  made.loseSource("one");
  await made.step(backup);
  strictEqual(snapshotsOf(made), 1, "the root is there");
  await made.finish(backup);
  deepStrictEqual([[...made.ends], snapshotsOf(made)], [[["lost-from-vault", 1]], 0]);
  await prune(made);
  deepStrictEqual([made.ends.size, made.pruned], [1, 3]);
});

Deno.test("whoever is going to store a root looks before: killed then, it leaves no root that lacks something (W3)", async () => {
  const scene = async (off: Partial<Rules>) => {
    const world = await withUnused(off), writer = await world.write([1]);
    await world.runTo(writer, "put", "index/");
    await world.step(writer);
    await prune(world, 2);
    await world.runTo(writer, "put", "snapshots/");
    await world.step(writer);
    return await world.unreadable();
  };
  deepStrictEqual(await scene({}), []);
  strictEqual((await scene({ w3: OFF })).length, 1);
});

Deno.test("a prune that meets snapshots stored while it reads, one after the other, doesn't take them for damaged", async () => {
  using made = await world();
  await made.finish(await made.write([1]));
  const pruner = await made.prune();
  for (const content of [2, 3, 4]) {
    await made.runTo(pruner, "list", "snapshots");
    await made.finish(await made.write([content]));
    await made.step(pruner);
    await made.step(pruner); // it lists twice
  }
  await made.finish(pruner);
  deepStrictEqual([[...made.ends], await made.broken("lines"), made.saved.size], [[], [], 4]);
});

Deno.test("nothing is removed while something that is needed is nowhere, as far as can be told", async () => {
  const scene = async (off: Partial<Rules>) => {
    const made = await world({ tails: OFF, ...off });
    await made.finish(await made.write([1]));
    await made.loseIndexOfContents();
    await made.finish(await made.write([2])); // without any index at all, units are looked into anyway
    await prune(made, 2);
    return made;
  };
  await loses({ stop: OFF }, scene);
  strictEqual((await scene({})).ends.get("needed-missing"), 2);
});

Deno.test("units that no index lists any more are listed again by what stands in them", async () => {
  const made = await world();
  await made.finish(await made.write([1, 10]));
  await made.loseIndexOfContents();
  await made.finish(await made.write([2]));
  await prune(made, 2);
  deepStrictEqual(await made.broken("lines"), []);
  deepStrictEqual([...made.ends], []);
});

Deno.test("a unit that is gone stays gone, whoever lists it later (tombstones)", async () => {
  await loses({ tombstones: OFF }, async (off) => {
    const made = await world(off), writer = await made.write([1]);
    await made.runTo(writer, "put", "index/");
    await prune(made, 3);
    await made.finish(writer);
    return made;
  });
});

Deno.test("a ledger that is lost brings no unit back (twins)", async () => {
  await loses({ twins: OFF }, async (off) => {
    const made = await world(off), writer = await made.write([1]);
    await made.runTo(writer, "put", "index/");
    await prune(made, 2);
    made.objects.map.delete(objectKey("index", (await made.ledgers())[0]!));
    await made.finish(writer);
    return made;
  });
});

Deno.test("what was superseded once, and couldn't be deleted, never counts again", async () => {
  // Tombstones protect, too. Without them, this alone does.
  await loses({ superseded: OFF }, async (off) => {
    const made = await world({ tombstones: OFF, ...off });
    await made.finish(await made.write([1]));
    const [index] = [...made.objects.map].filter(([key]) => key.startsWith("index/"));
    await made.finish(await made.forget());
    await prune(made, 2);
    made.objects.map.set(...index!); // it was never deleted
    await made.finish(await made.write([2]));
    await prune(made);
    await made.finish(await made.write([1]));
    return made;
  });
});

Deno.test("more is gone than one ledger has lines for, and stays so", async () => {
  const options = { seed: 1, rules: EVERY_RULE, graceMs: 0, keepUnusedMs: 0, deleteFails: 0, ledgerLines: 2 };
  const made = await PruneWorld.make(options), late = await made.write([1]);
  await made.runTo(late, "put", "index/");
  for (const i of [2, 3]) {
    await made.finish(await made.write([i, i + 2]));
    await made.finish(await made.forget());
  }
  await prune(made, 2);
  const ledgers = await made.ledgers();
  ok(ledgers.length >= 6 && ledgers.length % 2 === 0, `${ledgers.length} ledgers`);
  await prune(made);
  deepStrictEqual((await made.ledgers()).sort(), ledgers.sort());
  await made.finish(late); // its units are gone: it stores all again
  deepStrictEqual([await made.broken("lines"), made.bugs], [[], []]);
});

/**
 * One that prunes sleeps after it has decided that a unit is gone, until its lease is dead. Meanwhile others make that unit
 * the only one that holds something.
 */
async function overslept(off: Partial<Rules>, wakesBefore: "its list" | "its ledger"): Promise<PruneWorld> {
  const made = await withUnused(off);
  await prune(made); // the unit is doomed
  const doomedAt = made.time;
  await made.finish(await made.write([1])); // another unit holds the same
  const sleeper = await made.prune();
  if (wakesBefore === "its ledger") await made.runTo(sleeper, "put", "index/");
  else {
    await made.runTo(sleeper, "remove", "locks/"); // its lease is renewed
    await made.step(sleeper);
  }
  made.time += 60;
  await made.finish(await made.forget());
  const writer = await made.write([1, 2]); // relies on the other unit
  await made.runTo(writer, "put", "snapshots/");
  const second = await made.prune({ graceMs: 1e9 });
  await made.runTo(second, "put", "index/");
  await made.finish(writer); // it is whole: nobody can know yet that its units are doomed
  await made.finish(second);
  const doomedSince = (made.time - doomedAt - 5) * STEP_MS;
  await made.finish(await made.prune({ graceMs: doomedSince })); // the first unit is needed, and live again
  await prune(made); // the other isn't, and goes
  await made.finish(sleeper);
  return made;
}

Deno.test("whoever prunes looks once more before anything is deleted (P5)", async () => {
  await loses({ lookAfter: OFF }, (off) => overslept(off, "its ledger"));
});

Deno.test("whoever prunes looks before it says what it has decided: what is needed stays readable (P4)", async () => {
  const kept = await overslept({}, "its list");
  deepStrictEqual(await kept.broken("lines"), []);
  const blind = await overslept({ lookBefore: OFF }, "its list");
  strictEqual((await blind.broken("lines")).length, 1);
  deepStrictEqual(await blind.broken("bytes"), []);
  await prune(blind);
  strictEqual(blind.ends.get("needed-missing"), 1);
});

Deno.test("where the whole index is lost, prunes lose nothing, and it is there again", async () => {
  const made = await world();
  await made.finish(await made.write([1, 2, 10]));
  await made.finish(await made.write([3, 11]));
  await made.finish(await made.forget());
  for (const key of [...made.objects.map.keys()]) if (key.startsWith("index/")) made.objects.map.delete(key);
  await prune(made, 4);
  deepStrictEqual([await made.broken("lines"), [...made.ends], made.bugs], [[], [], []]);
  deepStrictEqual(await made.unneeded(), { contents: 0, hunks: 0, bytes: 0 });
  ok([...made.objects.map.keys()].some((key) => key.startsWith("index/")));
});
