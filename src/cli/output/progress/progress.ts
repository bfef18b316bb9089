/** Texts about the progress of an operation. Pure: the monitor only writes what these functions return. */
import { cellWidth } from "../terminal/cell_width.ts";
import { countText, pluralText, sizeText } from "../../../core/size_text.ts";
import { durationText } from "../../../core/time_text.ts";
import type { Counter, Phase } from "../../../core/monitor.ts";
import { printable } from "../terminal/escape_text.ts";

export interface Progress {
  readonly counters: Readonly<Partial<Record<Counter, number>>>;
  /** The current place, usually a path. */
  readonly at: string;
  readonly phase?: Phase | undefined;
  /** Duration of the phase so far, in ms. */
  readonly phaseMs?: number;
  /** Expected amount of the whole work, as far as known. */
  readonly expected: { readonly items?: number; readonly bytes?: number };
  readonly problems: number;
  /** True if the work is done. */
  readonly isOver?: boolean;
  readonly elapsedMs: number;
}

/** Time and share before which no remaining time is shown: it would fluctuate too much. */
const GUESS_AFTER_MS = 3000;
const GUESS_AFTER_SHARE = 0.02;

/** Largest share that is shown during the work: the last percent comes with the result. */
const MOST_SHARE = 0.99;
/** Share beyond which the expectation was wrong. A check reads manifests in addition to what it expects. */
const WRONG_SHARE = 1.05;
/** Phases without file data: rate, share and remaining time would describe the previous phase. */
const WITHOUT_BYTES: ReadonlySet<Phase> = new Set([
  "making it durable",
  "updating the catalog",
  "finishing the tree",
  "setting attributes",
]);

/** One line of at most `columns` cells, such as "reading the source: 30,000 entries, 438 MiB, 37 %, 0:12 left  /photos". */
export function progressText(progress: Progress, columns: number): string {
  const facts = factsOf(progress).join(", ");
  const room = columns - cellWidth(facts) - 2;
  const place = room < 8 ? "" : `  ${shortened(printable(progress.at), room)}`;
  return cut(facts, columns) + (progress.at === "" ? "" : place);
}

/** As {@link progressText} without the place, for a line in a log. */
export function plainProgressText(progress: Progress): string {
  return `${factsOf(progress).join(", ")} after ${durationText(progress.elapsedMs)}`;
}

function factsOf(progress: Progress): string[] {
  const { counters, problems, phase, phaseMs = 0 } = progress;
  const { items, bytes, what } = workOf(counters);
  const first = pluralText(items, ...what);
  const duration = phase !== undefined && WITHOUT_BYTES.has(phase) ? ` (${clockText(phaseMs)})` : "";
  return [
    phase === undefined ? first : `${phase}${duration}: ${first}`,
    ...(bytes > 0 ? [sizeText(bytes)] : []),
    ...speedOf(progress, bytes),
    ...(problems > 0 ? [pluralText(problems, "problem")] : []),
  ];
}

/** Rate, share and time left, as far as they are known. */
function speedOf(progress: Progress, bytes: number): string[] {
  const { elapsedMs, phase } = progress;
  if (phase !== undefined && WITHOUT_BYTES.has(phase)) return [];
  const share = shareOf(progress);
  return [
    ...(bytes > 0 && elapsedMs > GUESS_AFTER_MS ? [`${sizeText(bytes * 1000 / elapsedMs)}/s`] : []),
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} %`]),
    ...leftOf(share, elapsedMs),
  ];
}

const FILES: [string, string] = ["file", "files"];

/** The counters that describe the progress: those that change. */
function workOf(counters: Progress["counters"]): { items: number; bytes: number; what: [one: string, many: string] } {
  const { restoredFiles = 0, restoredBytes = 0, checkedItems = 0, checkedBytes = 0 } = counters;
  if (restoredFiles + restoredBytes > 0) return { items: restoredFiles, bytes: restoredBytes, what: FILES };
  if (checkedItems + checkedBytes > 0) return { items: checkedItems, bytes: checkedBytes, what: ["item", "items"] };
  const { removedItems = 0, readHunks = 0 } = counters;
  if (removedItems > 0) return { items: removedItems, bytes: 0, what: ["item", "items"] };
  if (readHunks > 0) return { items: readHunks, bytes: 0, what: ["hunk", "hunks"] };
  const { walkedEntries = 0, linkedFiles = 0, copiedFiles = 0, readBytes = 0 } = counters;
  if (walkedEntries > 0) return { items: walkedEntries, bytes: readBytes, what: ["entry", "entries"] };
  return { items: linkedFiles + copiedFiles, bytes: 0, what: FILES };
}

/** Finished share of the work, 0 to 1; by bytes if they are known, because only they take time. */
function shareOf({ counters, expected, isOver = false }: Progress): number | undefined {
  const { items, bytes } = workOf(counters);
  const { unchangedBytes = 0, keptBytes = 0 } = counters;
  const share = expected.bytes
    ? (bytes + unchangedBytes + keptBytes) / expected.bytes
    : (expected.items ? items / expected.items : undefined);
  // What is expected may be a guess: that of a backup is from the snapshot before.
  return share === undefined || share > WRONG_SHARE ? undefined : Math.min(isOver ? 1 : MOST_SHARE, share);
}

function leftOf(share: number | undefined, elapsedMs: number): string[] {
  const left = leftMs(share, elapsedMs);
  return left === undefined ? [] : [`${clockText(left)} left`];
}

function leftMs(share: number | undefined, elapsedMs: number): number | undefined {
  if (share === undefined || share < GUESS_AFTER_SHARE || share >= 1 || elapsedMs < GUESS_AFTER_MS) return undefined;
  return elapsedMs * (1 - share) / share;
}

/** "0:12", "3:04", "1:02:03". */
function clockText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, i) => i === 0 ? String(part) : String(part).padStart(2, "0")).join(":");
}

/** The end of a text: that of a path says more than its beginning. */
function shortened(text: string, room: number): string {
  if (cellWidth(text) <= room) return text;
  const characters = [...text];
  let width = 1, from = characters.length;
  while (from > 0 && width + cellWidth(characters[from - 1] ?? "") <= room) {
    width += cellWidth(characters[--from] ?? "");
  }
  return `…${characters.slice(from).join("")}`;
}

/** The first columns of a text that is ASCII. */
function cut(text: string, columns: number): string {
  return text.slice(0, Math.max(0, columns));
}

/** Progress for programs. Share (0 to 1) and remaining time are included only if known. Part of the interface. */
export function progressJson(progress: Progress) {
  const { counters, at, phase, problems, elapsedMs } = progress;
  const share = shareOf(progress), left = leftMs(share, elapsedMs);
  return {
    counters,
    phase,
    at,
    problems,
    seconds: elapsedMs / 1000,
    share,
    secondsLeft: left === undefined ? undefined : Math.round(left / 1000),
  };
}

/** All nonzero counters, one a line, for `--verbose`. */
export function counterLines(counters: Progress["counters"]): string[] {
  return Object.entries(counters).filter(([, value]) => value > 0).map(([name, value]) =>
    `${name} ${countText(value)}`
  );
}
