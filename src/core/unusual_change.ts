/**
 * Detects a backup that found far more files changed or gone than any before it in its series, or files that are no
 * longer compressible: signs of ransomware or of a mistake. A pure decision on a few figures.
 */

/** What happened, in one backup, to the files of the previous snapshot. */
export interface ChangeFigures {
  /** Number of files in the previous snapshot. */
  readonly files: number;
  /** Number of files with another content now. */
  readonly changed: number;
  /** Number of files that no longer exist at any path. */
  readonly gone: number;
  /** Number of missing files for which a new file has the same name and an additional suffix. */
  readonly renamed: number;
}

/** Results of examining the bytes of a few changed files. */
export interface SampledFigures {
  readonly sampled: number;
  /** Number of files that look like random bytes now, and did not before, or began differently. */
  readonly scrambled: number;
}

export const ALARM_REASONS = ["scrambled", "renamed", "changed", "gone"] as const;
export type AlarmReason = typeof ALARM_REASONS[number];

/** What a snapshot records about its alarm. */
export interface Alarm extends SampledFigures {
  readonly reasons: readonly AlarmReason[];
  /** The largest shares of changed and missing files that earlier backups of the series found, in percent. */
  readonly usualChanged: number;
  readonly usualGone: number;
  /** True once somebody has acknowledged it. */
  readonly acknowledged: boolean;
}

/** With fewer files than this, no conclusion is drawn. */
export const FEWEST_FILES = 20;
/** Minimum number of sampled files, and the share of them that must be scrambled. */
const FEWEST_SAMPLED = 10, SCRAMBLED_SHARE = 0.5;
/** Share of the missing files that must exist under a longer name. */
const RENAMED_SHARE = 0.5;
/** A smaller share is never unusual. */
const SMALL_SHARE = 0.3;
/** While there is little to compare with, files that are gone count, and those that are changed don't. */
const SMALL_SHARE_AT_FIRST = 0.5, FEW_BACKUPS = 5;

/**
 * Judges one backup.
 * @param history figures of earlier backups of the series, without those whose alarm is unacknowledged
 * @returns undefined if nothing is unusual
 */
export function unusualChange(
  now: ChangeFigures,
  { sampled, scrambled }: SampledFigures,
  history: readonly ChangeFigures[],
): Alarm | undefined {
  const changed = usualShare(history, "changed"), gone = usualShare(history, "gone");
  const isFirst = history.length < FEW_BACKUPS;
  const isScrambled = now.changed >= FEWEST_FILES && sampled >= FEWEST_SAMPLED &&
    scrambled >= sampled * SCRAMBLED_SHARE;
  const isRenamed = now.renamed >= FEWEST_FILES && now.renamed >= now.gone * RENAMED_SHARE;
  const found: Readonly<Record<AlarmReason, boolean>> = {
    scrambled: isScrambled,
    renamed: isRenamed,
    changed: isMany(now, "changed") && shareOf(now, "changed") >= changedLimit(changed, isFirst),
    gone: isMany(now, "gone") && shareOf(now, "gone") >= goneLimit(gone, isFirst),
  };
  const reasons = ALARM_REASONS.filter((reason) => found[reason]);
  if (reasons.length === 0) return undefined;
  const [usualChanged, usualGone] = [changed, gone].map((share) => Math.round(share * 100)) as [number, number];
  return { reasons, sampled, scrambled, usualChanged, usualGone, acknowledged: false };
}

type Counted = "changed" | "gone";

function isMany(figures: ChangeFigures, what: Counted): boolean {
  return figures.files >= FEWEST_FILES && figures[what] >= FEWEST_FILES;
}

/** The share of files that changed or are gone: 0 to 1. */
export function shareOf(figures: ChangeFigures, what: Counted): number {
  return figures.files === 0 ? 0 : Math.min(1, figures[what] / figures.files);
}

function usualShare(history: readonly ChangeFigures[], what: Counted): number {
  return history.reduce((most, figures) => Math.max(most, shareOf(figures, what)), 0);
}

/** Twice as much as ever; where half of all files change, their number says nothing. */
function changedLimit(usual: number, isFirst: boolean): number {
  return isFirst || usual >= 0.5 ? Infinity : Math.max(SMALL_SHARE, 2 * usual);
}

/** Twice as much as ever or, where that can't be, half of what is left. */
function goneLimit(usual: number, isFirst: boolean): number {
  return Math.max(isFirst ? SMALL_SHARE_AT_FIRST : SMALL_SHARE, usual < 0.5 ? 2 * usual : (1 + usual) / 2);
}

/** True if the bytes of changed files are worth examining. */
export function deservesSample({ changed }: ChangeFigures): boolean {
  return changed >= FEWEST_FILES;
}
