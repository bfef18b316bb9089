/** Drills: samples come back as they were, what doesn't is told, and what was proven is remembered. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { parseApath } from "../../../src/core/apath.ts";
import { knownContentId } from "../../../src/core/content_id.ts";
import { rawOf } from "../../../src/core/raw.ts";
import { copy } from "../../../src/operations/copy/copy.ts";
import { drill, type DrillRequest } from "../../../src/operations/drill/drill.ts";
import { drillStatus } from "../../../src/operations/drill/drill_status.ts";
import { Prover } from "../../../src/operations/drill/proof.ts";
import type { OpenedRepository } from "../../../src/operations/opened.ts";
import type { Machine } from "../../../src/platform/machine.ts";
import { openStorage, type Storage } from "../../../src/storage/storage.ts";
import { KINDS, VaultPlace } from "../../support/vault_place.ts";
import { noise } from "../../support/units.ts";
import { TestMonitor, World } from "../../support/world.ts";
import { HAS_LINUX_DISK } from "../../support/needs.ts";

const signal = new AbortController().signal;

class Drills implements Disposable {
  readonly world = new World({ inMemory: true });
  readonly machine: Machine = { ...this.world.machine, state: [rawOf(`${this.world.base}/state`)] };
  readonly temp = Deno.makeTempDirSync({ dir: this.world.base });

  constructor() {
    for (let i = 0; i < 60; i++) this.world.write(`dir ${i % 5}/${i}`, noise(1000 + i, i));
    this.world.write("large", noise(200_000, 99));
  }

  storage(): Storage {
    return openStorage(this.machine, rawOf(this.world.storagePath), new TestMonitor());
  }

  async run(repository: OpenedRepository, changes: Partial<DrillRequest> = {}) {
    const monitor = new TestMonitor();
    const request = { bytes: 30_000, temp: rawOf(this.temp), host: "testhost", workers: 0, signal, ...changes };
    const result = await drill(repository, request, monitor);
    deepStrictEqual([...Deno.readDirSync(this.temp)], []); // nothing stays
    return { ...result, problems: monitor.problems.map(({ name }) => name), notices: monitor.notices };
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

Deno.test("a drill restores a part of each series within its bytes, compares it with the source, and remembers", async () => {
  using drills = new Drills();
  const { world } = drills;
  await world.backup();
  const first = await world.backup();
  const other = await world.backup({ name: "other", sources: [rawOf(`${world.source}/dir 1`)] });
  using storage = drills.storage();
  deepStrictEqual((await drillStatus(storage)).map(({ name, proven }) => [name, proven]), [["source", null], [
    "other",
    null,
  ]]);
  world.clock.pass(60);
  const { series, bytes, failed, problems } = await drills.run(storage);
  deepStrictEqual([problems, failed, series.map(({ outcome }) => outcome)], [[], 0, ["proven", "proven"]]);
  ok(bytes > 15_000 && bytes <= 30_000, String(bytes));
  strictEqual(series[0]!.snapshots[0], first.snapshot.id);
  strictEqual(series[0]!.snapshots.length, 2);
  deepStrictEqual(series[1]!.snapshots, [other.snapshot.id]);
  for (const { files, compared } of series) ok(files > 2 && compared === files, `${compared} of ${files}`);
  const proven = new Date(world.clock.nowMs()).toISOString();
  deepStrictEqual((await drillStatus(storage)).map((each) => each.proven), [proven, proven]);
  world.clock.pass(60);
  await drills.run(storage, { name: "other" });
  deepStrictEqual((await drillStatus(storage)).map(({ name, proven }) => [name, proven]), [
    ["source", proven],
    ["other", new Date(world.clock.nowMs()).toISOString()],
  ]);
});

Deno.test("a drill of a vault goes all the way: key, units, files", async () => {
  using drills = new Drills();
  const { world } = drills;
  await world.backup();
  for (const kind of KINDS.slice(0, 2)) {
    const place = await VaultPlace.make(world, kind, `vault ${kind.encrypted}`);
    await using vault = await place.open();
    using storage = drills.storage();
    await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
    const { series: [one], problems } = await drills.run(vault);
    deepStrictEqual([one?.outcome, problems], ["proven", []]);
    ok(one!.files > 10 && one!.compared === one!.files);
    // All of it, the large file in parts included.
    deepStrictEqual((await drills.run(vault, { bytes: 10_000_000 })).files, 61);
    // Units of contents are gone.
    const data = [...vault.index.unitNames()].filter((name) => vault.index.unit(name)?.unitClass === "data");
    for (const name of data) place.objects.map.delete([...place.objects.map.keys()].find((key) => key.endsWith(name))!);
    await using damaged = await place.open();
    const after = await drills.run(damaged);
    strictEqual(after.series[0]!.outcome, "failed");
    ok(after.failed > 5 && after.problems.length === after.failed, `${after.failed}`);
  }
});

Deno.test("damage fails the series, is told of each file, and the proof from before stays known", async () => {
  using drills = new Drills();
  const { world } = drills;
  await world.backup();
  using storage = drills.storage();
  await drills.run(storage);
  const proven = new Date(world.clock.nowMs()).toISOString();
  for (const [id, path] of world.items()) {
    if (id.length > 64) continue;
    const bytes = Deno.readFileSync(path);
    bytes[0]! ^= 1;
    Deno.chmodSync(path, 0o600);
    Deno.writeFileSync(path, bytes);
  }
  world.clock.pass(60);
  const { series: [one], failed, problems } = await drills.run(storage);
  deepStrictEqual([one?.outcome, one?.files], ["failed", 0]);
  ok(failed > 10);
  deepStrictEqual(problems, Array.from({ length: failed }, () => "damaged-content"));
  deepStrictEqual(
    (await drillStatus(storage)).map(({ proven, failed }) => [proven, failed]),
    [[proven, new Date(world.clock.nowMs()).toISOString()]],
  );
});

Deno.test("files that have changed at the source, or are another host's, are not compared with it", async () => {
  using drills = new Drills();
  const { world } = drills;
  await world.backup();
  using storage = drills.storage();
  strictEqual((await drills.run(storage, { host: "another" })).series[0]!.compared, 0);
  for (let i = 0; i < 60; i++) world.write(`dir ${i % 5}/${i}`, noise(1000 + i, i + 1));
  const { series: [one], problems } = await drills.run(storage);
  deepStrictEqual([one?.outcome, one?.compared, problems], ["proven", 0, []]);
});

Deno.test("a source that seems unchanged, and has other bytes, is told of", { ignore: !HAS_LINUX_DISK }, async () => {
  using drills = new Drills();
  const { world } = drills, path = "dir 1/1";
  const { snapshot } = await world.backup();
  using storage = drills.storage();
  const { ctime: _, ...entry } = storage.manifest(snapshot.id).entry(parseApath(`/${path}`))!, { content } = entry;
  if (content === undefined) throw new Error("it has no content");
  const live = rawOf(`${world.source}/${path}`), prover = new Prover(drills.machine.disk, "sha256");
  strictEqual(prover.compare(live, { ...entry, content }), "same");
  strictEqual(prover.compare(live, { ...entry, content: knownContentId("0".repeat(64)) }), "differs");
  strictEqual(prover.compare(live, { ...entry, content, mtime: "1" }), "changed");
  strictEqual(prover.compare(rawOf(`${world.source}/nothing/there`), { ...entry, content }), "changed");
  strictEqual(prover.wrongWith(live, { ...entry, content }), undefined);
  for (const changes of [{ size: 1 }, { mtime: "1" }, { content: knownContentId("0".repeat(64)) }]) {
    ok(prover.wrongWith(live, { ...entry, content, ...changes }) !== undefined);
  }
});

Deno.test("what is too large for the bytes is left out, and an empty series proves nothing", async () => {
  using drills = new Drills();
  const { world } = drills;
  await world.backup();
  using storage = drills.storage();
  const { series: [one], notices, files } = await drills.run(storage, { bytes: 10 });
  deepStrictEqual([one?.outcome, files, notices.length], ["untested", 0, 1]);
  deepStrictEqual((await drillStatus(storage))[0]?.proven, null);
});

Deno.test("the same chance chooses the same files", async () => {
  using drills = new Drills();
  await drills.world.backup();
  const chosen = async (seed: number) => {
    const machine = { ...drills.machine, random: (bytes: number) => new Uint8Array(bytes).fill(seed) };
    using storage = openStorage(machine, rawOf(drills.world.storagePath), new TestMonitor());
    const { files, bytes } = await drills.run(storage, { bytes: 20_000 });
    return [files, bytes];
  };
  deepStrictEqual(await chosen(7), await chosen(7));
  ok(JSON.stringify(await chosen(7)) !== JSON.stringify(await chosen(8)));
});

Deno.test("a drill that is stopped leaves nothing behind", async () => {
  using drills = new Drills();
  await drills.world.backup();
  using storage = drills.storage();
  await rejects(drills.run(storage, { signal: AbortSignal.abort() }), { code: "interrupted" });
  deepStrictEqual([...Deno.readDirSync(drills.temp)], []);
});
