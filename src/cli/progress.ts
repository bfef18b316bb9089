/** What is said while an operation runs. Pure: the monitor only writes what these return. */
import { cellWidth } from "./cell_width.ts";
import { countText, pluralText, sizeText } from "../core/size_text.ts";
import { durationText } from "../core/time_text.ts";
import type { Counter } from "../core/monitor.ts";
import { printable } from "./printable.ts";

export interface Progress {
  readonly counters: Readonly<Partial<Record<Counter, number>>>;
  /** A path or a phase. */
  readonly at: string;
  /** What is known of the whole work. */
  readonly expected: { readonly items?: number; readonly bytes?: number };
  readonly problems: number;
  readonly elapsedMs: number;
}

/** Before that a guess of the time left would jump about. */
const GUESS_AFTER_MS = 3000;
const GUESS_AFTER_SHARE = 0.02;

/** One line of at most `columns` cells, such as "30,000 files, 438 MiB, 37 %, 0:12 left  /photos/2026". */
export function progressText(progress: Progress, columns: number): string {
  const facts = factsOf(progress).join(", ");
  const room = columns - cellWidth(facts) - 2;
  const place = room < 8 ? "" : `  ${shortened(printable(progress.at), room)}`;
  return cut(facts, columns) + (progress.at === "" ? "" : place);
}

/** The same without the place, for a line in a log. */
export function plainProgressText(progress: Progress): string {
  return `${factsOf(progress).join(", ")} after ${durationText(progress.elapsedMs)}`;
}

function factsOf(progress: Progress): string[] {
  const { counters, problems, elapsedMs } = progress;
  const { items, bytes, what } = workOf(counters);
  const share = shareOf(progress);
  return [
    pluralText(items, ...what),
    ...(bytes > 0 ? [sizeText(bytes)] : []),
    ...(bytes > 0 && elapsedMs > GUESS_AFTER_MS ? [`${sizeText(bytes * 1000 / elapsedMs)}/s`] : []),
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} %`]),
    ...leftOf(share, elapsedMs),
    ...(problems > 0 ? [pluralText(problems, "problem")] : []),
  ];
}

const FILES: [string, string] = ["file", "files"];

/** Which counters tell how far it is: those that move. */
function workOf(counters: Progress["counters"]): { items: number; bytes: number; what: [one: string, many: string] } {
  const { restoredFiles = 0, restoredBytes = 0, checkedItems = 0, checkedBytes = 0 } = counters;
  if (restoredFiles > 0) return { items: restoredFiles, bytes: restoredBytes, what: FILES };
  if (checkedItems > 0) return { items: checkedItems, bytes: checkedBytes, what: ["item", "items"] };
  const { removedItems = 0, readHunks = 0 } = counters;
  if (removedItems > 0) return { items: removedItems, bytes: 0, what: ["item", "items"] };
  if (readHunks > 0) return { items: readHunks, bytes: 0, what: ["hunk", "hunks"] };
  const { walkedEntries = 0, linkedFiles = 0, copiedFiles = 0, readBytes = 0 } = counters;
  if (walkedEntries > 0) return { items: walkedEntries, bytes: readBytes, what: ["entry", "entries"] };
  return { items: linkedFiles + copiedFiles, bytes: 0, what: FILES };
}

/** Part of the work that is done, 0 to 1; by bytes where they are known. */
function shareOf({ counters, expected }: Progress): number | undefined {
  const { items, bytes } = workOf(counters);
  if (expected.bytes) return Math.min(1, bytes / expected.bytes);
  // How many there are may be a guess: that of a backup is from the snapshot before.
  return expected.items && items <= expected.items ? items / expected.items : undefined;
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

/** The end of a path tells more than its beginning. */
function shortened(text: string, room: number): string {
  if (cellWidth(text) <= room) return text;
  const characters = [...text];
  let width = 1, from = characters.length;
  while (from > 0 && width + cellWidth(characters[from - 1] ?? "") <= room) {
    width += cellWidth(characters[--from] ?? "");
  }
  return `…${characters.slice(from).join("")}`;
}

/** Facts are ASCII. */
function cut(text: string, columns: number): string {
  return text.slice(0, Math.max(0, columns));
}

/** For programs; part of the interface. Share of the work done, 0 to 1, and time left only where they are known. */
export function progressJson(progress: Progress) {
  const { counters, at, problems, elapsedMs } = progress;
  const share = shareOf(progress), left = leftMs(share, elapsedMs);
  return {
    counters,
    at,
    problems,
    seconds: elapsedMs / 1000,
    share,
    secondsLeft: left === undefined ? undefined : Math.round(left / 1000),
  };
}

/** All counters that moved, one a line, for `--verbose`. */
export function counterLines(counters: Progress["counters"]): string[] {
  return Object.entries(counters).filter(([, value]) => value > 0).map(([name, value]) =>
    `${name} ${countText(value)}`
  );
}
