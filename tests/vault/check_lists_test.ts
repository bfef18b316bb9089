/** Lists of parts that are whole and signed, but say something else than the content: only reading everything shows it. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Backend, objectKey } from "../../src/backend/backend.ts";
import { around } from "../../src/backend/decorator.ts";
import { parseApath } from "../../src/core/apath.ts";
import type { ContentId } from "../../src/core/content_id.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { repairVault } from "../../src/operations/repair/repair_vault.ts";
import { encodeIndex, parseIndex, type UnitLine } from "../../src/vault/index/index_object.ts";
import { LIST_SUFFIX } from "../../src/vault/pack/items.ts";
import { encodeList, type ListedPart, parseList } from "../../src/vault/pack/parts_list.ts";
import { storedListName } from "../../src/vault/pack/tar_names.ts";
import { OWN_FIELDS } from "../../src/vault/pack/unit_writer.ts";
import { type ContentList, WRONG_TOGETHER } from "../../src/vault/store/contents.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { putUnit } from "../support/two_levels.ts";
import { noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { TestMonitor, World } from "../support/world.ts";

const { signal } = new AbortController();
const UNIT_BYTES = 300_000;

async function checked(vault: Vault, workers = 0, percent?: number): Promise<Finding[]> {
  const findings: Finding[] = [], monitor = new TestMonitor();
  const subset = percent === undefined ? {} : { subset: { kind: "share", percent } as const };
  const request = { readData: true, workers, signal, ...subset };
  await check(vault, request, (finding) => findings.push(finding), monitor);
  deepStrictEqual(monitor.problems, []);
  return findings;
}

/** Another list takes the place of that of a content, as if it had always been there. */
async function rewriteList(
  vault: Vault,
  content: ContentId,
  change: (parts: readonly ListedPart[]) => readonly ListedPart[],
): Promise<void> {
  const { objects, id: vaultId } = vault, id = content + LIST_SUFFIX;
  const { top } = (await vault.contents.storedParts(content))!, list = parseList(top.bytes, "list");
  const { bytes, digest } = encodeList({ ...list, parts: change(list.parts) });
  const item = { id, digest, name: storedListName(id), fields: OWN_FIELDS, bytes, lane: "compressed" as const };
  const unit = await putUnit(objects, "meta", { items: new Map([[id, item]]), copies: [] });
  for (const [name, size] of await objects.list("index")) {
    const key = objectKey("index", name);
    const object = parseIndex(await objects.get("index", name, size), key, { vault: vaultId, auth: objects.auth });
    if (object.kind !== "units") continue;
    const without = (line: UnitLine) => ({ ...line, items: line.items.filter((one) => one.id !== id) });
    await objects.backend.remove(key);
    await objects.put("index", encodeIndex({ ...object, units: object.units.map(without) }, objects.auth));
  }
  const written = "2026-11-20T22:06:02Z", head = { vault: vaultId, host: "other", written, supersedes: [] };
  await objects.put("index", encodeIndex({ kind: "units", ...head, units: [unit] }, objects.auth));
}

function swapped(parts: readonly ListedPart[]): readonly ListedPart[] {
  return parts.with(3, parts[4]!).with(4, parts[3]!);
}

/** Two of the same size, the second as the first. */
function doubled(parts: readonly ListedPart[]): readonly ListedPart[] {
  const at = parts.findIndex(({ id, size }, i) => i > 0 && parts[i - 1]!.size === size && parts[i - 1]!.id !== id);
  ok(at > 0);
  return parts.with(at, parts[at - 1]!);
}

async function filled(world: World): Promise<VaultPlace> {
  world.write("small", noise(40_000, 1));
  world.write("whole", noise(1_000_000, 2));
  // Each of its bytes comes 65,536 times in a row: its parts are of the same sizes.
  world.write("even", new Uint8Array(20 * 65_536).map((_, i) => i >> 16));
  await world.backup();
  const place = await VaultPlace.make(world, KINDS[0]);
  using storage = world.open();
  await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
  await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  return place;
}

async function contentAt(vault: Vault, path: string): Promise<ContentId> {
  const [snapshot] = await vault.snapshots();
  return (await vault.manifest(snapshot!.id)).entry(parseApath(path))!.content!;
}

