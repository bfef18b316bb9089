/** The program as a server, in a process of its own, with few files that it may have open. */
import { addAccounts } from "./web_server.ts";
import { WORKER_SCRIPT, type World } from "./world.ts";

export interface ServingProgram extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** What it has logged so far. */
  readonly log: () => string;
  /** Ends it as a service manager does. @returns its exit status */
  stop(): Promise<number>;
}

const EXECUTABLE = Deno.env.get("BACKUP_TOOL_EXE");
const PROGRAM = EXECUTABLE ? [EXECUTABLE] : [Deno.execPath(), "run", "-A", WORKER_SCRIPT.pathname];

/** @param jobs path of an empty directory @param mostFiles that the process may have open */
export async function servingProgram(world: World, jobs: string, mostFiles: number): Promise<ServingProgram> {
  addAccounts(world, `${jobs}/.backup-tool/web`);
  const serve = [...PROGRAM, "serve", "-s", world.storagePath, "--jobs", jobs, "--listen", "127.0.0.1:0"];
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", `ulimit -n ${mostFiles}; exec "$@"`, "sh", ...serve],
    env: { NO_COLOR: "1", BACKUP_TOOL_STATE: `${world.base}/state` },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const started = Promise.withResolvers<number>();
  let log = "";
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      log += text;
      const port = /Listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port !== undefined) started.resolve(Number(port));
    }
  };
  const ended = Promise.all([child.status, follow(child.stdout), follow(child.stderr)]);
  void ended.then(() => started.reject(new Error(`It has ended: ${log}`)));
  let hasEnded = false;
  const stop = async () => {
    if (!hasEnded) child.kill("SIGTERM");
    const [{ code }] = await ended;
    hasEnded = true;
    return code;
  };
  const port = await started.promise;
  return { port, pid: child.pid, log: () => log, stop, [Symbol.asyncDispose]: async () => void await stop() };
}
