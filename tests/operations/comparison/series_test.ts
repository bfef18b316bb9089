import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { rawOf } from "../../../src/core/raw.ts";
import type { BackupRequest } from "../../../src/operations/backup/backup_request.ts";
import { forget } from "../../../src/operations/forget/forget.ts";
import { plan } from "../../../src/operations/plan/plan.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import type { StreamSource } from "../../../src/operations/backup/backup_request.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { TestMonitor, World } from "../../support/world.ts";

/** Two directories that are called alike; in both a file that looks the same, and isn't. */
class Homes extends World {
  constructor() {
    super();
    for (const owner of ["alice", "bob"]) {
      this.write(`${owner}/photos/a`, owner.padEnd(8));
      Deno.utimeSync(`${this.source}/${owner}/photos/a`, 1e9, 1e9);
    }
  }
  of(owner: string): Pick<BackupRequest, "sources"> {
    return { sources: [rawOf(`${this.source}/${owner}/photos`)] };
  }
  async make(owner: string, changes: Partial<BackupRequest> = {}) {
    const { snapshot, monitor } = await this.backup({ ...this.of(owner), ...changes });
    return { name: snapshot.name, read: monitor.of("readFiles"), notices: monitor.notices };
  }
}

/** What a version left that did not note whether a name was given. */
function asIfOlder(storage: Storage): void {
  for (const id of storage.listing.rootIds()) {
    const { named: _, ...root } = storage.manifests.readRoot(id);
    storage.manifests.writeRoot(root);
    storage.manifests.remove(id);
  }
  rebuildCatalog(storage, new TestMonitor());
}

async function forgotten(storage: Storage): Promise<number> {
  return (await forget(storage, { policy: { last: 1 }, among: {}, dryRun: false }, new TestMonitor())).removed.length;
}

Deno.test("two directories that are called alike are two series, and each keeps its name", async () => {
  using world = new Homes();
  deepStrictEqual(await world.make("alice"), { name: "photos", read: 1, notices: [] });
  const { name, read, notices } = await world.make("bob");
  deepStrictEqual([name, read, notices.length], ["photos-2", 1, 1]);
  match(notices[0]!, /photos-2.*alice\/photos.*--name/);
  for (let i = 0; i < 2; i++) {
    deepStrictEqual(await world.make("alice"), { name: "photos", read: 0, notices: [] });
    deepStrictEqual(await world.make("bob"), { name: "photos-2", read: 0, notices: [] });
  }
  const latest = [...Deno.readDirSync(`${world.storagePath}/latest`)].map(({ name }) => name).sort();
  deepStrictEqual(latest, ["photos", "photos-2"]);
  strictEqual(Deno.readTextFileSync(`${world.storagePath}/latest/photos-2/a`), "bob     ");
});

Deno.test("a plan speaks of the series that the backup will make", async () => {
  using world = new Homes();
  await world.make("alice");
  using storage = world.open();
  const request = { ...world.request(), ...world.of("bob"), tree: false };
  const { series, previous, new: { files } } = await plan(storage, request, new TestMonitor());
  deepStrictEqual([series, previous, files], ["photos-2", undefined, 1]);
});

Deno.test("without a name that was given, nothing is taken over unread from other sources", async () => {
  using world = new Homes();
  const blind = { detection: { ignoreInode: true, ignoreCtime: true } };
  // Of an older version: both are called photos.
  await world.make("alice", blind);
  await world.make("bob", { detection: { force: true }, name: "photos" });
  {
    using storage = world.open();
    asIfOlder(storage);
  }
  for (const owner of ["alice", "bob", "alice"]) {
    deepStrictEqual(await world.make(owner, blind), { name: "photos", read: 0, notices: [] });
    const { target } = await world.restore("latest");
    strictEqual(Deno.readTextFileSync(`${target}/a`), owner.padEnd(8));
  }
  // Two sources that change places look alike, too.
  const places = (a: string, b: string) => ({
    sources: [{ path: rawOf(`${world.source}/${a}/photos`), as: rawOf("p") }, {
      path: rawOf(`${world.source}/${b}/photos`),
      as: rawOf("q"),
    }],
    ...blind,
  });
  await world.backup(places("alice", "bob"));
  await world.backup(places("bob", "alice"));
  const { target } = await world.restore("latest");
  strictEqual(Deno.readTextFileSync(`${target}/p/a`), "bob     ");
});

Deno.test("static files of one directory are not missed in another that is called alike", async () => {
  using world = new Homes();
  world.write("alice/photos/only", "1");
  await world.make("alice", { statics: ["*"] });
  const { monitor } = await world.backup({ ...world.of("bob"), statics: ["*"] });
  deepStrictEqual(monitor.problems, []);
});

Deno.test("forget keeps the newest of each of several sources that an older version has called alike", async () => {
  using world = new Homes();
  for (const owner of ["alice", "bob", "alice", "bob"]) await world.make(owner, { name: "photos" });
  using storage = world.open();
  asIfOlder(storage);
  strictEqual(await forgotten(storage), 2);
  deepStrictEqual(storage.snapshots().map(({ sources }) => sources), [
    [`${world.source}/alice/photos`],
    [`${world.source}/bob/photos`],
  ]);
});

Deno.test("forget takes what somebody gave one name for one series, whatever its sources", async () => {
  using world = new Homes();
  for (const owner of ["alice", "bob"]) await world.make(owner, { name: "all" });
  using storage = world.open();
  strictEqual(await forgotten(storage), 1);
});

Deno.test("what a job keeps are snapshots of its own sources", async () => {
  using world = new Homes();
  for (const owner of ["alice", "bob", "alice", "bob"]) await world.make(owner, { name: "photos" });
  using storage = world.open();
  asIfOlder(storage);
  const { id, host, name } = storage.snapshots().at(-1)!;
  const among = { host, name, like: id };
  const { removed } = await forget(storage, { policy: { last: 1 }, among, dryRun: false }, new TestMonitor());
  deepStrictEqual([removed.length, storage.snapshots().length], [1, 3]);
});

Deno.test("what comes through a pipe is another series than a directory of that name", async () => {
  using world = new Homes();
  await world.make("alice");
  const streams: StreamSource[] = [{ name: rawOf("photos"), chunks: ReadableStream.from([new Uint8Array([1])]) }];
  deepStrictEqual((await world.backup({ sources: [], streams })).snapshot.name, "photos-2");
});

Deno.test("a source that is read from a copy counts as the place that people know it by", async () => {
  using world = new Homes();
  await world.make("alice");
  Deno.mkdirSync(`${world.base}/snapshot`);
  Deno.writeTextFileSync(`${world.base}/snapshot/a`, "alice");
  const path = rawOf(`${world.source}/alice/photos`);
  const { snapshot } = await world.backup({ sources: [{ path, readFrom: rawOf(`${world.base}/snapshot`) }] });
  strictEqual(snapshot.name, "photos");
});
