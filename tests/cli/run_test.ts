import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { VERSION } from "../../src/core/version.ts";
import { FakeWorld, runIn } from "./fake_world.ts";

const COMMANDS = [
  "init",
  "backup",
  "snapshots",
  "ls",
  "find",
  "history",
  "diff",
  "stats",
  "cat",
  "dump",
  "restore",
  "check",
  "forget",
  "prune",
  "policy",
  "rebuild",
  "tree",
  "job",
  "config",
  "version",
  "help",
];

for (
  const { args, message, hint } of [
    { args: ["lss"], message: "Unknown command 'lss'", hint: "Did you mean ls?" },
    { args: ["xyz"], message: "Unknown command 'xyz'", hint: "See `backup-tool help`" },
    { args: ["tree", "buld", "x"], message: "Unknown command 'buld'", hint: "Did you mean build?" },
    { args: ["help", "restor"], message: "Unknown command 'restor'", hint: "Did you mean restore?" },
    { args: ["backup", "x", "--excluse", "y"], message: "Unknown option '--excluse'", hint: "Did you mean --exclude?" },
    {
      args: ["backup"],
      message: "Nothing to back up was named",
      hint: "Name directories and files, or see `backup-tool help config`",
    },
    { args: ["cat", "latest"], message: "Missing required argument 'PATH'", hint: "See `backup-tool help cat`" },
    {
      args: ["restore", "latest"],
      message: "Nobody said where to restore to",
      hint: "Give one of `--target DIR`, `--as PATH` and `--in-place`",
    },
    {
      args: ["snapshots", "more"],
      message: "Too many arguments for 'snapshots'. Expected 0 arguments but got 1: more",
      hint: "See `backup-tool help snapshots`",
    },
    {
      args: ["check", "--workers", "-1"],
      message: "Option '--workers <N>' argument '-1' is invalid. Give a whole number, 0 to 64",
      hint: "See `backup-tool help check`",
    },
    {
      args: ["backup", "x", "--exclude-larger-than", "big"],
      message: "Option '--exclude-larger-than <SIZE>' argument 'big' is invalid. Write it like 500K, 10M or 1.5GiB",
      hint: "See `backup-tool help backup`",
    },
    {
      args: ["tree", "build"],
      message: "Missing required argument 'SNAPSHOT'",
      hint: "See `backup-tool help tree build`",
    },
    {
      args: ["snapshots"],
      message: "No storage was given",
      hint: "Give one with `-s STORAGE`, set BACKUP_TOOL_STORAGE, or name it in a backup-tool.jsonc",
    },
  ]
) {
  Deno.test(`run() refuses ${JSON.stringify(args.join(" "))} with status 2 and a hint`, async () => {
    deepStrictEqual(await runIn(new FakeWorld(), ...args), {
      status: 2,
      stdout: "",
      stderr: `backup-tool: ${message}\n  hint: ${hint}\n`,
    });
  });
}

Deno.test("run() tells wrong usage as JSON if it was asked for JSON", async () => {
  const { status, stdout, stderr } = await runIn(new FakeWorld(), "lss", "--json");
  deepStrictEqual([status, stdout], [2, ""]);
  deepStrictEqual(JSON.parse(stderr), {
    error: { code: "bad-usage", message: "Unknown command 'lss'", hint: "Did you mean ls?" },
  });
});

Deno.test("run() colours errors on a terminal, unless somebody doesn't want that", async () => {
  const told = async (variables: Record<string, string>, isTerminal = true) => {
    const world = new FakeWorld();
    world.stderr.isTerminal = isTerminal;
    Object.assign(world.variables, variables);
    return (await runIn(world, "lss")).stderr;
  };
  const plain = "backup-tool: Unknown command 'lss'\n  hint: Did you mean ls?\n";
  strictEqual(
    await told({}),
    "\x1b[1;31mbackup-tool:\x1b[0m Unknown command 'lss'\n  \x1b[2mhint:\x1b[0m Did you mean ls?\n",
  );
  strictEqual(await told({ NO_COLOR: "1" }), plain);
  strictEqual(await told({ TERM: "dumb" }), plain);
  strictEqual(await told({}, false), plain);
});

