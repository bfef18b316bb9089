/** Builds the real world and hands it to the command line. The same file also runs as a worker thread. */
import { rawOf } from "./src/core/raw.ts";
import type { World } from "./src/cli/world.ts";

const isWorker = "WorkerGlobalScope" in globalThis;

if (isWorker) {
  const { serveWorker } = await import("./src/storage/worker.ts");
  serveWorker();
} else {
  const { run } = await import("./src/cli/run.ts");
  Deno.exit(await run(Deno.args, realWorld()));
}

function output(stream: typeof Deno.stdout | typeof Deno.stderr) {
  return {
    write: (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    },
    isTerminal: stream.isTerminal(),
    columns: () => 80,
  };
}

function realWorld(): World {
  const clock = {
    nowMs: () => Date.now(),
    offsetMinutes: (atMs: number) => -new Date(atMs).getTimezoneOffset(),
    get zone() {
      return Intl.DateTimeFormat().resolvedOptions().timeZone;
    },
  };
  return {
    clock,
    async machine() {
      const { openDisk } = await import("./src/platform/open_disk.ts");
      return {
        disk: openDisk(),
        clock,
        random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
        workerScript: new URL(import.meta.url),
      };
    },
    env: (name) => Deno.env.get(name),
    stdout: output(Deno.stdout),
    stderr: output(Deno.stderr),
    cwd: () => rawOf(Deno.cwd()),
    isWindows: Deno.build.os === "windows",
    host: () => Deno.hostname(),
    user: () => Deno.env.get("USER") ?? "root",
    cores: navigator.hardwareConcurrency,
    onInterrupt(stop) {
      Deno.addSignalListener("SIGINT", stop);
      return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", stop) };
    },
  };
}
