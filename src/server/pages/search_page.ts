/** The page for finding files in all snapshots. */
import { type Html, markup } from "./markup.ts";
import { browseLink, contentLink, withQuery } from "./links.ts";
import { page, type Seen, table, timeOf } from "./page.ts";
import { searchRequest } from "../api/routes.ts";
import type { SearchRequest } from "../reader/reader.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { textOf } from "../../core/raw.ts";
import { pluralText, sizeText } from "../../core/size_text.ts";
import type { FoundVersion } from "../../operations/browse/find.ts";

export async function searchPage(exchange: Exchange): Promise<Reply> {
  const { query } = exchange.target, words = query.get("q") ?? "";
  const request = searchRequest(exchange), isAsked = words !== "" || query.get("content") !== undefined;
  const page_ = isAsked ? await exchange.site.reader.search(asPeopleMean(request, words)) : undefined;
  const next = page_?.next === undefined ? undefined : textOf(page_.next);
  const kept = Object.fromEntries(KEPT.map((name) => [name, query.get(name)]));
  const body = markup`${searchForm(exchange, words)}
${page_ !== undefined && found(exchange, page_.found)}
${
    next !== undefined &&
    markup`<p class="actions"><a class="button" rel="next" href="${
      withQuery("/search", { ...kept, after: next })
    }">More</a></p>`
  }`;
  return page(exchange, { title: "Search", part: "/search", body });
}

const KEPT = ["q", "kind", "min", "max", "since", "before", "gone", "content"];

/** Searches for a word anywhere in names, ignoring case; words with wildcards are patterns. */
function asPeopleMean(request: SearchRequest, words: string): SearchRequest {
  if (words === "") return { ...request, patterns: [] };
  return { ...request, ignoreCase: true, patterns: [/[*?[/]/.test(words) ? words : `*${words}*`] };
}

function searchForm({ target: { query } }: Exchange, words: string): Html {
  const field = (name: string, label: string, type = "text") =>
    markup`<label class="inline">${label} <input name="${name}" type="${type}" size="8" value="${
      query.get(name) ?? ""
    }"></label>`;
  const kind = query.get("kind");
  const option = (value: string, text: string) =>
    markup`
      <option value="${value}" ${
      value === kind && markup`
        selected
      `
    }>${text}</option>
    `;
  return markup`<form action="/search" class="card"><label for="words">Name, part of one, or a pattern such as
<code>*.jpg</code> or <code>/photos/**/*.raw</code></label>
<input id="words" name="q" type="search" value="${words}" size="40">
<details${
    (query.get("min") ?? query.get("since") ?? query.get("kind")) !== undefined && markup`
      open
    `
  }><summary>More</summary>
<p><label class="inline">Kind <select name="kind">${option("", "any")}${option("file", "files")}${
    option("dir", "directories")
  }</select></label>${field("min", "at least")}${field("max", "at most")}</p>
<p>${field("since", "Modified since", "date")}${field("before", "before", "date")}
<label class="inline"><input type="checkbox" name="gone" value="1"${
    query.get("gone") === "1" && markup`
      checked
    `
  }>
only what is gone</label></p></details>
<p class="actions"><button class="main">Find</button></p></form>`;
}

function found(seen: Seen, all: readonly FoundVersion[]): Html {
  if (all.length === 0) return markup`<p role="status">Nothing was found.</p>`;
  const rows = all.map(({ version: { path, kind, size, content, host, name }, span }) => [
    markup`<a href="${browseLink(span.last, path)}">${textOf(path)}${kind === "dir" && "/"}</a>`,
    markup`${name} <span class="soft">${host}</span>`,
    markup`${timeOf(seen, span.last.time)}<br><span class="soft">${pluralText(span.count, "snapshot")}${
      span.after !== undefined && ", then changed or gone"
    }</span>`,
    kind === "file" ? sizeText(size) : "",
    content === undefined
      ? ""
      : markup`<a href="${contentLink(span.last, path)}" download aria-label="Get ${textOf(path)}">get</a>`,
  ]);
  const columns = [{ name: "Path" }, { name: "Series" }, { name: "Last seen" }, { name: "Size", right: true }, {
    name: "Get",
    right: true,
  }];
  return markup`<h2>Found</h2>${table("Found", columns, rows)}`;
}
