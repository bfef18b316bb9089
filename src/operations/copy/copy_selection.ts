/** Selects the snapshots of a repository to copy to another one. */
import type { RootId } from "../../core/content_id.ts";
import { BadUsage } from "../../core/fault.ts";
import type { Policy } from "../../core/policy.ts";
import { decide } from "../../core/retention.ts";
import { groupedBySeries } from "../../core/series.ts";
import type { Repository } from "../../snapshot/repository.ts";
import { parseRoot } from "../../snapshot/root.ts";
import { resolveSnapshot } from "../../snapshot/resolve.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { whatIsThere } from "./what_is_there.ts";

/** A snapshot must match everything that is given. */
export interface CopyFilter {
  /** Names of snapshots, as people write them. Absent: all. */
  readonly snapshots?: readonly string[];
  readonly name?: string;
  readonly host?: string;
  /** At least one of these tags. */
  readonly tags?: readonly string[];
  /** Number of newest snapshots of each series. */
  readonly latest?: number;
  /** Policy for the snapshots of both sides: those that the target would not keep aren't copied. */
  readonly keep?: Policy;
}

export interface CopySelection {
  /** Snapshots to copy, oldest first. */
  readonly missing: readonly SnapshotInfo[];
  /** Number of snapshots that the target has already. */
  readonly present: number;
  /** Number of snapshots that `keep` would remove from the target at once. */
  readonly notKept: number;
}

/** Selects snapshots. @throws NoSnapshot, AmbiguousSnapshot, BadUsage if both repositories are the same */
export async function selectToCopy(
  from: Repository,
  to: Repository,
  filter: CopyFilter,
  nowMs: number,
): Promise<CopySelection> {
  if (from.id === to.id) throw sameId(from.location, to.location);
  const snapshots = await from.snapshots(), wanted = chosen(snapshots.filter(({ complete }) => complete), filter);
  const there = await whatIsThere(from, to), missing = wanted.filter(({ id }) => !there.has(id));
  const present = wanted.length - missing.length;
  if (missing.length === 0) return { missing, present, notKept: 0 };
  const replaced = await replacedIn(to, await to.rootIds());
  const fresh = missing.filter(({ id }) => !replaced.has(id));
  const kept = filter.keep === undefined
    ? undefined
    : keptOf(merged(snapshots, await to.snapshots()), filter.keep, nowMs);
  const lasting = fresh.filter(({ id }) => kept?.has(id) ?? true);
  return { missing: lasting, present: present + missing.length - fresh.length, notKept: fresh.length - lasting.length };
}

/** Two places with one id are one repository, by different names, or were copied as a whole. */
function sameId(from: string, to: string): BadUsage {
  if (from === to) return new BadUsage("Cannot copy a repository into itself", "Name another one with `--to`");
  return new BadUsage(
    `Cannot copy from ${JSON.stringify(from)} to ${JSON.stringify(to)}: both have the same id, as they are the same ` +
      "storage or vault, or copies of one",
    "Name another one with `--to`; to join copies that went their own ways, copy from each of them into a new one",
  );
}

function chosen(snapshots: readonly SnapshotInfo[], filter: CopyFilter): readonly SnapshotInfo[] {
  const { name, host, tags = [], latest } = filter;
  const named = filter.snapshots && new Set(filter.snapshots.map((one) => resolveSnapshot(one, snapshots).id));
  const fitting = snapshots.filter((snapshot) =>
    (named?.has(snapshot.id) ?? true) && snapshot.name === (name ?? snapshot.name) &&
    snapshot.host === (host ?? snapshot.host) && (tags.length === 0 || tags.some((tag) => snapshot.tags.includes(tag)))
  );
  if (latest === undefined) return fitting;
  const newest = new Set(groupedBySeries(fitting).flatMap((series) => series.slice(-latest)));
  return fitting.filter((snapshot) => newest.has(snapshot));
}

/** Snapshots whose tags were changed at the target have another id there, and name the former one. */
async function replacedIn(repository: Repository, ids: Iterable<RootId>): Promise<ReadonlySet<string>> {
  const replaced = new Set<string>();
  for (const id of ids) {
    const { replaces } = parseRoot(await repository.object(id));
    if (replaces !== undefined) replaced.add(replaces);
  }
  return replaced;
}

/** All of either side, each once, oldest first: both orders stay. */
function merged(some: readonly SnapshotInfo[], others: readonly SnapshotInfo[]): readonly SnapshotInfo[] {
  const known = new Set(some.map(({ id }) => id)), more = others.filter(({ id }) => !known.has(id));
  const all: SnapshotInfo[] = [];
  let next = 0;
  for (const snapshot of some) {
    for (; next < more.length && more[next]!.time < snapshot.time; next++) all.push(more[next]!);
    all.push(snapshot);
  }
  return [...all, ...more.slice(next)].map((snapshot, index) => ({ ...snapshot, sequence: index + 1 }));
}

function keptOf(snapshots: readonly SnapshotInfo[], policy: Policy, nowMs: number): ReadonlySet<RootId> {
  const decisions = decide(snapshots, policy, nowMs).flatMap((series) => series.decisions);
  return new Set(decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot.id));
}
