/** The real service, killed again and again in the middle of random jobs: in the end all is as if it had been left alone. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SEED } from "../../support/effort.ts";
import { countOf } from "../../support/killing.ts";
import { JobWorld } from "../../support/job_world.ts";
import { differences, run } from "../../support/world.ts";

const ROUNDS = Number(Deno.env.get("ROUNDS") ?? (Deno.env.get("SLOW") ? 100 : 2));
const JOBS_A_ROUND = 8;
/** Of one round; then the service is left alone, so that the test ends soon. */
const MOST_KILLS = Deno.env.get("SLOW") ? Infinity : 5;

function program(...args: string[]): Deno.Command {
  const exe = Deno.env.get("BACKUP_TOOL_EXE");
  const main = new URL("../../../main.ts", import.meta.url).pathname;
  const [file, first] = exe ? [exe, []] : [Deno.execPath(), ["run", "-A", "--no-check", main]];
  return new Deno.Command(file, { args: [...first, ...args], stdout: "null", stderr: "piped", env: { NO_COLOR: "1" } });
}

/** Numbers from a seed, so that a failure can be seen again. */
class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(limit: number): number {
    this.#state = (this.#state * 48271) % 0x7fffffff;
    return this.#state % limit;
  }
}

/** What is to be there in the end. */
interface Expected {
  /** Destination to a copy of what was imported last. */
  readonly archive: Map<string, { original: string; pack: "none" | "zip" }>;
  readonly gone: string[];
  /** Sources that stay, to copies of them. */
  readonly kept: Map<string, string>;
}

function makeTree(path: string, chance: Chance): void {
  for (let i = 0, files = 1 + chance.below(25); i < files; i++) {
    const directory = `${path}/${"abc"[chance.below(3)]}/${chance.below(3)}`;
    Deno.mkdirSync(directory, { recursive: true });
    const size = chance.below(20) === 0 ? 2_000_000 : chance.below(3000);
    Deno.writeFileSync(`${directory}/f${i}`, new Uint8Array(size).fill(chance.below(250)));
  }
}

/** Puts one random job in, and says what is to come of it. Names sort in the order of making. */
function putJob(world: JobWorld, n: number, chance: Chance, expected: Expected): void {
  const name = `${String(n).padStart(5, "0")}.json`;
  const kind = chance.below(10);
  if (kind < 6) return putImport(world, name, n, chance, expected);
  if (kind < 8) return world.put(name, { kind: "backup", sources: [world.source], name: "source" });
  if (kind === 8) return world.put(name, { kind: "check" });
  world.put(name, { kind: "restore", name: "source", target: `${world.base}/restored-${n}` });
}

function putImport(world: JobWorld, name: string, n: number, chance: Chance, { archive, gone, kept }: Expected): void {
  const source = `${world.base}/incoming-${n}`, original = `${world.base}/original-${n}`;
  makeTree(source, chance);
  run("cp", "-a", source, original);
  const pack = chance.below(4) === 0 ? "zip" : "none", removeSource = chance.below(5) > 0;
  const destination = `${pack}/${chance.below(4)}`;
  world.put(name, { kind: "import", source, destination, pack, removeSource });
  archive.set(destination, { original, pack });
  if (removeSource) gone.push(source);
  else kept.set(source, original);
}

/** Starts the service and kills it a while after it has begun a job, until one comes to its end. @returns how often it was killed */
async function serveAndKill(world: JobWorld, chance: Chance): Promise<number> {
  for (let kills = 0;; kills++) {
    const child = program("serve", "--jobs", world.jobs, "-s", world.storagePath, "--once", "--workers", "2").spawn();
    const said = new Response(child.stderr).text();
    let isRunning = true;
    const ended = child.status.finally(() => isRunning = false);
    while (isRunning && countOf(`${world.jobs}/.backup-tool/running`) === 0) {
      await new Promise((wake) => setTimeout(wake, 2));
    }
    const mayKill = kills < MOST_KILLS;
    const timer = setTimeout(() => mayKill && child.kill("SIGKILL"), chance.below(200 + 400 * kills));
    const { code, signal } = await ended;
    clearTimeout(timer);
    const text = await said;
    if (signal === null) {
      strictEqual(code, 0, text);
      return kills;
    }
  }
}

Deno.test("a service killed at random moments, many times, brings every job to its end", async () => {
  using world = new JobWorld();
  const seed = SEED ?? 1 + Date.now() % 1_000_000;
  console.log(`SEED=${seed}`);
  const chance = new Chance(seed);
  const expected: Expected = { archive: new Map(), gone: [], kept: new Map() };
  makeTree(world.source, chance);
  await world.backup({ name: "source" });
  let kills = 0, jobs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < JOBS_A_ROUND; i++) putJob(world, jobs++, chance, expected);
    kills += await serveAndKill(world, chance);
  }
  console.log(`${jobs} jobs, ${kills} kills`);
  ok(kills >= ROUNDS, `only ${kills} kills found a job half done`);
  deepStrictEqual(world.remains(), []);
  for (const [destination, { original, pack }] of expected.archive) {
    if (pack === "none") strictEqual(differences(original, `${world.archive}/${destination}`), "", destination);
    else checkZip(world, `${world.archive}/${destination}.zip`, original);
  }
  for (const [source, original] of expected.kept) strictEqual(differences(original, source), "", source);
  for (const source of expected.gone) strictEqual(isThere(source), false, source);
  deepStrictEqual(world.history().map(({ outcome }) => outcome), Array(jobs).fill("done"));
  const { damaged } = await world.check();
  strictEqual(damaged, 0);
  checkCatalog(world);
});

function checkZip(world: JobWorld, zip: string, original: string): void {
  const unpacked = Deno.makeTempDirSync({ dir: world.base });
  run("unzip", "-q", zip, "-d", unpacked);
  strictEqual(run("diff", "-r", original, unpacked), "");
}

/** A catalog that is made anew says the same. */
function checkCatalog(world: JobWorld): void {
  const tell = () => {
    using storage = world.open();
    return { snapshots: storage.snapshots(), contents: storage.catalog().contentCount() };
  };
  const live = tell();
  Deno.removeSync(`${world.storagePath}/db/catalog.sqlite`);
  deepStrictEqual(tell(), live);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
