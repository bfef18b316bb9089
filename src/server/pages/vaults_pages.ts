/** Pages of vaults: whether they have the newest snapshots, and whether they could be restored. */
import { growthChart } from "./chart.ts";
import { coded, type Html, markup, type Part } from "./markup.ts";
import { ago, page, table } from "./page.ts";
import { faultFor, lookInto, type Vault, vaultsOf } from "../api/vault_routes.ts";
import { encodedSegment } from "../exchange/target.ts";
import type { Exchange, Reply, Route } from "../exchange/route.ts";
import { rawOf } from "../../core/raw.ts";
import { countText, pluralText, sizeText } from "../../core/size_text.ts";
import type { SeriesProof } from "../../operations/drill/drill_status.ts";
import type { CopiedSeries, VaultStatus } from "../../operations/copied/vault_status.ts";

export const VAULT_PAGES: readonly Route[] = [
  { methods: ["GET"], path: "/vaults", access: "read", handle: vaultsPage },
  { methods: ["GET"], path: "/vaults/{vault}", access: "read", handle: vaultPage },
];

const PART = "/vaults";
/** Time in ms to wait for a vault; a slower result appears when the page is reloaded. */
const PATIENCE_MS = 3000;

async function vaultsPage(exchange: Exchange): Promise<Reply> {
  await vaultsOf(exchange);
  await exchange.site.vaults?.lookAtAll(PATIENCE_MS);
  const vaults = await vaultsOf(exchange), isAsking = vaults.some(({ look }) => look === undefined);
  const body = vaults.length === 0
    ? markup`<p>The configuration of this server names no vaults. With some in it, this page shows whether the last
snapshots have been copied to them: see <code>backup-tool help vaults</code>.</p>`
    : markup`${vaultTable(exchange, vaults)}${
      isAsking && markup`<p class="soft" role="status">Some are still being looked into. Load the page again.</p>`
    }`;
  return page(exchange, { title: "Vaults", part: PART, body });
}

function vaultTable(exchange: Exchange, vaults: readonly Vault[]): Html {
  const rows = vaults.map((vault): readonly Part[] => [
    markup`<a href="${PART}/${encodedSegment(rawOf(vault.name))}">${vault.name}</a>${
      exchange.account?.role === "admin" && markup`<br><span class="soft">${vault.location}</span>`
    }${faultLine(exchange, vault)}`,
    copyText(exchange, vault),
    ...lookTexts(exchange, vault),
  ]);
  const columns = [{ name: "Vault" }, { name: "Last copy" }, { name: "Newer here" }, { name: "Verified" }, {
    name: "Stored",
    right: true,
  }];
  return table("Vaults", columns, rows);
}

/** Why a vault could not be opened, below its name: none of the columns is known then. */
function faultLine(exchange: Exchange, { look }: Vault): Part {
  if (look === undefined || !("fault" in look)) return "";
  return markup`<br><strong class="bad">Can't be opened:</strong> ${faultFor(exchange, look).message}`;
}

function copyText(exchange: Exchange, { lastCopy }: Vault): Part {
  if (lastCopy === undefined) return markup`<span class="soft">no job known</span>`;
  const { outcome, end } = lastCopy, isWell = outcome === "done";
  return markup`${ago(exchange, end)}${!isWell && markup`<br><strong class="bad">${outcome}</strong>`}`;
}

function lookTexts(exchange: Exchange, { look }: Vault): readonly Part[] {
  if (look === undefined) return [markup`<span class="soft">being looked into</span>`, "", ""];
  if ("fault" in look) return [markup`<span class="soft">unknown</span>`, "", ""];
  const { status } = look;
  return [behindText(status), verifiedText(exchange, status), storedText(status)];
}

function behindText({ series }: VaultStatus): Html {
  const behind = series.reduce((sum, one) => sum + one.behind, 0);
  return behind === 0
    ? markup`<span class="good">nothing</span>`
    : markup`<strong class="bad">${pluralText(behind, "snapshot")}</strong>`;
}

