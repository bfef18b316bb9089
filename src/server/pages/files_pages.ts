/** Files of snapshots: directories through time, one file with its versions. */
import { type Html, markup, type Part } from "./markup.ts";
import { archiveLink, browseLink, contentLink, restoreLink, seriesLink, withQuery } from "./links.ts";
import { ago, page, redirect, type Seen, table, timeOf, timesOf, timeTextsOf } from "./page.ts";
import { decisionsOf, keptText, snapshotPart } from "./snapshot_part.ts";
import { textContent } from "./text_content.ts";
import { NotFound } from "../exchange/problem.ts";
import { encodedPath } from "../exchange/target.ts";
import { inlineType } from "../exchange/content.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import type { EntryPage } from "../reader/reader.ts";
import { pathOf, seriesOf, visibleEntry, visibleSnapshots } from "../exchange/visible.ts";
import { mayRun } from "../jobs/job_access.ts";
import { maySee } from "../accounts/account.ts";
import { type Apath, nameOf, parentOf, TOP } from "../../core/apath.ts";
import type { Entry } from "../../core/entry.ts";
import { textOf } from "../../core/raw.ts";
import { shortId } from "../../core/short_id.ts";
import { countText, pluralText, sizeText } from "../../core/size_text.ts";
import { isoOfNs } from "../../core/time_text.ts";
import type { HistoryVersion } from "../../operations/browse/history.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

const PAGE_ENTRIES = 500, MOST_PICTURES = 24, MOST_TEXT = 256 * 1024, MOST_PICTURE = 25 * 1024 * 1024;
const MOST_VERSIONS = 200;

export async function seriesPage(exchange: Exchange): Promise<Reply> {
  const series = seriesOf(await visibleSnapshots(exchange));
  const rows = series.map((one) => [
    markup`<a href="${browseLink(one.last)}">${one.name}</a>`,
    one.host,
    markup`<a href="${seriesLink(one)}">${pluralText(one.snapshots.length, "snapshot")}</a>`,
    ago(exchange, one.last.time),
    countText(one.last.files),
    sizeText(one.last.bytes),
  ]);
  const columns = [{ name: "Series" }, { name: "Host" }, { name: "Snapshots" }, { name: "Last" }, {
    name: "Files",
    right: true,
  }, { name: "Size", right: true }];
  const body = rows.length === 0 ? markup`<p>There are no snapshots yet.</p>` : table("Series", columns, rows);
  return page(exchange, { title: "Files", part: "/files", body });
}

const MOST_SNAPSHOTS = 500;

export async function snapshotsPage(exchange: Exchange): Promise<Reply> {
  const host = textOf(exchange.params.host ?? ""), name = textOf(exchange.params.name ?? "");
  const found = seriesOf(await visibleSnapshots(exchange)).find((one) => one.host === host && one.name === name);
  if (found === undefined) throw new NotFound("There is no such series");
  const shown = found.snapshots.slice(-MOST_SNAPSHOTS).toReversed();
  const times = timesOf(exchange, shown.map(({ time }) => time)), decisions = await decisionsOf(exchange);
  const rows = shown.map((one, i) => [
    markup`<a href="${browseLink(one)}">${times[i]}</a>${
      !one.complete && markup`
        <span class="warn">incomplete</span>
      `
    }`,
    markup`<code>${shortId(one.id)}</code>`,
    one.tags.join(", "),
    countText(one.files),
    sizeText(one.bytes),
    one.problems === 0 ? "" : markup`<span class="bad">${pluralText(one.problems, "problem")}</span>`,
    ...decisions.size > 0 ? [keptText(decisions.get(one.id))] : [],
  ]);
  const columns = [
    { name: "Time" },
    { name: "Id" },
    { name: "Tags" },
    { name: "Files", right: true },
    {
      name: "Size",
      right: true,
    },
    { name: "Problems" },
    ...decisions.size > 0 ? [{ name: "Kept by" }] : [],
  ];
  const body = markup`<p class="crumbs"><a href="/files">Files</a> / ${name} on ${host}</p>
${table("Snapshots", columns, rows)}`;
  return page(exchange, { title: `Snapshots of ${name}`, part: "/files", body });
}

