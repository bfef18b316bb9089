/**
 * Completion for a shell: commands, options, and what a storage holds. It must be fast and never disturb: on any
 * failure it offers less, without a message.
 */
import { Argument, type Command, Option } from "commander";
import { printable } from "../output/terminal/escape_text.ts";
import type { World } from "../world.ts";
import { optionsOf, understand, type Wanted } from "./words.ts";
import type { Candidate, Files } from "./candidate.ts";
import { Known } from "./known.ts";

/**
 * Writes the candidates for the last of `words`, a line each: the word, a tab, and its description.
 * @param words those of the command line up to the cursor, without the program's name; the last one may be empty
 */
export async function complete(program: Command, words: readonly string[], world: World): Promise<void> {
  let text = "";
  try {
    for await (const offer of offers(program, words, world)) {
      if (typeof offer === "string") text += `${offer}\n`;
      else if (offer.value === printable(offer.value)) text += `${offer.value}\t${printable(offer.about ?? "")}\n`;
    }
  } catch {
    // Completion must not print errors, such as that a disk isn't mounted.
  }
  world.stdout.write(new TextEncoder().encode(text));
}

async function* offers(
  program: Command,
  words: readonly string[],
  world: World,
): AsyncGenerator<Candidate | Files> {
  const line = understand(program, words);
  const { before, typed, what } = line.wanted;
  await using known = new Known(world, line.values);
  for await (const offer of offersFor(line.command, line.operands, line.wanted, known)) {
    if (typeof offer === "string") yield offer;
    else if (offer.value.startsWith(typed)) yield { ...offer, value: before + offer.value };
  }
  // Words that follow those of a command: `help tree build`.
  if (what instanceof Argument && what.name() === "COMMAND") yield* commandsNamed(program, line.operands, typed);
}

async function* offersFor(
  command: Command,
  operands: readonly string[],
  { what, typed }: Wanted,
  known: Known,
): AsyncGenerator<Candidate | Files> {
  if (what === undefined) return;
  if (what === "command") yield* visibleCommands(command);
  else if (what === "option") yield* visibleOptions(command);
  else if (what.argChoices !== undefined) { for (const value of what.argChoices) yield { value }; }
  else yield* valuesOf(what instanceof Option ? placeholder(what) : what.name(), { command, operands, typed }, known);
}

/** Options whose placeholder has another meaning elsewhere. */
const EXCEPTIONS: Readonly<Record<string, string>> = { host: "HOST", why: "FILE", as: "FILE", readFrom: "FILE" };

/** "DIR" of `-s, --storage <DIR>`. */
function placeholder(option: Option): string {
  const exception = EXCEPTIONS[option.attributeName()];
  if (exception !== undefined) return exception;
  return /[<[]([^\]>]+)/.exec(option.flags)?.[1]?.replace("...", "") ?? "";
}

interface Context {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly typed: string;
}

/** Candidates for a value, by its placeholder in help pages, which has the same meaning everywhere. */
async function* valuesOf(name: string, context: Context, known: Known): AsyncGenerator<Candidate | Files> {
  switch (name.replace(/\.\.\.$/, "")) {
    case "SNAPSHOT":
      return yield* known.snapshots(context.typed);
    case "OTHER": // a snapshot, or a directory
      if (/^[/.]/.test(context.typed)) return yield ":dirs";
      return yield* known.snapshots(context.typed);
    case "PATH":
      return yield* known.paths(snapshotOf(context), context.typed);
    case "SERIES":
    case "NAME":
      return yield* known.series();
    case "HOST":
      return yield* known.hosts();
    case "TAG":
      return yield* known.tags();
    case "SOURCE":
      yield* known.backups();
      return yield ":files";
    case "FILE":
      return yield ":files";
    case "LOCATION":
      yield* known.vaults();
      return yield ":dirs";
    case "DIR":
      return yield ":dirs";
  }
}

/** The snapshot that precedes a path; for commands without one, the newest. */
function snapshotOf({ command, operands }: Context): string {
  const place = command.registeredArguments.findIndex((argument) => argument.name().startsWith("SNAPSHOT"));
  return operands[place] ?? "latest";
}

function* visibleCommands(command: Command): Generator<Candidate> {
  const visible = command.createHelp().visibleCommands(command);
  for (const inner of visible) yield { value: inner.name(), about: inner.summary() };
}

async function* commandsNamed(
  program: Command,
  operands: readonly string[],
  typed: string,
): AsyncGenerator<Candidate> {
  let at: Command | undefined = program;
  for (const name of operands) at = at?.commands.find((inner) => inner.name() === name);
  if (at === undefined) return;
  for (const candidate of visibleCommands(at)) if (candidate.value.startsWith(typed)) yield candidate;
  if (operands.length === 0) yield* topicsNamed(typed);
}

/** Topics of `help`. One that shares the name of a command is offered as that command. */
async function* topicsNamed(typed: string): AsyncGenerator<Candidate> {
  const { TOPICS, titleOf } = await import("../help/topics.ts");
  if ("topics".startsWith(typed)) yield { value: "topics", about: "all help topics" };
  for (const [value, text] of TOPICS) if (value.startsWith(typed)) yield { value, about: titleOf(text) };
}

function* visibleOptions(command: Command): Generator<Candidate> {
  for (const { long, description, hidden } of optionsOf(command)) {
    if (!hidden && long) yield { value: long, about: description };
  }
  yield { value: "--help", about: "show this help" };
}
