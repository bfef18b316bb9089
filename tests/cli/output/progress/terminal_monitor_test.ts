import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { TerminalMonitor } from "../../../../src/cli/output/progress/terminal_monitor.ts";
import { BadUsage } from "../../../../src/core/fault.ts";
import { TestClock } from "../../../support/world.ts";
import { FakeOutput } from "../../fake_world.ts";

function monitorOn(isTerminal: boolean, options: { quiet?: boolean; verbose?: boolean; json?: boolean } = {}) {
  const output = new FakeOutput(), clock = new TestClock();
  output.isTerminal = isTerminal;
  // Only calls report here; the timer would report as well whenever the clock is moved.
  clock.every = () => ({ [Symbol.dispose]: () => {} });
  const { quiet = false, verbose = false, json = false } = options;
  const paint = (text: string) => text;
  return { output, clock, monitor: new TerminalMonitor({ output, clock, paint, quiet, verbose, json }) };
}

Deno.test("TerminalMonitor repaints at most ten times a second, from inside a synchronous loop", () => {
  const { output, clock, monitor: held } = monitorOn(true);
  using monitor = held;
  for (let i = 0; i < 10_000; i++) {
    clock.ms += 1;
    monitor.count("walkedEntries");
  }
  ok(output.writes > 50 && output.writes <= 100, `${output.writes} repaints in 10 s`);
  ok(output.text.includes("\r9,"), output.text.slice(-200));
  strictEqual(output.text.includes("\n"), false);
});

Deno.test("TerminalMonitor puts problems above the line, and leaves no line behind", () => {
  const { output, clock, monitor } = monitorOn(true);
  clock.ms += 1000;
  monitor.current("/somewhere");
  monitor.problem(new BadUsage("Cannot read \x1b[31mthis"));
  strictEqual(output.text, "\r0 files  /somewhere\x1b[K\r\x1b[Kbackup-tool: Cannot read \\e[31mthis\n");
  clock.ms += 1000;
  monitor.current("/elsewhere");
  output.text = "";
  monitor[Symbol.dispose]();
  strictEqual(output.text, "\r\x1b[K");
});

Deno.test("TerminalMonitor says one plain line in 30 seconds through a pipe", () => {
  const { output, clock, monitor: held } = monitorOn(false);
  using monitor = held;
  for (let i = 0; i < 61; i++) {
    clock.ms += 1000;
    monitor.current(`/place ${i}`);
  }
  strictEqual(output.text, "0 files after 30 s\n0 files after 1 min 00 s\n");
});

Deno.test("TerminalMonitor says nothing but problems if it is to be quiet", () => {
  const { output, clock, monitor: held } = monitorOn(true, { quiet: true });
  using monitor = held;
  clock.ms += 60_000;
  monitor.current("/somewhere");
  monitor.notice("not important");
  strictEqual(output.text, "");
  monitor.problem(new BadUsage("Cannot do this"));
  monitor.finish();
  strictEqual(output.text, "backup-tool: Cannot do this\nbackup-tool: 1 problem (see above)\n");
});

Deno.test("TerminalMonitor names files and counters if it is to be verbose, and asks for no fates otherwise", () => {
  const { output, monitor: held } = monitorOn(false, { verbose: true });
  using monitor = held;
  monitor.current("/a");
  monitor.status?.("new", "/a/\x1b[2J");
  monitor.status?.("unchanged", "/b");
  monitor.count("readBytes", 1234);
  monitor.finish();
  strictEqual(output.text, "new       /a/\\e[2J\nunchanged /b\nreadBytes 1,234\n");
  for (const options of [{}, { verbose: true, quiet: true }]) {
    using other = monitorOn(false, options).monitor;
    strictEqual(other.status, undefined);
  }
});

Deno.test("TerminalMonitor keeps the order of files and problems, and the progress line below both", () => {
  const { output, clock, monitor } = monitorOn(true, { verbose: true });
  clock.ms += 1000;
  monitor.current("/x");
  monitor.status?.("new", "/x/a");
  monitor.problem(new BadUsage("Cannot read b"));
  monitor.status?.("new", "/x/c");
  clock.ms += 1000;
  monitor.current("/y");
  monitor[Symbol.dispose]();
  strictEqual(
    output.text,
    "\r0 files  /x\x1b[K\r\x1b[Knew       /x/a\nbackup-tool: Cannot read b\nnew       /x/c\n" +
      "\r0 files, 1 problem  /y\x1b[K\r\x1b[K",
  );
});

Deno.test("TerminalMonitor writes seldom, however many files it is told of", () => {
  const { output, monitor: held } = monitorOn(false, { verbose: true });
  using monitor = held;
  for (let i = 0; i < 10_000; i++) monitor.status?.("unchanged", `/photos/${i}.jpg`);
  monitor.finish();
  ok(output.writes < 30, `${output.writes} writes`);
  strictEqual(output.text.split("\n").length, 10_001);
});

Deno.test("TerminalMonitor tells programs everything as JSON Lines", () => {
  const { output, clock, monitor } = monitorOn(true, { verbose: true, json: true });
  clock.ms += 4000;
  monitor.setTotal({ items: 100, bytes: 1000 });
  monitor.count("restoredFiles", 10);
  monitor.count("restoredBytes", 250);
  monitor.current("/caf\udce9\n");
  monitor.status?.("restored", "/a\nb");
  monitor.problem(new BadUsage("Cannot read this", "Read that"));
  monitor.problem(new TypeError("undefined is not a function"));
  monitor.notice("Something else");
  monitor.finish();
  monitor[Symbol.dispose]();
  const progress = {
    counters: { restoredFiles: 10, restoredBytes: 250 },
    at: "/caf\udce9\n",
    seconds: 4,
    share: 0.25,
    secondsLeft: 12,
  };
  deepStrictEqual(output.text.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { progress: { ...progress, problems: 0 } },
    { file: { fate: "restored", path: "/a\nb" } },
    { problem: { code: "bad-usage", message: "Cannot read this", hint: "Read that" } },
    { problem: { code: "bug", message: "undefined is not a function", hint: "" } },
    { notice: { message: "Something else" } },
    { progress: { ...progress, problems: 2 } },
  ]);
});

Deno.test("TerminalMonitor tells programs how it gets on once a second", () => {
  const { output, clock, monitor: held } = monitorOn(false, { json: true });
  using monitor = held;
  for (let i = 0; i < 50; i++) {
    clock.ms += 100;
    monitor.current("/x");
  }
  strictEqual(output.text.trimEnd().split("\n").length, 5);
});

Deno.test("TerminalMonitor goes on in silence when nobody reads standard error", () => {
  const { output, monitor: held } = monitorOn(false);
  using monitor = held;
  output.failure = new BadUsage("The reader went away");
  monitor.notice("one");
  output.failure = undefined;
  monitor.notice("two");
  strictEqual(output.text, "");
});
