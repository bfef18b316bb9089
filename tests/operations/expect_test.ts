import { deepStrictEqual } from "node:assert/strict";
import { backup } from "../../src/operations/backup.ts";
import { check } from "../../src/operations/check.ts";
import { TestMonitor, World } from "../support/world.ts";

/** Keeps how much an operation said there is to do. */
class ExpectingMonitor extends TestMonitor {
  readonly totals: unknown[] = [];
  override expect = (total?: unknown): void => void this.totals.push(total);
}

Deno.test("backup() expects as many entries and bytes as the snapshot before has; the first one can't know", async () => {
  using world = new World();
  for (const name of ["a", "b", "dir/c"]) world.write(name, name);
  const seen: unknown[][] = [];
  for (let i = 0; i < 2; i++) {
    const monitor = new ExpectingMonitor();
    world.clock.pass(1);
    using storage = world.open(monitor);
    await backup(storage, world.request(), monitor);
    seen.push(monitor.totals);
  }
  deepStrictEqual(seen, [[], [{ items: 5, bytes: 7 }]]);
});

Deno.test("check() expects as many items and bytes as there are contents, if it is to read them all", async () => {
  using world = new World();
  for (const name of ["a", "b", "dir/c"]) world.write(name, name);
  await world.backup();
  const expectedOf = async (readData: boolean) => {
    const monitor = new ExpectingMonitor();
    using storage = world.open(monitor);
    await check(storage, { readData, workers: 0, signal: new AbortController().signal }, () => {}, monitor);
    return monitor.totals;
  };
  deepStrictEqual([await expectedOf(true), await expectedOf(false)], [[{ items: 3, bytes: 7 }], []]);
});
