/** A reader that was written from FORMAT.md alone reads vaults, those of every version that there ever was included. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openBackend } from "../../src/backend/open.ts";
import { check, type Finding } from "../../src/operations/check/check.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { restore } from "../../src/operations/restore/restore.ts";
import { unlockVault } from "../../src/vault/access.ts";
import { encodeKeyFile } from "../../src/vault/seal/key_file.ts";
import { openVault } from "../../src/vault/vault.ts";
import { isInstalled, noise } from "../support/units.ts";
import { KINDS, VaultPlace } from "../support/vault_place.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const READER = fileURLToPath(new URL("vault_reader.py", import.meta.url));
const FIXTURES = fileURLToPath(new URL("fixtures/vault-1", import.meta.url));
const [, , ENCRYPTED, PLAIN] = KINDS;
const signal = new AbortController().signal;

/** What make_vault_fixture.ts made: ids are those of that day. */
const FROZEN: Readonly<Record<"encrypted" | "plain", readonly string[]>> = {
  encrypted: [
    "72a2fe045905e5c2ecfebbce9c83a7041e3423d649d17221e326f7496f4b4abef0",
    "d5db6869cb113c1211f650c81b803d2a806ab085dc57c7c79092412394426361f0",
    "9a0eac66a4ed6f4ca0675b7f82a90624e380b777fc16873344ff0e8a1037aa52f0",
  ],
  plain: [
    "fd16e532f46039e9ccd6e4dfcb0219ea7cb0b132defc1260397da763ee1adc1ef0",
    "517f237b3780b71411d728b0720edb6ca212648e215e4de765f630a3dd80fbf8f0",
    "273c5e78997cf5b4bd1c7b55dd0fce08a93834f5dad9b3fe6f4233a1161660e5f0",
  ],
};
const FROZEN_CONTENTS = { snapshots: 3, files: 35, contents: 19, large: 3, bytes: 229_708, units: 6 };

function test(claim: string, fn: () => Promise<void> | void): void {
  const missing = ["python3", "age", "zstd"].filter((program) => !isInstalled(program));
  Deno.test({
    name: missing.length === 0 ? claim : `${claim} [needs ${missing.join(", ")}]`,
    ignore: missing.length > 0,
    fn,
  });
}

