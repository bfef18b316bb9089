/**
 * Compares this tool with what else is installed.
 *
 *   deno task bench                          everything, medians of five interleaved runs
 *   deno task bench --quick                  a tenth of the data, one run
 *   deno task bench --only small,restore     only these data sets and works
 *   deno task bench --only million           a set that is large, and measured only if it is named
 *
 * Every run begins with empty stores; in a run the peers take turns at each work, in an order that changes from run to
 * run. Sources are in the page cache; dirty pages are written out before each measurement.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { change, DATA_SETS, type DataSet, generate, pathOf, quick } from "./data.ts";
import { bytesBelow, CommandFailed, isInstalled, measure, type Measured, run } from "./measure.ts";
import { machine } from "./machine.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { detailedCellText, renderTable, type Result, summarize, type Summary } from "./table.ts";
import { toolFor } from "./tool.ts";
import { FLOOR, OWN, type Peer, PEERS, type Places, SEALED, type Step, VAULT, type Work, WORKS } from "./works.ts";

const USAGE = `deno task bench [options]
  --dir DIR      where data and stores go; default: a new directory below the system's temporary directory
  --in-memory    on a file system in memory instead: ext4 on a loop device (root, Linux)
  --quick        a tenth of the data, one run
  --runs N       default 5
  --only A,B     names of data sets (${DATA_SETS.map(({ name }) => name).join(", ")}) and works (${
  WORKS.map(({ name }) => name).join(", ")
})
  --peers A,B    of ${PEERS.map(({ name }) => name).join(", ")}; default: all that are installed
  --tool PATH    the executable, or "source"; default: dist/backup-tool where it exists
  --json FILE    write the results there too`;

interface Plan {
  readonly scratch: string;
  readonly runs: number;
  readonly sets: readonly DataSet[];
  readonly works: readonly Work[];
  readonly peers: readonly Peer[];
  readonly tool: readonly string[];
}

const FIGURES = ["seconds", "peakBytes", "cpuSeconds", "storedBytes"] as const;
type Collected = Omit<Result, typeof FIGURES[number]> & Record<typeof FIGURES[number], number[]>;

/** One run. */
interface Taken extends Measured {
  readonly command: string;
  readonly storedBytes: number | undefined;
}

/** Runs of one peer at one work on one data set, as they come. */
class Results {
  readonly #byKey = new Map<string, Collected>();

  add(set: DataSet, work: Work, peer: Peer, taken: Taken): void {
    const key = JSON.stringify([set.name, work.name, peer.name]);
    const result = this.#byKey.get(key) ?? {
      data: set.title,
      work: work.title,
      peer: peer.name,
      command: taken.command,
      seconds: [],
      peakBytes: [],
      cpuSeconds: [],
      storedBytes: [],
    };
    this.#byKey.set(key, result);
    for (const name of FIGURES) {
      const figure = taken[name];
      if (figure !== undefined) result[name].push(figure);
    }
  }

  /**
   * Sorted as works, data sets and peers stand in their tables.
   * @param own who is compared with the others, of whom those in `peers` count
   */
  summary(own: string, peers: readonly string[]): Summary[] {
    const position = ({ work, peer }: Summary) => [titles.indexOf(work), names.indexOf(peer)] as const;
    const titles = WORKS.map(({ title }) => title), names = PEERS.map(({ name }) => name);
    const results = [...this.#byKey.values()].filter(({ peer }) => peers.includes(peer));
    return summarize(results, own).toSorted((a, b) => {
      const [workA, peerA] = position(a), [workB, peerB] = position(b);
      return workA - workB || peerA - peerB;
    });
  }
}

function placesOf({ scratch, tool }: Plan, set: DataSet, peer: Peer): Places {
  return {
    source: `${scratch}/source`,
    oneFile: pathOf(set, 0),
    store: `${scratch}/stores/${peer.name}`,
    target: `${scratch}/restored`,
    tool,
    floor: floorIn(scratch),
  };
}

function benchSet(plan: Plan, set: DataSet, results: Results): void {
  const source = `${plan.scratch}/source`;
  progress(`${set.title}: generating`);
  Deno.mkdirSync(source);
  generate(set, source);
  for (let turn = 0; turn < plan.runs; turn++) benchTurn(plan, set, turn, results);
  remove(source);
}

/** All works once, from empty stores. */
function benchTurn(plan: Plan, set: DataSet, turn: number, results: Results): void {
  const stores = `${plan.scratch}/stores`;
  const peers = plan.peers.map((_, i) => plan.peers[(i + turn) % plan.peers.length]!);
  for (const peer of peers) {
    const places = placesOf(plan, set, peer);
    Deno.mkdirSync(places.store, { recursive: true });
    if (peer.prepare !== undefined) run(peer.prepare(places));
  }
  for (const work of WORKS) {
    const wanted = plan.works.includes(work);
    // The first work fills the stores for all others.
    if (!wanted && work !== WORKS[0]) continue;
    if (work.before === "change") change(set, `${plan.scratch}/source`, turn + 1);
    for (const peer of peers) {
      const step = work.steps[peer.name];
      if (step === undefined) continue;
      progress(`${set.title}: run ${turn + 1} of ${plan.runs}: ${work.title}: ${peer.name}`);
      const measured = benchStep(plan, work, peer, step, placesOf(plan, set, peer));
      if (wanted) results.add(set, work, peer, measured);
    }
  }
  remove(stores);
}

