/** Differences between two states of one path. */
import type { State } from "../../snapshot/catalog_queries.ts";

export const ASPECTS = ["kind", "content", "target", "device", "mtime", "mode", "owner", "xattrs", "problems"] as const;
export type ChangedField = typeof ASPECTS[number];

const OF_CONTENT: readonly ChangedField[] = ["kind", "content", "target", "device"];

/** The fields that differ, in the order of {@link ASPECTS}. */
export function changedFieldsOf(before: State, now: State): ChangedField[] {
  const differs: Readonly<Record<ChangedField, boolean>> = {
    kind: before.kind !== now.kind,
    content: before.kind === now.kind && (before.content !== now.content || before.size !== now.size),
    target: before.kind === now.kind && before.target !== now.target,
    device: before.device?.major !== now.device?.major || before.device?.minor !== now.device?.minor,
    mtime: before.mtime !== now.mtime,
    mode: before.mode !== now.mode,
    owner: before.uid !== now.uid || before.gid !== now.gid || before.user !== now.user || before.group !== now.group,
    xattrs: before.xattrs !== now.xattrs,
    problems: JSON.stringify(before.problems) !== JSON.stringify(now.problems),
  };
  return ASPECTS.filter((aspect) => differs[aspect]);
}

/** True if the differences are not only in metadata. */
export function isOfContent(aspects: readonly ChangedField[]): boolean {
  return aspects.some((aspect) => OF_CONTENT.includes(aspect));
}
