import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Interrupted } from "../../../src/core/fault.ts";
import { Hooks } from "../../../src/operations/hooks/hooks.ts";
import type { HookEnd } from "../../../src/operations/hooks/hook_variables.ts";
import type { HookSet } from "../../../src/operations/hooks/hook_set.ts";
import { hookSetsFrom, type WrittenHooks } from "../../../src/operations/settings/hooks_schema.ts";
import { TestClock, TestMonitor } from "../../support/world.ts";

const FACTS = { command: "backup", storage: "/storage", host: "testhost", run: "1f2e" };
const DONE: HookEnd = {
  status: "done",
  exitStatus: 0,
  error: undefined,
  snapshots: ["3f2a", "91b0"],
  problems: 0,
  counts: { readBytes: 12 },
};
const FAILED: HookEnd = {
  ...DONE,
  status: "failed",
  exitStatus: 1,
  error: { code: "disk", message: "Full\0 of\nwords", hint: "" },
};
const NEVER = new AbortController().signal;

/** Hooks around a work, and what they said. */
class Around {
  readonly monitor = new TestMonitor();
  readonly clock = new TestClock();
  readonly interrupts: (() => void)[] = [];
  readonly hooks: Hooks;
  /** Called with each line that a hook prints. */
  heard: (line: string) => void = () => {};

  constructor(written: WrittenHooks, facts = {}) {
    const notice = (text: string) => {
      this.monitor.notice(text);
      this.heard(text);
    };
    const { problem, phase } = this.monitor;
    this.hooks = new Hooks(hookSetsFrom(written), { ...FACTS, ...facts }, {
      clock: this.clock,
      monitor: { notice, problem, phase },
      onInterrupt: (stop) => {
        this.interrupts.push(stop);
        return { [Symbol.dispose]: () => void this.interrupts.splice(this.interrupts.indexOf(stop), 1) };
      },
    });
  }

  get said(): string[] {
    return this.monitor.notices;
  }

  get problems(): string[] {
    return this.monitor.problems.map(({ message }) => message);
  }
}

/** A process that has ended may wait for somebody who asks how. */
function isGone(pid: string): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/s.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return true;
  }
}

async function untilGone(pid: string): Promise<void> {
  ok(/^\d+$/.test(pid), pid);
  for (let i = 0; i < 6000 && !isGone(pid); i++) await new Promise((resume) => setTimeout(resume, 20));
  ok(isGone(pid));
}

Deno.test("hooks run in their order: outer ones first before the work, and last after it", async () => {
  const around = new Around([
    { before: ["echo 1", "echo 2"], onSuccess: "echo 6", onFailure: "echo no", after: "echo 7" },
    { before: "echo 3", onSuccess: "echo 4", after: ["echo 5"] },
    { commands: ["prune"], before: "echo no", after: "echo no" },
  ]);
  await around.hooks.before(NEVER);
  await around.hooks.ended(DONE);
  const events = ["before", "before", "before", "onSuccess", "after", "onSuccess", "after"];
  deepStrictEqual(around.said, events.map((event, index) => `hook ${event}: ${index + 1}`));
  deepStrictEqual(around.problems, []);
});

Deno.test("hooks: onSuccess and onFailure exclude each other; work that is not over has neither", async () => {
  for (
    const [end, words] of [
      [DONE, ["success", "after"]],
      [FAILED, ["failure", "after"]],
      [{ ...DONE, status: "problems", exitStatus: 3 } as const, ["failure", "after"]],
      [{ ...FAILED, status: "postponed", exitStatus: undefined } as const, ["after"]],
    ] as const
  ) {
    const around = new Around({ onSuccess: "echo success", onFailure: "echo failure", after: "echo after" });
    await around.hooks.before(NEVER);
    await around.hooks.ended(end);
    deepStrictEqual(around.said.map((line) => line.replace(/^.*: /, "")), words);
  }
});

Deno.test("hooks get facts in variables, and none of this process that may be a secret", async () => {
  Deno.env.set("BACKUP_TOOL_TEST_SECRET", "/secret");
  try {
    const list = "env | grep -E '^(BACKUP_TOOL_|HOME=)' | sort; test -n \"$PATH\" && echo path";
    const around = new Around({ before: list, after: list }, { job: "a.json", name: "photos" });
    await around.hooks.before(NEVER);
    const facts = [
      "BACKUP_TOOL_COMMAND=backup",
      "BACKUP_TOOL_HOST=testhost",
      "BACKUP_TOOL_JOB=a.json",
      "BACKUP_TOOL_NAME=photos",
      "BACKUP_TOOL_RUN=1f2e",
      "BACKUP_TOOL_START=2026-11-20T22:05:11.123Z",
      "BACKUP_TOOL_STORAGE=/storage",
    ];
    const linesOf = (event: string) =>
      around.said.filter((line) => line.startsWith(`hook ${event}: BACKUP_TOOL`)).map((line) => line.split(": ")[1]);
    deepStrictEqual(linesOf("before"), [...facts, "BACKUP_TOOL_HOOK=before"].sort());
    around.clock.pass(1);
    await around.hooks.ended(FAILED);
    deepStrictEqual(
      linesOf("after"),
      [
        ...facts,
        "BACKUP_TOOL_HOOK=after",
        "BACKUP_TOOL_COUNT_READ_BYTES=12",
        "BACKUP_TOOL_END=2026-11-20T22:06:11.123Z",
        "BACKUP_TOOL_ERROR=Full of",
        "BACKUP_TOOL_ERROR_CODE=disk",
        "BACKUP_TOOL_EXIT_STATUS=1",
        "BACKUP_TOOL_PROBLEMS=0",
        "BACKUP_TOOL_SNAPSHOT=3f2a",
        "BACKUP_TOOL_STATUS=failed",
      ].sort(),
    );
    ok(around.said.includes("hook after: path"));
  } finally {
    Deno.env.delete("BACKUP_TOOL_TEST_SECRET");
  }
});