function verifiedText(exchange: Exchange, { verification: { damaged, oldest, never, all } }: VaultStatus): Html {
  if (damaged.contents > 0) return markup`<strong class="bad">${countText(damaged.contents)} damaged</strong>`;
  const share = all.bytes === 0 ? 0 : Math.ceil(100 * never.bytes / all.bytes);
  return markup`${oldest === null ? "never" : markup`oldest ${ago(exchange, oldest)}`}${
    share > 0 && oldest !== null && markup`<br><span class="soft">${share} % never</span>`
  }`;
}

function storedText({ packedBytes }: VaultStatus): string {
  return packedBytes === undefined ? "-" : sizeText(packedBytes);
}

async function vaultPage(exchange: Exchange): Promise<Reply> {
  const vault = await lookInto(exchange), { look, name } = vault;
  const body = "status" in look ? statusParts(exchange, vault, look.status) : faultParts(faultFor(exchange, look));
  const when = markup`<p class="soft">Looked into ${ago(exchange, new Date(look.atMs).toISOString())}.</p>`;
  const crumbs = markup`<p class="crumbs"><a href="${PART}">Vaults</a></p>`;
  return page(exchange, { title: name, part: PART, body: markup`${crumbs}${body}${when}` });
}

function faultParts({ message, hint }: { readonly message: string; readonly hint: string }): Html {
  return markup`<div class="alert"><p><strong class="bad">${message}</strong></p><p class="soft">${
    coded(hint)
  }</p></div>`;
}

function statusParts(exchange: Exchange, vault: Vault, status: VaultStatus): Html {
  const { missing, snapshots, series, drills } = status;
  const facts: readonly (readonly [string, Part])[] = [
    ...(exchange.account?.role === "admin" ? [["Place", vault.location] as const] : []),
    ["Last copy", copyText(exchange, vault)],
    ["Newer here", behindText(status)],
    ["Not there", missing === 0 ? "nothing" : `${pluralText(missing, "snapshot")}; a policy may exclude older ones`],
    ["There", pluralText(snapshots.length, "snapshot")],
    ["Stored", storedText(status)],
    ["Verified", verifiedText(exchange, status)],
  ];
  return markup`<div class="card"><dl class="facts">${
    facts.map(([term, value]) => markup`<dt>${term}</dt><dd>${value}</dd>`)
  }</dl></div>
<h2>Series</h2>${seriesTable(exchange, series)}
<h2>Drills</h2>${drillTable(exchange, drills)}
<h2>Growth</h2><p class="soft">Contents before compression.</p>${growthChart(exchange, status)}`;
}

function seriesTable(exchange: Exchange, series: readonly CopiedSeries[]): Html {
  if (series.length === 0) return markup`<p>There are no snapshots yet, neither here nor there.</p>`;
  const time = (iso: string | null) => iso === null ? markup`<span class="soft">none</span>` : ago(exchange, iso);
  const rows = series.map(({ host, name, here, there, behind }): readonly Part[] => [
    markup`${name}<br><span class="soft">${host}</span>`,
    time(here),
    time(there),
    behind === 0 ? "-" : markup`<span class="bad">${pluralText(behind, "snapshot")}</span>`,
  ]);
  const columns = [{ name: "Series" }, { name: "Newest here" }, { name: "Newest there" }, { name: "Newer here" }];
  return table("Series", columns, rows);
}

function drillTable(exchange: Exchange, drills: readonly SeriesProof[]): Html {
  if (drills.length === 0) return markup`<p>There is nothing to try yet.</p>`;
  const rows = drills.map(({ host, name, proven, failed }): readonly Part[] => [
    markup`${name}<br><span class="soft">${host}</span>`,
    proven === null ? markup`<span class="soft">never</span>` : ago(exchange, proven),
    failed === null ? "" : markup`<strong class="bad">${ago(exchange, failed)}</strong>`,
  ]);
  return markup`<p class="soft">A drill restores a sample and compares it: <code>backup-tool drill</code>.</p>
${table("Drills", [{ name: "Series" }, { name: "Last restored as it was" }, { name: "Failed" }], rows)}`;
}
