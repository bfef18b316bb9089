/**
 * Compares a vault on a server with restic and `rclone copy` there: deno run -A scripts/bench/remote.ts [options]
 *
 * What is uploaded and restored is a data set of data.ts. Both tools meet the same server, with empty places in each run,
 * and take turns. A last run, which isn't timed, goes through a proxy that counts requests.
 */
import { parseArgs } from "node:util";
import { DATA_SETS, type DataSet, generate, quick } from "./data.ts";
import { isInstalled, measure, run } from "./measure.ts";
import { type Address, PEERS, type RemotePeer } from "./remote_peers.ts";
import { type Counter, programOf, SERVERS, startCounter, startServer } from "./remote_servers.ts";
import { median } from "./table.ts";
import { toolFor } from "./tool.ts";

const USAGE = `deno run -A scripts/bench/remote.ts [options]
  --server NAME  ${Object.keys(SERVERS).join(", ")}; default: rest
  --data NAME    ${DATA_SETS.map(({ name }) => name).join(", ")}; default: small
  --quick        a tenth of the data
  --runs N       default 3
  --latency MS   of a way there and back; default 0
  --peers A,B    of ${PEERS.map(({ name }) => name).join(", ")}; default: all that are installed
  --tool PATH    the executable, or "source"; default: dist/backup-tool where it exists`;

interface Plan {
  readonly scratch: string;
  readonly tool: readonly string[];
  readonly set: DataSet;
  readonly kind: string;
  readonly latencyMs: number;
  readonly peers: readonly RemotePeer[];
}

interface Figures {
  readonly seconds: Record<"upload" | "restore", number[]>;
  readonly cpuSeconds: Record<"upload" | "restore", number[]>;
  requests: Readonly<Record<"upload" | "restore", Readonly<Record<string, number>>>> | undefined;
}

/** Each peer uploads all and gets all back. @param counter counts its requests */
function turn(plan: Plan, port: number, name: string, all: Map<string, Figures>, counter?: Counter): void {
  for (const peer of plan.peers) {
    const { scratch, tool } = plan, store = `${scratch}/${name}-${peer.name}`, target = `${store}/out`;
    Deno.mkdirSync(store);
    const at: Address = { tool, store, target, source: `${scratch}/source`, kind: plan.kind, port, name };
    const figures = all.get(peer.name)!;
    if (peer.prepare !== undefined) run(peer.prepare(at));
    counter?.taken();
    const requests = { upload: {}, restore: {} };
    for (const work of ["upload", "restore"] as const) {
      run({ argv: ["sync"] });
      const { seconds, cpuSeconds } = measure(peer[work](at), scratch);
      if (counter !== undefined) requests[work] = counter.taken();
      else {
        figures.seconds[work].push(seconds);
        if (cpuSeconds !== undefined) figures.cpuSeconds[work].push(cpuSeconds);
      }
    }
    if (counter !== undefined) figures.requests = requests;
    run({ argv: ["diff", "-r", at.source, peer.restored(at)] });
    run({ argv: ["rm", "-rf", store] });
  }
}

function report(plan: Plan, all: ReadonlyMap<string, Figures>): void {
  const own = all.get(PEERS[0]!.name), gib = plan.set.bytes / 2 ** 30;
  console.log(`${plan.set.title}, ${SERVERS[plan.kind]!.title}, ${plan.latencyMs} ms`);
  for (const [name, { seconds, cpuSeconds, requests }] of all) {
    for (const work of ["upload", "restore"] as const) {
      const time = median(seconds[work]), ratio = own === undefined ? 1 : median(own.seconds[work]) / time;
      const counted = requests?.[work] ?? {}, sum = Object.values(counted).reduce((total, each) => total + each, 0);
      const kinds = Object.entries(counted).map(([method, count]) => `${method} ${count}`).join(", ");
      const cpu = cpuSeconds[work].length === 0 ? "" : `, CPU ${median(cpuSeconds[work]).toFixed(1)} s`;
      console.log(
        `  ${name.padEnd(12)} ${work.padEnd(8)} ${time.toFixed(2)} s (x${ratio.toFixed(2)})${cpu}, ` +
          `${Math.round(sum / gib)} requests a GiB (${kinds})`,
      );
    }
  }
}

async function bench(plan: Plan, runs: number): Promise<void> {
  const { scratch, kind, latencyMs, set, peers } = plan, works = () => ({ upload: [], restore: [] });
  const all = new Map<string, Figures>();
  for (const { name } of peers) all.set(name, { seconds: works(), cpuSeconds: works(), requests: undefined });
  Deno.mkdirSync(`${scratch}/source`);
  generate(set, `${scratch}/source`);
  await using server = await startServer(kind, scratch);
  await using counter = await startCounter(server.port, latencyMs, `${scratch}/counts`);
  for (let i = 0; i < runs; i++) {
    console.error(`run ${i + 1} of ${runs}`);
    turn(plan, latencyMs === 0 ? server.port : counter.port, `run${i}`, all);
  }
  console.error("counting requests");
  turn(plan, counter.port, "counted", all, counter);
  report(plan, all);
}

function options() {
  return parseArgs({
    options: {
      server: { type: "string", default: "rest" },
      data: { type: "string", default: "small" },
      quick: { type: "boolean", default: false },
      runs: { type: "string", default: "3" },
      latency: { type: "string", default: "0" },
      peers: { type: "string", default: "" },
      tool: { type: "string" },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function planFrom(values: ReturnType<typeof options>, scratch: string): Plan {
  const set = DATA_SETS.find(({ name }) => name === values.data), { server: kind } = values;
  if (set === undefined) throw new TypeError(`Cannot find the data set ${values.data}`);
  if (!(kind in SERVERS)) throw new TypeError(`Cannot find the server ${kind}`);
  if (!isInstalled(programOf(kind))) throw new TypeError(`Cannot find the program ${programOf(kind)} on PATH`);
  const wanted = values.peers === "" ? PEERS : PEERS.filter(({ name }) => values.peers.split(",").includes(name));
  const peers = wanted.filter(({ programs, kinds }) => programs.every(isInstalled) && kinds.includes(kind));
  for (const { name } of wanted) if (!peers.some((peer) => peer.name === name)) console.error(`without ${name}`);
  const tool = toolFor(values.tool);
  return { scratch, tool, set: values.quick ? quick(set) : set, kind, latencyMs: Number(values.latency), peers };
}

const values = options();
if (values.help) console.log(USAGE);
else {
  const scratch = Deno.makeTempDirSync({ prefix: "backup-tool-bench-" });
  try {
    await bench(planFrom(values, scratch), Number(values.runs));
  } finally {
    run({ argv: ["rm", "-rf", scratch] });
  }
}
