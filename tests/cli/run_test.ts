import { TOPICS } from "../../src/cli/help/topics.ts";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { VERSION } from "../../src/core/version.ts";
import type { Command } from "commander";
import { COMMANDS } from "../../src/cli/program/commands.ts";
import { LOADERS } from "../../src/cli/program/one_command.ts";
import { makeProgram } from "../../src/cli/program/run.ts";
import { FakeWorld, runIn } from "./fake_world.ts";
import { HAS_LINUX_DISK } from "../support/needs.ts";

const ALL = await makeProgram(new FakeWorld(), () => Promise.resolve());

/** Every command there is, as the words that name it: "tree", "tree build". */
function* allCommands(command = ALL): Generator<Command> {
  for (const inner of command.commands) {
    yield inner;
    yield* allCommands(inner);
  }
}

const wordsOf = (command: Command): string[] =>
  command.parent === null ? [] : [...wordsOf(command.parent), command.name()];

Deno.test("each command can be loaded alone, and is the same then", async () => {
  const loaded = await Promise.all(Object.values(LOADERS).map((load) => load()));
  deepStrictEqual(new Set(loaded), new Set(Object.values(COMMANDS).flat()));
  for (const name of Object.keys(LOADERS)) {
    const program = await makeProgram(new FakeWorld(), () => Promise.resolve(), name);
    const [alone] = program.commands, among = ALL.commands.find((command) => command.name() === name);
    strictEqual(alone?.helpInformation(), among?.helpInformation(), name);
  }
});