/** The page of a directory or file. With the parameter `at`, the same path in another snapshot of the series. */
export async function browsePage(exchange: Exchange): Promise<Reply> {
  const path = pathOf(exchange.rest), ref = exchange.params.ref ?? "";
  const snapshots = await visibleSnapshots(exchange), moved = movedTo(exchange, snapshots, path);
  if (moved !== undefined) return redirect(moved);
  const { snapshot, entry } = await visibleEntry(exchange, ref, path);
  const own = snapshots.filter(({ host, name }) => host === snapshot.host && name === snapshot.name);
  const place = { snapshot, path, entry, own };
  return entry.kind === "dir" ? await directoryPage(exchange, place) : await filePage(exchange, place);
}

interface Place {
  readonly snapshot: SnapshotInfo;
  readonly path: Apath;
  readonly entry: Entry;
  /** Snapshots of the series, oldest first. */
  readonly own: readonly SnapshotInfo[];
}

/**
 * Address that the slider leads to, by the number of a snapshot in its series, from 1 on; undefined if it wasn't moved.
 */
function movedTo(exchange: Exchange, snapshots: readonly SnapshotInfo[], path: Apath): string | undefined {
  const { query } = exchange.target, at = query.get("at"), date = query.get("date");
  const current = snapshots.find(({ id }) => textOf(id) === textOf(exchange.params.ref ?? ""));
  if (current === undefined || at === undefined && !date) return undefined;
  const own = snapshots.filter(({ host, name }) => host === current.host && name === current.name);
  const wanted = date ? own.findLast(({ time }) => time.slice(0, 10) <= date) ?? own[0] : own[Number(at) - 1];
  return wanted === undefined ? undefined : browseLink(wanted, path);
}

async function directoryPage(exchange: Exchange, place: Place): Promise<Reply> {
  const { snapshot, path } = place, after = exchange.target.query.raw("after");
  const { entries, next } = await exchange.site.reader.entries(snapshot.id, path, after, PAGE_ENTRIES);
  const pictures = entries.filter((one) =>
    one.content !== undefined && one.size <= MOST_PICTURE && inlineType(one.path)?.startsWith("image/")
  ).slice(0, MOST_PICTURES);
  const body = markup`${crumbs(place)}${timeline(exchange, place)}
<p class="actions"><a class="button" href="${archiveLink(snapshot, path)}" download>Download as ZIP</a>
<a class="button" href="${archiveLink(snapshot, path)}?format=tar" download>as tar</a>${changesButton(place)}${
    restoreButton(exchange, place)
  }</p>${path === TOP && await snapshotPart(exchange, snapshot)}
${entries.length === 0 ? markup`<p>There is nothing in it.</p>` : chosenForm(exchange, place, { entries, next })}
${
    next !== undefined &&
    markup`<p class="actions"><a class="button" href="${
      withQuery(browseLink(snapshot, path), { after: textOf(next) })
    }" rel="next">More</a></p>`
  }
${
    pictures.length > 0 && markup`
      <h2>Pictures</h2>
      <ul class="pictures">${
      pictures.map((one) =>
        markup`<li><a href="${browseLink(snapshot, one.path)}"><img src="${
          contentLink(snapshot, one.path, true)
        }" alt="" loading="lazy"><span>${textOf(nameOf(one.path))}</span></a></li>`
      )
    }</ul>
    `
  }`;
  return page(exchange, { title: titleOf(place), part: "/files", body });
}

/** Button for the changes since the previous snapshot; undefined if there is none. */
function changesButton({ snapshot, path, own }: Place): Html | undefined {
  if (own[0]?.id === snapshot.id) return undefined;
  const to = withQuery("/changes", { now: snapshot.id, below: path === TOP ? undefined : textOf(path) });
  return markup` <a class="button" href="${to}">Changes</a>`;
}

/** Button for restoring; undefined unless the account may add jobs and there is a place to restore to. */
function restoreButton(exchange: Exchange, { snapshot, path }: Place): Html | undefined {
  const { jobs, restoreBelow } = exchange.site;
  if (jobs === undefined || restoreBelow.length === 0 || !mayRun(exchange)) return undefined;
  return markup` <a class="button" href="${restoreLink(snapshot, path)}">Restore ...</a>`;
}

function titleOf({ path, snapshot }: Place): string {
  return path === TOP ? snapshot.name : textOf(nameOf(path));
}

