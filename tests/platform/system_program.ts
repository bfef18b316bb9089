/** Run by system_test.ts as a process of its own; the first argument says what to do. */
import { onInterrupt, PipeClosed, writeStderr, writeStdout } from "../../src/platform/system.ts";
import { terminal } from "../../src/platform/terminal.ts";

const say = (text: string) => writeStderr(new TextEncoder().encode(text));

function pour(): void {
  try {
    for (let i = 0; i < 200; i++) writeStdout(new Uint8Array(1 << 16).fill(0x78));
    say("poured");
  } catch (error) {
    say(error instanceof PipeClosed ? error.code : String(error));
  }
}

function listen(): void {
  onInterrupt(() => say("heard "));
  setInterval(() => {}, 1000);
  say("listening ");
}

switch (Deno.args[0]) {
  case "pour":
    pour();
    break;
  case "listen":
    listen();
    break;
  case "columns": {
    const { stdoutIsTerminal, columns } = terminal();
    say(`${stdoutIsTerminal} ${columns()}`);
  }
}