Deno.test("hooks: a list of words is a program and its arguments, which no shell takes apart", async () => {
  const around = new Around({ before: [["printf", "%s\n", "a  b", "$HOME; exit 1"]] });
  await around.hooks.before(NEVER);
  deepStrictEqual(around.said, ["hook before: a  b", "hook before: $HOME; exit 1"]);
});

Deno.test("hooks: if `before` fails, the rest of `before` is skipped, and what ends the begun ones is run", async () => {
  const around = new Around([
    { before: "echo 1", after: "echo 3" },
    { before: ["true", "echo reason >&2; exit 7", "echo no"], onFailure: "echo 2" },
    { before: "echo no", after: "echo no" },
  ]);
  await rejects(around.hooks.before(NEVER), {
    code: "hook-failed",
    message: 'The hook "before" (command 2) failed: it ended with status 7 (reason)',
  });
  await around.hooks.ended(FAILED);
  deepStrictEqual(around.said.map((line) => line.replace(/^.*: /, "")), ["1", "reason", "2", "3"]);
});

Deno.test("hooks: a later one that fails is a problem, and keeps no other back", async () => {
  const around = new Around({ onSuccess: ["exit 1", "echo 1"], after: [["/nowhere/program"], "echo 2"] });
  await around.hooks.before(NEVER);
  await around.hooks.ended(DONE);
  deepStrictEqual(around.said.filter((line) => /: \d$/.test(line)), ["hook onSuccess: 1", "hook after: 2"]);
  strictEqual(around.problems[0], 'The hook "onSuccess" failed: it ended with status 1');
  match(around.problems[1] ?? "", /^The hook "after" failed: /);
  strictEqual(around.problems.length, 2);
});

Deno.test("hooks: one that takes too long is ended with all that it has started, even if that ignores the request", async () => {
  const around = new Around({ before: "trap '' TERM; sleep 1000 & echo $!; wait", timeout: "5m" });
  let child = "";
  around.heard = (line) => {
    child = line.replace(/^.*: /, "");
    around.clock.pass(5);
  };
  await rejects(around.hooks.before(NEVER), { message: 'The hook "before" failed: it took too long, and was ended' });
  await untilGone(child);
});

Deno.test("hooks: a wish to stop ends `before` with all that it has started", async () => {
  const around = new Around({ before: "sleep 1000 & echo $!; wait", after: "echo after" });
  const stop = new AbortController();
  let child = "";
  around.heard = (line) => {
    child = line.replace(/^.*: /, "");
    stop.abort();
  };
  await rejects(around.hooks.before(stop.signal), new Interrupted());
  await untilGone(child);
  around.heard = () => {};
  await around.hooks.ended({ ...FAILED, status: "interrupted", exitStatus: 130 });
  deepStrictEqual(around.said.slice(1), ["hook after: after"]);
});

Deno.test("hooks: each later one can be stopped, and the next one still runs", async () => {
  const around = new Around({ onSuccess: "echo ready; sleep 1000", after: "echo after" });
  await around.hooks.before(NEVER);
  around.heard = (line) => {
    if (line.endsWith("ready")) { for (const stop of [...around.interrupts]) stop(); }
  };
  await around.hooks.ended(DONE);
  deepStrictEqual(around.problems, ['The hook "onSuccess" failed: it was stopped']);
  deepStrictEqual(around.said, ["hook onSuccess: ready", "hook after: after"]);
  deepStrictEqual(around.interrupts, []);
});

Deno.test("hooks: of much output the beginning is shown, and how much more there was", async () => {
  const around = new Around({ before: "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo $i; done; printf end" });
  await around.hooks.before(NEVER);
  strictEqual(around.said.length, 201);
  deepStrictEqual(around.said.slice(-2), ["hook before: 200", "hook before: ... and 801 more lines"]);
});

Deno.test("hooks: nobody waits for what a command has left running", async () => {
  const around = new Around({ before: "sleep 1000 & echo $!" });
  await around.hooks.before(NEVER);
  const [pid = ""] = around.said.map((line) => line.replace(/^.*: /, ""));
  strictEqual(isGone(pid), false);
  Deno.kill(Number(pid), "SIGKILL");
});

Deno.test("hooks as they are written: one line, several, words; an hour at most unless it says otherwise", () => {
  const none = { before: [], onSuccess: [], onFailure: [], after: [] };
  const read = (written: WrittenHooks): readonly HookSet[] => hookSetsFrom(written);
  deepStrictEqual(read({ before: "a b" }), [{ ...none, before: ["a b"], timeoutMs: 3_600_000 }]);
  deepStrictEqual(read([{ after: ["a", ["b", "c"]], timeout: "0", commands: ["prune"] }]), [
    { ...none, after: ["a", ["b", "c"]], timeoutMs: Infinity, commands: ["prune"] },
  ]);
});
