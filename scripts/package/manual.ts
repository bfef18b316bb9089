/** The manual: a page for the program, for each command, and for each topic of the help. */
import { gzip, type Packed } from "./archives/archive.ts";
import { commandPage, topicPage } from "../../src/cli/help/man_page.ts";
import { TOPICS } from "../../src/cli/help/topics.ts";
import { makeProgram } from "../../src/cli/program/run.ts";
import type { Output, World } from "../../src/cli/world.ts";
import { NAME } from "./release.ts";

/** Paths below share/. */
export async function manualPages(): Promise<readonly Packed[]> {
  const program = await makeProgram(NOBODY, () => Promise.resolve());
  const page = (name: string, volume: number, roff: string): Packed => {
    return { path: `man/man${volume}/${name}.${volume}.gz`, content: gzip(new TextEncoder().encode(roff)) };
  };
  const commands = program.createHelp().visibleCommands(program);
  return [
    page(NAME, 1, commandPage(program)),
    ...commands.map((command) => page(`${NAME}-${command.name()}`, 1, commandPage(command))),
    ...[...TOPICS].map(([topic, text]) => page(`${NAME}-${topic}`, 7, topicPage(topic, text))),
  ];
}

const NOWHERE: Output = { write: () => {}, isTerminal: false, isClosed: () => false, columns: () => 80 };

function unused(): never {
  throw new Error("A page of the manual needs nothing of a machine");
}

/** Pages are made without anybody who would read or ask. */
const NOBODY: World = {
  stdout: NOWHERE,
  stderr: NOWHERE,
  cores: 1,
  memory: () => 0,
  env: () => undefined,
  get here() {
    return unused();
  },
  get clock() {
    return unused();
  },
  machine: unused,
  facts: unused,
  readTextFile: unused,
  readSecret: unused,
  askSecret: unused,
  showPages: unused,
  whyOthersWrite: unused,
  stdin: unused,
  commandOutput: unused,
  host: unused,
  user: unused,
  onInterrupt: unused,
};
