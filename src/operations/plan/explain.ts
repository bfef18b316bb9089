/** Explains why a backup would include or exclude one path. */
import type { StatFields } from "../../core/entry.ts";
import type { Monitor } from "../../core/monitor.ts";
import { isBelow, joinRaw, type Raw } from "../../core/raw.ts";
import { type ExcludingRule, type Exclusion, NoSource } from "../../source/walk.ts";
import { parseLine } from "../../snapshot/entry_line.ts";
import type { BackupEntry } from "../comparison/backup_entry.ts";
import { Comparison } from "../comparison/comparison.ts";
import type { Selection } from "../comparison/selection.ts";
import type { OpenedRepository } from "../opened.ts";
import { RealPaths } from "../sources/sources.ts";

export type Explanation =
  | {
    readonly verdict: "excluded";
    readonly rule: ExcludingRule;
    /** The path that the rule matches: the one in question, or a directory above it. */
    readonly at: Raw;
  }
  | {
    readonly verdict: "new" | "changed" | "unchanged";
    /** Fields of the entry that differ from the last snapshot's. */
    readonly differences: readonly (keyof StatFields)[];
  }
  /** The path is in no source, or can't be read, which was reported to the monitor. */
  | { readonly verdict: "outside" | "unreachable" };

/** Explains one path. @param path absolute @throws SourceGone, NoSource, SourceInStorage, BadPattern */
export async function explain(
  repository: OpenedRepository,
  selection: Selection,
  path: Raw,
  monitor: Monitor,
): Promise<Explanation> {
  const real = new RealPaths(repository.machine.disk).of(path);
  let exclusion: Exclusion | undefined;
  const excluded = (found: Exclusion) => {
    if (found.path === real || isBelow(real, found.path)) exclusion = found;
  };
  const missing = () => {
    throw new NoSource(path);
  };
  const comparison = await Comparison.begin(repository, { ...selection, only: [real] }, monitor, { excluded, missing });
  const covering = comparison.roots.filter((root) => root.path === real || isBelow(real, root.path));
  if (covering.length === 0) return { verdict: "outside" };
  const found = find(comparison, real);
  if (found !== undefined) return verdictOf(found, comparison.seenOf(found.stat));
  if (exclusion !== undefined) return { verdict: "excluded", rule: exclusion.rule, at: exclusion.path };
  return { verdict: "unreachable" };
}

function find(comparison: Comparison, path: Raw): BackupEntry | undefined {
  for (const { rootPath, relative, parent, found } of comparison.batches()) {
    const directory = joinRaw(rootPath, relative);
    for (const one of found) {
      const compared = comparison.compare(one, parent);
      if (joinRaw(directory, one.name) === path) return compared;
    }
  }
  return undefined;
}

function verdictOf({ from, line }: BackupEntry, now: StatFields): Explanation {
  if (from === undefined) return { verdict: "new", differences: [] };
  if (line !== undefined) return { verdict: "unchanged", differences: [] };
  return { verdict: "changed", differences: differences(parseLine(from.text), now) };
}

const COMPARED = ["kind", "size", "mtime", "ctime", "inode", "mode", "uid", "gid", "user", "group"] as const;

function differences(before: StatFields, now: StatFields): (keyof StatFields)[] {
  return COMPARED.filter((field) => before[field] !== now[field]);
}
