/** How failures are printed. */
import { Fault } from "../../../core/fault.ts";
import { VERSION } from "../../../core/version.ts";
import type { Paint } from "./colors.ts";
import { jsonText, printable, printableLines } from "./escape_text.ts";

/** Text for standard error, with a final newline; empty for what needs no words. */
export function errorText(error: unknown, paint: Paint): string {
  if (!(error instanceof Fault)) return bugText(error, paint);
  if (error.code === "pipe-closed") return "";
  return faultText(error.message, error.hint, paint);
}

/** One line for programs, with the codes that `help errors` lists; part of the interface. */
export function errorJson(error: unknown): string {
  if (!(error instanceof Fault)) {
    return `${jsonText({ error: { code: "bug", message: stackOf(error), hint: BUG_HINT } })}\n`;
  }
  if (error.code === "pipe-closed") return "";
  const { code, message, hint } = error;
  return `${jsonText({ error: { code, message, hint } })}\n`;
}

/** The form of every error. */
function faultText(message: string, hint: string, paint: Paint): string {
  const told = `${paint("backup-tool:", "error")} ${printable(message)}\n`;
  return told + (hint === "" ? "" : `  ${paint("hint:", "hint")} ${printable(hint)}\n`);
}

const BUG_HINT = `Please report it with this text, what you ran, and the version (${VERSION})`;

function bugText(error: unknown, paint: Paint): string {
  return `${paint("backup-tool:", "error")} This is a bug, not your mistake: ${printableLines(stackOf(error))}\n` +
    `  ${paint("hint:", "hint")} ${BUG_HINT}\n`;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? `${error.name}: ${error.message}` : String(error);
}
