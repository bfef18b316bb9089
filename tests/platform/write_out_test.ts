import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { WriteOut } from "../../src/platform/write_out.ts";
import { TestClock } from "../support/world.ts";

const MIB = 1024 * 1024;

/** A disk whose syncs end when the test says so. */
class SlowDisk {
  readonly clock = new TestClock();
  readonly syncs: PromiseWithResolvers<void>[] = [];
  readonly writeOut = new WriteOut(() => {
    this.syncs.push(Promise.withResolvers());
    return this.syncs.at(-1)!.promise;
  }, this.clock);
  readonly controller = new AbortController();

  /** @returns whether it has to wait for the disk */
  async store(bytes: number): Promise<{ waits: boolean; done: Promise<void> }> {
    this.writeOut.stored(bytes);
    let isDone = false;
    const done = this.writeOut.keepBusy(this.controller.signal).then(() => void (isDone = true));
    await new Promise((resume) => setTimeout(resume, 0));
    return { waits: !isDone, done };
  }
}

Deno.test("WriteOut has the disk begin soon, and then leaves it more at once", async () => {
  const { writeOut, syncs, controller, clock } = new SlowDisk();
  const begun: number[] = [];
  for (let mib = 1; mib <= 150; mib++) {
    clock.ms += 1;
    writeOut.stored(MIB);
    await writeOut.keepBusy(controller.signal);
    await Promise.resolve();
    if (syncs.length > begun.length) begun.push(mib);
    syncs.at(-1)?.resolve();
  }
  deepStrictEqual(begun, [8, 72, 136]);
});

Deno.test("WriteOut has a slow disk begin again after some seconds", async () => {
  const disk = new SlowDisk();
  await disk.store(8 * MIB);
  disk.syncs[0]!.resolve();
  await disk.store(MIB);
  strictEqual(disk.syncs.length, 1);
  disk.clock.ms += 3000;
  await disk.store(MIB);
  strictEqual(disk.syncs.length, 2);
  disk.syncs[1]!.resolve();
});

Deno.test("WriteOut lets what is stored be five seconds ahead of what is written", async () => {
  const disk = new SlowDisk();
  await disk.store(8 * MIB);
  strictEqual((await disk.store(16 * MIB)).waits, false, "nothing is known of the disk yet");
  disk.clock.ms += 8000; // 8 MiB in 8 s at most: 5 MiB may be ahead, 16 are
  const { waits, done } = await disk.store(0);
  strictEqual(waits, true);
  disk.syncs[0]!.resolve();
  await done;
});

Deno.test("WriteOut goes on with what it knows of the disk", async () => {
  const disk = new SlowDisk();
  await disk.store(8 * MIB);
  const first = await disk.store(17 * MIB);
  strictEqual(first.waits, true, "that much is too far ahead of a disk nobody knows");
  disk.clock.ms += 100; // 80 MiB a second
  disk.syncs[0]!.resolve();
  await first.done;
  await disk.store(47 * MIB);
  strictEqual(disk.syncs.length, 2);
  strictEqual((await disk.store(390 * MIB)).waits, false);
  const { waits, done } = await disk.store(20 * MIB);
  strictEqual(waits, true);
  disk.syncs[1]!.resolve();
  await done;
});

Deno.test("WriteOut waits no longer when there is a wish to stop", async () => {
  const disk = new SlowDisk();
  await disk.store(8 * MIB);
  disk.clock.ms += 8000;
  const { waits, done } = await disk.store(40 * MIB);
  strictEqual(waits, true);
  disk.controller.abort();
  await done;
  disk.syncs[0]!.resolve();
});

Deno.test("WriteOut keeps a failure for those who have to know", async () => {
  const disk = new SlowDisk();
  await disk.store(8 * MIB);
  disk.syncs[0]!.reject(new Error("EIO"));
  await disk.store(8 * MIB);
  await rejects(disk.writeOut.settled(), /EIO/);
});
