/** What only this tool's server does, beside the commands that do the same. */
import { measure } from "./measure.ts";
import type { Given } from "./server_works.ts";
import { startServing } from "./serving.ts";
import { median } from "./table.ts";

export interface Alone {
  readonly tool: readonly string[];
  readonly scratch: string;
  readonly storage: string;
  readonly env: Readonly<Record<string, string>>;
  readonly runs: number;
}

const PAGES: readonly (readonly [title: string, path: string])[] = [
  ["the status", ""],
  ["the files of a directory", "browse/bench:latest/zz-wide"],
  ["the list of snapshots, for programs", "api/v1/snapshots"],
  ["nothing but ok", "healthz"],
];

/** Prints a row for each work. */
export async function aloneRows(given: Given, alone: Alone): Promise<void> {
  await archiveRow(given, alone);
  for (const [title, path] of PAGES) await pageRow(given, alone.runs, title, path);
  await startRow(alone);
}

/** A ZIP of everything, beside that of the command. */
async function archiveRow({ server, headers }: Given, { tool, scratch, storage, env, runs }: Alone): Promise<void> {
  const own: number[] = [], dump: number[] = [];
  for (let n = 0; n < runs; n++) {
    const start = performance.now();
    const answer = await fetch(`${server.url}archive/bench:latest?format=zip`, { headers });
    await answer.body?.pipeTo(new WritableStream());
    if (!answer.ok) throw new Error(`The archive was answered with ${answer.status}`);
    own.push((performance.now() - start) / 1000);
    const argv = [...tool, "dump", "-s", storage, "latest", "--format", "zip", "-o", `${scratch}/dump.zip`];
    dump.push(measure({ argv, env }, scratch).seconds);
    Deno.removeSync(`${scratch}/dump.zip`);
  }
  const [mine, other] = [median(own), median(dump)];
  console.log(`a ZIP of everything: ${ms(mine)} against ${ms(other)} (x${(mine / other).toFixed(2)}) of \`dump\``);
}

async function pageRow({ server, headers }: Given, runs: number, title: string, path: string): Promise<void> {
  const times: number[] = [], many = 10 * runs, cpu = server.cpuSeconds();
  for (let n = 0; n < many; n++) {
    const start = performance.now(), answer = await fetch(server.url + path, { headers });
    times.push((performance.now() - start) / 1000);
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`/${path} was answered with ${answer.status}`);
  }
  const each = (server.cpuSeconds() - cpu) / many;
  console.log(`the first byte of ${title}: ${ms(median(times))}, CPU ${ms(each)}`);
}

/** Starts with nothing to do: until there are no jobs left, and until the server listens. */
async function startRow({ tool, scratch, storage, env, runs }: Alone): Promise<void> {
  const without: number[] = [], with_: number[] = [], jobs = `${scratch}/jobs`;
  Deno.mkdirSync(jobs, { mode: 0o700 });
  const serve = [...tool, "serve", "-s", storage, "--jobs", jobs];
  for (let n = 0; n < runs; n++) {
    without.push(measure({ argv: [...serve, "--once"], env }, scratch).seconds);
    const start = performance.now();
    await using _ = await startServing({ argv: [...serve, "--listen", "127.0.0.1:0"], env });
    with_.push((performance.now() - start) / 1000);
  }
  console.log(`the start: ${ms(median(without))} to the end without --listen, ${ms(median(with_))} until it listens`);
}

function ms(seconds: number): string {
  return seconds < 0.01 ? `${(seconds * 1000).toFixed(1)} ms` : `${Math.round(seconds * 1000)} ms`;
}
