/**
 * Whether a backup has found far more changed, or gone, than its series ever had, or files that can't be compressed any
 * more: as ransomware or a mistake leaves them. A pure decision on a few figures.
 */

/** What became, in one backup, of the files that the snapshot before it had. */
export interface ChangeFigures {
  /** Files that the snapshot before had. */
  readonly files: number;
  /** Those with another content now. */
  readonly changed: number;
  /** Those that are at no path any more. */
  readonly gone: number;
  /** Those that are gone, while there is a new file with the same name and a further suffix. */
  readonly renamed: number;
}

/** Of a few changed files, what their bytes look like. */
export interface SampledFigures {
  readonly sampled: number;
  /** Those that look like random bytes now, and did not before, or began otherwise. */
  readonly scrambled: number;
}

export const ALARM_REASONS = ["scrambled", "renamed", "changed", "gone"] as const;
export type AlarmReason = typeof ALARM_REASONS[number];

/** What a snapshot says of its alarm. */
export interface Alarm extends SampledFigures {
  readonly reasons: readonly AlarmReason[];
  /** The largest shares of files that backups of the series had found changed, and gone, before, in percent. */
  readonly usualChanged: number;
  readonly usualGone: number;
  /** Somebody has looked at it. */
  readonly acknowledged: boolean;
}

/** With fewer files than that nothing can be said. */
export const FEWEST_FILES = 20;
/** Of the sampled files, as many have to be scrambled. */
const FEWEST_SAMPLED = 10, SCRAMBLED_SHARE = 0.5;
/** Of the files that are gone, as many have to be there under a longer name. */
const RENAMED_SHARE = 0.5;
/** A smaller share is never unusual. */
const SMALL_SHARE = 0.3;
/** While there is little to compare with, files that are gone count, and those that are changed don't. */
const SMALL_SHARE_AT_FIRST = 0.5, FEW_BACKUPS = 5;

/**
 * @param history of the series: figures of earlier backups, without those whose alarm nobody has acknowledged
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

/** 0 to 1. */
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

/** True if it is worth while to look at the bytes of changed files. */
export function deservesSample({ changed }: ChangeFigures): boolean {
  return changed >= FEWEST_FILES;
}