/** @returns what it printed, and its exit status */
function reader(...args: string[]): { status: number; out: string; err: string } {
  const { code, stdout, stderr } = new Deno.Command("python3", { args: [READER, ...args] }).outputSync();
  const decoder = new TextDecoder();
  return { status: code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** @returns the directory that holds `vault`, and of an encrypted one `key` */
function unpacked(world: World, kind: keyof typeof FROZEN): string {
  run("tar", "-C", world.base, "-xpzf", `${FIXTURES}/${kind}.tar.gz`);
  return world.base;
}

for (const kind of ["encrypted", "plain"] as const) {
  test(`reader.py verifies every file of a vault that the first version wrote (${kind})`, () => {
    using world = new World({ inMemory: true });
    const base = unpacked(world, kind), args = [`${base}/vault`, ...(kind === "encrypted" ? [`${base}/key`] : [])];
    const listed = reader("list", ...args).out.trim().split("\n").map((line) => JSON.parse(line).id);
    deepStrictEqual(listed, FROZEN[kind]);
    for (const option of [[], ["--without-index"]]) {
      const { status, out, err } = reader("verify", ...args, ...option);
      deepStrictEqual([status, err], [0, ""]);
      deepStrictEqual(JSON.parse(out), FROZEN_CONTENTS);
    }
  });

  Deno.test(`a vault that the first version wrote is opened, checked and restored from (${kind})`, async () => {
    using world = new World({ inMemory: true });
    const base = unpacked(world, kind), monitor = new TestMonitor();
    const secrets = kind === "plain" ? [{ kind: "unencrypted" } as const] : [
      { kind: "passphrase", passphrase: "four random words" } as const,
      { kind: "key-file", text: Deno.readTextFileSync(`${base}/key`) } as const,
    ];
    for (const secret of secrets) {
      const backend = await openBackend(`${base}/vault`, world.machine), access = await unlockVault(backend, secret);
      await using vault = await openVault(backend, access, { machine: world.machine, monitor, host: "nas" });
      const snapshots = await vault.snapshots(), findings: Finding[] = [];
      deepStrictEqual(snapshots.map(({ id }) => id), FROZEN[kind]);
      const request = { readData: true, workers: 0, signal };
      const { damaged } = await check(vault, request, (finding) => findings.push(finding), monitor);
      deepStrictEqual([damaged, findings, monitor.problems], [0, [], []]);
      const target = Deno.makeTempDirSync({ dir: world.base });
      await restore(vault, world.restoreRequest(snapshots[1]!, target), monitor);
      strictEqual(Deno.readTextFileSync(`${target}/letter`), "Dear reader, I have changed.\n");
      strictEqual(Deno.statSync(`${target}/large.img`).size, 75_000);
      deepStrictEqual(monitor.problems, []);
    }
  });
}

/** A vault as it is written today. */
async function made(world: World, kind: typeof KINDS[number]): Promise<{ path: string; args: string[] }> {
  for (let i = 0; i < 40; i++) world.write(`dir ${i % 3}/${i}`, noise(1000 + 300 * i, i, i % 2 === 0 ? 256 : 20));
  world.write("large.img", noise(200_000, 77));
  world.write("fünf 😀", "5");
  await world.backup();
  world.write("dir 1/1", "changed");
  await world.backup();
  const place = await VaultPlace.make(world, kind);
  using storage = world.open();
  await using vault = await place.open(new TestMonitor(), 100_000);
  await copy(storage, vault, { workers: 0, signal, clock: world.clock }, new TestMonitor());
  const { key, config: { id: vaultId } } = vault.objects.access, path = place.path;
  if (key === undefined) return { path, args: [path] };
  const keyPath = `${world.base}/key`, label = { vault: vaultId, name: "me", created: "2026-11-20T22:05:11Z" };
  Deno.writeTextFileSync(keyPath, encodeKeyFile(key, label));
  return { path, args: [path, keyPath] };
}

for (const kind of [ENCRYPTED, PLAIN]) {
  test(`reader.py verifies and extracts what is written today (${JSON.stringify(kind)})`, async () => {
    using world = new World({ inMemory: true });
    const { args } = await made(world, kind), [path = "", ...key] = args;
    for (const option of [[], ["--without-index"]]) {
      const { status, out, err } = reader("verify", ...args, ...option);
      deepStrictEqual([status, err], [0, ""]);
      const { snapshots, files, contents, large } = JSON.parse(out);
      deepStrictEqual([snapshots, files, contents, large], [2, 84, 43, 1]);
    }
    using storage = world.open();
    const target = `${world.base}/extracted`;
    deepStrictEqual(reader("extract", path, storage.resolve("latest").id, target, ...key).status, 0);
    strictEqual(run("diff", "-r", world.source, target), "");
  });
}

test("reader.py finds one changed bit in whatever there is", async () => {
  using world = new World({ inMemory: true });
  const { path, args } = await made(world, ENCRYPTED);
  for (const kind of ["data", "index", "snapshots"]) {
    const find = run("find", `${path}/${kind}`, "-type", "f").trim().split("\n").sort();
    const place = find[0]!, whole = Deno.readFileSync(place);
    Deno.chmodSync(place, 0o600);
    for (const at of [whole.length >> 1, whole.length - 1, 100]) {
      const changed = whole.slice();
      changed[at]! ^= 1;
      Deno.writeFileSync(place, changed);
      const { status, err } = reader("verify", ...args);
      ok(status === 1 && err.includes(`${place.slice(-64)} is damaged`), `${kind} at ${at}: ${err}`);
    }
    Deno.writeFileSync(place, whole);
  }
  strictEqual(reader("verify", ...args).status, 0);
});
