/**
 * Every block of shell commands that the README and the help topics print is run, as it is printed, in a home directory
 * where nothing is but what the blocks before it have made: those of a topic follow those of `getting-started`.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseMarkdown } from "../../src/cli/help/markdown.ts";
import { TOPICS } from "../../src/cli/help/topics.ts";
import { PROGRAM } from "./program.ts";
import { writeProgram } from "../support/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const README = Deno.readTextFileSync(`${ROOT}README.md`);
const START = TOPICS.get("getting-started") ?? "";

/** What the program needs of a checkout. */
const CHECKOUT = ["README.md", "LICENSE", "deno.json", "deno.lock", "main.ts", "scripts", "src"];

/** Blocks that are not run, and what they need. */
const NOT_RUN: Readonly<Record<string, readonly string[]>> = {
  "README": ["the tests themselves"],
  "install": [
    "root",
    "a bundle; see tests/executable/bundle_test.ts",
    "a place with releases",
    "the package; see tests/executable/packages_test.ts",
    "macOS",
    "Windows",
    "the network, to get a base runtime",
    "PowerShell",
  ],
  "sources": ["root, btrfs and a database", "servers"],
  "changes": ["shows an output"],
  "restoring": ["root, to restore owners"],
  "retention": ["shows an output", "shows an output"],
  "rewriting": ["other files"],
  "checking": ["a damaged vault"],
  "keys": ["a printer and a terminal"],
  "servers": ["servers"],
  "service": ["systemd"],
  "jobs": ["the run of a job that failed"],
  "nas": ["Docker", "root; see tests/executable/platforms_test.ts", "the same", "the same"],
  "notifications": ["an address"],
  "web": [
    "runs until it is stopped",
    "runs until it is stopped",
    "runs until it is stopped",
    "a token",
    "other servers",
  ],
};

function blocksOf(text: string, language: string): string[] {
  return parseMarkdown(text).flatMap((block) =>
    block.kind === "code" && block.language === language ? [`${block.lines.join("\n")}\n`] : []
  );
}

/** Lines that tell the shell something that later blocks need. */
const EXPORTS = blocksOf(START, "sh").flatMap((block) => block.match(/^export .*$/gm) ?? []).join("\n");

/** An empty home directory, and programs beside it: ours, and an `npx` that takes what is here instead of the network. */
class Home implements Disposable {
  readonly #base = Deno.makeTempDirSync({ prefix: "backup-tool-printed-" });
  readonly #home = `${this.#base}/home`;
  readonly #saved = `${this.#base}/saved`;

  constructor() {
    Deno.mkdirSync(this.#home);
    Deno.mkdirSync(`${this.#base}/bin`);
    const words = PROGRAM.map((word) => `'${word}'`).join(" ");
    this.#program("backup-tool", `exec env DENO_DIR='${denoDirectory()}' ${words} "$@"`);
    // What npx would get is here already, in a directory of the runtime's own; `task test` would run this test.
    const deno = `env DENO_DIR='${denoDirectory()}' '${Deno.execPath()}'`;
    const arguments_ = '"$1 ${2%@*} $3 $4"';
    this.#program(
      "npx",
      `case ${arguments_} in
        "--yes deno task start") shift 2; exec ${deno} "$@" ;;
        "--yes deno task test") grep -q '"test": {' deno.json ;;
        *) exit 9 ;;
      esac`,
    );
  }

  [Symbol.dispose](): void {
    new Deno.Command("chmod", { args: ["-R", "u+rwX", this.#base] }).outputSync();
    Deno.removeSync(this.#base, { recursive: true });
  }

  /** What somebody has who got the source. @returns its directory */
  checkout(): string {
    const directory = `${this.#home}/backup-tool`;
    Deno.mkdirSync(directory);
    for (const name of CHECKOUT) this.#copy(`${ROOT}${name}`, `${directory}/${name}`);
    return directory;
  }

  /** Keeps the home directory as it is. */
  save(): void {
    this.#copy(this.#home, this.#saved);
  }

  /** Makes it again as it was when it was saved. */
  again(): void {
    new Deno.Command("rm", { args: ["-rf", this.#home] }).outputSync();
    this.#copy(this.#saved, this.#home);
  }

  #copy(from: string, to: string): void {
    strictEqual(new Deno.Command("cp", { args: ["-a", from, to] }).outputSync().code, 0);
  }

  #program(name: string, line: string): void {
    writeProgram(`${this.#base}/bin/${name}`, `#!/bin/sh\n${line}\n`);
  }

  /** Runs blocks, one after the other, in one shell that ends at the first failure. */
  async runs(blocks: readonly string[], cwd = ROOT): Promise<void> {
    const script = blocks.map((block) => `# A block\n${block}`).join("\n");
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-e", "-u", "-c", script],
      cwd,
      env: { HOME: this.#home, PATH: `${this.#base}/bin:/usr/local/bin:/usr/bin:/bin` },
      clearEnv: true,
    }).output();
    const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
    strictEqual(code, 0, `${script}\n${said}`);
  }
}

/** Where the runtime keeps packages, whatever the home directory is. */
function denoDirectory(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

Deno.test("README: every command works as printed, in an empty home directory", async () => {
  using home = new Home();
  await home.runs(blocksOf(README, "sh"), home.checkout());
});

Deno.test("help TOPIC: every command works as printed, after those of getting-started", async (test) => {
  using home = new Home();
  await home.runs(blocksOf(START, "sh"));
  home.save();
  for (const [name, text] of TOPICS) {
    const blocks = blocksOf(text, "sh");
    if (blocks.length === 0 || text === START) continue;
    await test.step(name, async () => {
      home.again();
      await home.runs([EXPORTS, ...blocks]);
    });
  }
});

Deno.test("blocks of commands that are not run are known, and all others have the name of their language", () => {
  const counted = Object.fromEntries(
    [["README", README] as const, ...TOPICS].map(([name, text]) => [name, blocksOf(text, "console").length]),
  );
  const known = Object.entries(NOT_RUN).map(([name, needs]) => [name, needs.length]);
  deepStrictEqual(
    Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0)),
    Object.fromEntries(known),
  );
  const languages = [README, ...TOPICS.values()].flatMap((text) =>
    parseMarkdown(text).flatMap((block) => block.kind === "code" ? [block.language] : [])
  );
  deepStrictEqual([...new Set(languages)].sort(), ["console", "ini", "jsonc", "sh", "text", "yaml"]);
});
