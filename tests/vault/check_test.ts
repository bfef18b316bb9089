/** Checks of vaults: what is found without reading contents, what by reading all or a part of them, and who may do what. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { counting } from "../../src/backend/counting.ts";
import { around } from "../../src/backend/decorator.ts";
import { type Failure, faulty } from "../../src/backend/faulty.ts";
import { Fault } from "../../src/core/fault.ts";
import { rawOf } from "../../src/core/raw.ts";
import { check, type CheckRequest, type CheckResult, type Finding } from "../../src/operations/check/check.ts";
import { verificationStatus } from "../../src/operations/check/verification_status.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { encodeKeyFile } from "../../src/vault/seal/key_file.ts";
import { writeOnlyKey } from "../../src/vault/seal/keys.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const UNIT_BYTES = 300_000, FILE_BYTES = 40_000, FILES = 24, LARGE_BYTES = 200_000;

async function copied(
  world: World,
  kind: typeof KINDS[number] = KINDS[0],
  unitBytes = UNIT_BYTES,
): Promise<VaultPlace> {
  for (let i = 0; i < FILES; i++) world.write(`${i % 4}/${i}`, noise(FILE_BYTES, i + 1));
  world.write("large", noise(LARGE_BYTES, 99));
  await world.backup();
  world.write("later", "in the second alone");
  await world.backup();
  const place = await VaultPlace.make(world, kind);
  using storage = world.open();
  await using vault = await place.open(new TestMonitor(), unitBytes);
  await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  return place;
}

interface Checked extends CheckResult {
  readonly findings: readonly Finding[];
  readonly monitor: TestMonitor;
}

async function checked(vault: Vault, changes: Partial<CheckRequest> = {}): Promise<Checked> {
  const findings: Finding[] = [], monitor = new TestMonitor();
  const request = { readData: true, workers: 0, signal, ...changes };
  return { ...await check(vault, request, (finding) => findings.push(finding), monitor), findings, monitor };
}

function damageOf({ findings }: Checked): readonly Finding[] {
  return findings.filter(({ severity }) => severity === "damage");
}

function dataUnits({ index }: Vault): string[] {
  return [...index.unitNames()].filter((name) => index.unit(name)?.unitClass === "data");
}

/** Paths of findings, without the snapshots. */
function pathsOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.flatMap(({ paths }) => paths.map((path) => path.slice(path.indexOf(":") + 1))))].sort();
}

for (const workers of [0, 2]) {
  Deno.test(`a sound vault is found sound, and every byte was read once (${workers} workers)`, async () => {
    using world = new World({ inMemory: true });
    const place = await copied(world);
    let downloaded = () => 0;
    const through = (inner: Backend) => {
      const { backend, traffic } = counting(inner);
      downloaded = () => traffic.downloadedBytes;
      return backend;
    };
    await using vault = await place.open(new TestMonitor(), undefined, { through });
    const before = downloaded(), result = await checked(vault, { workers });
    deepStrictEqual([result.findings, result.damaged, result.monitor.problems], [[], 0, []]);
    const contents = FILES * FILE_BYTES + LARGE_BYTES + "in the second alone".length;
    ok(result.bytes >= contents && result.bytes < contents + 100_000, `${result.bytes}`);
    // Manifests, lists and index besides, which are small here.
    const units = [...vault.index.unitNames()].reduce((sum, name) => sum + vault.index.unit(name)!.size, 0);
    ok(downloaded() - before < units * 1.2 + 100_000, `${downloaded() - before} of ${units}`);
  });
}

