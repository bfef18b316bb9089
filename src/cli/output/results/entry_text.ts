/** An entry of a snapshot for people and for JSON. */
import type { Clock } from "../../../core/clock.ts";
import type { Entry, Kind } from "../../../core/entry.ts";
import { textOf } from "../../../core/raw.ts";
import type { SizeText } from "../../../core/size_text.ts";
import { isoOfNs, localTimeText, msOfNs } from "../../../core/time_text.ts";
import type { PathVersion, State } from "../../../snapshot/catalog_queries.ts";

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

/** How sizes and times are shown; a session says it. */
export interface Look {
  readonly world: { readonly clock: Clock };
  readonly sizeText: SizeText;
}
type Described = Pick<Entry, "kind" | "size" | "mtime" | "uid" | "gid" | "user" | "group" | "device">;

/** Owner, group, size and time, in columns that usually fit. */
export function longColumns(entry: Described, session: Look): string {
  const owner = (entry.user ?? String(entry.uid)).padEnd(OWNER_CELLS);
  const group = (entry.group ?? String(entry.gid)).padEnd(OWNER_CELLS);
  const amount = amountText(entry, session).padStart(SIZE_CELLS);
  return `${owner} ${group} ${amount} ${timeText(msOfNs(entry.mtime), session)}`;
}

/** In local time, with the zone. */
export function timeText(atMs: number, { world }: Look): string {
  return localTimeText(atMs, world.clock.offsetMinutes(atMs));
}

function amountText({ kind, size, device }: Described, session: Look): string {
  if (kind === "file") return session.sizeText(size);
  return device === undefined ? "-" : `${device.major}, ${device.minor}`;
}

/** What `ls --json` says of each; part of the interface. Times in ISO 8601 with nanoseconds, the mode in octal. */
export function entryJson(entry: Entry) {
  const { path, ctime, inode, hardLink, sparse, xattrs, aclNames, birthtime, flags } = entry;
  return {
    path: textOf(path),
    ...stateJson(entry),
    ctime: ctime === undefined ? undefined : isoOfNs(ctime),
    inode,
    hardLink,
    sparse,
    xattrs,
    aclNames,
    birthtime: birthtime === undefined ? undefined : isoOfNs(birthtime),
    flags,
  };
}

/** What `find` and `history` say of a version of a path, as JSON; part of the interface. */
export function versionJson(version: PathVersion) {
  const { path, host, name } = version;
  return { path: textOf(path), host, name, ...stateJson(version) };
}

/** What a path was; part of the interface. */
export function stateJson(
  { kind, size, mtime, mode, uid, gid, user, group, device, content, target, problems }:
    & Omit<State, "content" | "xattrs">
    & { content?: State["content"] },
) {
  return {
    kind,
    size: kind === "file" ? size : undefined,
    mtime: isoOfNs(mtime),
    mode: octal(mode),
    uid,
    gid,
    user,
    group,
    device,
    content,
    target: target === undefined ? undefined : textOf(target),
    problems,
  };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
