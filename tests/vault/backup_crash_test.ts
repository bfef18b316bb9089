/** Backups into vaults that are cut off, fail or meet a prune at any request: nothing that was said to be saved is lost. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Backend, type ObjectKey, objectKey, type ObjectKind } from "../../src/backend/backend.ts";
import { around } from "../../src/backend/decorator.ts";
import { faulty } from "../../src/backend/faulty.ts";
import { Fault } from "../../src/core/fault.ts";
import { backup } from "../../src/operations/backup/backup.ts";
import type { BackupRequest } from "../../src/operations/backup/backup_request.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import type { SnapshotInfo } from "../../src/snapshot/snapshot_info.ts";
import { encodeIndex, type LedgerLine } from "../../src/vault/index/index_object.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { differences, TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const UNIT_BYTES = 40_000;

/** Enough for several units, and a checkpoint after each file. */
const SMALL_STEPS = { checkpointBytes: 1 };

function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return new Uint8Array(length).map(() => (state = Math.imul(state, 1_103_515_245) + 12_345 | 0) >> 16);
}

/** A source with small files, one in several parts, one that is there twice. */
function fill(world: World): void {
  for (let i = 0; i < 6; i++) world.write(`dir${i % 2}/file${i}`, noise(12_000, i));
  world.write("large", noise(120_000, 77));
  world.write("twice", noise(12_000, 0));
}

async function backUp(world: World, vault: Vault, changes: Partial<BackupRequest> = {}): Promise<SnapshotInfo> {
  const monitor = new TestMonitor();
  world.clock.pass(1);
  const snapshot = await backup(vault, { ...world.request(), tree: false, ...changes }, monitor);
  deepStrictEqual(monitor.problems, []);
  return snapshot;
}

/** Every snapshot that is listed as complete is whole, and partial ones miss nothing of what they list. */
async function assertSound(world: World, place: VaultPlace): Promise<readonly SnapshotInfo[]> {
  await using vault = await place.open();
  const found: Finding[] = [];
  await check(vault, { readData: true, workers: 0, signal }, (finding) => found.push(finding), new TestMonitor());
  deepStrictEqual(found.filter(({ severity }) => severity === "damage"), []);
  const snapshots = await vault.snapshots(), last = snapshots.findLast(({ complete }) => complete);
  if (last !== undefined) {
    const target = Deno.makeTempDirSync({ dir: world.base }), monitor = new TestMonitor();
    await restore(vault, world.restoreRequest(last, target), monitor);
    deepStrictEqual(monitor.problems, []);
    strictEqual(differences(world.source, target), "");
    Deno.removeSync(target, { recursive: true });
  }
  return snapshots;
}

/** Everything fails from request number `after` on. */
function dying(inner: Backend, after: number): { readonly backend: Backend; readonly requests: () => number } {
  let requests = 0;
  const backend = faulty(inner, ({ number }) => {
    requests = number + 1;
    return number >= after ? "before" : undefined;
  });
  return { backend, requests: () => requests };
}

const EVERY = Deno.env.get("SLOW") ? 1 : 4;

const LISTINGS = [
  { when: "in checkpoints", request: SMALL_STEPS, options: {}, every: EVERY },
  { when: "as soon as they are stored", request: {}, options: { mostUnlisted: 1 }, every: 1 }, // fewer requests
] as const;

for (const { when, request, options, every } of LISTINGS) {
  Deno.test(`a backup that dies at any request, its units listed ${when}, leaves no half snapshot, and the next one goes on from it`, async () => {
    let died = 0, kept = 0;
    for (let after = 4;; after += every) {
      using world = new World({ inMemory: true });
      fill(world);
      const place = await VaultPlace.make(world, KINDS[0]);
      let isDone = false;
      {
        await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
          through: (inner) => dying(inner, after).backend,
          ...options,
        });
        try {
          await backUp(world, vault, request);
          isDone = true;
        } catch (error) {
          ok(error instanceof Fault && error.code === "place-unavailable", String(error));
          died++;
        }
      }
      const left = await assertSound(world, place);
      if (left.some(({ complete }) => !complete)) kept++;
      {
        await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
        await backUp(world, vault);
      }
      const snapshots = await assertSound(world, place);
      ok(snapshots.every(({ complete }) => complete), "partial snapshots stay");
      if (isDone) break;
    }
    ok(died > 3 && kept > 0 === (request === SMALL_STEPS), `${died} died, ${kept} had a checkpoint`);
  });
}

Deno.test("a request that fails, or whose answer is lost, ends a backup with a fault or costs nothing", async () => {
  for (const failure of ["before", "after"] as const) {
    for (let at = 4;; at += EVERY) {
      using world = new World({ inMemory: true });
      fill(world);
      const place = await VaultPlace.make(world, KINDS[1]);
      let requests = 0, isSaved = false;
      {
        await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
          through: (inner) =>
            faulty(inner, ({ number }) => {
              requests = number + 1;
              return number === at ? failure : undefined;
            }),
        });
        try {
          await backUp(world, vault, SMALL_STEPS);
          isSaved = true;
        } catch (error) {
          ok(error instanceof Fault && error.code === "place-unavailable", String(error));
        }
      }
      const snapshots = await assertSound(world, place);
      if (isSaved) ok(snapshots.some(({ complete }) => complete));
      if (requests <= at) break;
    }
  }
});