/** One peer's turn at one work. */
function benchStep(plan: Plan, work: Work, peer: Peer, step: Step, places: Places): Taken {
  const command = step(places);
  const setUp = work.setUp?.[peer.name];
  if (setUp !== undefined) run(setUp(places));
  // Not every peer leaves the source in memory for the next one.
  warm(places.source);
  run({ argv: ["sync"] });
  const measured = measure(command, plan.scratch);
  if (work.restores !== undefined) {
    if ([OWN, VAULT].includes(peer.name)) run({ argv: ["diff", "-r", places.source, places.target] });
  }
  remove(places.target);
  const storedBytes = work.stores && peer.repository && bytesBelow(peer.repository(places));
  return { ...measured, storedBytes, command: command.argv.join(" ").replaceAll(plan.scratch, "") };
}

function warm(source: string): void {
  run({ argv: ["sh", "-c", 'find "$0" -type f -print0 | xargs -0 cat >/dev/null', source] });
}

/** `rm`, because it is the fastest. Files of a storage can't be written to, but they can be removed. */
function remove(path: string): void {
  run({ argv: ["rm", "-rf", path] });
}

function progress(text: string): void {
  console.error(text);
}

/** Things with the given names, in their own order; all if no name is one of theirs. */
function choose<T extends { readonly name: string }>(all: readonly T[], names: readonly string[]): readonly T[] {
  const chosen = all.filter(({ name }) => names.includes(name));
  return chosen.length === 0 ? all : chosen;
}

/** @throws TypeError for a name that is not known */
function namesIn(list: string, known: readonly { readonly name: string }[]): string[] {
  const names = list.split(",").filter((name) => name !== "");
  const unknown = names.find((name) => !known.some((thing) => thing.name === name));
  if (unknown === undefined) return names;
  throw new TypeError(`Cannot find "${unknown}": give some of ${known.map(({ name }) => name).join(", ")}`);
}

function options() {
  return parseArgs({
    options: {
      dir: { type: "string" },
      "in-memory": { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      runs: { type: "string" },
      only: { type: "string", default: "" },
      peers: { type: "string", default: "" },
      tool: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}

type Options = ReturnType<typeof options>;

function floorIn(scratch: string): string {
  return `${scratch}/floor`;
}

/** @returns false, and says why, where floor.c can't be compiled */
function compileFloor(scratch: string): boolean {
  try {
    const source = fileURLToPath(new URL("floor.c", import.meta.url));
    run({ argv: ["cc", "-O2", "-o", floorIn(scratch), source, "-lcrypto", "-lpthread"] });
    return true;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    progress(`Without ${FLOOR}: ${error.message}`);
    return false;
  }
}

function peersFor(values: Options, scratch: string): readonly Peer[] {
  const installed = choose(PEERS, namesIn(values.peers, PEERS)).filter(({ programs }) => programs.every(isInstalled));
  return installed.filter(({ name }) => name !== FLOOR || compileFloor(scratch));
}

function planFrom(values: Options, scratch: string): Plan {
  const runs = Number(values.runs ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(runs) || runs < 1) throw new TypeError(`Cannot make ${values.runs} runs: give a number from 1`);
  const only = namesIn(values.only, [...DATA_SETS, ...WORKS]);
  const named = DATA_SETS.filter(({ name }) => only.includes(name));
  const sets = named.length > 0 ? named : DATA_SETS.filter(({ ifNamed }) => ifNamed !== true);
  return {
    scratch,
    runs,
    sets: values.quick ? sets.map(quick) : sets,
    works: choose(WORKS, only),
    peers: peersFor(values, scratch),
    tool: toolFor(values.tool),
  };
}

function hasVault(title: string): boolean {
  return WORKS.some((work) => work.title === title && VAULT in work.steps);
}

function legend(runs: number): string {
  return `Medians of ${runs}: time, peak memory, and x: our time through the peer's. cp is \`cp -a\`, and \`cp -al\` for a new tree; ` +
    "rsync is `rsync -a`, with `--link-dest` after the first; borg without encryption; kopia compresses nothing; sha256sum with four processes; floor is a C " +
    "program that only reads, hashes, writes and links. " +
    "The vault is compared with those that encrypt too; CPU is the time of all processors.";
}

function bench(values: Options): void {
  using memory = values["in-memory"] ? new MemoryDisk() : undefined;
  const dir = memory?.directory ?? values.dir;
  const scratch = Deno.makeTempDirSync({ prefix: "backup-tool-bench-", ...(dir ? { dir } : {}) });
  try {
    const plan = planFrom(values, scratch);
    const results = new Results();
    for (const set of plan.sets) benchSet(plan, set, results);
    const summary = results.summary(OWN, plan.peers.map(({ name }) => name).filter((name) => name !== VAULT));
    const vault = results.summary(VAULT, [VAULT, ...SEALED]).filter(({ work }) => hasVault(work));
    const about = machine(scratch, plan.peers);
    const tables = [renderTable(summary), ...(vault.length > 0 ? [renderTable(vault, detailedCellText)] : [])];
    console.log(`${tables.join("\n\n")}\n\n${legend(plan.runs)}\n${about.text}`);
    if (values.json === undefined) return;
    Deno.writeTextFileSync(
      values.json,
      JSON.stringify({ machine: about, runs: plan.runs, results: summary, vault }, null, 2) + "\n",
    );
  } finally {
    remove(scratch);
  }
}

function main(): void {
  try {
    const values = options();
    if (values.help) console.log(USAGE);
    else bench(values);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}

if (import.meta.main) main();
