/** The order of snapshots in a catalog: which root comes when, and which ones make a chain of versions. */
import type { RootId } from "../core/content_id.ts";
import type { ManifestSource } from "../snapshot/manifest.ts";
import type { SnapshotInfo } from "../snapshot/snapshot_info.ts";

/** What is needed of a root to put it in its place. */
export interface RootHeader {
  readonly id: RootId;
  readonly root: Pick<ManifestSource["root"], "sequence" | "replaces" | "start" | "host" | "name" | "complete">;
  /** What lists of snapshots show of it. */
  readonly info: SnapshotInfo;
}

/**
 * In order, each with a sequence of its own. Two roots have the same one if the first could not be read when the second
 * was made (damaged since healed, or of a newer format); the later one, and whatever it runs into, moves on.
 */
export function renumbered(heads: readonly RootHeader[]): RootHeader[] {
  const key = ({ id, root }: RootHeader) => root.start + id;
  const ordered = heads.toSorted((a, b) => a.root.sequence - b.root.sequence || (key(a) < key(b) ? -1 : 1));
  let last = 0;
  return ordered.map(({ id, root, info }) => {
    last = Math.max(root.sequence, last + 1);
    return { id, root: { ...root, sequence: last }, info: { ...info, sequence: last } };
  });
}

/** True if one of two roots may have taken the place of the other. */
export function isSameSnapshot(a: HeadRoot, b: HeadRoot): boolean {
  return a.sequence === b.sequence && a.start === b.start && a.host === b.host && a.name === b.name;
}
type HeadRoot = Pick<RootHeader["root"], "sequence" | "start" | "host" | "name">;

export function withSequence(source: ManifestSource, sequence: number): ManifestSource {
  const { root } = source;
  if (root.sequence === sequence) return source;
  return { ...source, root: { ...root, sequence }, ownSequence: root.sequence };
}

/** The complete snapshots of each series, and each partial one for itself; oldest first. */
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

/** The complete snapshot of the same series that comes right before. */
export function previousOf(source: ManifestSource, snapshots: readonly SnapshotInfo[]): SnapshotInfo | undefined {
  const { host, name, sequence } = source.root;
  return snapshots.findLast((other) =>
    other.complete && other.host === host && other.name === name && other.sequence < sequence
  );
}
