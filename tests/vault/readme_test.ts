/** README.txt of a vault, done line by line by a shell: everything comes back. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { README } from "../../src/backend/backend.ts";
import { copy } from "../../src/operations/copy/copy.ts";
import { paperOf } from "../../src/operations/keys/keys.ts";
import { initVault, unlockVault } from "../../src/vault/access.ts";
import { readmeText } from "../../src/vault/readme.ts";
import { DEFAULT_CHUNKING } from "../../src/vault/store/config.ts";
import { openVault } from "../../src/vault/vault.ts";
import { openBackend } from "../../src/backend/open.ts";
import { putSnapshot } from "../support/two_levels.ts";
import { isInstalled, noise } from "../support/units.ts";
import { run, TestMonitor, World } from "../support/world.ts";

const PASSPHRASE = "four random words";
const CHUNKER = { min: 1024, average: 4096, max: 16_384, wholeUpTo: 65_536 };
/** Of the passphrase, so that it is quick to try, and Debian's age takes it. */
const WORK_FACTOR = 10;

function test(claim: string, programs: readonly string[], fn: () => Promise<void>): void {
  const missing = programs.filter((program) => !isInstalled(program));
  const name = missing.length === 0 ? claim : `${claim} [needs ${missing.join(", ")}]`;
  Deno.test({ name, ignore: missing.length > 0, fn });
}

/** The lines of a README.txt that are to be typed. */
function commandsIn(readme: string): string[] {
  return readme.split("\n").filter((line) => line.startsWith("     ")).map((line) => line.slice(5));
}

/** Small and large files, with equal ones, parts that occur twice, and lists of two levels; three snapshots. */
async function makeVault(world: World, encrypted: boolean): Promise<{ path: string; roots: string[]; paper: string }> {
  for (let i = 0; i < 12; i++) world.write(`dir ${i % 3}/${i}`, noise(500 + 300 * i, i, i % 2 === 0 ? 256 : 20));
  const large = noise(200_000, 7);
  large.copyWithin(120_000, 1000, 70_000);
  world.write("vms/big.img", large);
  world.write("twin of 4", noise(500 + 300 * 4, 4));
  world.write("empty", "");
  world.write("fünf 😀 ", "a space at the end");
  world.write("secret", "nobody may read it");
  if (Deno.uid() === 0) Deno.chmodSync(`${world.source}/secret`, 0); // root can back it up
  await world.backup();
  large.fill(0, 90_000, 90_010);
  world.write("vms/big.img", large);
  world.write("dir 1/1", "changed");
  await world.backup();
  world.write("vms/two levels.img", noise(100_000, 8));
  const third = await world.backup({ name: "more" });
  const path = `${world.base}/vault`, place = await openBackend(path, { ...world.machine, create: true });
  const secret = { passphrase: PASSPHRASE, workFactor: WORK_FACTOR };
  await initVault(place, world.machine, { ...(encrypted && secret), chunker: CHUNKER });
  const access = await unlockVault(
    place,
    encrypted ? { kind: "passphrase", passphrase: PASSPHRASE } : { kind: "unencrypted" },
  );
  const { machine } = world, options = { machine, monitor: new TestMonitor(), host: "nas", unitBytes: 150_000 };
  await using vault = await openVault(place, access, options);
  using storage = world.open();
  const roots = storage.snapshots().map(({ id }) => id), signal = new AbortController().signal;
  const request = { workers: 0, signal, clock: world.clock, snapshots: roots.slice(0, 2) };
  await copy(storage, vault, request, new TestMonitor());
  await putSnapshot(vault.objects, storage, third.snapshot, { mostLines: 8 });
  return { path, roots, paper: encrypted ? await paperOf({ backend: place, access, machine }) : "" };
}

/** Does what the README says, up to step 3, with a terminal for the passphrase. @returns the commands of step 4 */
function follow(path: string, change: (line: string) => string = (line) => line): string[] {
  const [key] = [...Deno.readDirSync(`${path}/keys`)].map(({ name }) => name);
  const lines = commandsIn(Deno.readTextFileSync(`${path}/${README}`)).map((line) => change(line).replace("KEY", key!));
  const last = lines.findIndex((line) => line.startsWith("grep"));
  Deno.writeTextFileSync(`${path}/steps`, `set -e -o pipefail\n${lines.slice(0, last).join("\n")}\n`);
  run("bash", "-c", `cd '${path}' && (echo '${PASSPHRASE}') | LC_ALL=C.UTF-8 script -qec 'bash steps' /dev/null`);
  return lines.slice(last);
}

/** Compares every snapshot with what the tool restores. */
async function assertAll(world: World, path: string, roots: readonly string[], commands: readonly string[]) {
  for (const [i, id] of roots.entries()) {
    const lines = commands.map((line) => line.replace("ID", id)).join("\n");
    run("bash", "-euo", "pipefail", "-c", `cd '${path}/out'\n${lines}\nmv ../backup ../backup-${i}`);
    const { target } = await world.restore(id);
    run("chmod", "u+r", `${target}/secret`);
    strictEqual(run("diff", "-r", target, `${path}/backup-${i}`), "");
  }
}

test("README.txt, followed line by line with a passphrase, gives every backup back", [
  "age",
  "zstd",
  "tar",
  "script",
], async () => {
  using world = new World({ inMemory: true });
  const { path, roots } = await makeVault(world, true);
  await assertAll(world, path, roots, follow(path));
  // What people see first: files under their names.
  const out = run("find", `${path}/out/testhost`, "-type", "f").split("\n");
  ok(out.some((name) => name.endsWith("Z/dir 2/5")) && out.some((name) => name.includes("big.img.parts/0000")));
});

test("README.txt, with the printed key and nothing but data/", ["age", "zstd", "tar", "script"], async () => {
  using world = new World({ inMemory: true });
  const { path, roots, paper } = await makeVault(world, true);
  const { length } = [...Deno.readDirSync(`${path}/keys`)];
  strictEqual(length, 1);
  Deno.writeTextFileSync(`${path}/key`, paper);
  for (const kind of ["index", "snapshots"]) Deno.removeSync(`${path}/${kind}`, { recursive: true });
  await assertAll(world, path, roots, follow(path, (line) => line.startsWith("age -d keys") ? "" : line));
});

test("README.txt of a vault that is not encrypted; with bsdtar instead of tar", [
  "zstd",
  "bsdtar",
  "script",
], async () => {
  using world = new World({ inMemory: true });
  const { path, roots } = await makeVault(world, false);
  Deno.mkdirSync(`${path}/keys`, { recursive: true });
  Deno.writeTextFileSync(`${path}/keys/none`, "");
  const commands = follow(path, (line) => line.replace(`zstd -d < "$u" | tar x`, `bsdtar xf "$u"`));
  await assertAll(world, path, roots, commands);
});

Deno.test("README.txt can be read anywhere, and fits on a page", () => {
  const config = {
    id: "8fe2467d-f123-4159-837f-236fab4da903",
    created: "2026-11-20T22:05:11Z",
    chunker: DEFAULT_CHUNKING,
  };
  for (const encrypted of [true, false]) {
    const lines = readmeText({ ...config, encrypted }).split("\n");
    deepStrictEqual(lines.filter((line) => line.length > 120 || /[^\x20-\x7e]/.test(line)), []);
    ok(lines.length < 60);
  }
});