function crumbs({ path, snapshot }: Place): Html {
  const above: Apath[] = [];
  for (let at = path; at !== TOP; at = parentOf(at)) above.unshift(at);
  return markup`<nav class="crumbs" aria-label="Path"><a href="${seriesLink(snapshot)}">${snapshot.name}</a>${
    path !== TOP && markup`
      / <a href="${browseLink(snapshot)}">top</a>
    `
  }${
    above.map((at) =>
      at === path
        ? markup`
          / <span aria-current="page">${textOf(nameOf(at))}</span>
        `
        : markup`
          / <a href="${browseLink(snapshot, at)}">${textOf(nameOf(at))}</a>
        `
    )
  }</nav>`;
}

/** Controls for the same path in other snapshots of the series: by slider, by step, by date. */
function timeline(exchange: Exchange, { snapshot, path, own }: Place): Html {
  const at = own.findIndex(({ id }) => id === snapshot.id), before = own[at - 1], after = own[at + 1];
  const step = (to: SnapshotInfo | undefined, sign: string, name: string) =>
    to === undefined
      ? markup`<span class="button" aria-disabled="true" aria-label="${name}: there is none">${sign}</span>`
      : markup`<a class="button" href="${browseLink(to, path)}" aria-label="${name}">${sign}</a>`;
  const isos = own.map(({ time }) => time), shown = timesOf(exchange, isos), times = timeTextsOf(exchange, isos);
  return markup`<div class="card time">${step(before, "<", "Snapshot before")}
<form action="${browseLink(snapshot, path)}"><input type="range" name="at" min="1" max="${own.length}" value="${
    at + 1
  }" aria-label="Time" data-says="when" data-times="${times.join("|")}"></form>${step(after, ">", "Snapshot after")}
<p><strong id="when">${shown[at]}</strong> <span class="soft">snapshot ${at + 1} of ${own.length}, ${
    shortId(snapshot.id)
  }</span></p>
<form action="${browseLink(snapshot, path)}"><p><label class="inline">Go to <input type="date" name="date"></label>
<button>Show</button></p></form></div>`;
}

/** The entries of a directory; what is chosen of them is downloaded as one file. */
function chosenForm(exchange: Exchange, { snapshot, path }: Place, { entries, next }: EntryPage): Html {
  return markup`<form action="${archiveLink(snapshot, path)}" data-choose="${next === undefined ? "whole" : "part"}">${
    entryTable(exchange, snapshot, entries)
  }
<p class="actions"><button>Download what is chosen as ZIP</button></p></form>`;
}

/** Box for choosing an entry. A name that is no UTF-8 can't be sent by a form: it has a link of its own. */
function chooseBox(name: string): Part {
  return name.isWellFormed() &&
    markup`<input type="checkbox" name="only" value="${name}" aria-label="Choose ${name}"> `;
}

function entryTable(seen: Seen, snapshot: SnapshotInfo, entries: readonly Entry[]): Html {
  const rows = entries.map((entry) => {
    const { path, kind, size, mtime, target, content } = entry, name = textOf(nameOf(path));
    const isDirectory = kind === "dir";
    return [
      markup`${chooseBox(name)}<a href="${browseLink(snapshot, path)}">${name}${isDirectory && "/"}</a>${
        target !== undefined && markup`
          <span class="soft">to ${textOf(target)}</span>
        `
      }${
        (entry.problems?.length ?? 0) > 0 && markup`
          <span class="bad">could not be read</span>
        `
      }`,
      kind === "file" ? sizeText(size) : "",
      timeOf(seen, isoOfNs(mtime)),
      content !== undefined
        ? markup`<a href="${contentLink(snapshot, path)}" download aria-label="Get ${name}">get</a>`
        : isDirectory
        ? markup`<a href="${archiveLink(snapshot, path)}" download aria-label="Get ${name} as ZIP">zip</a>`
        : "",
    ];
  });
  const columns = [{ name: "Name" }, { name: "Size", right: true }, {
    name: "Modified",
    right: true,
  }, {
    name: "Get",
    right: true,
  }];
  return table("Entries", columns, rows, "brief");
}

