/** A backup whose disk fills up. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Fault } from "../../../src/core/fault.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { backup } from "../../../src/operations/backup/backup.ts";
import { DiskFault } from "../../../src/platform/disk.ts";
import { openDisk } from "../../../src/platform/open_disk.ts";
import { openStorage } from "../../../src/storage/storage.ts";
import { atLeast, stride } from "../../support/effort.ts";
import { type Hook, hookedDisk } from "../../support/hooked_disk.ts";
import { differences, run, TestMonitor, World } from "../../support/world.ts";
import { canMount } from "../../support/needs.ts";

/** Bytes that no file system and no checksum finds easy. */
function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed; at < length; at++) bytes[at] = state = (state * 48271) % 0x7fffffff;
  return bytes;
}

const CAN_MOUNT = canMount("tmpfs");

/** A World whose storage is on a small file system of its own. */
class SmallDisk implements Disposable {
  readonly world: World;
  readonly #mounted: string;

  constructor(size: string) {
    const storageIn = (base: string) => {
      Deno.mkdirSync(`${base}/mounted`);
      run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", `${base}/mounted`);
      return `${base}/mounted`;
    };
    this.world = new World({ storageIn });
    this.#mounted = `${this.world.base}/mounted`;
  }

  [Symbol.dispose](): void {
    // Lazily: the runtime closes a database that has failed only when it collects garbage.
    run("umount", "--lazy", this.#mounted);
    this.world[Symbol.dispose]();
  }

  grow(size: string): void {
    run("mount", "-o", `remount,size=${size}`, this.#mounted);
  }

  /** Takes all space but so many KiB. */
  leave(kib: number): void {
    const ballast = `${this.#mounted}/ballast`;
    run("rm", "-f", ballast);
    const free = Number(run("df", "--output=avail", "-k", this.#mounted).split("\n")[1]);
    if (free > kib) run("dd", "if=/dev/zero", `of=${ballast}`, "bs=1024", `count=${free - kib}`, "status=none");
  }

  /** That a snapshot restores to what a copy of the source says. */
  async assertRestores(snapshot: string, copy: string): Promise<void> {
    const { target, monitor } = await this.world.restore(snapshot);
    deepStrictEqual(monitor.problems, []);
    strictEqual(differences(copy, target), "");
  }

  async assertSound(): Promise<void> {
    const { findings } = await this.world.check();
    deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), []);
  }

  snapshots(): string[] {
    using storage = this.world.open();
    return storage.snapshots().map(({ id }) => id);
  }
}

function copyOf(world: World, name: string): string {
  const copy = `${world.base}/${name}`;
  run("cp", "-a", world.source, copy);
  return copy;
}

for (const workers of [0, 2]) {
  for (const what of ["many files", "one large file"]) {
    Deno.test(
      `a backup of ${what} that fills the disk, with ${workers} workers, fails clearly and leaves all as it was`,
      {
        // The test with a disk that says ENOSPC stands in.
        ignore: !CAN_MOUNT,
      },
      async () => {
        using small = new SmallDisk("6m");
        const { world } = small;
        for (let i = 0; i < 600; i++) world.write(`d${i % 3}/f${i}`, `content ${i}`);
        world.write("first", noise(300_000, 1));
        const { snapshot } = await world.backup({ workers });
        const copy = copyOf(world, "copy");
        if (what === "many files") { for (let i = 0; i < 900; i++) world.write(`new/f${i}`, noise(5000, i + 2)); }
        else world.write("large", noise(8_000_000, 2));
        await rejects(world.backup({ workers }), (error) => {
          ok(error instanceof Fault, String(error));
          match(error.message, /no space left on the disk \(ENOSPC\)/);
          match(error.hint, /Free some space/);
          return true;
        });
        deepStrictEqual(small.snapshots(), [snapshot.id]);
        await small.assertSound();
        await small.assertRestores(snapshot.id, copy);
        small.grow("48m");
        const next = await world.backup({ workers });
        deepStrictEqual(next.monitor.problems, []);
        await small.assertSound();
        await small.assertRestores(next.snapshot.id, world.source);
        await small.assertRestores(snapshot.id, copy);
        strictEqual(run("diff", "-r", world.source, `${world.storagePath}/${next.snapshot.tree}`), "");
      },
    );
  }
}

Deno.test("a disk that fills up at any point of a backup, the catalog's writing too, costs no snapshot", {
  ignore: !CAN_MOUNT,
}, async () => {
  using small = new SmallDisk("8m");
  const { world } = small;
  for (let i = 0; i < 300; i++) world.write(`f${i}`, `content ${i}`);
  const known = new Map([[(await world.backup()).snapshot.id, copyOf(world, "copy-0")]]);
  let full = 0, whole = 0;
  for (let kib = 0; kib <= 400; kib += kib < 100 ? stride(9) : 60) {
    world.write("changing", noise(20_000, kib + 1));
    for (let i = 0; i < 3; i++) world.write(`f${kib + i}`, `${kib} changed`);
    small.leave(kib);
    try {
      const { snapshot } = await world.backup();
      known.set(snapshot.id, copyOf(world, `copy-${kib + 1}`));
      whole++;
    } catch (error) {
      ok(error instanceof Fault && /ENOSPC/.test(error.message), String((error as Error).stack));
      full++;
    }
    deepStrictEqual(small.snapshots(), [...known.keys()], `${kib} KiB left`);
    await small.assertSound();
    const [id, copy] = [...known].at(-1)!;
    await small.assertRestores(id, copy);
  }
  ok(full > 2 && whole > 2, `${full} failed, ${whole} did not`);
  small.leave(6000);
  known.set((await world.backup()).snapshot.id, world.source);
  for (const [id, copy] of known) await small.assertRestores(id, copy);
});

const ALLOCATING = new Set(["create", "write", "mkdir", "symlink", "link", "rename", "copyFrom"]);

/** Says ENOSPC to every change in the storage from the n-th on. */
function fullAfter(world: World, changes: number): { hook: Hook; count: () => number } {
  let done = 0;
  const hook: Hook = ({ operation, path }, proceed) => {
    if (ALLOCATING.has(operation) && path.startsWith(world.storagePath) && done++ >= changes) {
      throw new DiskFault("ENOSPC", operation, rawOf(path));
    }
    return proceed();
  };
  return { hook, count: () => done };
}

Deno.test("a disk that is full from any change on fails the backup clearly, and the next one completes", async () => {
  let failed = 0, finished = false;
  for (let changes = 0; !finished; changes += stride(9)) {
    using world = new World({ inMemory: true });
    for (const name of ["a", "sub/b", "z"]) world.write(name, `content of ${name}`);
    world.write("large", noise(600_000, 3));
    const first = (await world.backup()).snapshot;
    const copy = copyOf(world, "copy");
    world.write("a", "changed");
    world.write("sub/new", "new");
    world.write("large", noise(600_000, 4));
    const { hook } = fullAfter(world, changes);
    try {
      using storage = openStorage(
        { ...world.machine, disk: hookedDisk(openDisk(), hook) },
        rawOf(world.storagePath),
        new TestMonitor(),
      );
      await backup(storage, world.request(), new TestMonitor());
      finished = true;
    } catch (error) {
      ok(error instanceof Fault, `after ${changes}: ${(error as Error).stack}`);
      match(error.message, /ENOSPC/);
      failed++;
    }
    strictEqual((await world.check()).damaged, 0, `after ${changes}`);
    strictEqual(differences(copy, (await world.restore(first.id)).target), "", `after ${changes}`);
    const { monitor } = await world.backup();
    deepStrictEqual(monitor.problems, []);
    strictEqual(differences(world.source, (await world.restore("latest")).target), "", `after ${changes}`);
    strictEqual((await world.check()).damaged, 0, `after ${changes}`);
  }
  ok(failed > atLeast(3), `${failed} failures`);
});
