/** The order of snapshots in a catalog, and the chains of versions that they form. */
import type { RootId } from "../core/content_id.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import type { Root } from "../snapshot/root.ts";
import { infoOf, type SnapshotInfo } from "../snapshot/snapshot_info.ts";

/** The part of a root that determines its position. */
export interface RootHeader {
  readonly id: RootId;
  readonly root: Pick<Root, "storage" | "sequence" | "replaces" | "formerly" | "start" | "host" | "name" | "complete">;
  /** The data that lists of snapshots show. */
  readonly info: SnapshotInfo;
}

export function headerOf(id: RootId, root: Root): RootHeader {
  const { storage, sequence, replaces, formerly, start, host, name, complete } = root;
  const replacing = { ...(replaces && { replaces }), ...(formerly && { formerly }) };
  return { id, root: { storage, sequence, start, host, name, complete, ...replacing }, info: infoOf(id, root) };
}

/**
 * Sorts snapshots and gives each a unique sequence. Those of a single storage keep the order in which they were made,
 * whatever its clock showed; if there are several storages, all are sorted by time. Two roots have the same sequence if
 * the first could not be read when the second was made (it was damaged and repaired later, or has a newer format); then
 * the later one, and those that it collides with, get higher sequences.
 */
export function renumbered(heads: readonly RootHeader[]): RootHeader[] {
  const key = ({ id, root }: RootHeader) => root.start + id, moments = momentsOf(heads);
  const momentOf = ({ id }: RootHeader) => moments.get(id) ?? 0;
  const ordered = heads.toSorted((a, b) =>
    momentOf(a) - momentOf(b) || a.root.sequence - b.root.sequence || (key(a) < key(b) ? -1 : 1)
  );
  let last = 0;
  return ordered.map(({ id, root, info }) => {
    last = Math.max(root.sequence, last + 1);
    return { id, root: { ...root, sequence: last }, info: { ...info, sequence: last } };
  });
}

/**
 * When snapshots of several storages were made: the latest start among the roots of the same storage and series up to
 * that one, for a clock may have gone back. Milliseconds since 1970; empty if all are of one storage.
 */
function momentsOf(heads: readonly RootHeader[]): ReadonlyMap<RootId, number> {
  const moments = new Map<RootId, number>(), latest = new Map<string, number>();
  if (new Set(heads.map(({ root }) => root.storage.id)).size < 2) return moments;
  for (const { id, root } of heads.toSorted((a, b) => a.root.sequence - b.root.sequence)) {
    const series = JSON.stringify([root.storage.id, root.host, root.name]);
    const moment = Math.max(Date.parse(root.start), latest.get(series) ?? -Infinity);
    latest.set(series, moment);
    moments.set(id, moment);
  }
  return moments;
}

/** Removes roots that another root has replaced. @param replaced called with each of them */
export function withoutReplaced(
  heads: readonly RootHeader[],
  replaced: (former: RootHeader, by: RootHeader) => void = () => {},
): readonly RootHeader[] {
  const byId = new Map(heads.map((head) => [head.id, head]));
  for (const head of heads) {
    const { root } = head, former = root.replaces && byId.get(root.replaces);
    if (former === undefined || !isSameSnapshot(root, former.root)) continue;
    replaced(former, head);
    byId.delete(former.id);
  }
  return [...byId.values()];
}

/** True if a root may replace `former`, which it names: both describe the same snapshot. */
export function isSameSnapshot(root: HeadRoot, former: HeadRoot): boolean {
  const { start, host, name } = root.formerly ?? root;
  return root.sequence === former.sequence && start === former.start && host === former.host && name === former.name;
}
type HeadRoot = Pick<RootHeader["root"], "sequence" | "start" | "host" | "name" | "formerly">;

export function withSequence(source: ManifestSource, sequence: number): ManifestSource {
  const { root } = source;
  if (root.sequence === sequence) return source;
  return { ...source, root: { ...root, sequence }, ownSequence: root.sequence };
}

/** Groups snapshots into chains: the complete ones of each series, and each partial one by itself; oldest first. */
export function chainsOf(heads: readonly RootHeader[]): RootId[][] {
  const chains = new Map<string, RootId[]>();
  for (const { id, root } of heads) {
    const key = JSON.stringify(root.complete ? [root.host, root.name] : [id]);
    const chain = chains.get(key);
    if (chain === undefined) chains.set(key, [id]);
    else chain.push(id);
  }
  return [...chains.values()];
}

/** The complete snapshot of the same series immediately before `source`. */
export function previousOf(source: ManifestSource, snapshots: readonly SnapshotInfo[]): SnapshotInfo | undefined {
  const { host, name, sequence } = source.root;
  return snapshots.findLast((other) =>
    other.complete && other.host === host && other.name === name && other.sequence < sequence
  );
}
