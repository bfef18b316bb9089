/**
 * Made the archives in fixtures/vault-1/: a vault, and its key.
 *
 *   deno run -A tests/formats/make_vault_fixture.ts encrypted out.tar
 *
 * A fixture is frozen: it shows what the tool of its time wrote, and is never made again. Of a new version there will be
 * new ones.
 */
import { rawOf } from "../../src/core/raw.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { encodeIndex, type IndexObject } from "../../src/vault/index/index_object.ts";
import { encodeKeyFile } from "../../src/vault/seal/key_file.ts";
import { putSnapshot } from "../support/two_levels.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { run, TestMonitor, World } from "../support/world.ts";

async function main([kind, archive]: readonly string[]): Promise<void> {
  const encrypted = kind === "encrypted";
  using world = new World();
  world.write("letter", "Dear reader,\n");
  world.write("again", "Dear reader,\n");
  world.write("empty", "");
  world.write("photo.jpg", noise(6000, 9));
  for (let i = 0; i < 12; i++) world.write(`many/${i}`, noise(300 + i, i, 30));
  const large = noise(75_000, 7, 3);
  large.copyWithin(40_000, 2000, 30_000); // parts that occur twice
  world.write("large.img", large);
  await world.backup();
  world.write("letter", "Dear reader, I have changed.\n");
  large.fill(0, 20_000, 20_010);
  world.write("large.img", large);
  await world.backup();
  world.write("two levels.img", noise(70_000, 8, 3));
  const third = await world.backup({ name: "more", sources: [rawOf(`${world.source}/two levels.img`)] });
  const place = await VaultPlace.make(
    world,
    KINDS.find((each) => each.where === "directory" && each.encrypted === encrypted)!,
  );
  using storage = world.open();
  await using vault = await place.open(new TestMonitor(), 50_000);
  const { objects, id } = vault, snapshots = storage.snapshots().slice(0, 2).map(({ id }) => id);
  await copy(
    storage,
    vault,
    { workers: 0, signal: new AbortController().signal, clock: world.clock, snapshots },
    new TestMonitor(),
  );
  await putSnapshot(objects, storage, third.snapshot, { mostLines: 4, lane: "compressed" });
  // A ledger, and one that it supersedes: of units that are not there any more, and one that nobody needs.
  const written = "2026-12-01T03:00:00Z", common = { kind: "ledger", vault: id, host: "nas", written } as const;
  const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64));
  const marks = [{ unit: a!, mark: "doomed", since: written }, { unit: b!, mark: "unused", since: written }] as const;
  const first: IndexObject = { ...common, supersedes: [], marks };
  const former = await objects.put("index", encodeIndex(first, objects.auth));
  const gone = [{ unit: a!, mark: "gone", since: written }, { unit: c!, mark: "doomed", since: written }] as const;
  const second: IndexObject = { ...common, supersedes: [former], marks: gone };
  await objects.put("index", encodeIndex(second, objects.auth));
  const { key } = objects.access;
  if (key !== undefined) {
    const label = { vault: id, name: "me", created: written };
    Deno.writeTextFileSync(`${world.base}/key`, encodeKeyFile(key, label));
  }
  const names = ["vault", ...(key === undefined ? [] : ["key"])];
  const options = ["--sort=name", "--numeric-owner", "--owner=0", "--group=0", "--mtime=2026-11-20T22:05:11Z"];
  run("tar", "-C", world.base, ...options, "-czf", archive!, ...names);
}

if (import.meta.main) await main(Deno.args);
