/** The page's reader, against vaults of every version that there ever was. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isEncrypted, openVault } from "../../src/recover/vault.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { placeAt, readAll } from "../support/recover_place.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const FIXTURES = fileURLToPath(new URL("../formats/fixtures/vault-1", import.meta.url));
const quiet = () => {};

/** @returns the vault's directory, and the text of its key */
function unpacked(world: World, kind: "encrypted" | "plain"): { readonly path: string; readonly key: string } {
  run("tar", "-C", world.base, "-xpzf", `${FIXTURES}/${kind}.tar.gz`);
  const key = kind === "encrypted" ? Deno.readTextFileSync(`${world.base}/key`) : "";
  return { path: `${world.base}/vault`, key };
}

const WHOLE = { snapshots: 3, files: 35, contents: 19, broken: [] };

function remove(path: string, ...names: readonly string[]): void {
  for (const name of names) Deno.removeSync(`${path}/${name}`, { recursive: true });
}

for (const kind of ["encrypted", "plain"] as const) {
  Deno.test(`the page reads every file of a vault that the first version wrote (${kind})`, async () => {
    using world = new World({ inMemory: true });
    const { path, key } = unpacked(world, kind), place = placeAt(path);
    strictEqual(await isEncrypted(place), kind === "encrypted");
    const vault = await openVault(place, key, quiet);
    const { bytes, ...rest } = await readAll(vault);
    deepStrictEqual([rest, vault.problems], [WHOLE, []]);
    ok(bytes > 229_708, `${bytes}`);
    remove(path, "index");
    const without = await openVault(place, key, quiet);
    deepStrictEqual([(await readAll(without)).broken, without.snapshots.length], [[], 3], "index/ is gone");
    remove(path, "snapshots");
    const copied = await openVault(place, key, quiet);
    deepStrictEqual([(await readAll(copied)).broken, copied.snapshots.length], [[], 3], "snapshots/ is gone, too");
  });

  Deno.test(`the page reads copies of roots where only snapshots/ is gone (${kind})`, async () => {
    using world = new World({ inMemory: true });
    const { path, key } = unpacked(world, kind);
    remove(path, "snapshots");
    const vault = await openVault(placeAt(path), key, quiet);
    deepStrictEqual([vault.snapshots.length, (await readAll(vault)).broken], [3, []]);
    deepStrictEqual(vault.problems, ["snapshots/ is empty: these are the copies in units"]);
  });

  Deno.test(`the page passes nothing on that is damaged, wherever a bit is another (${kind})`, async () => {
    using world = new World({ inMemory: true });
    const { path, key } = unpacked(world, kind);
    let damaged = 0;
    for (const unit of unitsIn(path)) {
      const bytes = Deno.readFileSync(unit), changed = bytes.slice();
      // In the middle, where contents are.
      const at = Math.floor(bytes.length / 2);
      changed[at] = (changed[at] ?? 0) ^ 1;
      Deno.chmodSync(unit, 0o600);
      Deno.writeFileSync(unit, changed);
      const vault = await openVault(placeAt(path), key, quiet);
      const outcome = await readAll(vault).catch(() => undefined);
      if (outcome === undefined || outcome.broken.length > 0 || vault.problems.length > 0) damaged++;
      Deno.writeFileSync(unit, bytes);
    }
    ok(damaged > 0, "no change was in anything that is needed");
  });
}

Deno.test("a passphrase opens the vault, a wrong one and none don't", async () => {
  using world = new World({ inMemory: true });
  const { path } = unpacked(world, "encrypted"), place = placeAt(path);
  await rejects(openVault(place, "", quiet), { name: "NeedsKey" });
  await rejects(openVault(place, "wrong", quiet), { name: "NeedsKey" });
});

Deno.test("a key may be typed from paper, with spaces, in small letters; a typing error is told as one", async () => {
  using world = new World({ inMemory: true });
  const { path, key } = unpacked(world, "encrypted"), place = placeAt(path);
  const [line = ""] = key.split("\n").filter((text) => text.startsWith("AGE-"));
  const typed = line.toLowerCase().replace(/.{4}/g, "$& ");
  strictEqual((await openVault(place, typed, quiet)).snapshots.length, 3);
  const wrong = line.replace(/.$/, (last) => last === "Q" ? "P" : "Q");
  await rejects(openVault(place, wrong, quiet), /typing error/);
});

function unitsIn(path: string): string[] {
  const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => `${directory}/${name}`);
  return names(`${path}/data`).flatMap(names);
}

Deno.test("a passphrase opens a vault of today, and the key that it holds does, too", async () => {
  using world = new World();
  world.write("a.txt", "some text");
  world.write("large.bin", new Uint8Array(200_000).map((_, i) => (i * i) & 255));
  await world.backup();
  const made = await VaultPlace.make(world, KINDS[2]);
  {
    using storage = world.open();
    await using vault = await made.open();
    const options = { workers: 0, signal: new AbortController().signal, clock: world.clock };
    await copy(storage, vault, options, new TestMonitor());
  }
  const vault = await openVault(placeAt(made.path), "four random words", quiet);
  deepStrictEqual((await readAll(vault)).broken, []);
  const [snapshot] = vault.snapshots;
  strictEqual(snapshot?.files, 2);
});
