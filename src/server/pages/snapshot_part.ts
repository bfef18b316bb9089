/** What is known of a snapshot as a whole, and what an admin can do with it. */
import { withQuery } from "./links.ts";
import { type Html, markup } from "./markup.ts";
import { kindsOf } from "../api/job_order.ts";
import { Fault } from "../../core/fault.ts";
import type { Exchange } from "../exchange/route.ts";
import type { RetentionDecision } from "../../operations/forget/retention.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";

type Decided = Pick<RetentionDecision, "keep" | "reasons">;

/** What the policy says of each snapshot, by id; empty without a policy, or if that can't be read. */
export async function decisionsOf({ site: { reader } }: Exchange): Promise<ReadonlyMap<string, Decided>> {
  try {
    return new Map((await reader.retention()).decisions.map((one) => [one.id, one]));
  } catch (error) {
    // The page of the storage says why.
    if (!(error instanceof Fault)) throw error;
    return new Map();
  }
}

/** Why a snapshot stays, in words. */
export function keptText(decided: Decided | undefined): Html | string {
  if (decided === undefined) return "";
  const { keep, reasons } = decided;
  if (keep) return reasons.join(", ");
  return markup`<span class="soft">goes next${reasons.length > 0 && `: ${reasons.join(", ")}`}</span>`;
}

/** Tags, description and fate of a snapshot, with what an admin can do about them. */
export async function snapshotPart(exchange: Exchange, snapshot: SnapshotInfo): Promise<Html> {
  const { id, tags, description, complete } = snapshot, kept = keptText((await decisionsOf(exchange)).get(id));
  const rows: readonly (readonly [string, Html | string])[] = [
    ["Description", description ?? ""],
    ["Tags", tags.join(", ")],
    ["Complete", complete ? "" : markup`<span class="warn">no: the backup was interrupted</span>`],
    ["Kept by", kept],
  ];
  const shown = rows.filter(([, value]) => value !== "");
  return markup`${
    shown.length > 0 && markup`<dl class="facts">${
      shown.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)
    }</dl>`
  }${actions(exchange, snapshot)}`;
}

const ACTIONS: readonly (readonly [kind: string, text: string])[] = [
  ["tag", "Tag or pin ..."],
  ["tree", "Build its tree ..."],
  ["forget", "Forget ..."],
];

function actions(exchange: Exchange, { id }: SnapshotInfo): Html | undefined {
  const { account, site } = exchange;
  if (account?.role !== "admin" || site.jobs === undefined) return undefined;
  const kinds = kindsOf(exchange), shown = ACTIONS.filter(([kind]) => kinds.includes(kind));
  return markup`<p class="actions" role="group" aria-label="This snapshot">${
    shown.map(([kind, text]) =>
      markup`<a class="button" href="${withQuery(`/jobs/new/${kind}`, { snapshots: id })}">${text}</a>
`
    )
  }</p>`;
}