/** Does something before a request, once. */
function before(
  inner: Backend,
  isIt: (verb: "put", key: ObjectKey) => boolean,
  action: () => Promise<void>,
): Backend {
  let isDone = false;
  return around(inner, {
    put: async (key, body, options) => {
      if (!isDone && isIt("put", key)) {
        isDone = true;
        await action();
      }
      return await inner.put(key, body, options);
    },
  });
}

/** What a prune would write: all units that are there are to go. */
async function doomAll(place: VaultPlace, mark: LedgerLine["mark"]): Promise<number> {
  await using vault = await place.open();
  const since = "2026-11-20T22:05:11Z", units = (await vault.objects.list("data")).keys();
  const marks = [...units].map((unit) => ({ unit, mark, since }));
  const ledger = { kind: "ledger", vault: vault.id, host: "nas", written: since, supersedes: [], marks } as const;
  await vault.objects.put("index", encodeIndex(ledger, vault.objects.auth));
  if (mark === "gone") {
    for (const { unit } of marks) {
      await vault.objects.backend.remove(`data/${unit}` as ObjectKey);
    }
  }
  return marks.length;
}

for (const mark of ["doomed", "gone"] as const) {
  for (const kind of ["snapshots", "index"] as const satisfies ObjectKind[]) {
    Deno.test(`what is ${mark} before a backup stores its ${kind} is stored again`, async () => {
      using world = new World({ inMemory: true });
      fill(world);
      const place = await VaultPlace.make(world, KINDS[0]);
      {
        await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
        await backUp(world, vault);
      }
      world.write("new", "new");
      let doomed = 0;
      {
        await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
          through: (inner) =>
            before(inner, (_, key) => key.startsWith(kind), async () => void (doomed = await doomAll(place, mark))),
        });
        for (const { id } of await vault.snapshots()) await vault.roots.remove(id);
        world.clock.pass(1);
        await backUp(world, vault);
      }
      ok(doomed > 2);
      await using later = await place.open();
      for (const { id } of await later.snapshots()) {
        const manifest = await later.manifest(id);
        for (const hunk of manifest.root.hunks) ok(later.index.reliableHome(hunk.id, "meta"));
        for (const { content } of manifest.entries()) {
          if (content !== undefined) ok(await later.contents.reliableHomes(content), content);
        }
      }
      await assertSound(world, place);
    });
  }
}

Deno.test("what can't be stored again is named, and the backup isn't said to be done", async () => {
  using world = new World({ inMemory: true });
  fill(world);
  const place = await VaultPlace.make(world, KINDS[0]);
  await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
    through: (inner) =>
      before(inner, (_, key) => key.startsWith("snapshots"), async () => {
        await doomAll(place, "gone");
        world.write("dir0/file2", "other");
      }),
  });
  await rejects(backUp(world, vault), { code: "lost-from-vault", message: /"\/dir0\/file2"/ });
});

Deno.test("two writers at once make two whole snapshots", async () => {
  using world = new World({ inMemory: true });
  fill(world);
  const place = await VaultPlace.make(world, KINDS[0]);
  {
    await using one = await place.open(new TestMonitor(), UNIT_BYTES);
    await using two = await place.open(new TestMonitor(), UNIT_BYTES);
    await Promise.all([
      backUp(world, one, { name: "one", ...SMALL_STEPS }),
      backUp(world, two, { name: "two", workers: 2, ...SMALL_STEPS }),
    ]);
  }
  strictEqual((await assertSound(world, place)).length, 2);
});

Deno.test("in a run of more than half a day, units that are listed but not there are missed as well", async () => {
  for (const hours of [11, 13]) {
    using world = new World({ inMemory: true });
    fill(world);
    const place = await VaultPlace.make(world, KINDS[0]);
    const lose = async () => {
      world.clock.pass(hours * 60);
      await using backend = place.backend();
      for await (const { name } of backend.list("data")) await backend.remove(objectKey("data", name));
    };
    {
      await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
        through: (inner) => before(inner, (_, key) => key.startsWith("snapshots"), lose),
      });
      await backUp(world, vault);
    }
    await using vault = await place.open();
    strictEqual((await vault.objects.list("data")).size > 0, hours === 13);
    if (hours === 13) await assertSound(world, place);
  }
});

Deno.test("what a prune takes during a checkpoint is missed by the whole snapshot, which knew of it before", async () => {
  using world = new World({ inMemory: true });
  fill(world);
  const place = await VaultPlace.make(world, KINDS[0]);
  {
    await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
    await backUp(world, vault);
  }
  world.write("aaa", "new");
  let doomed = 0;
  await using vault = await place.open(new TestMonitor(), UNIT_BYTES, {
    through: (inner) =>
      before(inner, (_, key) => key.startsWith("snapshots"), async () => void (doomed = await doomAll(place, "gone"))),
  });
  const { id } = await backUp(world, vault, SMALL_STEPS);
  ok(doomed > 2);
  await using later = await place.open();
  for (const { content } of (await later.manifest(id)).entries()) {
    if (content !== undefined) ok(await later.contents.reliableHomes(content), content);
  }
});