for (const workers of [0, 2]) {
  Deno.test(`a list of parts that makes another content is found by reading all, or a part (${workers} workers)`, async () => {
    for (const [path, change] of [["/whole", swapped], ["/even", doubled]] as const) {
      using world = new World({ inMemory: true });
      const place = await filled(world);
      await using before = await place.open();
      deepStrictEqual(await checked(before, workers), []);
      await rewriteList(before, await contentAt(before, path), change);
      for (const percent of [undefined, 100]) {
        await using vault = await place.open();
        const findings = await checked(vault, workers, percent);
        deepStrictEqual(findings.map(({ what, severity }) => [what.includes(WRONG_TOGETHER), severity]), [
          [true, "damage"],
        ]);
        deepStrictEqual(findings[0]!.paths.map((text) => text.slice(text.indexOf(":") + 1)), [path]);
      }
      await using vault = await place.open();
      const unread: Finding[] = [];
      await check(vault, { readData: false, workers, signal }, (each) => unread.push(each), new TestMonitor());
      deepStrictEqual(unread, [], "without reading nothing is wrong");
    }
  });
}

Deno.test("a content with a wrong list is stored again by a repair, and is then right by the other list", async () => {
  using world = new World({ inMemory: true });
  const place = await filled(world);
  {
    await using vault = await place.open();
    await rewriteList(vault, await contentAt(vault, "/whole"), swapped);
  }
  using storage = world.open();
  await using vault = await place.open();
  const request = { readData: true, from: [storage], dryRun: false, workers: 0, host: "testhost", signal };
  const { damaged, healed, lost } = await repairVault(vault, request, () => {}, new TestMonitor());
  deepStrictEqual([damaged, healed, lost], [1, 1, 0]);
  await using later = await place.open();
  deepStrictEqual(await checked(later), []);
  const content = await contentAt(later, "/whole");
  strictEqual(await readDigest(later, content), content, "what shows or dumps it reads by the right one");
});

/** The digest of a content as it is read in pieces. */
async function readDigest({ contents }: Vault, content: ContentId): Promise<string> {
  const digest = createHash("sha256");
  for await (const piece of contents.read(content)) digest.update(piece);
  return digest.digest("hex");
}

Deno.test("whichever list comes first, a content is read by one that leads to its bytes", async () => {
  using world = new World({ inMemory: true });
  const place = await filled(world);
  await using vault = await place.open();
  const { contents } = vault, content = await contentAt(vault, "/whole");
  const right = (await contents.lists(content).next()).value!;
  const parts = (await Array.fromAsync(right.parts())).flat(), { home } = right;
  const listOf = (digest: string, parts: readonly ListedPart[]): ContentList => {
    return { ...right, home: { ...home, item: { ...home.item, digest } }, parts: () => oneByOne([parts]) };
  };
  const lacking = listOf("lacking", parts.with(1, { ...parts[1]!, id: "0".repeat(64) }));
  const wrong = listOf("wrong", swapped(parts));
  for (const order of [[lacking, wrong, right], [wrong, right, lacking], [wrong, wrong, right], [right, lacking]]) {
    contents.lists = () => oneByOne(order);
    strictEqual(await readDigest(vault, content), content);
  }
  for (const order of [[lacking, wrong], [wrong]]) {
    contents.lists = () => oneByOne(order);
    await rejects(readDigest(vault, content), { code: "damaged-content", message: new RegExp(`${WRONG_TOGETHER}$`) });
  }
});

async function* oneByOne<T>(all: Iterable<T>): AsyncGenerator<T, undefined> {
  for (const one of all) yield await Promise.resolve(one);
  return undefined;
}

Deno.test("large contents of many units are read once, whatever the units are called", async () => {
  using world = new World({ inMemory: true });
  for (let i = 0; i < 3; i++) world.write(`large${i}`, noise(1_500_000, 10 + i));
  await world.backup();
  // A later version shares most parts.
  const changed = noise(1_500_000, 10);
  changed[700_000]! ^= 1;
  world.write("large0", changed);
  await world.backup();
  const place = await VaultPlace.make(world, KINDS[0]);
  using storage = world.open();
  {
    await using vault = await place.open(new TestMonitor(), UNIT_BYTES);
    await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  }
  const fetched = new Map<string, number>();
  const through = (inner: Backend) =>
    around(inner, {
      get(key, options) {
        if (key.startsWith("data/")) fetched.set(key, (fetched.get(key) ?? 0) + (options?.range?.from === 0 ? 1 : 0));
        return inner.get(key, options);
      },
    });
  await using vault = await place.open(new TestMonitor(), undefined, { through });
  ok([...vault.index.unitNames()].length > 10);
  deepStrictEqual(await checked(vault), []);
  strictEqual(Math.max(...fetched.values()), 1);
});
