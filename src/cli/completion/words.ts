/** Parses an unfinished command line: the meaning of its words, and the kind of the next one. */
import type { Argument, Command, Option } from "commander";

/** The kind of the word to complete, and the text before it in the same word, such as `--storage=`. */
export interface Wanted {
  readonly what: Option | Argument | "command" | "option" | undefined;
  readonly before: string;
  /** The text to complete, without `before`. */
  readonly typed: string;
}

/** The parsed words before the cursor. */
export interface Line {
  readonly command: Command;
  /** Values of options by attribute name; the last one of each. */
  readonly values: ReadonlyMap<string, string>;
  /** Arguments of the command so far. */
  readonly operands: readonly string[];
  readonly wanted: Wanted;
}

/** Parses a line. @param words without the program's name; the last one is being typed, and may be empty */
export function understand(program: Command, words: readonly string[]): Line {
  const typed = words.at(-1) ?? "";
  const values = new Map<string, string>(), operands: string[] = [];
  let command = program, awaited: Option | undefined, isLiteral = false;
  for (const word of words.slice(0, -1)) {
    if (awaited !== undefined) {
      values.set(awaited.attributeName(), word);
      awaited = undefined;
    } else if (word === "--" && !isLiteral) isLiteral = true;
    else if (word.startsWith("-") && word !== "-" && !isLiteral) awaited = takeOption(command, word, values);
    else {
      const inner = operands.length === 0 ? subcommand(command, word) : undefined;
      if (inner === undefined) operands.push(word);
      else command = inner;
    }
  }
  return { command, values, operands, wanted: wantedWord({ command, operands, awaited, isLiteral, typed }) };
}

/** Notes a value in the same word. @returns the option whose value must be the next word; undefined if none */
function takeOption(command: Command, word: string, values: Map<string, string>): Option | undefined {
  const [, flag = "", value] = /^(--[^=]*)=?(.*)$/.exec(word) ?? /^(-.)(.*)$/.exec(word) ?? [];
  const option = optionsOf(command).find(({ long, short }) => flag === long || flag === short);
  if (option === undefined || option.isBoolean() || option.negate) return undefined;
  const isGiven = word.includes("=") || (!word.startsWith("--") && value !== "");
  if (!isGiven) return option;
  values.set(option.attributeName(), value ?? "");
  return undefined;
}

interface Place {
  readonly command: Command;
  readonly operands: readonly string[];
  readonly awaited: Option | undefined;
  readonly isLiteral: boolean;
  readonly typed: string;
}

function wantedWord({ command, operands, awaited, isLiteral, typed }: Place): Wanted {
  if (awaited !== undefined) return { what: awaited, before: "", typed };
  const equals = typed.indexOf("=");
  if (typed.startsWith("--") && equals > 0 && !isLiteral) {
    const option = optionsOf(command).find(({ long }) => long === typed.slice(0, equals));
    return { what: option, before: typed.slice(0, equals + 1), typed: typed.slice(equals + 1) };
  }
  if (typed.startsWith("-") && !isLiteral) return { what: "option", before: "", typed };
  if (command.commands.length > 0) return { what: operands.length === 0 ? "command" : undefined, before: "", typed };
  const known = command.registeredArguments, last = known.at(-1);
  return { what: known[operands.length] ?? (last?.variadic ? last : undefined), before: "", typed };
}

function subcommand(command: Command, word: string): Command | undefined {
  return command.commands.find((inner) => inner.name() === word || inner.aliases().includes(word));
}

/** Options of the command and of its parents. */
export function optionsOf(command: Command): Option[] {
  const inherited = command.parent === null ? [] : optionsOf(command.parent);
  return [...command.options, ...inherited];
}