Deno.test("run() without arguments prints help to standard error and ends with 2", async () => {
  const { status, stdout, stderr } = await runIn(new FakeWorld());
  deepStrictEqual([status, stdout], [2, ""]);
  for (const name of COMMANDS) match(stderr, new RegExp(`^  ${name}\\b`, "m"));
});

for (
  const args of [
    ...COMMANDS.map((name) => [name]),
    ["tree", "build"],
    ["tree", "remove"],
    ["policy", "set"],
    ["policy", "show"],
    ["policy", "clear"],
    ["job", "check"],
    ["job", "history"],
    [
      "job",
      "schema",
    ],
  ]
) {
  Deno.test(`run() has help for "${args.join(" ")}", with examples, in 80 columns`, async () => {
    const { status, stdout, stderr } = await runIn(new FakeWorld(), "help", ...args);
    deepStrictEqual([status, stderr], [0, ""]);
    deepStrictEqual(stdout.split("\n").filter((line) => line.length > 80), []);
    if (!["tree", "policy", "job", "help"].includes(args.join(" "))) match(stdout, /^Examples:\n {2}backup-tool /m);
    strictEqual((await runIn(new FakeWorld(), ...args, "--help")).stdout, stdout);
  });
}

Deno.test("run() prints the version in four ways", async () => {
  for (const args of [["version"], ["--version"], ["-V"]]) {
    deepStrictEqual(await runIn(new FakeWorld(), ...args), {
      status: 0,
      stdout: `backup-tool ${VERSION}\n`,
      stderr: "",
    });
  }
  const { stdout } = await runIn(new FakeWorld(), "version", "--json");
  deepStrictEqual(JSON.parse(stdout), { name: "backup-tool", version: VERSION });
});

Deno.test("run() takes the storage before and after the command, before and after its arguments, and from the environment", async () => {
  using base = temporary();
  const world = new FakeWorld();
  world.directory = base.path;
  strictEqual((await runIn(world, "init", "-s", "st", "--json")).status, 0);
  for (
    const args of [
      ["-s", "st", "snapshots"],
      ["snapshots", "-s", "st"],
      ["snapshots", "--storage=st"],
      ["--storage", `${base.path}/st/`, "--json", "snapshots"],
    ]
  ) {
    const { status, stderr } = await runIn(world, ...args);
    strictEqual(status, 0, `${args.join(" ")}\n${stderr}`);
  }
  world.variables["BACKUP_TOOL_STORAGE"] = "st";
  strictEqual((await runIn(world, "snapshots")).status, 0);
  strictEqual((await runIn(world, "snapshots", "-s", "elsewhere")).status, 10);
});

Deno.test("run() tells a bug with its stack, asks to report it, and ends with 1", async () => {
  class BrokenWorld extends FakeWorld {
    override machine = () => Promise.reject(new TypeError("undefined is not a \x1b[31mfunction"));
  }
  const { status, stderr } = await runIn(new BrokenWorld(), "snapshots", "-s", "/x");
  strictEqual(status, 1);
  match(
    stderr,
    /^backup-tool: This is a bug, not your mistake: TypeError: undefined is not a \\e\[31mfunction\n {4}at /,
  );
  match(stderr, /hint: Please report it/);
});

Deno.test("run() says nothing and ends with 141 when the reader of its output went away", async () => {
  const { PipeClosed } = await import("../../src/platform/system.ts");
  const world = new FakeWorld();
  world.stdout.failure = new PipeClosed();
  const { status, stderr } = await runIn(world, "version");
  deepStrictEqual([status, stderr], [141, ""]);
  strictEqual((await runIn(world, "help", "ls")).status, 141);
});

function temporary(): Disposable & { readonly path: string } {
  const path = Deno.makeTempDirSync({ prefix: "backup-tool-run-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