Deno.test("what is missing of units is found without reading any, and named by its paths", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world, KINDS[1], 1_500_000), { map } = place.objects;
  await using vault = await place.open();
  const [unit] = dataUnits(vault).sort((a, b) => vault.index.unit(b)!.size - vault.index.unit(a)!.size);
  const key = objectKey("data", unit!), whole = map.get(key)!;
  map.delete(key);
  const missing = await checked(await place.open(), { readData: false });
  ok(missing.damaged > 2);
  deepStrictEqual(missing.findings.filter(({ where }) => where === `data/${unit}`).map(({ what }) => what), [
    "A unit is damaged: it is missing",
  ]);
  // Half of it is there, and so are the frames in that half.
  map.set(key, whole.slice(0, whole.length >> 1));
  const cut = await checked(await place.open(), { readData: false });
  ok(cut.damaged > 0 && cut.damaged < missing.damaged, `${cut.damaged} of ${missing.damaged}`);
  const lost = pathsOf(damageOf(cut));
  ok(lost.every((path) => pathsOf(damageOf(missing)).includes(path)));
  deepStrictEqual(pathsOf(damageOf(await checked(await place.open()))), lost, "reading everything finds no more");
});

Deno.test("units that no index lists are counted, one as one", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world, KINDS[1]), { map } = place.objects;
  const told = async () => {
    await using vault = await place.open();
    return (await checked(vault, { readData: false })).findings.map(({ what }) => what);
  };
  const stray = (digit: string) => map.set(objectKey("data", digit.repeat(64)), new Uint8Array(100));
  stray("0");
  deepStrictEqual(await told(), ["1 unit is in no index: left by interrupted runs, or the index is lost"]);
  stray("1");
  deepStrictEqual(await told(), ["2 units are in no index: left by interrupted runs, or the index is lost"]);
});

Deno.test("reading a part reads what was not read for the longest time, and this is known in the next run", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), state = `${world.base}/state`;
  let read = 0, runs = 0;
  for (let never = Infinity; never > 0; runs++) {
    world.clock.pass(60);
    await using vault = await place.open(new TestMonitor(), undefined, { state });
    const result = await checked(vault, { subset: { kind: "share", percent: 20 } });
    deepStrictEqual(result.findings, []);
    read += result.bytes;
    const status = await verificationStatus(vault);
    ok(status.never.contents < never, "each run gets on");
    never = status.never.contents;
  }
  const all = FILES * FILE_BYTES + LARGE_BYTES;
  ok(runs >= 4 && runs <= 8, `${runs}`);
  ok(read >= all && read < all * 1.6, `${read} of ${all}`);
  await using vault = await place.open(new TestMonitor(), undefined, { state });
  const { oldest, all: amount, within } = await verificationStatus(vault);
  deepStrictEqual([within[0]?.contents, amount.contents, oldest !== null], [amount.contents, amount.contents, true]);
});

Deno.test("when contents were verified is known also if the catalog in the state directory is lost", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), state = `${world.base}/state`;
  for (const percent of [30, 50]) {
    world.clock.pass(60);
    await using vault = await place.open(new TestMonitor(), undefined, { state });
    await checked(vault, { subset: { kind: "share", percent } });
  }
  const status = async () => {
    await using vault = await place.open(new TestMonitor(), undefined, { state });
    return await verificationStatus(vault);
  };
  const before = await status();
  ok(before.never.contents < FILES);
  const [id = ""] = [...Deno.readDirSync(`${state}/vaults`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? name : []
  );
  Deno.removeSync(`${state}/vaults/${id}/db/catalog.sqlite`);
  deepStrictEqual(await status(), before);
});

Deno.test("parts together are everything, and damage is found in the part that it is in", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), { map } = place.objects;
  await using vault = await place.open();
  const key = objectKey("data", dataUnits(vault)[0]!), whole = map.get(key)!;
  map.set(key, whole.map((byte, at) => at === whole.length >> 1 ? byte ^ 1 : byte));
  const everything = pathsOf(damageOf(await checked(await place.open()))), found: string[] = [];
  let bytes = 0;
  for (const part of [1, 2, 3]) {
    const result = await checked(await place.open(), { subset: { kind: "part", part, of: 3 } });
    found.push(...pathsOf(damageOf(result)));
    bytes += result.bytes;
  }
  deepStrictEqual(found.sort(), everything);
  ok(everything.length > 0 && bytes > FILES * FILE_BYTES);
});

