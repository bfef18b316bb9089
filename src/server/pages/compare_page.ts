/** Two versions of a file side by side: their attributes, and the lines that differ. */
import { structuredPatch } from "diff";
import { type Html, markup, type Part } from "./markup.ts";
import { browseLink } from "./links.ts";
import { options } from "./restore_pages.ts";
import { page, timeOf, timeTextsOf } from "./page.ts";
import { textContent } from "./text_content.ts";
import { BadRequest } from "../exchange/problem.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { encodedPath } from "../exchange/target.ts";
import { pathOf, visibleEntry } from "../exchange/visible.ts";
import { maySee } from "../accounts/account.ts";
import { nameOf } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { sizeText } from "../../core/size_text.ts";
import { isoOfNs } from "../../core/time_text.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

const MOST_TEXT = 256 * 1024, MOST_VERSIONS = 200, CONTEXT_LINES = 3;
/** Limits of the comparison, whose time grows with the differences: nobody reads more. */
const MOST_EDITS = 2000, MOST_MS = 1000;

interface Version {
  readonly snapshot: SnapshotInfo;
  readonly entry: Entry;
}

/** The page. The parameters `before` and `now` name the snapshots. */
export async function comparePage(exchange: Exchange): Promise<Reply> {
  const path = pathOf(exchange.rest), { query } = exchange.target;
  const before = query.get("before"), now = query.get("now");
  if (before === undefined || now === undefined) throw new BadRequest("The two versions are not named");
  const pair = [await visibleEntry(exchange, before, path), await visibleEntry(exchange, now, path)] as const;
  const [first, second] = pair, { host, name } = second.snapshot;
  const all = (await exchange.site.reader.history(path)).filter(({ version }) =>
    maySee(exchange.account, version) && version.host === host && version.name === name
  );
  const body = markup`<p class="crumbs"><a href="${browseLink(second.snapshot, path)}">${textOf(path)}</a></p>
${chooser(exchange, all, pair)}${facts(exchange, pair)}
<h2>Content</h2>${await contents(exchange, first.entry, second.entry)}`;
  return page(exchange, { title: `Versions of ${textOf(nameOf(path))}`, part: "/files", body });
}

function chooser(exchange: Exchange, all: readonly HistoryVersion[], [first, second]: readonly [Version, Version]) {
  const shown = all.toReversed().slice(0, MOST_VERSIONS);
  const times = timeTextsOf(exchange, shown.map(({ span }) => span.first.time));
  const versions = shown.map(({ span, version }, i) =>
    [span.first.id, `${times[i]}, ${sizeText(version.size)}`] as const
  );
  const chosen = (id: string) =>
    all.findLast(({ span }) => span.first.id === id) === undefined ? versionOf(all, id) : id;
  return markup`<form class="card" action="/compare${encodedPath(second.entry.path)}"><p class="actions">
<label class="inline">From <select name="before">${options(versions, chosen(first.snapshot.id))}</select></label>
<label class="inline">to <select name="now">${options(versions, chosen(second.snapshot.id))}</select></label>
<button>Compare</button></p></form>`;
}

/** The version in a snapshot: the one that starts with it, or the last that started before. */
function versionOf(all: readonly HistoryVersion[], id: string): string {
  return all.findLast(({ span }) => span.first.id === id || span.last.id === id)?.span.first.id ?? id;
}

function facts(exchange: Exchange, [first, second]: readonly [Version, Version]): Html {
  const rows: readonly (readonly [string, (entry: Entry) => Part])[] = [
    ["Size", ({ size }) => sizeText(size)],
    ["Modified", ({ mtime }) => timeOf(exchange, isoOfNs(mtime))],
    ["Mode", ({ mode }) => mode.toString(8).padStart(4, "0")],
    ["Owner", ({ uid, user }) => user ?? String(uid)],
    ["Group", ({ gid, group }) => group ?? String(gid)],
    ["Content", ({ content }) => content?.slice(0, 12) ?? "-"],
  ];
  const isSameMinute = first.snapshot.time.slice(0, 16) === second.snapshot.time.slice(0, 16);
  return markup`<div class="scroll"><table><caption class="unseen">What is different</caption><thead><tr>
<th scope="col">What</th>${
    [first, second].map(({ snapshot }) =>
      markup`<th scope="col">${timeOf(exchange, snapshot.time, isSameMinute)} <span class="soft">${
        shortId(snapshot.id)
      }</span></th>`
    )
  }</tr></thead><tbody>${
    rows.map(([name, valueOf]) => {
      const [a, b] = [valueOf(first.entry), valueOf(second.entry)];
      const isOther = String(a) !== String(b);
      const cell = (value: Part, label: string) =>
        markup`<td data-label="${label}">${isOther ? markup`<strong>${value}</strong>` : value}</td>`;
      return markup`<tr><td data-label="What">${name}</td>${cell(a, "Before")}${cell(b, "After")}</tr>`;
    })
  }</tbody></table></div>`;
}

async function contents(exchange: Exchange, first: Entry, second: Entry): Promise<Html> {
  if (first.content === second.content) return markup`<p>It is the same.</p>`;
  if (Math.max(first.size, second.size) > MOST_TEXT) return markup`<p>It is too large to be compared here.</p>`;
  const [before, now] = [await textContent(exchange, first), await textContent(exchange, second)];
  if (before === undefined || now === undefined) return markup`<p>It differs, and is no text.</p>`;
  const patch = structuredPatch("", "", before, now, "", "", {
    context: CONTEXT_LINES,
    maxEditLength: MOST_EDITS,
    timeout: MOST_MS,
  });
  if (patch === undefined) return markup`<p>There is hardly a line that is the same.</p>`;
  return markup`${
    patch.hunks.map(({ oldStart, newStart, lines }) =>
      markup`<pre class="lines" tabindex="0" aria-label="Lines from ${newStart} on"><span class="soft">line ${oldStart}${
        newStart !== oldStart && `, now ${newStart}`
      }</span>
${lines.map(lineOf)}</pre>`
    )
  }`;
}

const MARKS: Readonly<Record<string, string>> = { "+": "ins", "-": "del" };

/** A line with its sign: colours alone are not visible to everybody. */
function lineOf(line: string): Html {
  const mark = MARKS[line[0] ?? ""];
  if (mark === "ins") return markup`<ins>${line}</ins>${"\n"}`;
  return mark === "del" ? markup`<del>${line}</del>${"\n"}` : markup`${line}${"\n"}`;
}
