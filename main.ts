/** Builds the real world and hands it to the command line. The same file also runs as a worker thread. */
import type { World } from "./src/cli/world.ts";
import { showPages } from "./src/platform/pager.ts";
import { memoryLimit } from "./src/platform/memory.ts";
import { commandOutput, standardInput } from "./src/platform/process.ts";
import { askSecret, readSecret } from "./src/platform/secrets.ts";
import * as system from "./src/platform/system.ts";
import { whyOthersWritePath } from "./src/platform/written_by_others.ts";
import { systemClock } from "./src/platform/system_clock.ts";
import { isStdoutClosed, terminal } from "./src/platform/terminal.ts";

if ("WorkerGlobalScope" in globalThis) {
  // What arrives while the module is being loaded would find no listener, and be lost.
  const early: MessageEvent[] = [];
  Object.assign(globalThis, { onmessage: (event: MessageEvent) => void early.push(event) });
  const { name } = globalThis as { readonly name?: string };
  if (name === "jobs") {
    const { serveJobs } = await import("./src/jobs/service/worker.ts");
    serveJobs(early);
  } else if (name === "vault") {
    const { serveVault } = await import("./src/vault/threads/worker.ts");
    serveVault(early);
  } else if (name === "vault-pack") {
    const { servePacking } = await import("./src/vault/write/pack_worker.ts");
    servePacking(early);
  } else if (name === "look-ahead") {
    const { serveLookAhead } = await import("./src/platform/look_ahead_worker.ts");
    serveLookAhead(early);
  } else if (name === "server-reader") {
    const { serveReading } = await import("./src/server/reader/worker.ts");
    serveReading(early);
  } else {
    const { serveWorker } = await import("./src/storage/threads/worker.ts");
    serveWorker(early);
  }
} else {
  const { run } = await import("./src/cli/program/run.ts");
  Deno.exit(await run(system.commandLine(), realWorld()));
}

function realWorld(): World {
  const { stdoutIsTerminal, stderrIsTerminal, columns } = terminal();
  return {
    async machine() {
      const [{ openDisk }, { raiseOpenFileLimit }] = await Promise.all([
        import("./src/platform/open_disk.ts"),
        import("./src/platform/limits.ts"),
      ]);
      raiseOpenFileLimit();
      return {
        disk: openDisk(),
        clock: systemClock,
        random: system.systemRandom,
        workerScript: new URL(import.meta.url),
      };
    },
    async facts() {
      const { systemFacts } = await import("./src/platform/facts.ts");
      return systemFacts((await this.machine()).disk);
    },
    clock: systemClock,
    env: system.environment,
    stdout: { write: system.writeStdout, isTerminal: stdoutIsTerminal, isClosed: isStdoutClosed, columns },
    stderr: { write: system.writeStderr, isTerminal: stderrIsTerminal, isClosed: () => false, columns },
    here: system.here,
    readTextFile: system.readTextFile,
    readSecret,
    whyOthersWrite: whyOthersWritePath,
    // Whoever doesn't see the question can't answer it.
    askSecret: (question, signal) => stderrIsTerminal ? askSecret(question, signal) : Promise.resolve(undefined),
    showPages,
    stdin: standardInput,
    commandOutput: (line, signal) => commandOutput(line, { signal }),
    host: system.hostName,
    user: system.loginName,
    cores: system.cores(),
    memory: memoryLimit,
    onInterrupt: system.onInterrupt,
  };
}
