/**
 * Compares what `serve --listen` gives out with rclone's server: deno run -A scripts/bench/server.ts
 * [options]. Both serve the same files in the same run and take turns; what counts is the processors' time of the server.
 * Linux only.
 */
import { parseArgs } from "node:util";
import { generate, quick } from "./data.ts";
import { isInstalled, run } from "./measure.ts";
import { aloneRows } from "./server_alone.ts";
import { type Serving, startServing, stopped } from "./serving.ts";
import { DATA, type Given, LARGE_NAME, SERVER_WORKS } from "./server_works.ts";
import { median } from "./table.ts";
import { toolFor } from "./tool.ts";

const USAGE = `deno run -A scripts/bench/server.ts [options]
  --quick      a tenth of the data
  --runs N     default 5
  --only A,B   names of works; "alone" for what rclone doesn't do
  --tool PATH  the executable, or "source"; default: dist/backup-tool where it exists`;
const NOBODY = ["--config", "/dev/null"];

interface Taken {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function taken(server: Serving, work: () => Promise<void>): Promise<Taken> {
  const cpu = server.cpuSeconds(), start = performance.now();
  await work();
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: server.cpuSeconds() - cpu };
}

interface Setting {
  readonly tool: readonly string[];
  readonly scratch: string;
  readonly isQuick: boolean;
}

/** Starts both servers over the same files. */
async function servers({ tool, scratch, isQuick }: Setting): Promise<AsyncDisposable & { own: Given; peer: Given }> {
  await using held = new AsyncDisposableStack();
  const source = `${scratch}/source`, storage = `${scratch}/storage`, env = { BACKUP_TOOL_STATE: `${scratch}/state` };
  const largeBytes = isQuick ? 30_000_000 : 300_000_000;
  Deno.mkdirSync(source);
  generate(isQuick ? quick(DATA) : DATA, source);
  makeWide(`${source}/zz-wide`, isQuick ? 10_000 : 100_000);
  run({ argv: ["sh", "-c", `head -c ${largeBytes} /dev/urandom > "$0"`, `${source}/${LARGE_NAME}`] });
  Deno.writeTextFileSync(`${scratch}/password`, "four words are good\n", { mode: 0o600 });
  run({ argv: [...tool, "init", "-s", storage], env });
  run({ argv: [...tool, "backup", "-s", storage, "--name", "bench", source], env });
  const account = ["account", "add", "bench", "--role", "read", "--new-password-file", `${scratch}/password`];
  run({ argv: [...tool, ...account], env });
  const { stdout } = new Deno.Command(tool[0]!, {
    args: [...tool.slice(1), "account", "token", "bench", "bench"],
    env,
  }).outputSync();
  const token = /bt_\w+/.exec(new TextDecoder().decode(stdout))?.[0] ?? "";
  const serve = [...tool, "serve", "-s", storage, "--listen", "127.0.0.1:0"];
  const own = held.use(await startServing({ argv: serve, env }));
  const rclone = ["rclone", "serve", "webdav", source, "--addr", "127.0.0.1:0", "-v", ...NOBODY];
  const peer = held.use(await startServing({ argv: rclone }));
  const all = held.move(), headers = { authorization: `Bearer ${token}` };
  return {
    own: {
      server: own,
      top: `${own.url}dav/bench/latest/`,
      headers,
      source,
      largeBytes,
    },
    peer: { server: peer, top: peer.url, headers: {}, source, largeBytes },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A directory with many files, for its list. */
function makeWide(directory: string, files: number): void {
  Deno.mkdirSync(directory);
  for (let n = 0; n < files; n++) Deno.writeTextFileSync(`${directory}/${n}.txt`, `${n}`);
}

async function bench(setting: Setting, runs: number, only: readonly string[]): Promise<void> {
  await using both = await servers(setting);
  const { own, peer } = both;
  console.log(`after the start: ${own.server.megabytes()} MB; rclone ${peer.server.megabytes()} MB`);
  const idle = await taken(own.server, () => stopped(10));
  console.log(`idle for 10 s: CPU ${ms(idle.cpuSeconds)}`);
  for (const { name, title, work } of SERVER_WORKS) {
    if (only.length > 0 && !only.includes(name)) continue;
    const mine: Taken[] = [], others: Taken[] = [];
    for (let n = 0; n < runs; n++) {
      mine.push(await taken(own.server, () => work(own)));
      others.push(await taken(peer.server, () => work(peer)));
    }
    console.log(line(title, mine, others));
  }
  if (only.length === 0 || only.includes("alone")) {
    const { tool, scratch } = setting, env = { BACKUP_TOOL_STATE: `${scratch}/state` };
    await aloneRows(own, { tool, scratch, storage: `${scratch}/storage`, env, runs });
  }
  console.log(`at most: ${own.server.peakMegabytes()} MB; rclone ${peer.server.peakMegabytes()} MB`);
}

function line(title: string, mine: readonly Taken[], others: readonly Taken[]): string {
  const of = (all: readonly Taken[], figure: keyof Taken) => median(all.map((one) => one[figure]));
  const both = (figure: keyof Taken) =>
    `${ms(of(mine, figure))} against ${ms(of(others, figure))} (x${
      (of(mine, figure) / Math.max(0.001, of(others, figure))).toFixed(2)
    })`;
  return `${title}: CPU ${both("cpuSeconds")}, time ${both("seconds")} of rclone`;
}

function ms(seconds: number): string {
  return `${Math.round(seconds * 1000)} ms`;
}

const values = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    tool: { type: "string" },
    help: { type: "boolean", default: false },
  },
}).values;
if (values.help) console.log(USAGE);
else if (!isInstalled("rclone")) console.log("rclone is not installed");
else {
  const scratch = Deno.makeTempDirSync({ prefix: "backup-tool-bench-" });
  try {
    const only = values.only.split(",").filter((name) => name !== "");
    await bench({ tool: toolFor(values.tool), scratch, isQuick: values.quick }, Number(values.runs), only);
  } finally {
    run({ argv: ["rm", "-rf", scratch] });
  }
}
