/**
 * The real program, killed at its n-th system call, or given an error there. Whatever it was doing: the same command
 * completes it, nothing is damaged, what is restored is the source, and a catalog that is made again says the same.
 */
import { deepStrictEqual, doesNotMatch, ok, strictEqual } from "node:assert/strict";
import { PROGRAM } from "../../cli/program.ts";
import { canTrace, interfere, type Point, pointsOf } from "../../support/strace.ts";
import { differences, run, World } from "../../support/world.ts";

/** Cuts of each command, and errors; with SLOW=1, several hundred in all. */
const CUTS = Deno.env.get("SLOW") ? 36 : 2, ERRORS = Deno.env.get("SLOW") ? 24 : 1;
const CALLS = [
  "pwrite64",
  "linkat",
  "renameat",
  "renameat2",
  "unlinkat",
  "mkdirat",
  "symlinkat",
  "ftruncate",
  "fsync",
  "fdatasync",
  "syncfs",
];
const ERRNOS = ["ENOSPC", "EIO", "EROFS", "EMFILE"];

/** A command, and what it begins with. */
interface Act {
  readonly args: readonly string[];
  /** Makes the place that the command finds; it has a source, and a storage with three snapshots of it. */
  readonly prepare?: (place: Place) => void;
  /** What the next run may end with besides 0. */
  readonly alsoEndsWith?: readonly number[];
  /** Options of the next run where the first one was done with problems. */
  readonly afterProblems?: readonly string[];
  /** Where the result of the command is that is to equal the source. */
  readonly result?: string;
}

const ACTS: Readonly<Record<string, Act>> = {
  init: {
    args: ["backup", "source", "--init"],
    prepare: ({ base }) => Deno.removeSync(`${base}/storage`, { recursive: true }),
  },
  backup: { args: ["backup", "source"], prepare: (place) => place.change() },
  forget: { args: ["forget", "--keep-last", "1", "--prune"] },
  prune: { args: ["prune"], prepare: (place) => place.command("forget", "--keep-last", "1") },
  repair: {
    args: ["repair"],
    prepare: (place) =>
      run("sh", "-c", `find ${place.base}/storage/content -type f -name '????*' -size -40c | head -n 3 | xargs rm`),
    alsoEndsWith: [3],
  },
  rebuild: { args: ["rebuild"] },
  restore: {
    args: ["restore", "latest", "--target", "restored"],
    afterProblems: ["--overwrite", "if-changed"],
    result: "restored",
  },
  tree: {
    args: ["tree", "build", "latest"],
    prepare: (place) => place.command("tree", "remove", "latest"),
    alsoEndsWith: [1],
  },
  import: {
    args: ["serve", "--jobs", "jobs", "--once"],
    prepare: ({ base }) => {
      run("cp", "-a", `${base}/source`, `${base}/incoming`);
      Deno.mkdirSync(`${base}/jobs`);
      const job = { kind: "import", source: `${base}/incoming`, destination: "x" };
      Deno.writeTextFileSync(`${base}/jobs/a.json`, JSON.stringify(job));
    },
    result: "storage/archive/x",
  },
};

/** A world in which the program runs, put back to the same state before each run. */
class Place extends World {
  readonly #template = Deno.makeTempDirSync({ prefix: "backup-tool-template-" });
  readonly env = {
    BACKUP_TOOL_STORAGE: this.storagePath,
    BACKUP_TOOL_STATE: `${this.base}/state`,
    BACKUP_TOOL_WORKERS: "0",
    XDG_CONFIG_HOME: `${this.base}/config`,
    NO_COLOR: "1",
  };

