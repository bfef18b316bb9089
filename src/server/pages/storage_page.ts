/** The page of the storage: its size, what takes the space, and how long ago it was verified. */
import { growthChart } from "./chart.ts";
import { coded, type Html, markup } from "./markup.ts";
import { withQuery } from "./links.ts";
import { ago, page, table } from "./page.ts";
import { statsOf } from "../api/routes.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { textOf } from "../../core/raw.ts";
import { Fault } from "../../core/fault.ts";
import { policyText } from "../../core/policy.ts";
import { countText, pluralText, sizeText } from "../../core/size_text.ts";
import type { Retention } from "../../operations/forget/retention.ts";
import type { Stats } from "../../operations/browse/stats.ts";

export async function storagePage(exchange: Exchange): Promise<Reply> {
  const stats = await statsOf(exchange), { account, site } = exchange;
  const body = markup`${account?.role === "admin" && markup`<p class="soft"><code>${site.location}</code></p>`}
<div class="card">${facts(stats)}</div>
<h2>Retention</h2>${await retentionPart(exchange)}
<h2>Growth</h2>${growthChart(exchange, stats)}
<h2>Verification</h2>${verification(exchange, stats)}
<h2>Largest contents</h2>${largest(stats)}`;
  return page(exchange, { title: "Storage", part: "/storage", body });
}

function facts(stats: Stats): Html {
  const saved = stats.logicalBytes === 0 ? 0 : 1 - stats.contentBytes / stats.logicalBytes;
  const rows: readonly (readonly [string, string])[] = [
    ["Stored", `${sizeText(stats.contentBytes)} in ${countText(stats.contents)} contents`],
    ["As full copies", `${sizeText(stats.logicalBytes)}, ${Math.max(0, Math.floor(saved * 100))} % saved`],
    ["Snapshots", countText(stats.snapshots.length)],
    ["No longer needed", unneededText(stats)],
    ["Free", stats.freeBytes === undefined ? "unknown" : sizeText(stats.freeBytes)],
  ];
  return markup`<dl class="facts">${
    rows.map(([name, value]) =>
      markup`
        <dt>${name}</dt>
        <dd>${value}</dd>
      `
    )
  }</dl>`;
}

function unneededText({ unneededContents }: Stats): string {
  if (unneededContents === undefined) return "not counted, as large files are stored in parts; prune counts it";
  return unneededContents === 0 ? "nothing" : `${countText(unneededContents)} contents; prune removes them`;
}

/** The policy, and how many snapshots it keeps. */
async function retentionPart({ site: { reader } }: Exchange): Promise<Html> {
  try {
    return policyPart(await reader.retention());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return markup`<p class="bad">${error.message}</p><p class="soft">${coded(error.hint)}</p>`;
  }
}

function policyPart({ policy, decisions }: Retention): Html {
  if (policy === undefined) {
    return markup`<p>There is no policy: what is forgotten, jobs and <code>backup-tool forget</code> say by themselves.
<code>backup-tool policy set --keep-daily 7</code> sets one.</p>`;
  }
  const kept = decisions.filter(({ keep }) => keep).length;
  return markup`<p><code>${policyText(policy)}</code></p>
<p>It keeps ${pluralText(kept, "snapshot")}; ${countText(decisions.length - kept)} would be forgotten now.</p>`;
}

function verification(exchange: Exchange, { verification: { all, never, damaged, within, oldest } }: Stats): Html {
  const share = (bytes: number) => all.bytes === 0 ? "-" : `${Math.floor(100 * bytes / all.bytes)} %`;
  const rows = [
    // Each includes those above it: what nothing was read in says nothing.
    ...within.filter(({ contents }) => contents > 0).map(({ days, contents, bytes }) => [
      `in the last ${days === 1 ? "day" : `${days} days`}`,
      countText(contents),
      sizeText(bytes),
      share(bytes),
    ]),
    ["never", countText(never.contents), sizeText(never.bytes), share(never.bytes)],
  ];
  const columns = [{ name: "Read and found whole" }, { name: "Contents", right: true }, { name: "Size", right: true }, {
    name: "Share",
    right: true,
  }];
  return markup`${
    damaged.contents > 0
      ? markup`<p class="bad">${
        countText(damaged.contents)
      } contents are damaged. Run <code>backup-tool repair</code>.</p>`
      : markup`<p class="good">No damage is known.</p>`
  }${oldest !== null && markup`<p>What was not read for the longest time was read ${ago(exchange, oldest)}.</p>`}
${table("Verification", columns, rows)}`;
}

function largest({ largest }: Stats): Html {
  if (largest.length === 0) return markup`<p>There are none yet.</p>`;
  const rows = largest.map(({ path, size, content }) => [
    markup`<a href="${withQuery("/search", { content })}">${textOf(path)}</a>`,
    sizeText(size),
  ]);
  return table("Largest contents", [{ name: "One of its paths" }, { name: "Size", right: true }], rows);
}
