/** Medians, ratios, and the table that shows them. */

/** One peer's runs of one work on one data set. */
export interface Result {
  readonly data: string;
  readonly work: string;
  readonly peer: string;
  readonly command: string;
  readonly seconds: readonly number[];
  /** Peak resident memory of its largest process, one for each run; empty where it can't be measured. */
  readonly peakBytes: readonly number[];
  /** Time of all processors; empty where it can't be measured. */
  readonly cpuSeconds: readonly number[];
  /** What its repository holds after this work; empty where nobody looked. */
  readonly storedBytes: readonly number[];
}

export interface Summary extends Result {
  readonly medianSeconds: number;
  readonly medianPeakBytes: number | undefined;
  /** Our median through the peer's; below 1 we are faster. Undefined for ourselves, and where we have no result. */
  readonly ratio: number | undefined;
  /** The same of the processors' time, and of what is stored. */
  readonly cpuRatio: number | undefined;
  readonly storedRatio: number | undefined;
}

/** The middle value; of an even number, the mean of the two in the middle. @throws RangeError for none */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)]!;
  const high = sorted[Math.ceil((sorted.length - 1) / 2)]!;
  return (low + high) / 2;
}

/** @param own the name of this tool among the peers */
export function summarize(results: readonly Result[], own: string): Summary[] {
  return results.map((result) => {
    const { data, work, peer, seconds, peakBytes } = result;
    const ours = results.find((other) => other.data === data && other.work === work && other.peer === own);
    const others = peer === own ? undefined : ours;
    return {
      ...result,
      medianSeconds: median(seconds),
      medianPeakBytes: peakBytes.length === 0 ? undefined : median(peakBytes),
      ratio: ratioOf(others?.seconds, seconds),
      cpuRatio: ratioOf(others?.cpuSeconds, result.cpuSeconds),
      storedRatio: ratioOf(others?.storedBytes, result.storedBytes),
    };
  });
}

function ratioOf(ours: readonly number[] = [], theirs: readonly number[]): number | undefined {
  return ours.length === 0 || theirs.length === 0 ? undefined : median(ours) / median(theirs);
}

/** "0.80 s, 120 MB, x0.39" */
export function cellText({ medianSeconds, medianPeakBytes, ratio }: Summary): string {
  const time = `${medianSeconds.toPrecision(medianSeconds < 10 ? 2 : 3)} s`;
  const memory = medianPeakBytes === undefined ? [] : [`${Math.round(medianPeakBytes / 1e6)} MB`];
  return [time, ...memory, ...(ratio === undefined ? [] : [`x${ratio.toFixed(2)}`])].join(", ");
}

/** The same with the processors' time, "1.9 s (x0.51)", and what is stored where somebody looked. */
export function detailedCellText(summary: Summary): string {
  const { cpuSeconds, cpuRatio, storedBytes, storedRatio } = summary;
  const part = (text: string, ratio: number | undefined) =>
    ratio === undefined ? text : `${text} (x${ratio.toFixed(2)})`;
  const cpu = cpuSeconds.length === 0 ? [] : [part(`CPU ${median(cpuSeconds).toPrecision(2)} s`, cpuRatio)];
  const stored = storedBytes.length === 0
    ? []
    : [part(`${(median(storedBytes) / 1e6).toFixed(1)} MB stored`, storedRatio)];
  return [cellText(summary), ...cpu, ...stored].join(", ");
}

/** A Markdown table: a row for each work on each data set, a column for each peer, in the order they first appear. */
export function renderTable(summaries: readonly Summary[], cell = cellText): string {
  const peers = [...new Set(summaries.map(({ peer }) => peer))];
  const rows = Map.groupBy(summaries, ({ data, work }) => `${work}: ${data}`);
  const lines = [...rows].map(([title, row]) => [
    title,
    ...peers.map((peer) => {
      const summary = row.find((one) => one.peer === peer);
      return summary === undefined ? "" : cell(summary);
    }),
  ]);
  return align([["work", ...peers], ...lines]);
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(rows[0]!), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)].join("\n");
}
