/** Two vaults of a server's configuration: "far" with what the storage has by now, and "lost", which can't be opened. */
import { DiskFault } from "../../src/platform/disk.ts";
import { rawOf } from "../../src/core/raw.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { RepositoryReader } from "../../src/server/reader/repository_reader.ts";
import { VaultDesk } from "../../src/server/vaults/vault_desk.ts";
import { VaultPlace } from "./vault_place.ts";
import { TestMonitor, type World } from "./world.ts";

export const PLACES = new Map([["far", "s3:https://far.example/photos"], ["lost", "/mnt/lost"]]);

/** @param looks receives the names of vaults that are opened */
export async function twoVaults(world: World, looks: string[] = []) {
  const place = await VaultPlace.make(world, { where: "memory", encrypted: true });
  {
    await using storage = world.open();
    await using vault = await place.open();
    const { clock } = world, signal = new AbortController().signal;
    await copy(storage, vault, { clock, workers: 0, signal }, new TestMonitor());
  }
  const reader = new RepositoryReader(() => Promise.resolve(world.open()), async (name) => {
    looks.push(name);
    if (name === "lost") throw new DiskFault("ENOENT", "open", rawOf("/mnt/lost/secret place"));
    return await place.open();
  });
  return { reader, desk: new VaultDesk(reader, world.clock, PLACES) };
}
