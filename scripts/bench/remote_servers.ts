/** Servers that places for a benchmark are on, in processes of their own. */
import { fileURLToPath } from "node:url";
import { exists } from "./measure.ts";
import type { Counted } from "./request_counter.ts";

const START_MS = 60_000;

export const KEYS = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "secret-of-the-bench" };

interface ServerKind {
  readonly title: string;
  readonly argv: (directory: string, port: number) => readonly string[];
}

const rclone = (kind: string, ...more: string[]) => (directory: string, port: number) => [
  ...["rclone", "serve", kind, "--addr", `127.0.0.1:${port}`, "--config", "/dev/null", ...more, directory],
];

/** By name. */
export const SERVERS: Readonly<Record<string, ServerKind>> = {
  "rest": { title: "rclone serve restic", argv: rclone("restic") },
  "rest-server": {
    title: "rest-server",
    argv: (directory, port) => ["rest-server", "--listen", `127.0.0.1:${port}`, "--path", directory, "--no-auth"],
  },
  "dav": { title: "rclone serve webdav", argv: rclone("webdav") },
  "s3": { title: "rclone serve s3", argv: rclone("s3", "--auth-key", Object.values(KEYS).join(",")) },
};

/** The program of a server. */
export function programOf(kind: string): string {
  return SERVERS[kind]?.argv("", 0)[0] ?? "";
}

export interface Server extends AsyncDisposable {
  readonly port: number;
}

export interface Counter extends Server {
  /** Requests by method since the last time. */
  taken(): Readonly<Record<string, number>>;
}

export async function startServer(kind: string, scratch: string): Promise<Server> {
  const port = freePort(), directory = `${scratch}/served`;
  Deno.mkdirSync(`${directory}/bucket`, { recursive: true });
  const process = started(SERVERS[kind]!.argv(directory, port));
  await until(() => answers(port));
  return { port, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

export async function startCounter(target: number, latencyMs: number, file: string): Promise<Counter> {
  const script = fileURLToPath(new URL("request_counter.ts", import.meta.url));
  const process = started([Deno.execPath(), "run", "-A", script, `${target}`, `${latencyMs}`, file]);
  await until(() => Promise.resolve(exists(file)));
  const read = (): Counted => JSON.parse(Deno.readTextFileSync(file));
  let last: Counted["counts"] = {};
  return {
    port: read().port,
    taken() {
      // It is written a moment later.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      const { counts } = read(), before = last;
      last = counts;
      return Object.fromEntries(
        Object.entries(counts).map(([method, count]) => [method, count - (before[method] ?? 0)] as const)
          .filter(([, count]) => count > 0),
      );
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

function started([program = "", ...args]: readonly string[]): AsyncDisposable {
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch {
    return false;
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const start = Date.now(); !await isSo();) {
    if (Date.now() - start > START_MS) throw new Error("The server does not start");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
