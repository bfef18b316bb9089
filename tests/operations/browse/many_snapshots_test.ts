/**
 * A storage with many files and snapshots, made in a short time: what takes long there shows. With SLOW=1 it has a million
 * files and 30 snapshots, and every question must be answered by a new process in less than a second and 300 MB.
 */
import { ok, strictEqual } from "node:assert/strict";
import type { Apath } from "../../../src/core/apath.ts";
import { rebuildCatalog } from "../../../src/operations/repair/rebuild.ts";
import { makeManySnapshots } from "../../support/many_snapshots.ts";
import { TestMonitor, WORKER_SCRIPT, World } from "../../support/world.ts";

const isSlow = Deno.env.get("SLOW") !== undefined;
const FILES = isSlow ? 1_000_000 : 20_000, SNAPSHOTS = isSlow ? 30 : 5;
const LONGEST_MS = 1000, MOST_KB = 300_000;

const QUESTIONS = [
  ["ls", "latest", "/photos-0001/album-01"],
  ["ls", "latest~3", "/photos-0001", "--recursive", "--sort", "size"],
  ["history", "/photos-0001/album-01/IMG_00001040.txt"],
  ["find", "*9999.jpg"],
  ["find", "/photos-0002/**/*.txt", "--snapshot", "latest"],
  ["diff", "latest"],
  ["diff", "latest~2", "latest~1"],
];

/** @returns lines it printed, time and memory it took; both undefined where nothing measures them */
function answer(storage: string, args: readonly string[]): { lines: number; ms: number; kb: number | undefined } {
  const program = [Deno.execPath(), "run", "-A", WORKER_SCRIPT.pathname, ...args, "-s", storage];
  const time = isSlow ? ["/usr/bin/time", "-f", "%M"] : [];
  const [file = "", ...rest] = [...time, ...program];
  const start = performance.now();
  const { code, stdout, stderr } = new Deno.Command(file, { args: rest, env: { NO_COLOR: "1" } }).outputSync();
  const ms = performance.now() - start, said = new TextDecoder().decode(stderr);
  strictEqual(code, 0, said);
  const kb = isSlow ? Number(said.trim().split("\n").at(-1)) : undefined;
  return { lines: new TextDecoder().decode(stdout).split("\n").length - 1, ms, kb };
}

Deno.test(`${FILES} files in ${SNAPSHOTS} snapshots are looked through quickly`, async () => {
  using world = new World();
  {
    using storage = world.open();
    const ids = await makeManySnapshots(storage, { files: FILES, snapshots: SNAPSHOTS, changed: 0.01 });
    strictEqual(ids.length, SNAPSHOTS);
    rebuildCatalog(storage, new TestMonitor());
    const [version] = storage.catalog().history("/photos-0001/album-01/IMG_00001040.txt" as Apath);
    strictEqual(version?.first, 1);
  }
  for (const args of QUESTIONS) ask(world, args, LONGEST_MS);
  ask(world, ["forget", "--keep-last", "3", "--keep-monthly", "2", "--dry-run"], 2 * LONGEST_MS);
  ask(world, ["forget", "--keep-last", "3"], Infinity);
  ask(world, ["prune"], Infinity);
});

function ask(world: World, args: readonly string[], longestMs: number): void {
  const { lines, ms, kb } = answer(world.storagePath, args);
  ok(lines > 0, args.join(" "));
  if (!isSlow) return;
  console.log(`${args.join(" ")}: ${lines} lines, ${Math.round(ms)} ms, ${kb} KB`);
  ok(ms < longestMs, `${args.join(" ")} took ${ms} ms`);
  ok(kb! < MOST_KB, `${args.join(" ")} took ${kb} KB`);
}
