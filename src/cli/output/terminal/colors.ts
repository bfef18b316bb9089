/** Colours, for those who can see them and want to. */
import type { Output } from "../../world.ts";

/** What is coloured, by what it means; SGR parameters of ECMA-48, from the palette that the person chose. */
const STYLES = {
  error: "1;31",
  problem: "33",
  notice: "2",
  hint: "2",
  heading: "1",
  code: "36",
  directory: "1;34",
  added: "32",
  removed: "31",
  changed: "33",
  good: "32",
  bad: "1;31",
} as const;

export type Style = keyof typeof STYLES;
/** Text that is printable already, coloured if this is a place for colours. */
export type Paint = (text: string, style: Style) => string;

/** Colours only on a terminal, without NO_COLOR (no-color.org), and not on one that can't do anything. */
export function paintFor(output: Output, env: (name: string) => string | undefined): Paint {
  if (!output.isTerminal || env("NO_COLOR") !== undefined || env("TERM") === "dumb") return (text) => text;
  return (text, style) => text === "" ? "" : `\x1b[${STYLES[style]}m${text}\x1b[0m`;
}
