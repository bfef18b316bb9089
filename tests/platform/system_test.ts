import { ok, strictEqual, throws } from "node:assert/strict";
import { textOf } from "../../src/core/raw.ts";
import { DiskFault } from "../../src/platform/disk.ts";
import {
  cores,
  environment,
  here,
  hostName,
  loginName,
  onInterrupt,
  readTextFile,
  systemRandom,
} from "../../src/platform/system.ts";
import { systemClock } from "../../src/platform/system_clock.ts";
import { has, IS_WINDOWS } from "../support/needs.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A process that runs system_program.ts. */
function program(what: string, stdout: "piped" | "null" = "piped"): Deno.ChildProcess {
  const args = ["run", "-A", "--no-check", new URL("./system_program.ts", import.meta.url).pathname, what];
  return new Deno.Command(Deno.execPath(), { args, stdout, stderr: "piped" }).spawn();
}

Deno.test("writeStdout() writes all to a reader that is slow", async () => {
  const child = program("pour");
  let bytes = 0;
  for await (const chunk of child.stdout) {
    bytes += chunk.length;
    if (bytes < 1 << 20) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  strictEqual(bytes, 200 * 65536);
  strictEqual(await new Response(child.stderr).text(), "poured");
  await child.status;
});

Deno.test("writeStdout() writes all to a pipe that doesn't block", { ignore: !has("python3") }, async () => {
  const script = "import os,subprocess,sys,time; r,w=os.pipe(); os.set_blocking(w,False); " +
    "p=subprocess.Popen(sys.argv[1:],stdout=w); os.close(w); time.sleep(1); n=0\n" +
    "while True:\n b=os.read(r,65536)\n if not b: break\n n+=len(b)\n" +
    "print(n)";
  const path = new URL("./system_program.ts", import.meta.url).pathname;
  const args = ["-c", script, Deno.execPath(), "run", "-A", "--no-check", path, "pour"];
  const output = await new Deno.Command("python3", { args }).output();
  strictEqual(decode(output.stdout).trim(), String(200 * 65536));
  strictEqual(decode(output.stderr), "poured");
});

Deno.test("writeStdout() throws PipeClosed when nobody reads any more", async () => {
  const child = program("pour");
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  strictEqual(await new Response(child.stderr).text(), "pipe-closed");
  await child.status;
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(
    `onInterrupt() hears the first ${signal}, and the second one ends the program`,
    { ignore: IS_WINDOWS },
    async () => {
      const child = program("listen", "null");
      const said: string[] = [];
      for await (const chunk of child.stderr) {
        said.push(decode(chunk));
        if (said.length <= 2) child.kill(signal);
      }
      strictEqual(said.join(""), "listening heard ");
      strictEqual((await child.status).signal, signal);
    },
  );
}

Deno.test("onInterrupt() can be disposed of twice", () => {
  const listening = onInterrupt(() => {});
  listening[Symbol.dispose]();
  listening[Symbol.dispose]();
});

Deno.test("relative paths start from the working directory, and ~ is the home of the user database where HOME is missing", () => {
  strictEqual(textOf(here.directory()), Deno.cwd());
  const program = `
    import { homeDirectory } from "${new URL("../../src/platform/system.ts", import.meta.url)}";
    console.log(homeDirectory());`;
  const homeOf = (env: Record<string, string>) => {
    const { PATH = "", DENO_DIR } = Deno.env.toObject();
    const dir = DENO_DIR ?? JSON.parse(new TextDecoder().decode(
      new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync().stdout,
    )).denoDir;
    const args = ["eval", "--no-check", program];
    const command = new Deno.Command(Deno.execPath(), { args, env: { PATH, DENO_DIR: dir, ...env }, clearEnv: true });
    return new TextDecoder().decode(command.outputSync().stdout).trim();
  };
  const own = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"))
    .find(([, , uid]) => uid === String(Deno.uid()))?.[5];
  strictEqual(homeOf({}), own ?? "undefined");
  strictEqual(homeOf({ HOME: "" }), own ?? "undefined");
  strictEqual(homeOf({ HOME: "relative" }), own ?? "undefined");
  strictEqual(homeOf({ HOME: "/some/where" }), "/some/where");
});

Deno.test("a variable and the name of a file may hold bytes that are not UTF-8", () => {
  const directory = Deno.makeTempDirSync();
  const shell = (line: string) => new Deno.Command("bash", { args: ["-c", line], cwd: directory }).outputSync();
  try {
    shell("printf 'content' > $'caf\\xe9'");
    strictEqual(readTextFile(`${directory}/caf\udce9`), "content");
    const program = `
      import { environment } from "${new URL("../../src/platform/system.ts", import.meta.url)}";
      console.log(JSON.stringify([environment("ODD"), environment("NONE"), environment("PLAIN")]));`;
    Deno.writeTextFileSync(`${directory}/program.ts`, program);
    const { stdout } = shell(`ODD=$'caf\\xe9' PLAIN=x ${Deno.execPath()} run -A --no-check program.ts`);
    strictEqual(new TextDecoder().decode(stdout), '["caf\\udce9",null,"x"]\n');
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("readTextFile() fails with a fault", () => {
  throws(() => readTextFile("/nowhere/at/all"), (error) => error instanceof DiskFault && error.errno === "ENOENT");
  ok(readTextFile(new URL(import.meta.url).pathname).includes("readTextFile() fails"));
});

Deno.test("the machine tells who and where it is", () => {
  ok(hostName().length > 0);
  ok(loginName().length > 0);
  ok(cores() >= 1);
  strictEqual(environment("NO_SUCH_VARIABLE_HERE"), undefined);
  ok(systemClock.nowMs() > 1.7e12);
  ok(Math.abs(systemClock.offsetMinutes(0)) <= 14 * 60);
  ok(systemClock.zone.length > 0);
  strictEqual(systemRandom(16).length, 16);
});
