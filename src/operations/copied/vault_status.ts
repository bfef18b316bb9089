/**
 * The state of a vault as a copy of what is stored here: what it contains, what it lacks, and what was proven
 * restorable.
 */
import type { Monitor } from "../../core/monitor.ts";
import type { SnapshotInfo } from "../../snapshot/snapshot_info.ts";
import { type VerificationReport, verificationStatus } from "../check/verification_status.ts";
import { whatIsThere } from "../copy/what_is_there.ts";
import { drillStatus, type SeriesProof } from "../drill/drill_status.ts";
import type { OpenedRepository } from "../opened.ts";

export interface VaultStatus {
  readonly id: string;
  /** Series by host and name, here and in the vault, including those that exist only there. */
  readonly series: readonly CopiedSeries[];
  /** Number of complete snapshots that exist here but not there, perhaps because of a policy. */
  readonly missing: number;
  /** Oldest first, with the bytes of contents that no earlier snapshot had. */
  readonly snapshots: readonly { readonly time: string; readonly newBytes: number }[];
  /** Stored size of all units; undefined if the engine doesn't count it. */
  readonly packedBytes: number | undefined;
  readonly verification: VerificationReport;
  /** Drills from this machine, least recently proven first. */
  readonly drills: readonly SeriesProof[];
}

export interface CopiedSeries {
  readonly host: string;
  readonly name: string;
  /** Time of the newest complete snapshot, ISO 8601; null if there is none. */
  readonly here: string | null;
  readonly there: string | null;
  /** Number of complete snapshots here that are newer than the newest one there. */
  readonly behind: number;
}

/**
 * Determines the status, without a lock.
 * @param own repository in which the snapshots are made
 * @throws Interrupted, and what reading the vault throws
 */
export async function vaultStatus(
  own: OpenedRepository,
  vault: OpenedRepository,
  signal: AbortSignal,
  monitor: Monitor,
): Promise<VaultStatus> {
  const here = complete(await own.snapshots()), all = await vault.snapshots(), there = await whatIsThere(own, vault);
  const figures = new Map((await vault.query((catalog) => catalog.figures())).map((one) => [one.sequence, one]));
  return {
    id: vault.id,
    series: copiedSeries(here, complete(all)),
    missing: here.filter(({ id }) => !there.has(id)).length,
    snapshots: all.map(({ time, sequence }) => ({ time, newBytes: figures.get(sequence)?.newBytes ?? 0 })),
    packedBytes: (await vault.usage(signal, monitor)).packedBytes,
    verification: await verificationStatus(vault),
    drills: await drillStatus(vault),
  };
}

type Made = Pick<SnapshotInfo, "host" | "name" | "time">;

function complete(snapshots: readonly SnapshotInfo[]): SnapshotInfo[] {
  return snapshots.filter((one) => one.complete);
}

/** Compares the series, the furthest behind first. @param here complete snapshots, oldest first; likewise `there` */
export function copiedSeries(here: readonly Made[], there: readonly Made[]): CopiedSeries[] {
  const keyOf = ({ host, name }: Made) => `${host}\0${name}`;
  const own = Map.groupBy(here, keyOf), copied = Map.groupBy(there, keyOf);
  return [...new Set([...own.keys(), ...copied.keys()])].map((key): CopiedSeries => {
    const made = own.get(key) ?? [], kept = copied.get(key) ?? [], last = kept.at(-1)?.time ?? null;
    const [host = "", name = ""] = key.split("\0");
    const behind = made.filter(({ time }) => last === null || Date.parse(time) > Date.parse(last)).length;
    return { host, name, here: made.at(-1)?.time ?? null, there: last, behind };
  }).sort((a, b) => b.behind - a.behind || (keyOf({ ...a, time: "" }) < keyOf({ ...b, time: "" }) ? -1 : 1));
}
