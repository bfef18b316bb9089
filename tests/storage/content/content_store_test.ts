import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import type { Disk } from "../../../src/platform/disk.ts";
import { InFlightContents, newClaimTable } from "../../../src/storage/content/in_flight.ts";
import { Meter } from "../../../src/platform/meter.ts";
import { atOnce } from "../../../src/core/steps.ts";
import { StopFlag } from "../../../src/platform/stop_flag.ts";
import { ContentStore } from "../../../src/storage/content/content_store.ts";
import { hashBytes } from "../../../src/core/digest.ts";
import { hookedDisk } from "../../support/hooked_disk.ts";
import { World } from "../../support/world.ts";

const FILE = { mode: 0o644, gid: 0, hasAcl: false, mtime: "0", expected: undefined };

function openStore(
  world: World,
  { claims = new InFlightContents(newClaimTable(64)), disk = world.machine.disk }: {
    claims?: InFlightContents;
    disk?: Disk;
  },
): Disposable & { readonly store: ContentStore } {
  using storage = world.open();
  const dir = disk.openDir(rawOf(world.storagePath));
  const store = new ContentStore({
    storage: dir,
    settings: storage.settings,
    uid: 0,
    gid: 0,
    claims,
    isTrusted: () => false,
    damaged: new Set(),
    stop: new StopFlag(),
    meter: new Meter(),
    tempPrefix: "t",
  });
  return {
    store,
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
}

Deno.test("storeBytes() keeps a content whose fingerprint another one of this run has already", () => {
  using world = new World();
  const bytes = new TextEncoder().encode("content");
  const id = hashBytes("sha256", bytes);
  const claims = new InFlightContents(newClaimTable(64));
  // As if a content whose id begins with the same 61 bits had just been stored.
  const other = claims.claim(id);
  if (other.outcome === "mine") claims.done(other);
  using opened = openStore(world, { claims });
  const { store } = opened;
  deepStrictEqual(atOnce(store.storeBytes(bytes, FILE)), { id, size: 7, newBytes: 7, isNew: true });
  deepStrictEqual(atOnce(store.storeBytes(bytes, FILE)), { id, size: 7, newBytes: 0, isNew: false });
  strictEqual(Deno.readTextFileSync(world.items().get(id)!), "content");
});

Deno.test("storeStream() has the disk write what is there while the rest is read", () => {
  using world = new World({ inMemory: true });
  const mebibyte = 1024 * 1024, size = 20 * mebibyte + 5;
  const did: string[] = [], awaited: number[] = [];
  const disk = hookedDisk(world.machine.disk, ({ operation, args }, proceed) => {
    if (operation === "writeBack") did.push(`${args.map((bytes) => Number(bytes) / mebibyte)}`);
    if (operation === "awaitWriteBack") awaited.push(Number(args[0]) / mebibyte);
    return proceed();
  });
  using opened = openStore(world, { disk });
  const read = (into: Uint8Array, position: number) => {
    const got = Math.max(0, Math.min(into.length, size - position));
    if (position % (4 * mebibyte) === 0) did.push(`read ${position / mebibyte}`);
    for (let i = 0; i < got; i++) into[i] = (position + i) % 251;
    return got;
  };
  const stored = atOnce(opened.store.storeStream({ size, sparse: false, read, cloneTo: () => false }, FILE));
  deepStrictEqual([stored.size, stored.newBytes], [size, size]);
  deepStrictEqual(did, [
    "read 0",
    "0,4",
    "read 4",
    "4,4",
    "read 8",
    "8,4",
    "read 12",
    "12,4",
    "read 16",
    "16,4",
    "read 20",
  ]);
  deepStrictEqual(awaited, Array.from({ length: 12 }, (_, i) => i), "what is more than 8 MiB behind");
  strictEqual(hashBytes("sha256", Deno.readFileSync(world.items().get(stored.id)!)), stored.id);
});
