/** Formats failures. */
import { Fault } from "../../../core/fault.ts";
import { VERSION } from "../../../core/version.ts";
import type { Paint } from "./colors.ts";
import { jsonText, printable, printableLines } from "./escape_text.ts";
import { wrapped } from "./wrap.ts";
import type { Output } from "../../world.ts";

/** Width of "backup-tool: " and of "  hint: ", and the indent of further lines, in cells. */
const MARK_CELLS = 13, HINT_CELLS = 8, INDENT = 4;

/** Text for `output`, standard error, with a final newline; empty for a closed pipe. It is wrapped on a terminal. */
export function errorText(error: unknown, paint: Paint, output: Output): string {
  if (!(error instanceof Fault)) return bugText(error, paint);
  if (error.code === "pipe-closed") return "";
  return `${markedText(error.message, paint("backup-tool:", "error"), output)}\n${hintText(error.hint, paint, output)}`;
}

/** A message after the program's name. @param mark "backup-tool:", painted @returns lines without a final newline */
export function markedText(message: string, mark: string, output: Output): string {
  return `${mark} ${wrapped(printable(message), { before: MARK_CELLS, indent: INDENT }, output)}`;
}

/** One line for programs, with the codes that `help errors` lists. Part of the interface. */
export function errorJson(error: unknown): string {
  if (!(error instanceof Fault)) {
    return `${jsonText({ error: { code: "bug", message: stackOf(error), hint: BUG_HINT } })}\n`;
  }
  if (error.code === "pipe-closed") return "";
  const { code, message, hint } = error;
  return `${jsonText({ error: { code, message, hint } })}\n`;
}

function hintText(hint: string, paint: Paint, output: Output): string {
  if (hint === "") return "";
  const text = wrapped(printable(hint), { before: HINT_CELLS, indent: HINT_CELLS }, output);
  return `  ${paint("hint:", "hint")} ${text}\n`;
}

const BUG_HINT = `Please report it with this text, what you ran, and the version (${VERSION})`;

function bugText(error: unknown, paint: Paint): string {
  return `${paint("backup-tool:", "error")} This is a bug, not your mistake: ${printableLines(stackOf(error))}\n` +
    `  ${paint("hint:", "hint")} ${BUG_HINT}\n`;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? `${error.name}: ${error.message}` : String(error);
}
