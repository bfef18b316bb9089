/** Frees space by removing the oldest snapshots. */
import type { RootId } from "../../core/content_id.ts";
import { BadUsage } from "../../core/fault.ts";
import type { Monitor } from "../../core/monitor.ts";
import { freeBytesOf, type Policy } from "../../core/policy.ts";
import { rawOf } from "../../core/raw.ts";
import { dispensable, type SeriesDecisions } from "../../core/retention.ts";
import { sizeText } from "../../core/size_text.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import type { OpenedRepository } from "../opened.ts";
import { hasScheme } from "../vaults/vault_settings.ts";

/**
 * Bytes that a prune could free if these snapshots were forgotten, including data that is already unneeded.
 * @throws UnknownReferences, Interrupted
 */
export async function removableBytes(
  repository: OpenedRepository,
  forgotten: Iterable<RootId>,
  signal: AbortSignal,
  monitor: Monitor,
): Promise<number> {
  const request = { without: new Set(forgotten), workers: 0, signal };
  const { bytes, leftoverBytes } = await repository.previewRemoval(request, monitor);
  return bytes + leftoverBytes;
}

/**
 * Removes as many of the oldest snapshots as necessary, even those that rules keep; space that a prune could free
 * counts as free.
 * @throws BadUsage if the free space is unknown; UnknownReferences, Interrupted
 */
export async function makeRoom(
  repository: OpenedRepository,
  series: readonly SeriesDecisions<SnapshotInfo>[],
  { policy, signal }: { readonly policy: Policy; readonly signal: AbortSignal },
  monitor: Monitor,
): Promise<readonly SeriesDecisions<SnapshotInfo>[]> {
  const wanted = freeBytesOf(policy);
  if (wanted === 0) return series;
  const candidates = dispensable(series), freeBytes = freeBytesAt(repository);
  const going = series.flatMap(({ decisions }) =>
    decisions.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot)
  );
  const freeWithout = async (count: number) => {
    const forgotten = [...going, ...candidates.slice(0, count)].map(({ id }) => id);
    return freeBytes + await removableBytes(repository, forgotten, signal, monitor);
  };
  const count = await fewest(candidates.length, async (some) => await freeWithout(some) >= wanted);
  if (count === candidates.length) tellIfTooFew(await freeWithout(count), wanted, monitor);
  const victims = new Set(candidates.slice(0, count)), reasons = [`to keep ${policy.free} free`];
  return series.map(({ decisions, ...facts }) => ({
    ...facts,
    decisions: decisions.map((one) => victims.has(one.snapshot) ? { ...one, keep: false, reasons } : one),
  }));
}

function tellIfTooFew(freeBytes: number, wanted: number, monitor: Pick<Monitor, "notice">): void {
  if (freeBytes >= wanted) return;
  const text = `Only ${sizeText(freeBytes)} can be made free, less than ${sizeText(wanted)}`;
  monitor.notice(`${text}: each series keeps its newest snapshot`);
}

/** The smallest sufficient number; `most` if none is sufficient. @param isEnough stays true for larger numbers */
export async function fewest(most: number, isEnough: (count: number) => Promise<boolean>): Promise<number> {
  let low = 0, high = most;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** @throws BadUsage, DiskFault */
function freeBytesAt({ location, machine: { disk } }: OpenedRepository): number {
  const hint = "Omit `--keep-free`, or the rule `free` of the policy";
  if (hasScheme(location)) throw new BadUsage("A server doesn't say how much space is free", hint);
  using directory = disk.openDir(rawOf(location));
  const bytes = directory.freeBytes();
  if (bytes !== undefined) return bytes;
  throw new BadUsage("This file system doesn't say how much space is free", hint);
}
