/** What changed between two snapshots of a series, in a directory. */
import { type Html, markup } from "./markup.ts";
import { browseLink, withQuery } from "./links.ts";
import { options } from "./restore_pages.ts";
import { page, type Seen, table, timeTextsOf } from "./page.ts";
import { differences } from "../api/routes.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { encodedPath } from "../exchange/target.ts";
import { visibleSnapshots } from "../exchange/visible.ts";
import { textOf } from "../../core/raw.ts";
import { countText, pluralText, sizeText } from "../../core/size_text.ts";
import type { Difference, DiffSummary } from "../../operations/browse/diff/diff.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

const MOST_SNAPSHOTS = 500;
const WORDS: Readonly<Record<Difference["change"], readonly [text: string, sign: string]>> = {
  added: ["new", "good"],
  removed: ["gone", "bad"],
  content: ["changed", "warn"],
  metadata: ["metadata", ""],
  moved: ["moved", ""],
};

export async function changesPage(exchange: Exchange): Promise<Reply> {
  const { before, now, path, page: { changes, summary } } = await differences(exchange);
  const own = (await visibleSnapshots(exchange)).filter(({ host, name }) => host === now.host && name === now.name);
  const rows = changes.map((one) => rowOf(one, before, now));
  const all = summary.added + summary.removed + summary.content + summary.metadata + summary.moved;
  const body = markup`<p class="crumbs"><a href="${browseLink(now, path)}">${now.name}${textOf(path)}</a></p>
${chooser(exchange, own, { before, now, below: textOf(path) })}
<p>${summaryText(summary)}</p>
${rows.length > 0 && table("Changes", [{ name: "Path" }, { name: "What" }, { name: "Size", right: true }], rows)}
${rows.length < all && markup`<p class="soft">These are the first ${pluralText(rows.length, "change")}.</p>`}`;
  return page(exchange, { title: "Changes", part: "/files", body });
}

interface Chosen {
  readonly before: SnapshotInfo;
  readonly now: SnapshotInfo;
  readonly below: string;
}

function chooser(seen: Seen, own: readonly SnapshotInfo[], { before, now, below }: Chosen): Html {
  const shown = own.toReversed().slice(0, MOST_SNAPSHOTS), texts = timeTextsOf(seen, shown.map(({ time }) => time));
  const times = shown.map(({ id }, i) => [id, texts[i] ?? ""] as const);
  return markup`<form class="card" action="/changes"><p class="actions"><input type="hidden" name="below" value="${below}">
<label class="inline">From <select name="before">${options(times, before.id)}</select></label>
<label class="inline">to <select name="now">${options(times, now.id)}</select></label><button>Show</button></p></form>`;
}

function rowOf({ change, path, from, before, now, aspects }: Difference, first: SnapshotInfo, second: SnapshotInfo) {
  const [word, sign] = WORDS[change], entry = now ?? before, isDirectory = entry?.kind === "dir";
  const place = browseLink(now === undefined ? first : second, path);
  const compare = withQuery(`/compare${encodedPath(path)}`, { before: first.id, now: second.id });
  const isFile = before?.kind === "file" && now?.kind === "file";
  return [
    markup`<a href="${place}">${textOf(path)}${isDirectory && "/"}</a>${
      from !== undefined && markup` <span class="soft">was ${textOf(from)}</span>`
    }`,
    markup`<span class="${sign}">${word}</span>${
      aspects.length > 0 && change === "metadata" && markup` <span class="soft">${aspects.join(", ")}</span>`
    }${
      change === "content" && isFile && markup` <a href="${compare}" aria-label="Compare ${textOf(path)}">compare</a>`
    }`,
    entry?.kind === "file" ? sizeText(entry.size) : "",
  ];
}

function summaryText({ added, removed, content, metadata, moved, addedBytes, removedBytes }: DiffSummary): string {
  const parts = [[added, "new"], [removed, "gone"], [content, "changed"], [moved, "moved"], [
    metadata,
    "with other metadata",
  ]] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${countText(count)} ${what}`);
  if (told.length === 0) return "Nothing is different.";
  return `${told.join(", ")}; ${sizeText(addedBytes)} came, ${sizeText(removedBytes)} went.`;
}