async function filePage(exchange: Exchange, place: Place): Promise<Reply> {
  const { snapshot, path, entry } = place, { size, mtime, kind, content, target } = entry;
  const all = (await exchange.site.reader.history(path)).filter(({ version }) => maySee(exchange.account, version));
  const own = all.filter(({ version }) => version.host === snapshot.host && version.name === snapshot.name);
  const body = markup`${crumbs(place)}${timeline(exchange, place)}
<p class="actions">${
    content !== undefined && markup`<a class="button" href="${contentLink(snapshot, path)}" download>Download</a>
${restoreButton(exchange, place)}
<span class="soft">${sizeText(size)}, modified ${timeOf(exchange, isoOfNs(mtime))}</span>`
  }${
    content === undefined && markup`<span class="soft">${kind}${target !== undefined && ` to ${textOf(target)}`}</span>`
  }</p>
${entry.problems?.map((problem) => markup`<p class="bad">${problem}</p>`)}
${await preview(exchange, place)}
<h2>Versions</h2>${versionTable(exchange, own)}`;
  return page(exchange, { title: titleOf(place), part: "/files", body });
}

async function preview(exchange: Exchange, { snapshot, path, entry }: Place): Promise<Html | undefined> {
  const { content, size } = entry, name = textOf(nameOf(path)), type = inlineType(path) ?? "";
  if (content === undefined || size === 0) return undefined;
  const source = contentLink(snapshot, path, true);
  if (type.startsWith("image/") && size <= MOST_PICTURE) {
    return markup`<img class="preview" src="${source}" alt="${name}">`;
  }
  if (type.startsWith("video/")) return markup`<video class="preview" src="${source}" controls preload="none"></video>`;
  if (type.startsWith("audio/")) return markup`<audio src="${source}" controls preload="none"></audio>`;
  if (size > MOST_TEXT) return undefined;
  const text = await textContent(exchange, entry);
  return text === undefined ? undefined : markup`
    <h2>Preview</h2>
    <pre tabindex="0" aria-label="Content of ${name}">${text}</pre>
  `;
}

/** Table of versions, newest first. Those that changed only metadata are collapsed. */
function versionTable(seen: Seen, versions: readonly HistoryVersion[]): Html {
  const shown = versions.toReversed().slice(0, MOST_VERSIONS);
  const contents = shown.filter(({ change, goneIn }) => change !== "metadata" || goneIn !== undefined);
  const folded = shown.length - contents.length;
  return markup`${versionRows(seen, versions, contents)}${
    folded > 0 &&
    markup`<details><summary>${pluralText(folded, "change")} of metadata only</summary>${
      versionRows(seen, versions, shown.filter((one) => !contents.includes(one)))
    }</details>`
  }`;
}

/** Link to a comparison with the previous version; undefined if there is none. */
function compareLink(
  all: readonly HistoryVersion[],
  { version, span }: Pick<HistoryVersion, "version" | "span">,
): Html | undefined {
  const before = all.findLast((one) => one.span.first.time < span.first.time && one.version.content !== undefined);
  if (before === undefined) return undefined;
  const to = withQuery(`/compare${encodedPath(version.path)}`, { before: before.span.first.id, now: span.first.id });
  return markup`<a href="${to}" aria-label="Compare the version of ${
    span.first.time.slice(0, 10)
  } with the one before">compare</a> `;
}

function versionRows(seen: Seen, all: readonly HistoryVersion[], versions: readonly HistoryVersion[]): Html {
  const times = timesOf(seen, versions.map(({ span }) => span.first.time));
  const rows = versions.map(({ version, span, change, aspects, goneIn }, i) => [
    markup`<a href="${browseLink(span.first, version.path)}">${times[i]}</a>`,
    goneIn === undefined ? pluralText(span.count, "snapshot") : markup`until ${timeOf(seen, goneIn.time)}`,
    change === "added" || change === "incomplete" ? change : aspects.join(", "),
    version.kind === "file" ? sizeText(version.size) : "",
    version.content === undefined
      ? ""
      : markup`${compareLink(all, { version, span })}<a href="${
        contentLink(span.first, version.path)
      }" download aria-label="Get the version of ${span.first.time.slice(0, 10)}">get</a>`,
  ]);
  const columns = [{ name: "Since" }, { name: "In" }, { name: "Change" }, { name: "Size", right: true }, {
    name: "Get",
    right: true,
  }];
  return table("Versions", columns, rows);
}
