/** Commands and topics as man pages in roff (man(7)). */
import type { Command } from "commander";
import { VERSION } from "../../core/version.ts";
import { type Block, parseMarkdown, spansOf } from "./markdown.ts";
import { plainText } from "./page.ts";
import { flagsOf } from "./generated.ts";

/** The page backup-tool(1) or backup-tool-COMMAND(1). */
export function commandPage(command: Command): string {
  const help = command.createHelp(), name = pageName(command);
  const inner = help.visibleCommands(command);
  const summary = command.summary() || command.description().replace(/\.$/, "");
  return page(name, 1, summary, [
    ".SH SYNOPSIS",
    `.B ${escaped(help.commandUsage(command).replace(/ \[options\]| \[command\]/g, ""))}`,
    ".RI [ OPTIONS ]",
    ".SH DESCRIPTION",
    escaped(help.commandDescription(command)),
    ...section("COMMANDS", inner.map((sub) => [sub.name(), sub.summary()])),
    ...section("ARGUMENTS", help.visibleArguments(command).map((argument) => [argument.name(), argument.description])),
    ...section(
      "OPTIONS",
      help.visibleOptions(command).map((option) => [flagsOf(option), help.optionDescription(option)]),
    ),
    ".SH SEE ALSO",
    command.parent === null
      ? escaped("backup-tool help topics lists the topics, such as getting-started, and help commands every command.")
      : ".BR backup-tool (1)",
  ]);
}

/** The page backup-tool-TOPIC(7). @param text Markdown */
export function topicPage(topic: string, text: string): string {
  const [title, ...blocks] = parseMarkdown(text);
  const summary = title?.kind === "heading" ? plainText(title.text).replace(/^[^:]*: /, "") : topic;
  return page(`backup-tool-${topic}`, 7, summary, [".SH DESCRIPTION", ...blocks.flatMap(roffOf)]);
}

function page(name: string, volume: number, summary: string, body: readonly string[]): string {
  const head = [
    `.TH ${name.toUpperCase().replaceAll("-", "\\-")} ${volume} "" "backup-tool ${VERSION}"`,
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(summary)}`,
  ];
  return `${[...head, ...body].join("\n")}\n`;
}

function pageName(command: Command): string {
  return command.parent === null ? command.name() : `${pageName(command.parent)}-${command.name()}`;
}

function section(title: string, rows: readonly (readonly [string, string])[]): string[] {
  if (rows.length === 0) return [];
  return [`.SH ${title}`, ...rows.flatMap(([term, text]) => [".TP", `.B ${escaped(term)}`, escaped(text)])];
}

function roffOf(block: Block): string[] {
  switch (block.kind) {
    case "heading":
      return [`.SH ${escaped(plainText(block.text))}`];
    case "paragraph":
      return [".PP", styled(block.text)];
    case "item":
      return [`.IP ${block.mark === "-" ? "\\(bu" : block.mark} 4`, styled(block.text)];
    case "code":
      return [".PP", ".nf", ...block.lines.map((line) => `    ${escaped(line)}`), ".fi"];
    case "table":
      return tableOf(block.rows);
  }
}

/** A table as paragraphs, one a row, with the first cell as the term. */
function tableOf([heads = [], ...rows]: readonly (readonly string[])[]): string[] {
  return rows.flatMap(([term = "", ...cells]) => {
    const texts = cells.map((cell, i) => {
      const head = heads[i + 1] ?? "";
      return cell === "" ? "" : cells.length > 1 && head !== "" ? `${head}: ${cell}` : cell;
    });
    return [".TP", styled(term || "(none)"), styled(texts.filter((text) => text !== "").join("; ") || "(none)")];
  });
}

const FONTS = { plain: "", strong: "\\fB", code: "\\fB" } as const;

function styled(text: string): string {
  const spans = spansOf(text).map(({ text, style }) =>
    style === "plain" ? inLine(text) : `${FONTS[style]}${inLine(text)}\\fR`
  );
  return guarded(spans.join(""));
}

function escaped(text: string): string {
  return guarded(inLine(text));
}

/** Escapes text so that hyphens can be copied and quotes form no ligatures. */
function inLine(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga")
    .replaceAll("~", "\\(ti").replaceAll("^", "\\(ha").replaceAll("→", "\\(->");
}

/** Escapes a leading dot, which would be a request. */
function guarded(text: string): string {
  return text.replace(/^(?=\.)/gm, "\\&");
}
