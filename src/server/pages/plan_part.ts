/** The plan of a backup, as a part of a page. */
import { type Html, markup, type Part } from "./markup.ts";
import { table } from "./page.ts";
import type { BackupPlan } from "../reader/reader.ts";
import { textOf } from "../../core/raw.ts";
import { countText, sizeText } from "../../core/size_text.ts";
import type { Amount, ExcludedByRule } from "../../operations/plan/plan.ts";
import type { ExcludingRule } from "../../source/walk.ts";

const STATES = ["new", "changed", "unchanged", "gone"] as const;
const MOST_RULES = 20;

export function planPart({ plan, problems }: BackupPlan): Html {
  const { series, previous, readFiles, readBytes, storageBytes, largest, excluded } = plan;
  const before = previous === undefined
    ? "It would be the first of its series."
    : `Compared with that of ${previous.time}.`;
  return markup`<h2 id="plan">What it would do</h2><div class="card" role="status"><p>One more snapshot of
<strong>${series}</strong>. <span class="soft">${before}</span></p><p>${countText(readFiles)} files would be read
(${sizeText(readBytes)}); the storage would grow by about ${sizeText(storageBytes)}.</p></div>
${
    problems.length > 0 &&
    markup`<h3>Can't be read</h3><ul>${problems.map((one) => markup`<li class="warn">${one}</li>`)}</ul>`
  }
${table("By state", [{ name: "State" }, ...NUMBERS], STATES.map((state) => amountRow(state, plan[state])))}
${excluded.length > 0 && markup`<h3>Excluded</h3>${excludedTable(excluded)}`}
${
    largest.length > 0 &&
    markup`<h3>Largest files to be read</h3>${
      table(
        "Largest files",
        [{ name: "File" }, { name: "State" }, { name: "Size", right: true }],
        largest.map((file) => {
          return [textOf(file.path), file.state, sizeText(file.bytes)];
        }),
      )
    }`
  }`;
}

const NUMBERS = [{ name: "Files", right: true }, { name: "Size", right: true }, { name: "Others", right: true }];

function amountRow(state: string, { files, bytes, others }: Amount): readonly Part[] {
  return [state, countText(files), sizeText(bytes), countText(others)];
}

function excludedTable(excluded: readonly ExcludedByRule[]): Html {
  const columns = [{ name: "By" }, { name: "Entries", right: true }, { name: "Size of files", right: true }];
  return table(
    "Excluded",
    columns,
    excluded.slice(0, MOST_RULES).map(({ rule, entries, bytes }) => {
      return [ruleText(rule), countText(entries), sizeText(bytes)];
    }),
  );
}

function ruleText(rule: ExcludingRule): Part {
  if (rule.by === "pattern") return markup`the pattern <code>${rule.decision.pattern}</code>`;
  if (rule.by === "marker") return markup`a file named <code>${textOf(rule.name)}</code>`;
  if (rule.by === "size") return "its size";
  if (rule.by === "cache") return "a CACHEDIR.TAG";
  return rule.by === "file-system" ? "another file system" : rule.why;
}
