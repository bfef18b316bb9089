import { ok, strictEqual } from "node:assert/strict";
import { TerminalMonitor } from "../../src/cli/terminal_monitor.ts";
import { BadUsage } from "../../src/core/fault.ts";
import { TestClock } from "../support/world.ts";
import { FakeOutput } from "./fake_world.ts";

function monitorOn(isTerminal: boolean, options: { quiet?: boolean; verbose?: boolean } = {}) {
  const output = new FakeOutput(), clock = new TestClock();
  output.isTerminal = isTerminal;
  const { quiet = false, verbose = false } = options;
  return { output, clock, monitor: new TerminalMonitor({ output, clock, quiet, verbose }) };
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
  monitor.at("/somewhere");
  monitor.problem(new BadUsage("Cannot read \x1b[31mthis"));
  strictEqual(output.text, "\r0 files  /somewhere\x1b[K\r\x1b[Kbackup-tool: Cannot read \\e[31mthis\n");
  clock.ms += 1000;
  monitor.at("/elsewhere");
  output.text = "";
  monitor[Symbol.dispose]();
  strictEqual(output.text, "\r\x1b[K");
});

Deno.test("TerminalMonitor says one plain line in 30 seconds through a pipe", () => {
  const { output, clock, monitor: held } = monitorOn(false);
  using monitor = held;
  for (let i = 0; i < 61; i++) {
    clock.ms += 1000;
    monitor.at(`/place ${i}`);
  }
  strictEqual(output.text, "0 files after 30 s\n0 files after 1 min 00 s\n");
});

Deno.test("TerminalMonitor says nothing but problems if it is to be quiet", () => {
  const { output, clock, monitor: held } = monitorOn(true, { quiet: true });
  using monitor = held;
  clock.ms += 60_000;
  monitor.at("/somewhere");
  monitor.notice("not important");
  strictEqual(output.text, "");
  monitor.problem(new BadUsage("Cannot do this"));
  monitor.finish();
  strictEqual(output.text, "backup-tool: Cannot do this\nbackup-tool: 1 problem, named above\n");
});

Deno.test("TerminalMonitor names places and counters if it is to be verbose", () => {
  const { output, monitor: held } = monitorOn(false, { verbose: true });
  using monitor = held;
  monitor.at("/a");
  monitor.at("/a");
  monitor.count("readBytes", 1234);
  monitor.finish();
  strictEqual(output.text, "/a\nreadBytes 1,234\n");
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
