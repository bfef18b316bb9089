import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { cleanEnvironment, CommandFailed, commandOutput, runProgram, shellWords } from "../../src/platform/process.ts";

async function text(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<string> {
  let all = "";
  const decoder = new TextDecoder();
  for await (const chunk of chunks) all += decoder.decode(chunk, { stream: true });
  return all;
}

Deno.test("commandOutput() gives what a line for the shell prints, with variables of its own", async () => {
  strictEqual(await text(commandOutput('echo "$GREETING" | tr a-z A-Z', { env: { GREETING: "hello" } })), "HELLO\n");
  strictEqual((await text(commandOutput("head -c 1000000 /dev/zero"))).length, 1_000_000);
  strictEqual(await text(commandOutput("true")), "");
});

Deno.test("commandOutput() fails at the end if the command does, and says how that ended", async () => {
  for (const [line, why] of [["exit 3", "status 3"], ["kill -TERM $$", "SIGTERM"]] as const) {
    const chunks: number[] = [];
    await rejects(
      async () => {
        for await (const chunk of commandOutput(`echo some; ${line}`)) chunks.push(chunk.length);
      },
      (error) => error instanceof CommandFailed && error.message.includes(why),
    );
    deepStrictEqual(chunks, [5]);
  }
});

Deno.test("commandOutput() ends the command when nobody reads any more", async () => {
  const mark = Deno.makeTempFileSync();
  try {
    for await (const _ of commandOutput(`echo $$ > ${mark}; echo first; exec sleep 60`)) break;
    const pid = Deno.readTextFileSync(mark).trim();
    for (let i = 0; i < 100 && isAlive(pid); i++) await new Promise((resume) => setTimeout(resume, 20));
    strictEqual(isAlive(pid), false);
  } finally {
    Deno.removeSync(mark);
  }
});

/** A process that has ended, but whose end nobody has asked for, is shown as a zombie. */
function isAlive(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

Deno.test("runProgram() tells what was printed and why it failed; a program that isn't there is such a failure", async () => {
  deepStrictEqual(await runProgram(shellWords("echo out; echo err >&2")), {
    ok: true,
    reason: "",
    output: "out",
    errors: "err",
  });
  strictEqual((await runProgram(["sh", "-c", "exit 5"])).reason, "it ended with status 5");
  const missing = await runProgram(["/no/such/program"]);
  deepStrictEqual([missing.ok, missing.reason], [false, "/no/such/program can't be started"]);
});

Deno.test("commandOutput() has words for a line that can't be started", async () => {
  await rejects(
    () => text(commandOutput("echo \0")),
    (error) => error instanceof CommandFailed && error.message.includes("it can't be started"),
  );
});

/** Runs a program where an empty directory is in the place of /bin. */
function withoutShell(program: string): Deno.CommandOutput {
  const script = Deno.makeTempFileSync({ suffix: ".ts" }), empty = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(script, program);
    const line = `mount --bind ${empty} "$(realpath /bin)" && exec ${Deno.execPath()} run -A --no-check ${script}`;
    return new Deno.Command("unshare", { args: ["-rm", "sh", "-c", line] }).outputSync();
  } finally {
    Deno.removeSync(script);
    Deno.removeSync(empty);
  }
}

function canUnshare(): boolean {
  try {
    return new Deno.Command("unshare", { args: ["-rm", "true"] }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "commandOutput() has words for a system without a shell",
  ignore: !canUnshare(),
  fn() {
    const { stdout, stderr } = withoutShell(`
      import { commandOutput } from "${new URL("../../src/platform/process.ts", import.meta.url)}";
      try { for await (const _ of commandOutput("echo x")); } catch (error) { console.log(error.code, error.message); }
    `);
    const told = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    strictEqual(told, 'command-failed The command "echo x" failed: this system has no /bin/sh that could run it\n');
  },
});

const PROGRAM = `
import { openDisk } from ${JSON.stringify(new URL("../../src/platform/open_disk.ts", import.meta.url).href)};
import { runProgram, shellWords } from ${
  JSON.stringify(new URL("../../src/platform/process.ts", import.meta.url).href)
};
openDisk();
const { output } = await runProgram(shellWords("umask; env"), { BACKUP_TOOL_HOST: "nas" });
console.log(output);
`;

Deno.test({
  name: "runProgram() gives a command the mask that we were started with, and no variables but those it may have",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const file = Deno.makeTempFileSync({ suffix: ".ts" });
    Deno.writeTextFileSync(file, PROGRAM);
    const line = `umask 027; exec "$0" run -A --no-check --config ${config} ${file}`;
    const { stdout, stderr } = new Deno.Command("sh", {
      args: ["-c", line, Deno.execPath()],
      env: {
        PATH: `.:/usr/bin::/bin:bin`,
        LC_ALL: "C",
        TZ: "UTC",
        LD_LIBRARY_PATH: "/nowhere",
        BASH_ENV: "/nowhere",
        ENV: "/nowhere",
        BACKUP_TOOL_STATE: "/state",
        RESTIC_PASSWORD: "secret",
        "BASH_FUNC_x%%": "() { :; }",
      },
    }).outputSync();
    Deno.removeSync(file);
    const [mask, ...variables] = new TextDecoder().decode(stdout).trim().split("\n");
    strictEqual(mask, "0027", new TextDecoder().decode(stderr));
    const kept = Object.fromEntries(variables.map((line) => line.split("=")));
    deepStrictEqual([kept["PATH"], kept["LC_ALL"], kept["TZ"], kept["BACKUP_TOOL_HOST"]], [
      "/usr/bin:/bin",
      "C",
      "UTC",
      "nas",
    ]);
    // The shell's own.
    const allowed = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "PWD", "OLDPWD", "SHLVL", "_"];
    const others = Object.keys(kept).filter((name) => !allowed.includes(name) && !/^LC_|^BACKUP_TOOL_HOST$/.test(name));
    deepStrictEqual(others, []);
  },
});

Deno.test("cleanEnvironment() says where programs are, if nobody does", () => {
  for (const all of [{}, { PATH: "" }, { PATH: "bin:." }]) {
    deepStrictEqual(cleanEnvironment(all), { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" });
  }
});
