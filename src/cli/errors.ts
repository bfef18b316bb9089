/** How a failure is told. */
import { Fault } from "../core/fault.ts";
import { VERSION } from "../core/version.ts";
import { jsonText, printable, printableLines } from "./printable.ts";

/** Text for standard error, with a final newline; empty for what needs no words. */
export function errorText(error: unknown, options: { readonly verbose?: boolean } = {}): string {
  if (!(error instanceof Fault)) return bugText(error);
  if (error.code === "pipe-closed") return "";
  const stack = options.verbose && error.code !== "interrupted" ? `${printableLines(error.stack ?? "")}\n` : "";
  return faultText(error.message, error.hint) + stack;
}

/** One line for programs, with the codes that the README lists; part of the interface. */
export function errorJson(error: unknown): string {
  if (!(error instanceof Fault)) return `${jsonText({ error: { code: "bug", message: bugText(error), hint: "" } })}\n`;
  if (error.code === "pipe-closed") return "";
  const { code, message, hint } = error;
  return `${jsonText({ error: { code, message, hint } })}\n`;
}

/** The form of every error. */
export function faultText(message: string, hint: string): string {
  return `backup-tool: ${printable(message)}\n` + (hint === "" ? "" : `  hint: ${printable(hint)}\n`);
}

function bugText(error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? `${error.name}: ${error.message}` : String(error);
  return `backup-tool: This is a bug, not your mistake: ${printableLines(stack)}\n` +
    `  hint: Please report it with this text, what you ran, and the version (${VERSION})\n`;
}