  /** With three snapshots, made an hour ago. */
  static async of({ prepare }: Act): Promise<Place> {
    const place = new Place();
    place.clock.ms = Date.now() - 3_600_000;
    for (let i = 0; i < 12; i++) place.write(`f${i}`, `content ${i}`);
    for (let i = 0; i < 6; i++) place.write(`sub/deep/g${i}`, `more ${i}`.repeat(40));
    place.write("large", "large".repeat(120_000));
    Deno.symlinkSync("f1", `${place.source}/link`);
    for (let round = 0; round < 3; round++) {
      if (round > 0) place.change();
      await place.backup({ host: Deno.hostname() });
    }
    prepare?.(place);
    run("cp", "-a", `${place.base}/.`, place.#template);
    return place;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    Deno.removeSync(this.#template, { recursive: true });
  }

  putBack(): void {
    run("sh", "-c", `find ${this.base} -mindepth 1 -delete && cp -a ${this.#template}/. ${this.base}`);
  }

  #changes = 0;
  change(): void {
    const n = this.#changes++;
    this.write(`f${n}`, `changed ${n}`);
    this.write(`sub/new${n}`, `new ${n}`);
  }

  try(...args: string[]): { status: number; text: string } {
    const [file = "", ...first] = PROGRAM;
    const { code, stderr } = new Deno.Command(file, {
      args: [...first, ...args],
      cwd: this.base,
      env: this.env,
      stdout: "null",
    })
      .outputSync();
    return { status: code, text: new TextDecoder().decode(stderr) };
  }

  command(...args: string[]): void {
    const { status, text } = this.try(...args);
    strictEqual(status, 0, `${args.join(" ")}: ${text}`);
  }
}

/** @param first what the run ended with that was interfered with */
async function assertGood(place: Place, act: Act, what: string, first?: number): Promise<void> {
  const { args, alsoEndsWith = [], afterProblems = [], result } = act;
  const again = place.try(...args, ...(first === 3 ? afterProblems : []));
  ok([0, ...alsoEndsWith].includes(again.status), `${what}: the next run ended with ${again.status}: ${again.text}`);
  const { findings } = await place.check();
  deepStrictEqual(findings.filter(({ severity }) => severity === "damage"), [], what);
  {
    using storage = place.open();
    const live = storage.snapshots();
    using writer = storage.write("rebuild");
    writer.rebuildCatalog();
    deepStrictEqual(storage.snapshots(), live, what);
  }
  if (result !== undefined) {
    // The directory itself is only its owner's, as the one that the source is in.
    strictEqual(differences(place.source, `${place.base}/${result}`).replace(/^\.d\S+ \.\/\n/, ""), "", what);
  }
  const { target, monitor } = await place.restore("latest");
  deepStrictEqual(monitor.problems, [], what);
  if (args[0] === "backup") strictEqual(differences(place.source, target), "", what);
  deepStrictEqual([...Deno.readDirSync(`${place.storagePath}/tmp`)], [], what);
}

/** Some of them, evenly, and of each kind if there are enough. */
function spread(points: readonly Point[], count: number): Point[] {
  const kinds = [...Map.groupBy(points, ({ call }) => call).values()];
  const chosen = new Map<string, Point>();
  for (let round = 0; chosen.size < Math.min(count, points.length) && round < points.length; round++) {
    for (const kind of kinds) {
      const share = Math.ceil(count / kinds.length);
      const point = kind[Math.floor((round % share) * kind.length / share + round / share) % kind.length]!;
      if (chosen.size < count) chosen.set(`${point.call} ${point.when}`, point);
    }
  }
  return [...chosen.values()];
}

/**
 * Tries points until as many hit as are wanted. Some never do: which calls a run makes, and in which order, isn't
 * always the same.
 */
async function tryPoints(
  place: Place,
  points: readonly Point[],
  wanted: number,
  hits: (point: Point, i: number) => Promise<boolean>,
): Promise<number> {
  const candidates = new Set([...spread(points, wanted), ...spread(points, wanted * 4 + 4)]);
  let hit = 0;
  for (const [i, point] of [...candidates].entries()) {
    if (hit >= wanted) break;
    place.putBack();
    if (await hits(point, i)) hit++;
  }
  return hit;
}

for (const [name, act] of Object.entries(ACTS)) {
  Deno.test({
    name: `${name} killed, or given an error, at some of its system calls is completed by the next run`,
    ignore: !canTrace(),
    async fn() {
      using place = await Place.of(act);
      const options = { cwd: place.base, env: place.env };
      const points = pointsOf(CALLS, act.args, place.base, options);
      ok(points.length > 3, `${points.length} calls`);
      const kills = await tryPoints(place, points, CUTS, async (point) => {
        const { status } = interfere(point, "signal=KILL", act.args, options);
        // Without a kill it was an ordinary run: some commands refuse to do again what is done.
        if (status !== 137) return false;
        await assertGood(place, act, `${name}, killed at ${point.call} ${point.when}`);
        return true;
      });
      strictEqual(kills, Math.min(CUTS, points.length), "kills that hit");
      const errors = await tryPoints(place, points.toReversed(), ERRORS, async (point, i) => {
        const errno = ERRNOS[i % ERRNOS.length]!, what = `${name}, given ${errno} at ${point.call} ${point.when}`;
        const { status, stderr, trace } = interfere(point, `error=${errno}`, act.args, options);
        ok([0, 1, 3].includes(status), `${what}: ${status} ${stderr}`);
        doesNotMatch(stderr, /This is a bug|Uncaught|^ +at /m, what);
        if (!trace.includes("(INJECTED)")) return false;
        await assertGood(place, act, what, status);
        return true;
      });
      strictEqual(errors, Math.min(ERRORS, points.length), "errors that were given");
    },
  });
}
