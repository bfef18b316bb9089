/** Colours, for terminals that have them and users who want them. */
import type { Output } from "../../world.ts";

/** Styles by meaning: SGR parameters of ECMA-48, from the user's palette. */
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
/** Styles text that is already printable, if the output has colours. */
export type Paint = (text: string, style: Style) => string;

/** Colours only on a terminal, without NO_COLOR (no-color.org), and not on a dumb one. */
export function paintFor(output: Output, env: (name: string) => string | undefined): Paint {
  if (!output.isTerminal || env("NO_COLOR") !== undefined || env("TERM") === "dumb") return (text) => text;
  return (text, style) => text === "" ? "" : `\x1b[${STYLES[style]}m${text}\x1b[0m`;
}
