/** Help topics: what people read instead of a manual. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parseMarkdown, spansOf } from "../../src/cli/help/markdown.ts";
import { pageText } from "../../src/cli/help/page.ts";
import { titleOf, TOPICS } from "../../src/cli/help/topics.ts";
import { makeProgram } from "../../src/cli/program/run.ts";
import { FakeWorld, runIn } from "./fake_world.ts";

const plain = (text: string) => text;

Deno.test("parseMarkdown() knows headings, paragraphs, lists, code and tables", () => {
  const text = "# A\n\nOne\ntwo.\n\n- b\n  c\n- d\n\n```sh\nls  x\n\n```\n| e | f \\| g |\n| - | - |\n| h |   |\n";
  deepStrictEqual(parseMarkdown(text), [
    { kind: "heading", level: 1, text: "A" },
    { kind: "paragraph", text: "One two." },
    { kind: "item", mark: "-", text: "b c" },
    { kind: "item", mark: "-", text: "d" },
    { kind: "code", language: "sh", lines: ["ls  x", ""] },
    { kind: "table", rows: [["e", "f | g"], ["h", ""]] },
  ]);
});

Deno.test("spansOf() takes marks away", () => {
  deepStrictEqual(spansOf("a `b*c` **d** [`e` f](x.md#y) \\*"), [
    { text: "a ", style: "plain" },
    { text: "b*c", style: "code" },
    { text: " ", style: "plain" },
    { text: "d", style: "strong" },
    { text: " ", style: "plain" },
    { text: "e", style: "code" },
    { text: " f", style: "plain" },
    { text: " ", style: "plain" },
    { text: "*", style: "plain" },
  ]);
});

Deno.test("pageText() wraps everything but code at 80 columns", () => {
  const long = "word ".repeat(40).trim();
  const page = pageText(`# T\n\n${long}\n\n- ${long}\n\n| a | b |\n| - | - |\n| \`x\` | ${long} |\n`, plain);
  const lines = page.split("\n");
  deepStrictEqual(lines.filter((line) => line.length > 80), []);
  strictEqual(lines.find((line) => line.startsWith("  - word"))?.length, 78);
  ok(lines.includes(`  \`x\`  ${"word ".repeat(14).trim()}`), page);
  strictEqual(lines.join(" ").match(/word/g)?.length, 120);
});

Deno.test("every topic has a title, fits 80 columns, and loses no word on its way to the screen", () => {
  for (const [name, text] of TOPICS) {
    match(text, /^# [A-Z].*: .+\n/, name);
    ok(titleOf(text).length <= 60, name);
    const page = pageText(text, plain);
    deepStrictEqual([name, page.split("\n").filter((line) => line.length > 80)], [name, []]);
    const letters = (from: string) =>
      from.replace(/<!--.*?-->|\]\([^)]*\)|^```\w*$|^\|[|\s:-]+\|$/gm, "").match(/\w/g)?.sort();
    deepStrictEqual([name, letters(page)?.join("")], [name, letters(text)?.join("")]);
  }
});

Deno.test("help TOPIC prints a topic as it is through a pipe", async () => {
  const world = new FakeWorld();
  const { status, stdout } = await runIn(world, "help", "retention");
  deepStrictEqual([status, stdout], [0, pageText(TOPICS.get("retention") ?? "", plain)]);
  deepStrictEqual(world.pages, []);
  strictEqual((await runIn(world, "help", "patterns")).stdout, pageText(TOPICS.get("excludes") ?? "", plain));
});

Deno.test("help TOPIC shows a topic through the pager at a terminal, with bold headings", async () => {
  const world = new FakeWorld();
  world.stdout.isTerminal = true;
  await runIn(world, "help", "retention");
  const [page] = world.pages;
  strictEqual(page?.line, "less");
  // deno-lint-ignore no-control-regex -- bold, and its end
  match(page?.text ?? "", /^\x1b\[1mRetention: .*\x1b\[0m\n\nNothing/);
  strictEqual(world.stdout.text, "");
  world.variables["PAGER"] = "more -x";
  await runIn(world, "help", "retention");
  strictEqual(world.pages.at(-1)?.line, "more -x");
  world.hasPager = false;
  match((await runIn(world, "help", "retention")).stdout, /Retention/, "without a pager it is printed");
  world.hasPager = true;
  world.variables["BACKUP_TOOL_PAGER"] = "cat";
  match((await runIn(world, "help", "retention")).stdout, /Retention/);
});

Deno.test("help topics lists every topic in a line, and leads to those that were mistyped", async () => {
  const world = new FakeWorld();
  const { stdout } = await runIn(world, "help", "topics");
  for (const [name, text] of TOPICS) ok(stdout.includes(`  ${name} `) && stdout.includes(titleOf(text)), name);
  deepStrictEqual(stdout.split("\n").filter((line) => line.length > 80), []);
  const { status, stderr } = await runIn(world, "help", "retentoin");
  deepStrictEqual([status, stderr], [
    2,
    "backup-tool: There is no command or topic 'retentoin'\n  hint: Did you mean retention?\n",
  ]);
  const offered = await runIn(world, "complete", "--", "help", "get");
  match(offered.stdout, /^getting-started\t\w/);
  strictEqual((await runIn(world, "complete", "--", "help", "tree", "get")).stdout, "");
});

Deno.test("help commands lists every command, and help options every option of all commands", async () => {
  const world = new FakeWorld();
  const program = await makeProgram(world, () => Promise.resolve());
  const commands = (await runIn(world, "help", "commands")).stdout;
  for (const command of program.createHelp().visibleCommands(program)) {
    ok(new RegExp(`^  \`${command.name()}\\b`, "m").test(commands), command.name());
  }
  const options = (await runIn(world, "help", "options")).stdout;
  for (const { long, hidden } of program.options) strictEqual(options.includes(`${long}`), !hidden, `${long}`);
  deepStrictEqual([...commands.split("\n"), ...options.split("\n")].filter((line) => line.length > 80), []);
});

Deno.test("help shows both where a command and a topic have one name", async () => {
  const { stdout } = await runIn(new FakeWorld(), "help", "snapshots");
  match(stdout, /^Usage: backup-tool snapshots[^]*\n\nSnapshots: how to name them/);
});

const groff = await new Deno.Command("groff", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: "help --man prints pages that groff has nothing to say about, of every command and topic",
  ignore: !groff,
  fn: async () => {
    const world = new FakeWorld();
    const program = await makeProgram(world, () => Promise.resolve());
    const names = ["", "topics", "commands", ...TOPICS.keys(), ...program.commands.map((command) => command.name())];
    let pages = "";
    for (const name of names) {
      const { status, stdout } = await runIn(world, "help", "--man", ...name === "" ? [] : [name]);
      strictEqual(status, 0, name);
      match(stdout, /^\.TH BACKUP\\-TOOL\S* [17] .*\n\.SH NAME\nbackup\\-tool\S* \\- \S/, name);
      pages += stdout;
    }
    const child = new Deno.Command("groff", {
      args: ["-man", "-Tutf8", "-ww", "-z"],
      stdin: "piped",
      stderr: "piped",
    }).spawn();
    await new Blob([pages]).stream().pipeTo(child.stdin);
    const { success, stderr } = await child.output();
    deepStrictEqual([success, new TextDecoder().decode(stderr)], [true, ""]);
  },
});
