/** An entry of a snapshot for people and for JSON. */
import type { Clock } from "../core/clock.ts";
import type { Entry, Kind } from "../core/entry.ts";
import { textOf } from "../core/raw.ts";
import { type SizeText, sizeText } from "../core/size_text.ts";
import { isoOfNs, localTimeText, msOfNs } from "../core/time_text.ts";

const KIND_LETTERS: Readonly<Record<Kind, string>> = {
  file: "-",
  dir: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  char: "c",
  block: "b",
};
const OWNER_CELLS = 8, SIZE_CELLS = 9;

/** "drwxr-xr-x", as `ls` writes it. */
export function modeText({ kind, mode }: Pick<Entry, "kind" | "mode">): string {
  const special = [[0o4000, "s"], [0o2000, "s"], [0o1000, "t"]] as const;
  const triples = special.map(([bit, letter], i) => {
    const bits = mode >> (6 - 3 * i);
    const last = mode & bit ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? "x" : "-";
    return (bits & 4 ? "r" : "-") + (bits & 2 ? "w" : "-") + last;
  });
  return KIND_LETTERS[kind] + triples.join("");
}

/** Owner, group, size and time, in columns that usually fit. */
export function longColumns(entry: Entry, clock: Clock, size: SizeText = sizeText): string {
  const owner = (entry.user ?? String(entry.uid)).padEnd(OWNER_CELLS);
  const group = (entry.group ?? String(entry.gid)).padEnd(OWNER_CELLS);
  const atMs = msOfNs(entry.mtime);
  return `${owner} ${group} ${amountText(entry, size).padStart(SIZE_CELLS)} ${
    localTimeText(atMs, clock.offsetMinutes(atMs))
  }`;
}

function amountText({ kind, size, device }: Entry, text: SizeText): string {
  if (kind === "file") return text(size);
  return device === undefined ? "-" : `${device.major}, ${device.minor}`;
}

/** What `ls --json` says of each; part of the interface. Times in ISO 8601 with nanoseconds, the mode in octal. */
export function entryJson(entry: Entry) {
  const { path, kind, size, mtime, ctime, inode, mode, uid, gid, user, group, device } = entry;
  const { content, target, hardLink, sparse, xattrs, problems } = entry;
  return {
    path: textOf(path),
    kind,
    size: kind === "file" ? size : undefined,
    mtime: isoOfNs(mtime),
    ctime: ctime === undefined ? undefined : isoOfNs(ctime),
    inode,
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    user,
    group,
    device,
    content,
    target: target === undefined ? undefined : textOf(target),
    hardLink,
    sparse,
    xattrs,
    problems,
  };
}