for (
  const { args, message, hint } of [
    { args: ["lss"], message: "Unknown command 'lss'", hint: "Did you mean ls?" },
    { args: ["xyz"], message: "Unknown command 'xyz'", hint: "See `backup-tool help`" },
    { args: ["verify"], message: "Unknown command 'verify'", hint: "backup-tool has no `verify`; use `check`" },
    { args: ["list"], message: "Unknown command 'list'", hint: "backup-tool has no `list`; use `ls` or `snapshots`" },
    {
      args: ["check", "--subset=5%"],
      message: "Unknown option '--subset=5%'",
      hint: "Did you mean --read-data-subset?",
    },
    { args: ["ls", "latest", "--jsn"], message: "Unknown option '--jsn'", hint: "Did you mean --json?" },
    { args: ["ls", "latest", "-z"], message: "Unknown option '-z'", hint: "See `backup-tool help ls`" },
    { args: ["tree", "buld", "x"], message: "Unknown command 'buld'", hint: "Did you mean build?" },
    { args: ["help", "restor"], message: "There is no command or topic 'restor'", hint: "Did you mean restore?" },
    { args: ["backup", "x", "--excluse", "y"], message: "Unknown option '--excluse'", hint: "Did you mean --exclude?" },
    {
      args: ["backup"],
      message: "No source given",
      hint: "Name directories and files, or see `backup-tool help config`",
    },
    { args: ["cat", "latest"], message: "Missing required argument 'PATH'", hint: "See `backup-tool help cat`" },
    {
      args: ["restore", "latest"],
      message: "No restore target given",
      hint: "Give one of `--target DIR`, `--as PATH` and `--in-place`",
    },
    {
      args: ["stats", "more"],
      message: "Too many arguments for 'stats'. Expected 0 arguments but got 1: more",
      hint: "See `backup-tool help stats`",
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
  for (const command of allCommands()) {
    if (wordsOf(command).length === 1) match(stderr, new RegExp(`^  ${command.name()} +[a-z]`, "m"));
  }
});

for (const command of allCommands()) {
  const words = wordsOf(command);
  Deno.test(`run() has help for "${words.join(" ")}", with examples, in 80 columns`, async () => {
    const { status, stdout, stderr } = await runIn(new FakeWorld(), "help", ...words);
    deepStrictEqual([status, stderr], [0, ""]);
    deepStrictEqual(stdout.split("\n").filter((line) => line.length > 80), []);
    const isGroup = command.commands.length > 0 || words[0] === "help";
    if (!isGroup) match(stdout, new RegExp(`^Examples:\\n  (?:.* )?backup-tool ${words.join(" ")}`, "m"));
    // Behind it a topic of the same name follows, if there is one.
    ok(stdout.startsWith((await runIn(new FakeWorld(), ...words, "--help")).stdout));
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

/** Every command line of the README and the help topics. */
function documentedLines(): string[][] {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const texts = [readme, ...TOPICS.values()].join("\n");
  const lines = [...texts.matchAll(/backup-tool ([a-z][^`\n|]*)/g)].map(([, line = ""]) => line);
  return lines.map((line) => line.replace(/\s+#.*/, "").match(/'[^']*'|"[^"]*"|\S+/g) ?? [])
    .map((words) => words.map((word) => word.replace(/^['"]|['"]$/g, "")))
    .filter(([first]) => allCommands().some((command) => command.name() === first));
}

Deno.test("help before whatever command line shows that command's help, and does nothing", async () => {
  const lines = [
    ...documentedLines(),
    ...allCommands().filter((command) => command.commands.length === 0)
      .map((command) => [...wordsOf(command), "latest", "--keep-last", "1", "x"]),
  ];
  ok(lines.length > 80, String(lines.length));
  for (const line of lines) {
    const world = new FakeWorld();
    world.machine = () => Promise.reject(new Error("help needs no machine"));
    world.readTextFile = () => {
      throw new Error("help needs no file");
    };
    const { status, stdout } = await runIn(world, "help", ...line);
    const isOther = line[1] === "--man" || line.includes("--version") || line.includes("-V");
    deepStrictEqual([line.join(" "), status], [line.join(" "), 0]);
    if (!isOther) match(stdout, new RegExp(`^Usage: backup-tool ${line[0]}`), line.join(" "));
  }
});

/** Words that a command line needs besides what is tried. */
const ELSE: Readonly<Record<string, readonly string[]>> = { serve: ["--jobs", "x"], restore: ["--target", "x"] };

Deno.test("run() takes nothing that is empty, whatever argument or option it is, and never for the current directory", async () => {
  let tried = 0;
  for (const command of allCommands()) {
    const words = wordsOf(command);
    if (command.commands.length > 0 || words[0] === "help") continue;
    const operands = command.registeredArguments.filter(({ required }) => required).map(({ argChoices }) =>
      argChoices?.[0] ?? "x"
    );
    const lines = command.registeredArguments.map((_, i) => [...operands.slice(0, i), "", ...operands.slice(i + 1)]);
    for (const { long, required } of [...command.options, ...command.parent!.options]) {
      if (required && long && !(words[0] === "tag" && long === "--set")) lines.push([...operands, long, ""]);
    }
    for (const line of lines) {
      const world = new FakeWorld();
      world.machine = () => Promise.reject(new Error("nothing is looked at"));
      const others = (ELSE[words[0]!] ?? []).filter((word, i, all) => !line.includes(i % 2 === 0 ? word : all[i - 1]!));
      const { status, stderr } = await runIn(world, ...words, ...line, ...others);
      const what = JSON.stringify([...words, ...line]);
      deepStrictEqual([what, status], [what, 2], stderr);
      match(stderr, /^backup-tool: .*is empty\n {2}hint: /, what);
      tried++;
    }
  }
  ok(tried > 150, String(tried));
});

Deno.test(
  "run() takes bytes that are not UTF-8 in every argument, as --json prints them",
  { ignore: !HAS_LINUX_DISK },
  async () => {
    const world = new FakeWorld();
    const base = world.directory = Deno.makeTempDirSync();
    try {
      new Deno.Command("bash", { args: ["-c", "mkdir $'d\\xff'; echo 1 > $'d\\xff/caf\\xe9'"], cwd: base })
        .outputSync();
      world.variables["BACKUP_TOOL_STORAGE"] = "st";
      const succeeds = async (...args: string[]) => {
        const { status, stdout, stderr } = await runIn(world, ...args);
        deepStrictEqual([args, status], [args, 0], stderr);
        return stdout;
      };
      await succeeds("backup", "--init", "d\\udcff", "--no-tree", "--workers", "0");
      match(await succeeds("snapshots", "--json"), /"name":"d\\udcff"/);
      strictEqual(await succeeds("cat", "d\\udcff:latest", "/caf\\udce9"), "1\n");
      await succeeds("restore", "latest", "caf\\udce9", "--as", "new\\udc80");
      const names = new Deno.Command("bash", { args: ["-c", "ls -b"], cwd: base }).outputSync().stdout;
      strictEqual(new TextDecoder().decode(names), "d\\377\nnew\\200\nst\n");
    } finally {
      Deno.removeSync(base, { recursive: true });
    }
  },
);

Deno.test("run() resolves .. before anything is made, and leaves nothing of a path that can't be made", async () => {
  const world = new FakeWorld();
  const base = world.directory = Deno.makeTempDirSync();
  const names = () => [...Deno.readDirSync(base)].map(({ name }) => name).sort();
  try {
    deepStrictEqual(await runIn(world, "init", "-s", "missing/../st"), {
      status: 0,
      stdout: `Made a storage in ${base}/st (sha256, hex split 2)\n`,
      stderr: "",
    });
    deepStrictEqual(names(), ["st"]);
    const { status, stderr } = await runIn(world, "init", "-s", `a/b/${"x".repeat(300)}`);
    strictEqual(status, 1);
    match(stderr, /ENAMETOOLONG/);
    deepStrictEqual(names(), ["st"]);
    Deno.writeTextFileSync(`${base}/f`, "1");
    strictEqual((await runIn(world, "backup", "f", "-s", "st", "--workers", "0")).status, 0);
    strictEqual((await runIn(world, "restore", "latest", "-s", "st", "--target", "out/../o2")).status, 0);
    deepStrictEqual(names(), ["f", "o2", "st"]);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});

Deno.test("a command that only tells something fails where nobody can hear it, and another does its work", async () => {
  const world = new FakeWorld(), base = Deno.makeTempDirSync();
  world.directory = base;
  Deno.writeTextFileSync(`${base}/f`, "1");
  world.stdout.closed = true;
  strictEqual((await runIn(world, "backup", "f", "--init", "-s", "st")).status, 0);
  for (const command of [["snapshots"], ["ls", "latest"], ["dump", "latest"], ["cat", "latest", "/f"]]) {
    const { status, stderr } = await runIn(world, ...command, "-s", "st");
    strictEqual(status, 1, command.join(" "));
    match(stderr, /standard output is closed/);
  }
  Deno.removeSync(base, { recursive: true });
});

Deno.test("help pages have their options in groups, none of those that all commands have, and choices in words", async () => {
  const { stdout } = await runIn(new FakeWorld(), "help", "backup");
  const headings = [...stdout.matchAll(/^(\w[\w ]*):$/gm)].map(([, heading]) => heading);
  deepStrictEqual(headings, [
    "Arguments",
    "What to back up",
    "What to exclude",
    "What counts as changed",
    "Consistent sources",
    "Consideration for others",
    "Other options",
    "For vaults",
    "Examples",
  ]);
  match(stdout, /nas\s+or\s+desktop\)/);
  match(stdout, /^Global options: see `backup-tool help options`\nTopics: `help sources`, /m);
  for (const command of allCommands()) {
    const page = (await runIn(new FakeWorld(), "help", ...wordsOf(command))).stdout;
    deepStrictEqual(
      page.match(/^ +(?:-V, --version|-s, --storage|-h, --help) .*|.*\(choices: .*|.*vaults: .*/gm),
      null,
    );
  }
});

Deno.test("words of other programs lead to ours", async () => {
  for (const [typed, hint] of Object.entries({ mount: /ordinary directories/, unlock: /nothing to unlock/ })) {
    const { status, stderr } = await runIn(new FakeWorld(), typed, "x");
    deepStrictEqual([typed, status], [typed, 2]);
    match(stderr, hint);
  }
  match((await runIn(new FakeWorld(), "info")).stderr, /hint: backup-tool has no `info`; use `stats` or `snapshots`\n/);
});

Deno.test("an option without its value, and a value that is none of several, are told with what to give", async () => {
  const told = async (...args: string[]) => (await runIn(new FakeWorld(), ...args)).stderr;
  strictEqual(
    await told("snapshots", "-s"),
    "backup-tool: Option --storage needs a value\n  hint: See `backup-tool help`\n",
  );
  strictEqual(
    await told("completions", "csh"),
    "backup-tool: Unknown shell 'csh'\n  hint: Use bash, zsh, fish or powershell\n",
  );
});
