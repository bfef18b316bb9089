import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { rawOf } from "../../src/core/raw.ts";
import { Claims, newClaimTable } from "../../src/storage/claims.ts";
import { Stop } from "../../src/storage/stop.ts";
import { ContentStore } from "../../src/storage/content.ts";
import { hashBytes } from "../../src/storage/digest.ts";
import { World } from "../support/world.ts";

Deno.test("storeBytes() keeps a content whose fingerprint another one of this run has already", () => {
  using world = new World();
  const bytes = new TextEncoder().encode("content");
  const id = hashBytes("sha256", bytes);
  const claims = new Claims(newClaimTable(64));
  // As if a content whose id begins with the same 61 bits had just been stored.
  const other = claims.claim(id);
  if (other.outcome === "mine") claims.done(other);
  using storage = world.open();
  using dir = world.machine.disk.openDir(rawOf(world.storagePath));
  using store = new ContentStore({
    storage: dir,
    settings: storage.settings,
    uid: 0,
    gid: 0,
    claims,
    isVouchedFor: () => false,
    damaged: new Set(),
    stop: new Stop(),
    tempPrefix: "t",
  });
  const file = { mode: 0o644, gid: 0, hasAcl: false, mtime: "0", expected: undefined };
  deepStrictEqual(store.storeBytes(bytes, file), { id, size: 7, newBytes: 7, isNew: true });
  deepStrictEqual(store.storeBytes(bytes, file), { id, size: 7, newBytes: 0, isNew: false });
  strictEqual(Deno.readTextFileSync(world.items().get(id)!), "content");
});