Deno.test("who can only write checks what that allows, and says so", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), { map } = place.objects;
  await using full = await place.open();
  const { metaIdentity, dataRecipient } = full.objects.access.key!;
  const label = { vault: full.id, name: "nas", created: "2026-11-20T22:05:11Z" };
  const text = encodeKeyFile(await writeOnlyKey(metaIdentity, dataRecipient), label);
  const limited = place.with({ kind: "key-file", text });
  {
    await using vault = await limited.open();
    const result = await checked(vault);
    deepStrictEqual([result.findings, result.damaged], [[], 0]);
    deepStrictEqual(result.monitor.notices.length, 1);
    ok(/write-only key/.test(result.monitor.notices[0]!));
    strictEqual((await verificationStatus(vault)).never.contents, FILES + 2, "nothing was proved of contents");
  }
  const key = objectKey("data", dataUnits(full)[0]!), whole = map.get(key)!;
  map.set(key, whole.map((byte, at) => at === whole.length >> 1 ? byte ^ 1 : byte));
  await using vault = await limited.open();
  const result = await checked(vault);
  ok(result.findings.some(({ where }) => where === key));
  ok(damageOf(result).length > 0);
  deepStrictEqual((await checked(vault, { readData: false })).findings, []);
});

Deno.test("an interrupted check remembers what it has read", async () => {
  using world = new World({ inMemory: true });
  const place = await copied(world), stop = new AbortController();
  let requests = 0;
  const through = (inner: Backend) =>
    around(inner, {
      get(key, options) {
        if (key.startsWith("data/") && options?.range?.from === 0 && ++requests === 6) stop.abort();
        return inner.get(key, options);
      },
    });
  await using vault = await place.open(new TestMonitor(), undefined, { through });
  await rejects(checked(vault, { signal: stop.signal }), { code: "interrupted" });
  const { never, all } = await verificationStatus(vault);
  ok(never.contents < all.contents && never.contents > 0, `${never.contents} of ${all.contents}`);
});

Deno.test("whatever request fails, a check says so or ends; what it noted of sound contents is true", async () => {
  using world = new World({ inMemory: true });
  world.write("small", noise(1000, 1));
  world.write("large", noise(100_000, 2));
  await world.backup();
  const place = await VaultPlace.make(world, KINDS[0]);
  {
    using storage = world.open();
    await using vault = await place.open(new TestMonitor(), 60_000);
    await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  }
  for (const failure of ["before", "flip"] as const satisfies Failure[]) {
    for (let number = 0, isPast = false; !isPast; number++) {
      isPast = true;
      const through = (inner: Backend) =>
        faulty(inner, (request) => {
          if (request.number !== number) return undefined;
          isPast = failure === "flip" && request.verb !== "get";
          return failure;
        });
      const monitor = new TestMonitor();
      let told = 0;
      try {
        await using vault = await place.open(monitor, undefined, { through });
        const { findings, monitor: ofCheck } = await checked(vault);
        // What could not be noted on the way is noted at the end.
        const { never } = await verificationStatus(vault);
        if (failure === "before" && never.contents === 0) continue;
        told = findings.length +
          [ofCheck, monitor].flatMap(({ problems, notices }) => [...problems, ...notices]).length;
      } catch (error) {
        ok(error instanceof Fault, String(error));
        told = 1;
      }
      if (!isPast) ok(told > 0, `${failure} ${number}`);
    }
  }
});

Deno.test("a page that somebody has put beside the objects of a vault is named, though nothing is damaged", async () => {
  using world = new World();
  const place = await copied(world, { where: "directory", encrypted: true });
  for (const name of ["recover.html", "Look.HTM", "notes.txt"]) {
    Deno.writeTextFileSync(`${place.path}/${name}`, "<html>");
  }
  await using vault = await place.open(new TestMonitor(), UNIT_BYTES, { directory: rawOf(place.path) });
  const result = await checked(vault, { readData: false });
  deepStrictEqual([result.damaged, result.findings.map(({ where, severity }) => `${severity}: ${where}`)], [0, [
    "note: Look.HTM",
    "note: recover.html",
  ]]);
});
