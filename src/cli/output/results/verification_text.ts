/** How long ago contents were read, as a table. */
import type { Clock } from "../../../core/clock.ts";
import { countText, pluralText, type SizeText } from "../../../core/size_text.ts";
import { durationText, localTimeText } from "../../../core/time_text.ts";
import type { VerificationReport } from "../../../operations/check/verification_status.ts";
import type { SeriesProof } from "../../../operations/drill/drill_status.ts";
import { tableLines } from "../terminal/table.ts";

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
    ...within.map(({ days, ...amount }) => row(`in the last ${daysText(days)}`, amount)),
    row("never", never),
    ...(damaged.contents > 0 ? [row("found DAMAGED", damaged)] : []),
    row("all contents", all),
  ];
  return [...tableLines(COLUMNS, rows), ...neverLines(never), ...(oldest === null ? [] : [oldestLine(oldest, clock)])];
}

function neverLines({ contents }: { readonly contents: number }): string[] {
  if (contents === 0) return [];
  return [`${pluralText(contents, "content")} never checked: run \`backup-tool check --read-data\``];
}

function oldestLine(oldest: string, clock: Clock): string {
  const atMs = Date.parse(oldest);
  const since = localTimeText(atMs, clock.offsetMinutes(atMs));
  return `The oldest check of a content was at ${since}: ${durationText(clock.nowMs() - atMs)} ago`;
}

function shareText(part: number, all: number): string {
  return all === 0 ? "-" : `${(100 * part / all).toFixed(1)}%`;
}

const USUAL_DAYS = 30;

/** One line: "72.3% in the last 30 days, the oldest 2 d 00 h ago". */
export function readText({ all, never, within, oldest }: VerificationReport, clock: Clock): string {
  if (oldest === null && never.contents > 0) return "0.0%: never checked; run `check --read-data`";
  const bytes = within.find(({ days }) => days === USUAL_DAYS)?.bytes ?? 0;
  const lacks = never.contents > 0 ? `, ${shareText(never.bytes, all.bytes)} never` : "";
  const age = oldest === null ? "" : `, the oldest ${durationText(clock.nowMs() - Date.parse(oldest))} ago`;
  return `${shareText(bytes, all.bytes)} in the last ${daysText(USUAL_DAYS)}${lacks}${age}: see \`check --status\``;
}

function daysText(days: number): string {
  return days === 1 ? "day" : pluralText(days, "day");
}

const PROOF_COLUMNS = [{ title: "SERIES" }, { title: "RESTORABLE" }];

/** Lines with the last drill of each series; none if there was no drill. */
export function proofLines(proofs: readonly SeriesProof[], clock: Clock): string[] {
  if (!proofs.some(({ proven, failed }) => proven !== null || failed !== null)) return [];
  const rows = proofs.map((proof) => [`${proof.host}:${proof.name}`, proofText(proof, clock)]);
  return ["", ...tableLines(PROOF_COLUMNS, rows)];
}

/** One line: "2 of 3 series proven restorable, the oldest 2 d 00 h ago". Undefined if there was no drill. */
export function proofSummary(proofs: readonly SeriesProof[], clock: Clock): string | undefined {
  const proven = proofs.flatMap(({ proven }) => proven ?? []),
    failed = proofs.filter((one) => one.failed !== null).length;
  if (proven.length + failed === 0) return undefined;
  const oldest = proven.toSorted()[0], age = oldest === undefined ? "" : `, the oldest ${agoText(oldest, clock)}`;
  const last = failed > 0 ? `, the last drill of ${failed} FAILED` : "";
  return `${proven.length} of ${
    pluralText(proofs.length, "series", "series")
  } restorable${age}${last}: see \`check --status\``;
}

function proofText({ proven, failed }: SeriesProof, clock: Clock): string {
  const good = proven === null ? "never proven" : `proven ${agoText(proven, clock)}`;
  return failed === null
    ? proven === null ? `${good}: run \`drill\`` : good
    : `drill FAILED ${agoText(failed, clock)}; ${good}`;
}

function agoText(time: string, clock: Clock): string {
  return `${durationText(clock.nowMs() - Date.parse(time))} ago`;
}
