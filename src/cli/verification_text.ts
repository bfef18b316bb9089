/** How long ago contents were read, as a table. */
import type { Clock } from "../core/clock.ts";
import { countText, pluralText, type SizeText } from "../core/size_text.ts";
import { durationText, localTimeText } from "../core/time_text.ts";
import type { VerificationReport } from "../operations/verification_status.ts";
import { tableLines } from "./table.ts";

const COLUMNS = [
  { title: "LAST READ" },
  { title: "CONTENTS", right: true },
  { title: "SIZE", right: true },
  { title: "SHARE", right: true },
];

export function statusLines(report: VerificationReport, clock: Clock, sizeText: SizeText): string[] {
  const { all, never, damaged, within, oldest } = report;
  const row = (title: string, { contents, bytes }: { readonly contents: number; readonly bytes: number }) => [
    title,
    countText(contents),
    sizeText(bytes),
    shareText(bytes, all.bytes),
  ];
  const rows = [
    ...within.map(({ days, ...amount }) => row(`in the last ${pluralText(days, "day").replace(/^1 /, "")}`, amount)),
    row("never", never),
    ...(damaged.contents > 0 ? [row("found DAMAGED", damaged)] : []),
    row("all contents", all),
  ];
  if (oldest === null) return tableLines(COLUMNS, rows);
  const atMs = Date.parse(oldest);
  const since = localTimeText(atMs, clock.offsetMinutes(atMs));
  const age = durationText(clock.nowMs() - atMs);
  return [...tableLines(COLUMNS, rows), `The oldest was last read, or stored, at ${since}: ${age} ago`];
}

function shareText(part: number, all: number): string {
  return all === 0 ? "-" : `${(100 * part / all).toFixed(1)}%`;
}
